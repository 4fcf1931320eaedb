/** A line that is being typed, as shells let one edit it; values, so that a key press makes a new one. */
const graphemes = new Intl.Segmenter("zh", { granularity: "grapheme" });

export interface LineInput {
	readonly text: string;
	/** Between characters, from 0, in UTF-16 units. */
	readonly cursor: number;
	/** Lines that were entered, oldest first. */
	readonly history: readonly string[];
	/** Which of them is shown; its length: none, but what is typed. */
	readonly place: number;
	/** What was typed before one went back in the history. */
	readonly draft: string;
}

export const emptyInput: LineInput = { text: "", cursor: 0, history: [], place: 0, draft: "" };

const maxHistory = 200;

export type EditKey =
	| "left"
	| "right"
	| "home"
	| "end"
	| "backspace"
	| "delete"
	| "killLine"
	| "killToEnd"
	| "killWord"
	| "wordLeft"
	| "wordRight"
	| "older"
	| "newer"
	| "search";

export function insert(input: LineInput, typed: string): LineInput {
	const text = input.text.slice(0, input.cursor) + typed + input.text.slice(input.cursor);
	return { ...input, text, cursor: input.cursor + typed.length };
}

/** The line is entered: remembered, and an empty one begun. */
export function enter(input: LineInput): LineInput {
	const isNew = input.text.trim() !== "" && input.text !== input.history.at(-1);
	const history = isNew ? [...input.history.slice(-(maxHistory - 1)), input.text] : input.history;
	return { text: "", cursor: 0, history, place: history.length, draft: "" };
}

export function edit(input: LineInput, key: EditKey): LineInput {
	const { text, cursor } = input;
	const [left, right] = [before(text, cursor), after(text, cursor)];
	switch (key) {
		case "left":
			return { ...input, cursor: left };
		case "right":
			return { ...input, cursor: right };
		case "home":
			return { ...input, cursor: 0 };
		case "end":
			return { ...input, cursor: text.length };
		case "backspace":
			return { ...input, text: text.slice(0, left) + text.slice(cursor), cursor: left };
		case "delete":
			return { ...input, text: text.slice(0, cursor) + text.slice(right) };
		case "killLine":
			return { ...input, text: text.slice(cursor), cursor: 0 };
		case "killToEnd":
			return { ...input, text: text.slice(0, cursor) };
		case "killWord": {
			const kept = text.slice(0, cursor).replace(/\S*\s*$/, "");
			return { ...input, text: kept + text.slice(cursor), cursor: kept.length };
		}
		case "wordLeft":
			return { ...input, cursor: text.slice(0, cursor).replace(/[^\s/]*[\s/]*$/, "").length };
		case "wordRight":
			return { ...input, cursor: cursor + (/^[\s/]*[^\s/]*/.exec(text.slice(cursor))?.[0].length ?? 0) };
		case "older":
			return recall(input, input.place - 1);
		case "newer":
			return recall(input, input.place + 1);
		case "search":
			return search(input);
	}
}

function recall(input: LineInput, place: number): LineInput {
	const { history } = input;
	if (place < 0 || place > history.length) return input;
	const draft = input.place === history.length ? input.text : input.draft;
	const text = history[place] ?? draft;
	return { ...input, text, cursor: text.length, place, draft };
}

/** The newest line before the one that is shown, and other than it, that has in it what was typed. */
function search(input: LineInput): LineInput {
	const { history, place, text } = input;
	const wanted = place === history.length ? text : input.draft;
	const found = history.findLastIndex((line, index) => index < place && line !== text && line.includes(wanted));
	return found < 0 ? input : recall(input, found);
}

/** Where the character before the cursor begins. */
function before(text: string, cursor: number): number {
	return [...graphemes.segment(text.slice(0, cursor))].at(-1)?.index ?? 0;
}

/** Where the character at the cursor ends. */
function after(text: string, cursor: number): number {
	const [next] = graphemes.segment(text.slice(cursor));
	return cursor + (next?.segment.length ?? 0);
}
