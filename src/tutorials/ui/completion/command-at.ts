/** The simple command at the end of a line of a POSIX shell, as far as completion needs it: no variable is looked up, nothing is run. */

export type Quote = "" | "'" | '"';

export interface CommandAt {
	/** Before the word at the end, unquoted: the program first. Redirections and what is set for the program are not among them. */
	readonly words: readonly string[];
	/** What is set for the program: `A=1 kubectl …`. */
	readonly variables: Readonly<Record<string, string>>;
	/** The word at the end, unquoted; "" if it is not begun. */
	readonly word: string;
	/** What it stands in, still open. */
	readonly quote: Quote;
	/** The word is where a redirection leads. */
	readonly isRedirection: boolean;
}

/** A command whose end was not found: that of the line, and one for each `$(`, `(` and backtick around it. */
interface Open {
	words: string[];
	word: string | undefined;
	quote: Quote;
	isRedirection: boolean;
	readonly opener: string;
}

const openWith = (opener: string): Open => ({ words: [], word: undefined, quote: "", isRedirection: false, opener });

/** What a shell reads at once, in quotes and outside them; one character, if nothing else. */
const tokens: Readonly<Record<Quote, RegExp>> = {
	"": /\\.?|\$\(|&?>>?[&|]?|<<?<?[-&>]?|./sy,
	'"': /\\[\\"$`]|\$\(|./sy,
	"'": /./sy,
};

/** Words after which a command begins. */
const commandsFollow: ReadonlySet<string> = new Set(["!", "{", "if", "then", "elif", "else", "while", "until", "do", "time"]);

/** @param line up to the cursor */
export function commandAt(line: string): CommandAt {
	let open = openWith("");
	const around: Open[] = [];
	const begin = (opener: string) => {
		around.push(open);
		open = openWith(opener);
	};
	const end = () => {
		const { opener } = open;
		open = around.pop() ?? open;
		// What a command says nobody knows before it runs; a subshell ends a command, and so do the parentheses of a function.
		if (opener === "(") Object.assign(open, openWith(open.opener));
		else open.word = `${open.word ?? ""}$()`;
	};
	for (let at = 0; at < line.length; ) {
		const token = tokens[open.quote];
		token.lastIndex = at;
		const [text = ""] = token.exec(line) ?? [];
		at += text.length;
		const isQuoted = open.quote !== "";
		if (text === open.quote) open.quote = "";
		else if (open.quote === "'") open.word = (open.word ?? "") + text;
		else if (text === "`" && open.opener === "`") end();
		else if (text === "$(" || text === "`" || (text === "(" && !isQuoted)) begin(text);
		else if (text === ")" && open.opener.endsWith("(") && !isQuoted) end();
		else if (text.length > 1 && text.startsWith("\\")) open.word = (open.word ?? "") + text.slice(1);
		else if (isQuoted || !read(open, text)) open.word = (open.word ?? "") + text;
	}
	return described(open);
}

/** What stands outside of quotes. Returns whether it is no part of a word. */
function read(open: Open, text: string): boolean {
	if (text === "'" || text === '"') {
		open.quote = text;
		open.word ??= "";
	} else if (/^[ \t]$/.test(text)) endWord(open);
	else if (/[<>]/.test(text)) {
		// The number of a stream, as in `2>`.
		if (/^\d+$/.test(open.word ?? "")) open.word = undefined;
		endWord(open);
		open.isRedirection = true;
	} else if (/^[;|&\n)]$/.test(text)) Object.assign(open, openWith(open.opener));
	else return false;
	return true;
}

function endWord(open: Open): void {
	if (open.word === undefined) return;
	if (open.isRedirection) open.isRedirection = false;
	else open.words.push(open.word);
	open.word = undefined;
}

function described({ words, word = "", quote, isRedirection }: Open): CommandAt {
	const isBefore = (each: string) => commandsFollow.has(each) || /^\w+=/.test(each);
	const start = words.findIndex((each) => !isBefore(each));
	const before = start < 0 ? words : words.slice(0, start);
	const variables = before.flatMap((each) => {
		const equals = each.indexOf("=");
		return equals < 0 ? [] : [[each.slice(0, equals), each.slice(equals + 1)] as const];
	});
	return { words: words.slice(before.length), variables: Object.fromEntries(variables), word, quote, isRedirection };
}
