/** A command line of kubectl taken apart, as far as lessons' solutions go: no pipes, no variables. */

export interface KubectlWords {
	/** What is no flag, `kubectl` left out: the verb first. */
	readonly args: readonly string[];
	/** By their long names. */
	readonly flags: ReadonlyMap<string, string>;
}

const longNames: Readonly<Record<string, string>> = {
	n: "namespace",
	l: "selector",
	f: "filename",
	p: "patch",
	A: "all-namespaces",
	o: "output",
};
/** Flags that take no value. */
const switches: ReadonlySet<string> = new Set(["all", "all-namespaces", "force", "now", "overwrite", "watch"]);

/** Undefined for a line that is more than one call of kubectl. */
export function kubectlWords(line: string): KubectlWords | undefined {
	const words = shellWords(line);
	if (words === undefined || words[0] !== "kubectl") return undefined;
	const args: string[] = [];
	const flags = new Map<string, string>();
	for (let index = 1; index < words.length; index++) {
		const word = words[index] ?? "";
		const match = /^--?([a-zA-Z][\w-]*)(?:=(.*))?$/s.exec(word);
		if (match === null) {
			args.push(word);
			continue;
		}
		const name = longNames[match[1] ?? ""] ?? match[1] ?? "";
		const value = match[2] ?? (switches.has(name) ? "true" : words[++index]);
		if (value === undefined) return undefined;
		const before = flags.get(name);
		flags.set(name, before === undefined ? value : `${before}\n${value}`);
	}
	return { args, flags };
}

/** Undefined where a shell would do more than split it. */
function shellWords(line: string): readonly string[] | undefined {
	const words: string[] = [];
	const token = /\s*(?:((?:[^\s'"\\|&;<>$`(){}*?]|'[^']*'|"[^"\\$`]*")+)|(\S))/gy;
	for (let match = token.exec(line.trimEnd()); match !== null; match = token.exec(line.trimEnd())) {
		if (match[1] === undefined) return undefined;
		words.push(
			match[1].replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single: string | undefined, double: string | undefined) => single ?? double ?? ""),
		);
	}
	return words;
}
