/**
 * Regular expressions that others bring (a CustomResourceDefinition's `pattern`), matched in time linear in the text,
 * whatever the expression: a set of states walks over the text, as in Thompson's construction, and each set that was met
 * is remembered with where it leads.
 *
 *   text      a      b      c
 *   sets   S0 ──▶ S1 ──▶ S2 ──▶ S3   made when first needed; at most `maxSets`, then all are forgotten
 *
 * Source: Russ Cox, https://swtch.com/~rsc/regexp/regexp1.html
 */
import { type Assertion, type CharacterTest, isWordCharacter, parseRegexp, type SyntaxNode } from "./syntax.ts";

type Instruction =
	| { readonly op: "character"; readonly test: CharacterTest; readonly next: number }
	| { readonly op: "split"; readonly first: number; readonly second: number }
	| { readonly op: "assertion"; readonly assertion: Assertion; readonly next: number }
	| { readonly op: "match" };

/** More instructions than this are refused; Go's limit is of the same order. */
const maxInstructions = 100_000;
const maxSets = 2_000;
/** Work for one text, in instructions looked at; whoever needs more gets an error instead of the process. */
const maxSteps = 20_000_000;

/** A text and an expression that together need more work than is allowed. */
export class RegexpLimitError extends Error {
	override readonly name = "RegexpLimitError";
}

/** What surrounds a place in the text. -1: nothing. */
interface Surroundings {
	readonly before: number;
	readonly after: number;
}

interface StateSet {
	readonly instructions: readonly number[];
	/** A match ends here, whatever follows. */
	readonly isMatch: boolean;
	/** A match ends here if the text does. Undefined: not asked yet. */
	isMatchAtEnd: boolean | undefined;
	readonly next: Map<number, StateSet>;
}

export class LinearRegexp {
	readonly #program: readonly Instruction[];
	/** Assertions that look at the characters around: sets then depend on the text, and are not kept. */
	readonly #isContextual: boolean;
	#sets = new Map<string, StateSet>();
	#start: StateSet | undefined;
	#steps = 0;

	/** Throws RegexpError with Go's words for an expression that Go does not take. */
	constructor(source: string) {
		const program = compile(parseRegexp(source));
		this.#program = program;
		this.#isContextual = program.some(
			(instruction) => instruction.op === "assertion" && instruction.assertion !== "begin-text" && instruction.assertion !== "end-text",
		);
	}

	/** Whether the expression matches somewhere in the text. Throws RegexpLimitError. */
	test(text: string): boolean {
		this.#steps = 0;
		return this.#isContextual ? this.#testInContext(text) : this.#testBySets(text);
	}

	#testBySets(text: string): boolean {
		this.#start ??= this.#remember(this.#close([0], { before: -1, after: 0 }));
		let set = this.#start;
		for (const point of text) {
			if (set.isMatch) return true;
			set = this.#follow(set, point.codePointAt(0) ?? 0);
		}
		if (set.isMatch) return true;
		// The last place has nothing behind it; the first place of an empty text has nothing before it, either.
		const around = { before: text === "" ? -1 : 0, after: -1 };
		set.isMatchAtEnd ??= this.#hasMatch(this.#close(set.instructions, around));
		return set.isMatchAtEnd;
	}

	#follow(set: StateSet, code: number): StateSet {
		const known = set.next.get(code);
		if (known !== undefined) return known;
		// A match may begin at any place.
		const made = this.#remember(this.#close([...this.#step(set.instructions, code), 0], { before: 0, after: 0 }));
		set.next.set(code, made);
		return made;
	}

	#remember(instructions: readonly number[]): StateSet {
		const key = instructions.join(",");
		const known = this.#sets.get(key);
		if (known !== undefined) return known;
		if (this.#sets.size >= maxSets) {
			this.#sets = new Map();
			this.#start = undefined;
		}
		const set: StateSet = { instructions, isMatch: this.#hasMatch(instructions), isMatchAtEnd: undefined, next: new Map() };
		this.#sets.set(key, set);
		return set;
	}

	#testInContext(text: string): boolean {
		const codes = Array.from(text, (point) => point.codePointAt(0) ?? 0);
		let waiting: readonly number[] = [];
		for (let at = 0; at <= codes.length; at++) {
			const instructions = this.#close([...waiting, 0], { before: codes[at - 1] ?? -1, after: codes[at] ?? -1 });
			if (this.#hasMatch(instructions)) return true;
			waiting = at < codes.length ? this.#step(instructions, codes[at] ?? 0) : [];
		}
		return false;
	}

	#hasMatch(instructions: readonly number[]): boolean {
		return instructions.some((index) => this.#program[index]?.op === "match");
	}

	/** Where a character leads. */
	#step(instructions: readonly number[], code: number): number[] {
		this.#count(instructions.length);
		const reached: number[] = [];
		for (const index of instructions) {
			const instruction = this.#program[index];
			if (instruction?.op === "character" && instruction.test(code)) reached.push(instruction.next);
		}
		return reached;
	}

	/** All that can be reached without a character, in order; assertions that do not hold here stay, as they may at the end. */
	#close(instructions: readonly number[], around: Surroundings): readonly number[] {
		const seen = new Set<number>();
		const pending = [...instructions];
		for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
			if (seen.has(index)) continue;
			seen.add(index);
			const instruction = this.#program[index];
			if (instruction?.op === "split") pending.push(instruction.second, instruction.first);
			else if (instruction?.op === "assertion" && holds(instruction.assertion, around)) pending.push(instruction.next);
		}
		this.#count(seen.size);
		return [...seen].filter((index) => this.#program[index]?.op !== "split").sort((a, b) => a - b);
	}

	#count(steps: number): void {
		this.#steps += steps;
		if (this.#steps > maxSteps) throw new RegexpLimitError("the text takes too long to match");
	}
}

function holds(assertion: Assertion, { before, after }: Surroundings): boolean {
	switch (assertion) {
		case "begin-text":
			return before === -1;
		case "end-text":
			return after === -1;
		case "begin-line":
			return before === -1 || before === 10;
		case "end-line":
			return after === -1 || after === 10;
		case "word-boundary":
			return isWordCharacter(before) !== isWordCharacter(after);
		case "no-word-boundary":
			return isWordCharacter(before) === isWordCharacter(after);
		default:
			return assertion satisfies never;
	}
}

/** The program begins at its first instruction. */
function compile(node: SyntaxNode): readonly Instruction[] {
	const program: (Instruction | undefined)[] = [];
	const reserve = (): number => {
		if (program.length >= maxInstructions) throw new RegexpLimitError("expression too large");
		return program.push(undefined) - 1;
	};
	/** Emits a node that goes on at `next`, and returns where it begins. */
	const emit = (part: SyntaxNode, next: number): number => {
		switch (part.form) {
			case "character": {
				const at = reserve();
				program[at] = { op: "character", test: part.test, next };
				return at;
			}
			case "assertion": {
				const at = reserve();
				program[at] = { op: "assertion", assertion: part.assertion, next };
				return at;
			}
			case "sequence":
				return part.parts.reduceRight((end, item) => emit(item, end), next);
			case "choice":
				return part.parts
					.map((item) => emit(item, next))
					.reduceRight((second, first) => {
						const at = reserve();
						program[at] = { op: "split", first, second };
						return at;
					});
			case "repeat":
				return emitRepeat(part, next);
			default:
				return part satisfies never;
		}
	};
	const emitRepeat = ({ part, min, max }: SyntaxNode & { form: "repeat" }, next: number): number => {
		let end = next;
		if (max === undefined) {
			const loop = reserve();
			const body = emit(part, loop);
			program[loop] = { op: "split", first: body, second: next };
			end = loop;
		} else {
			for (let count = min; count < max; count++) {
				const at = reserve();
				program[at] = { op: "split", first: emit(part, end), second: next };
				end = at;
			}
		}
		for (let count = 0; count < min; count++) end = emit(part, end);
		return end;
	};
	const start = reserve();
	const match = reserve();
	program[match] = { op: "match" };
	const begin = emit(node, match);
	program[start] = { op: "split", first: begin, second: begin };
	return program.map((instruction) => instruction ?? { op: "match" });
}
