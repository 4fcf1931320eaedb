/** kubectl's words taken apart, as far as this stand-in knows them. Source: https://kubernetes.io/docs/reference/kubectl/generated/kubectl/ */

export interface Words {
	/** What is no flag: the verb first. */
	readonly args: readonly string[];
	/** By their long names; of one that is given several times all values, in order. */
	readonly flags: ReadonlyMap<string, readonly string[]>;
	/** What follows `--`. */
	readonly command: readonly string[];
}

/** A call that this stand-in does not understand. */
export class UnknownCallError extends Error {
	override readonly name = "UnknownCallError";

	constructor(what: string) {
		super(`${what}: kubesim's stand-in for kubectl knows only what lessons' solutions need; install kubectl for more`);
	}
}

const shortNames: Readonly<Record<string, string>> = {
	A: "all-namespaces",
	L: "label-columns",
	c: "container",
	f: "filename",
	i: "stdin",
	l: "selector",
	n: "namespace",
	o: "output",
	p: "patch",
};
/** What short names mean to one verb alone. */
const shortNamesOf: Readonly<Record<string, Readonly<Record<string, string>>>> = { logs: { f: "follow", p: "previous" } };
/** Flags that take no value, or one after `=`. */
const switches: ReadonlySet<string> = new Set([
	"all",
	"all-namespaces",
	"delete-emptydir-data",
	"embed-certs",
	"expose",
	"follow",
	"force",
	"force-conflicts",
	"ignore-daemonsets",
	"local",
	"minify",
	"now",
	"overwrite",
	"previous",
	"server-side",
	"show-labels",
	"stdin",
	"wait",
]);

/** @throws UnknownCallError */
export function kubectlWords(words: readonly string[]): Words {
	const args: string[] = [];
	const flags = new Map<string, readonly string[]>();
	const end = words.indexOf("--");
	const own = end < 0 ? words : words.slice(0, end);
	for (let index = 0; index < own.length; index++) {
		const word = own[index] ?? "";
		const [, short, long, given] = /^-(?:([a-zA-Z])|-([a-z][a-z-]*))(?:=(.*))?$/s.exec(word) ?? [];
		const verb = args[0] ?? "";
		const name = long ?? shortNamesOf[verb]?.[short ?? ""] ?? shortNames[short ?? ""];
		if (name === undefined) {
			if (word.startsWith("-") && word !== "-") throw new UnknownCallError(word);
			args.push(word);
			continue;
		}
		// Of `config view` it takes none, of `get` it does.
		const isSwitch = switches.has(name) || (name === "raw" && verb === "config");
		const value = given ?? (isSwitch ? "true" : own[++index]);
		if (value === undefined) throw new Error(`flag needs an argument: ${word}`);
		flags.set(name, [...(flags.get(name) ?? []), value]);
	}
	return { args, flags, command: end < 0 ? [] : words.slice(end + 1) };
}
