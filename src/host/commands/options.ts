/** The one option parser of the machine's own commands: POSIX's utility syntax guidelines, with long options. */

export interface ParsedOptions {
	/** Letters and long names that were given without a value. */
	readonly flags: ReadonlySet<string>;
	/** The last value of each option that takes one. */
	readonly values: ReadonlyMap<string, string>;
	/** All values of each option that takes one, in order. */
	readonly lists: ReadonlyMap<string, readonly string[]>;
	readonly operands: readonly string[];
	/** Options that the command does not know. */
	readonly unknown: readonly string[];
}

/**
 * @param spec as getopt's: letters, a colon behind those that take a value. Long names likewise, in `long`.
 * Options may stand behind operands unless `strict`.
 */
export function parseOptions(args: readonly string[], spec: string, long: readonly string[] = [], strict = false): ParsedOptions {
	const flags = new Set<string>();
	const lists = new Map<string, string[]>();
	const operands: string[] = [];
	const unknown: string[] = [];
	const take = (name: string, value: string) => lists.set(name, [...(lists.get(name) ?? []), value]);
	for (let at = 0; at < args.length; at++) {
		const argument = args[at] ?? "";
		if (argument === "--") {
			operands.push(...args.slice(at + 1));
			break;
		}
		if (argument.startsWith("--")) {
			const [name = "", ...value] = argument.slice(2).split("=");
			if (long.includes(`${name}:`)) take(name, value.length > 0 ? value.join("=") : (args[++at] ?? ""));
			else if (long.includes(name)) flags.add(name);
			else unknown.push(argument);
		} else if (/^-./.test(argument)) {
			for (let index = 1; index < argument.length; index++) {
				const letter = argument.charAt(index);
				const known = spec.indexOf(letter);
				if (known === -1 || letter === ":") unknown.push(`-${letter}`);
				else if (spec.charAt(known + 1) === ":") {
					take(letter, index + 1 < argument.length ? argument.slice(index + 1) : (args[++at] ?? ""));
					break;
				} else flags.add(letter);
			}
		} else if (strict) {
			operands.push(...args.slice(at));
			break;
		} else operands.push(argument);
	}
	const values = new Map([...lists].map(([name, list]) => [name, list.at(-1) ?? ""]));
	return { flags, values, lists, operands, unknown };
}

const powers = " KMGT";

/** `512`, `2b` (blocks), `4k`, `1M`, `1MiB`, and in powers of ten `1MB`; undefined if it is no size. */
export function parseSize(text: string): number | undefined {
	const [, digits, letter = "", suffix = ""] = /^(\d+)([cbkKmMgGtT]?)(B|iB)?$/.exec(text) ?? [];
	if (digits === undefined) return undefined;
	if (letter === "c" || letter === "b" || letter === "") return suffix === "" ? Number(digits) * (letter === "b" ? 512 : 1) : undefined;
	return Number(digits) * (suffix === "B" ? 1000 : 1024) ** powers.indexOf(letter.toUpperCase());
}
