/** kubectl's words taken apart, as far as this stand-in knows them. */
import { isKnownVerb, longName, takesNoValue, verbOf, whoKnows } from "./flags.ts";

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

/** A call that kubectl does not understand, either. The texts are kubectl's own. */
function usageError(what: string, verb: string): Error {
	return new Error(`${what}\nSee '${["kubectl", verb].join(" ").trim()} --help' for usage.`);
}

/** @throws UnknownCallError for what kubectl has and this stand-in has not, and an Error for what neither has */
export function kubectlWords(words: readonly string[]): Words {
	const args: string[] = [];
	const flags = new Map<string, readonly string[]>();
	const end = words.indexOf("--");
	const own = end < 0 ? words : words.slice(0, end);
	const verb = verbOf(withoutFlags(own));
	if (!isKnownVerb(verb) && own.some(isFlag)) throw new UnknownCallError(verb);
	for (let index = 0; index < own.length; index++) {
		const word = own[index] ?? "";
		if (!isFlag(word)) {
			args.push(word);
			continue;
		}
		const { name, given } = flagOf(word, verb);
		const value = given ?? (takesNoValue(name, verb) ? "true" : own[++index]);
		if (value === undefined) {
			const shown = word.startsWith("--") ? word : `'${word.slice(1)}' in ${word}`;
			throw usageError(`flag needs an argument: ${shown}`, verb);
		}
		flags.set(name, [...(flags.get(name) ?? []), value]);
	}
	return { args, flags, command: end < 0 ? [] : words.slice(end + 1) };
}

function isFlag(word: string): boolean {
	return word.startsWith("-") && word !== "-";
}

/** The verb is looked for before its flags are known: what follows one without `=` is its value, unless it is known to take none. */
function withoutFlags(words: readonly string[]): readonly string[] {
	const args: string[] = [];
	for (let index = 0; index < words.length; index++) {
		const word = words[index] ?? "";
		if (!isFlag(word)) args.push(word);
		else if (!word.includes("=")) {
			const verb = verbOf(args);
			const name = word.startsWith("--") ? word.slice(2) : (longName(word.slice(1), verb) ?? "");
			if (!takesNoValue(name, verb)) index++;
		}
	}
	return args;
}

function flagOf(word: string, verb: string): { readonly name: string; readonly given: string | undefined } {
	const [, letter, long, given] = /^-(?:([^-])|-([^=]*))(?:=(.*))?$/s.exec(word) ?? [];
	const short = letter ?? (long === undefined ? word[1] : undefined);
	const name = long ?? longName(short ?? "", verb);
	const known = whoKnows(name, verb);
	if (known === "nobody")
		throw usageError(short === undefined ? `unknown flag: --${long}` : `unknown shorthand flag: '${short}' in ${word}`, verb);
	// Several letters in one word are not taken apart.
	if (name === undefined || known === "kubectl" || (letter === undefined && long === undefined)) throw new UnknownCallError(word);
	return { name, given };
}
