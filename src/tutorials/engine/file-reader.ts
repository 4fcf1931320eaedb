/**
 * Reads a YAML file field by field, and remembers of everything that is wrong where it stands: who writes a lesson is told all of it
 * at once, with file, line and what is wrong.
 */
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import { languages, type Text } from "./text.ts";

export interface Mistake {
	readonly file: string;
	/** From 1. */
	readonly line: number;
	readonly column: number;
	/** Where in the lesson: `steps[2].checks[0].that`; "" for the whole file. */
	readonly path: string;
	readonly message: string;
}

export function mistakeText({ file, line, column, path, message }: Mistake): string {
	return `${file}:${line}:${column}: ${path === "" ? "" : `${path}: `}${message}`;
}

/** A lesson's file that cannot be used as it is. */
export class LessonFileError extends Error {
	override readonly name = "LessonFileError";
	readonly mistakes: readonly Mistake[];

	constructor(mistakes: readonly Mistake[]) {
		super(mistakes.map(mistakeText).join("\n"));
		this.mistakes = mistakes;
	}
}

/** One value of the file. Methods that read give something harmless back where they note a mistake. */
export class FileReader {
	readonly path: string;
	readonly #node: Node | null | undefined;
	readonly #file: OpenFile;
	/** Where it stands, or should: characters from the beginning of the file. */
	readonly #offset: number;

	private constructor(file: OpenFile, node: Node | null | undefined, path: string, parentOffset: number) {
		this.#file = file;
		this.#node = node;
		this.path = path;
		this.#offset = node?.range?.[0] ?? parentOffset;
	}

	static of(text: string, file: string): { readonly root: FileReader; readonly mistakes: readonly Mistake[] } {
		const lines = new LineCounter();
		const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
		const open: OpenFile = { file, lines, mistakes: [] };
		for (const error of document.errors) open.mistakes.push({ file, ...positionOf(lines, error.pos[0]), path: "", message: error.message });
		return { root: new FileReader(open, document.contents as Node | null, "", 0), mistakes: open.mistakes };
	}

	/** Notes a mistake that stands here. */
	wrong(message: string): void {
		const { file, lines, mistakes } = this.#file;
		mistakes.push({ file, ...positionOf(lines, this.#offset), path: this.path, message: this.exists ? message : "it is missing" });
	}

	get exists(): boolean {
		return this.#node !== undefined && this.#node !== null && !(isScalar(this.#node) && this.#node.value === null);
	}

	get isList(): boolean {
		return isSeq(this.#node);
	}

	get isMapping(): boolean {
		return isMap(this.#node);
	}

	/** The fields of a mapping that has no others than these; those that are missing do not `exists`. */
	fields<K extends string>(names: readonly K[]): Readonly<Record<K, FileReader>> {
		const pairs = this.#pairs();
		for (const { key } of pairs) {
			if ((names as readonly string[]).includes(key)) continue;
			this.#at(key, this.#keyNode(key)).wrong(`there is no such field; there are ${names.join(", ")}`);
		}
		const byName = new Map(pairs.map(({ key, value }) => [key, value]));
		return Object.fromEntries(names.map((name) => [name, this.#at(name, byName.get(name))])) as Record<K, FileReader>;
	}

	/** Every field of a mapping, in its order. */
	entries(): readonly (readonly [string, FileReader])[] {
		return this.#pairs().map(({ key, value }) => [key, this.#at(key, value)] as const);
	}

	items(): readonly FileReader[] {
		if (!this.exists) return [];
		if (!isSeq(this.#node)) {
			this.wrong("it is to be a list");
			return [];
		}
		return this.#node.items.map((item, index) => new FileReader(this.#file, item as Node, `${this.path}[${index}]`, this.#offset));
	}

	string(): string {
		const value = isScalar(this.#node) ? this.#node.value : undefined;
		if (typeof value === "string" && value.trim() !== "") return value;
		this.wrong(
			value === undefined || typeof value === "string" ? "it is to be a text" : `it is to be a text: put "${String(value)}" in quotes`,
		);
		return "";
	}

	/** A text, or undefined if it is not there. */
	optionalString(): string | undefined {
		return this.exists ? this.string() : undefined;
	}

	number({ min, max, otherwise }: { readonly min: number; readonly max: number; readonly otherwise?: number }): number {
		if (!this.exists && otherwise !== undefined) return otherwise;
		const value = isScalar(this.#node) ? this.#node.value : undefined;
		if (typeof value === "number" && value >= min && value <= max) return value;
		this.wrong(`it is to be a number from ${min} to ${max}`);
		return min;
	}

	boolean(): boolean {
		if (!this.exists) return false;
		const value = isScalar(this.#node) ? this.#node.value : undefined;
		if (typeof value !== "boolean") this.wrong("it is to be true or false");
		return value === true;
	}

	oneOf<T extends string>(values: readonly T[], otherwise?: T): T {
		const [first] = values;
		if (first === undefined) throw new Error("nothing to choose from");
		if (!this.exists && otherwise !== undefined) return otherwise;
		const value = isScalar(this.#node) ? this.#node.value : undefined;
		const found = values.find((each) => each === value);
		if (found === undefined) this.wrong(`it is to be one of ${values.join(", ")}`);
		return found ?? first;
	}

	/** In both languages. */
	text(): Text {
		const fields = this.fields(languages);
		return { zh: fields.zh.string().trimEnd(), en: fields.en.string().trimEnd() };
	}

	/** Whatever it is, as a JSON value. */
	json(): unknown {
		return this.#node?.toJSON();
	}

	#pairs(): readonly { readonly key: string; readonly value: Node | null | undefined }[] {
		if (isMap(this.#node)) return (this.#node.items as Pair<Node, Node | null>[]).map(({ key, value }) => ({ key: String(key), value }));
		this.wrong("it is to be a mapping");
		return [];
	}

	#keyNode(name: string): Node | undefined {
		return isMap(this.#node) ? (this.#node.items as Pair<Node, Node | null>[]).find(({ key }) => String(key) === name)?.key : undefined;
	}

	#at(name: string, node: Node | null | undefined): FileReader {
		return new FileReader(this.#file, node, this.path === "" ? name : `${this.path}.${name}`, this.#offset);
	}
}

interface OpenFile {
	readonly file: string;
	readonly lines: LineCounter;
	readonly mistakes: Mistake[];
}

function positionOf(lines: LineCounter, offset: number): { readonly line: number; readonly column: number } {
	const { line, col } = lines.linePos(offset);
	return { line: Math.max(1, line), column: Math.max(1, col) };
}
