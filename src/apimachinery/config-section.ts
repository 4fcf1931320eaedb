/**
 * Reads a configuration file part by part, and remembers everything that is wrong with it: values of another type, and keys that
 * nobody asked for, as strict decoding names them. Nothing is thrown before the whole file has been read.
 */
import { isJsonObject, type JsonObject } from "./json.ts";
import { parseGoDuration, TimeError } from "./time.ts";

export class ConfigSection {
	/** `profiles[0].plugins`; empty for the file as a whole. */
	readonly path: string;
	readonly #value: JsonObject;
	readonly #problems: string[];
	readonly #known = new Set<string>();
	readonly #parts: ConfigSection[] = [];

	/** @param problems where what is wrong is put; shared by all parts of a file */
	constructor(value: JsonObject, path: string, problems: string[]) {
		this.#value = value;
		this.path = path;
		this.#problems = problems;
	}

	/** Where a key of this part stands: `profiles[0].schedulerName`. */
	at(key: string): string {
		return this.path === "" ? key : `${this.path}.${key}`;
	}

	has(key: string): boolean {
		return this.#take(key) !== undefined;
	}

	text(key: string): string | undefined {
		return this.#typed(key, "a string", (value) => (typeof value === "string" ? value : undefined));
	}

	integer(key: string): number | undefined {
		return this.#typed(key, "an integer", (value) => (Number.isSafeInteger(value) ? (value as number) : undefined));
	}

	flag(key: string): boolean | undefined {
		return this.#typed(key, "true or false", (value) => (typeof value === "boolean" ? value : undefined));
	}

	/** In ms; in the file a duration of Go: `1m30s`. */
	duration(key: string): number | undefined {
		return this.#typed(key, 'a duration, such as "1m30s"', (value) => (typeof value === "string" ? durationOf(value) : undefined));
	}

	texts(key: string): readonly string[] | undefined {
		const isText = (item: unknown): item is string => typeof item === "string";
		return this.#typed(key, "a list of strings", (value) => (Array.isArray(value) && value.every(isText) ? value : undefined));
	}

	part(key: string): ConfigSection | undefined {
		const value = this.json(key);
		return value === undefined ? undefined : this.#open(value, this.at(key));
	}

	parts(key: string): readonly ConfigSection[] {
		const items = this.#typed(key, "a list of objects", (value) => (Array.isArray(value) && value.every(isJsonObject) ? value : undefined));
		return (items ?? []).map((item, index) => this.#open(item, `${this.at(key)}[${index}]`));
	}

	/** An object that somebody else reads. */
	json(key: string): JsonObject | undefined {
		return this.#typed(key, "an object", (value) => (isJsonObject(value) ? value : undefined));
	}

	/** Keys that are known and have no effect here. */
	ignore(...keys: readonly string[]): void {
		for (const key of keys) this.#known.add(key);
	}

	/** Something that is wrong with this part, in whole words. */
	refuse(problem: string): void {
		this.#problems.push(problem);
	}

	/** Every key has been asked for: the others are unknown. Of all parts below, too. */
	finish(): void {
		for (const key of Object.keys(this.#value)) {
			if (!this.#known.has(key)) this.refuse(`strict decoding error: unknown field "${this.at(key)}"`);
		}
		for (const part of this.#parts) part.finish();
	}

	#open(value: JsonObject, path: string): ConfigSection {
		const part = new ConfigSection(value, path, this.#problems);
		this.#parts.push(part);
		return part;
	}

	#take(key: string): unknown {
		this.#known.add(key);
		return this.#value[key] ?? undefined;
	}

	#typed<T>(key: string, what: string, read: (value: unknown) => T | undefined): T | undefined {
		const value = this.#take(key);
		if (value === undefined) return undefined;
		const result = read(value);
		if (result === undefined) this.refuse(`${this.at(key)}: Invalid value: ${JSON.stringify(value)}: must be ${what}`);
		return result;
	}
}

function durationOf(text: string): number | undefined {
	try {
		return parseGoDuration(text);
	} catch (error) {
		if (error instanceof TimeError) return undefined;
		throw error;
	}
}
