/**
 * Regular expressions as RE2 has them: time grows with the length of the text times that of the pattern, whatever both are,
 * so that an expression of a stranger can't hang the process. JavaScript's own backtrack.
 *
 * A pattern becomes a small program. Whether it matches is answered by a deterministic automaton over sets of the program's
 * places, whose states are made when they are first met; where it matches, by running all places side by side, in order of
 * preference (Pike's machine). Source: https://swtch.com/~rsc/regexp/regexp2.html
 */
import { CostLimitExceeded } from "../values/errors.ts";
import { type Assertion, isWordCode, type Matcher, parseRegex, type RegexNode, RegexSyntaxError } from "./parse-regex.ts";

/** A longer program is refused: counted repeats can make much of little. */
const maxProgramSize = 20_000;
/**
 * Places that one `findAll` or `find` may visit: each match takes linear time, but there can be as many as the text is long.
 * About a second.
 */
const maxSearchSteps = 20_000_000;
/** States and transitions that an automaton keeps; then it starts anew. */
const maxAutomatonSize = 4_000;

type Instruction =
	| { readonly op: "char"; readonly matches: Matcher }
	| { readonly op: "assert"; readonly assertion: Assertion }
	/** Goes on at `next` first, then at `other`. */
	| { readonly op: "split"; next: number; other: number }
	| { readonly op: "jump"; next: number }
	| { readonly op: "match" };

/** Compiles a pattern; a pattern that RE2 refuses is told with Go's text. */
export function compileRegex(pattern: string): CelRegex | { readonly problem: string } {
	try {
		return new CelRegex(programOf(parseRegex(pattern), pattern));
	} catch (error) {
		if (error instanceof RegexSyntaxError) return { problem: error.message };
		throw error;
	}
}

function programOf(node: RegexNode, pattern: string): readonly Instruction[] {
	const program: Instruction[] = [];
	const push = <T extends Instruction>(instruction: T): T => {
		if (program.length >= maxProgramSize) throw new RegexSyntaxError("expression too large", pattern);
		program.push(instruction);
		return instruction;
	};
	/** A choice between what follows and another place; lazy ones prefer the other. */
	const split = (isLazy: boolean) => {
		const instruction = push({ op: "split", next: 0, other: 0 } as Extract<Instruction, { op: "split" }>);
		const inside = program.length;
		return (outside: number, to = inside) => {
			instruction.next = isLazy ? outside : to;
			instruction.other = isLazy ? to : outside;
		};
	};
	const emitRepeat = ({ part, min, max, isLazy }: Extract<RegexNode, { kind: "repeat" }>) => {
		for (let count = 0; count < min; count++) emit(part);
		if (max === undefined) {
			const start = program.length;
			const close = split(isLazy);
			emit(part);
			push({ op: "jump", next: start });
			close(program.length);
			return;
		}
		const closes: ((outside: number) => void)[] = [];
		for (let count = min; count < max; count++) {
			closes.push(split(isLazy));
			emit(part);
		}
		for (const close of closes) close(program.length);
	};
	const emitEither = (parts: readonly RegexNode[]) => {
		const jumps: Extract<Instruction, { op: "jump" }>[] = [];
		for (const [index, part] of parts.entries()) {
			if (index === parts.length - 1) emit(part);
			else {
				const close = split(false);
				emit(part);
				jumps.push(push({ op: "jump", next: 0 } as Extract<Instruction, { op: "jump" }>));
				close(program.length);
			}
		}
		for (const jump of jumps) jump.next = program.length;
	};
	const emit = (each: RegexNode): void => {
		switch (each.kind) {
			case "empty":
				return;
			case "char":
				push({ op: "char", matches: each.matches });
				return;
			case "assert":
				push({ op: "assert", assertion: each.assertion });
				return;
			case "concat":
				for (const part of each.parts) emit(part);
				return;
			case "either":
				emitEither(each.parts);
				return;
			case "repeat":
				emitRepeat(each);
				return;
		}
	};
	emit(node);
	push({ op: "match" });
	return program;
}

/** Where in a text a place stands: what is on both sides. -1 is outside of the text. */
interface Surroundings {
	readonly before: number;
	readonly after: number;
}

function holds(assertion: Assertion, { before, after }: Surroundings): boolean {
	switch (assertion) {
		case "textStart":
			return before === -1;
		case "textEnd":
			return after === -1;
		case "lineStart":
			return before === -1 || before === 10;
		case "lineEnd":
			return after === -1 || after === 10;
		case "wordBoundary":
			return isWordCode(before) !== isWordCode(after);
		case "noWordBoundary":
			return isWordCode(before) === isWordCode(after);
	}
}

/** A set of places behind the same text. */
interface State {
	readonly places: readonly number[];
	readonly isMatch: boolean;
	readonly next: Map<number, State>;
}

export class CelRegex {
	readonly #program: readonly Instruction[];
	/** Whether assertions look at more than the ends of the text: then states would depend on what comes next. */
	readonly #looksAround: boolean;
	/** Marks places that a closure has been at, by the number of the closure. */
	readonly #seen: Int32Array;
	#closure = 0;
	#states = new Map<string, State>();
	#size = 0;

	constructor(program: readonly Instruction[]) {
		this.#program = program;
		this.#seen = new Int32Array(program.length);
		this.#looksAround = program.some(
			({ op, ...rest }) => op === "assert" && !["textStart", "textEnd"].includes((rest as { assertion: Assertion }).assertion),
		);
	}

	/** Whether the pattern matches somewhere in the text. */
	test(text: string): boolean {
		if (this.#looksAround) return this.#search(text, 0, true, { steps: 0 }) !== undefined;
		let state = this.#state([0], { before: -1, after: -2 });
		for (let at = 0; at < text.length; ) {
			if (state.isMatch) return true;
			const code = text.codePointAt(at) ?? 0;
			state = state.next.get(code) ?? this.#step(state, code);
			at += code > 0xffff ? 2 : 1;
		}
		return state.isMatch || this.#matchesAtEnd(state, text === "");
	}

	/** The leftmost match, as Perl would prefer it: its bounds in the text. */
	find(text: string): readonly [start: number, end: number] | undefined {
		return this.#search(text, 0, false, { steps: 0 });
	}

	/** All matches that do not overlap, as Go's FindAllString: at most `limit` of them, all for a negative one. */
	findAll(text: string, limit: number): readonly string[] {
		const found: string[] = [];
		const spent = { steps: 0 };
		let previousEnd = -1;
		for (let at = 0; at <= text.length && (limit < 0 || found.length < limit); ) {
			const match = this.#search(text, at, false, spent);
			if (match === undefined) break;
			const [start, end] = match;
			// An empty match right behind another is none.
			if (end > start || start !== previousEnd) found.push(text.slice(start, end));
			previousEnd = end;
			at = end > start ? end : end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
		}
		return found;
	}

	#step(state: State, code: number): State {
		if (this.#size >= maxAutomatonSize) {
			this.#states = new Map();
			this.#size = 0;
		}
		const places: number[] = [];
		for (const place of state.places) {
			const instruction = this.#program[place];
			if (instruction?.op === "char" && instruction.matches(code)) places.push(place + 1);
		}
		places.push(0);
		const next = this.#state(places, { before: code, after: -2 });
		state.next.set(code, next);
		this.#size++;
		return next;
	}

	#state(places: readonly number[], around: Surroundings): State {
		const closed = this.#close(places, around);
		const key = closed.join(",");
		const known = this.#states.get(key);
		if (known !== undefined) return known;
		const state = { places: closed, isMatch: closed.some((place) => this.#program[place]?.op === "match"), next: new Map() };
		this.#states.set(key, state);
		this.#size++;
		return state;
	}

	/** Whether what waits for the end of the text is a match there. */
	#matchesAtEnd({ places }: State, isEmpty: boolean): boolean {
		return this.#close(places, { before: isEmpty ? -1 : -2, after: -1 }).some((place) => this.#program[place]?.op === "match");
	}

	/** Places that need a character, wait for an assertion or are a match, reachable from `places`, the preferred first. */
	#close(places: readonly number[], around: Surroundings): readonly number[] {
		const closure = ++this.#closure;
		const closed: number[] = [];
		const stack = [...places].reverse();
		for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
			const instruction = this.#program[place];
			if (instruction === undefined || this.#seen[place] === closure) continue;
			this.#seen[place] = closure;
			if (instruction.op === "jump") stack.push(instruction.next);
			else if (instruction.op === "split") stack.push(instruction.other, instruction.next);
			else if (instruction.op !== "assert") closed.push(place);
			else if (holds(instruction.assertion, around)) stack.push(place + 1);
			// -2 is what is not known yet: the place waits.
			else if (around.after === -2 && instruction.assertion === "textEnd") closed.push(place);
		}
		return closed;
	}

	/**
	 * @param anyEnd whether the first match found is enough, wherever it ends
	 * @param spent what searches that belong together have done so far
	 */
	#search(text: string, from: number, anyEnd: boolean, spent: { steps: number }): readonly [start: number, end: number] | undefined {
		let threads: readonly Thread[] = [];
		let found: readonly [number, number] | undefined;
		for (let at = from; ; ) {
			const after = at < text.length ? (text.codePointAt(at) ?? -1) : -1;
			const before = at > 0 ? codeBefore(text, at) : -1;
			const seeds = found === undefined ? [...threads, { place: 0, start: at }] : threads;
			if (seeds.length === 0) return found;
			const next: Thread[] = [];
			spent.steps += seeds.length;
			if (spent.steps > maxSearchSteps) throw new CostLimitExceeded();
			for (const { place, start } of this.#closeThreads(seeds, { before, after })) {
				const instruction = this.#program[place];
				if (instruction?.op === "match") {
					found = [start, at];
					// Threads behind this one are less preferred.
					break;
				}
				if (instruction?.op === "char" && after !== -1 && instruction.matches(after)) next.push({ place: place + 1, start });
			}
			if (after === -1 || (anyEnd && found !== undefined)) return found;
			threads = next;
			at += after > 0xffff ? 2 : 1;
		}
	}

	#closeThreads(seeds: readonly Thread[], around: Surroundings): readonly Thread[] {
		const closure = ++this.#closure;
		const closed: Thread[] = [];
		for (const { place: seed, start } of seeds) {
			const stack = [seed];
			for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
				const instruction = this.#program[place];
				if (instruction === undefined || this.#seen[place] === closure) continue;
				this.#seen[place] = closure;
				if (instruction.op === "jump") stack.push(instruction.next);
				else if (instruction.op === "split") stack.push(instruction.other, instruction.next);
				else if (instruction.op !== "assert") closed.push({ place, start });
				else if (holds(instruction.assertion, around)) stack.push(place + 1);
			}
		}
		return closed;
	}
}

interface Thread {
	readonly place: number;
	/** Where in the text the match begins. */
	readonly start: number;
}

function codeBefore(text: string, at: number): number {
	const code = text.charCodeAt(at - 1);
	return code >= 0xdc00 && code < 0xe000 && at > 1 ? (text.codePointAt(at - 2) ?? code) : code;
}
