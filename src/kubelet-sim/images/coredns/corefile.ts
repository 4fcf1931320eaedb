/** Reads a Corefile into server blocks. Source: https://coredns.io/2017/07/23/corefile-explained/ */

export interface Directive {
	readonly name: string;
	readonly args: readonly string[];
	/** The lines of its block, in words. */
	readonly block: readonly (readonly string[])[];
	readonly line: number;
}

export interface ServerBlock {
	/** `.`, `cluster.local`; lower case, without a final dot but for the root. */
	readonly zones: readonly string[];
	readonly port: number;
	readonly directives: readonly Directive[];
}

export class CorefileError extends Error {
	constructor(file: string, line: number, message: string) {
		super(`${file}:${line} - Error during parsing: ${message}`);
		this.name = "CorefileError";
	}
}

interface Line {
	readonly words: readonly string[];
	readonly number: number;
}

/** @param file its name, for errors. Throws `CorefileError`. */
export function parseCorefile(text: string, file: string, known: ReadonlySet<string>): readonly ServerBlock[] {
	const lines: Line[] = text.split("\n").flatMap((line, index) => {
		const words = (/^[^#]*/.exec(line)?.[0] ?? "")
			.trim()
			.split(/\s+/)
			.filter((word) => word !== "");
		return words.length === 0 ? [] : [{ words, number: index + 1 }];
	});
	const blocks: ServerBlock[] = [];
	let at = 0;
	while (at < lines.length) {
		const { words, number } = lines[at++] ?? { words: [], number: 0 };
		if (words.at(-1) !== "{") throw new CorefileError(file, number, `Unexpected token '${words[0]}', expecting '{'`);
		const directives: Directive[] = [];
		for (;;) {
			const line = lines[at++];
			if (line === undefined) throw new CorefileError(file, number, "Unexpected EOF");
			if (line.words[0] === "}") break;
			const { directive, next } = readDirective(lines, at - 1, file, known);
			directives.push(directive);
			at = next;
		}
		blocks.push({ ...addressesOf(words.slice(0, -1)), directives });
	}
	return blocks;
}

function readDirective(
	lines: readonly Line[],
	start: number,
	file: string,
	known: ReadonlySet<string>,
): { readonly directive: Directive; readonly next: number } {
	const { words, number } = lines[start] ?? { words: [], number: 0 };
	const [name = "", ...args] = words;
	if (!known.has(name)) throw new CorefileError(file, number, `Unknown directive '${name}'`);
	if (args.at(-1) !== "{") return { directive: { name, args, block: [], line: number }, next: start + 1 };
	const block: (readonly string[])[] = [];
	for (let at = start + 1; ; at++) {
		const line = lines[at];
		if (line === undefined) throw new CorefileError(file, number, "Unexpected EOF");
		if (line.words[0] === "}") return { directive: { name, args: args.slice(0, -1), block, line: number }, next: at + 1 };
		block.push(line.words);
	}
}

const dnsPort = 53;

/** `.:53`, `consul.local:53`, `dns://.`, several with commas. */
function addressesOf(words: readonly string[]): Pick<ServerBlock, "zones" | "port"> {
	const texts = words.flatMap((word) => word.split(",")).filter((word) => word !== "");
	const parsed = texts.map((text) => /^(?:dns:\/\/)?(.*?)(?::(\d+))?$/.exec(text));
	const zones = parsed.map((match) => (match?.[1] ?? ".").toLowerCase().replace(/(.)\.$/, "$1") || ".");
	return { zones, port: Number(parsed[0]?.[2] ?? dnsPort) };
}

export function isInZone(name: string, zone: string): boolean {
	return zone === "." || name === zone || name.endsWith(`.${zone}`);
}
