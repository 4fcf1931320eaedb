/**
 * Unit files as text: sections, settings, continued lines, words in quotes, specifiers and variables.
 * Source: systemd.syntax(7), systemd.unit(5), systemd.exec(5), systemd.service(5)
 */

/** What a unit's file and its drop-ins say together: by section, by key, in order; an empty value has taken back what was before. */
export class UnitSettings {
	readonly #sections = new Map<string, Map<string, string[]>>();

	/** Adds a file's settings to those of the files before it. */
	add(text: string): void {
		let section = "";
		for (const line of joinedLines(text)) {
			const header = /^\[(.+)\]$/.exec(line);
			if (header !== null) {
				section = header[1] ?? "";
				continue;
			}
			const at = line.indexOf("=");
			if (at > 0) this.#set(section, line.slice(0, at).trim(), line.slice(at + 1).trim());
		}
	}

	#set(section: string, key: string, value: string): void {
		const keys = this.#sections.get(section) ?? new Map<string, string[]>();
		this.#sections.set(section, keys);
		if (value === "") keys.set(key, []);
		else keys.set(key, [...(keys.get(key) ?? []), value]);
	}

	/** Every value, in order. */
	all(section: string, key: string): readonly string[] {
		return this.#sections.get(section)?.get(key) ?? [];
	}

	/** The last one. */
	last(section: string, key: string): string | undefined {
		return this.all(section, key).at(-1);
	}

	/** Of settings that are lists of words: names of units, mostly. */
	words(section: string, key: string): readonly string[] {
		return this.all(section, key).flatMap(splitWords);
	}

	flag(section: string, key: string, otherwise = false): boolean {
		const value = this.last(section, key);
		return value === undefined ? otherwise : /^(1|yes|y|true|t|on)$/i.test(value);
	}

	/** Of a time span; Infinity for `infinity`. */
	spanMs(section: string, key: string, otherwiseMs: number): number {
		const value = this.last(section, key);
		return value === undefined ? otherwiseMs : (parseSpan(value) ?? otherwiseMs);
	}

	hasSection(section: string): boolean {
		return this.#sections.has(section);
	}
}

function joinedLines(text: string): readonly string[] {
	const lines: string[] = [];
	let open = "";
	for (const raw of text.split("\n")) {
		const line = raw.trim();
		if (/^[#;]/.test(line)) continue;
		if (line.endsWith("\\")) {
			open += `${line.slice(0, -1)} `;
			continue;
		}
		if (open + line !== "") lines.push((open + line).trim());
		open = "";
	}
	return open === "" ? lines : [...lines, open.trim()];
}

const unitMs: Readonly<Record<string, number>> = {
	us: 0.001,
	ms: 1,
	s: 1_000,
	sec: 1_000,
	second: 1_000,
	seconds: 1_000,
	m: 60_000,
	min: 60_000,
	minute: 60_000,
	minutes: 60_000,
	h: 3_600_000,
	hr: 3_600_000,
	hour: 3_600_000,
	hours: 3_600_000,
	d: 86_400_000,
	day: 86_400_000,
	days: 86_400_000,
	w: 604_800_000,
	week: 604_800_000,
	weeks: 604_800_000,
};

/** `5`, `1min 30s`, `500ms`, `infinity`; undefined if it is no time span. Ms. Source: systemd.time(7) */
export function parseSpan(text: string): number | undefined {
	if (text.trim() === "infinity") return Number.POSITIVE_INFINITY;
	const parts = [...text.matchAll(/\s*([\d.]+)\s*([a-z]*)\s*/gy)];
	if (parts.length === 0 || parts.reduce((length, [part]) => length + part.length, 0) !== text.length) return undefined;
	let sum = 0;
	for (const [, count, unit = ""] of parts) {
		const factor = unitMs[unit === "" ? "s" : unit];
		if (factor === undefined) return undefined;
		sum += Number(count) * factor;
	}
	return sum;
}

/** Words apart by blanks; quotes hold them together. */
export function splitWords(text: string): readonly string[] {
	const words: string[] = [];
	let word: string | undefined;
	let quote = "";
	for (let at = 0; at < text.length; at++) {
		const char = text.charAt(at);
		if (char === "\\" && at + 1 < text.length && quote !== "'") {
			word = (word ?? "") + text.charAt(++at);
		} else if (quote !== "") {
			if (char === quote) quote = "";
			else word = (word ?? "") + char;
		} else if (char === '"' || char === "'") {
			quote = char;
			word ??= "";
		} else if (/\s/.test(char)) {
			if (word !== undefined) words.push(word);
			word = undefined;
		} else word = (word ?? "") + char;
	}
	return word === undefined ? words : [...words, word];
}

/** A command of ExecStart= and its like. */
export interface ExecCommand {
	readonly path: string;
	/** With variables as they are written. */
	readonly argv: readonly string[];
	/** `-` before it: its failure does not count. */
	readonly ignoresFailure: boolean;
}

export function parseExec(value: string, specifiers: (letter: string) => string | undefined): ExecCommand | undefined {
	const prefix = /^[-@:+!|]*/.exec(value)?.[0] ?? "";
	const argv = splitWords(expandSpecifiers(value.slice(prefix.length), specifiers));
	const [path] = argv;
	if (path === undefined) return undefined;
	return { path, argv: prefix.includes("@") ? argv.slice(1) : argv, ignoresFailure: prefix.includes("-") };
}

export function expandSpecifiers(text: string, specifiers: (letter: string) => string | undefined): string {
	return text.replace(/%(.)/g, (whole, letter: string) => (letter === "%" ? "%" : (specifiers(letter) ?? whole)));
}

/** `$NAME` as a word of its own becomes as many words as its value has; `${NAME}` becomes its value where it stands, `$$` a dollar. */
export function expandVariables(argv: readonly string[], env: ReadonlyMap<string, string>): readonly string[] {
	return argv.flatMap((word) => {
		const alone = /^\$(\w+)$/.exec(word)?.[1];
		if (alone !== undefined) return splitWords(env.get(alone) ?? "");
		return [word.replace(/\$\$|\$\{(\w+)\}/g, (_, name: string | undefined) => (name === undefined ? "$" : (env.get(name) ?? "")))];
	});
}

/** Lines of an EnvironmentFile=. */
export function parseEnvironmentFile(text: string): ReadonlyMap<string, string> {
	const env = new Map<string, string>();
	for (const line of joinedLines(text)) {
		const at = line.indexOf("=");
		if (at <= 0) continue;
		const value = line.slice(at + 1).trim();
		const quoted = /^(["'])(.*)\1$/s.exec(value);
		env.set(line.slice(0, at).trim(), quoted?.[2] ?? value);
	}
	return env;
}
