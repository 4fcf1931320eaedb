/**
 * The syntax of Go's regular expressions, as a tree. It is RE2's: no back references and no look-around, so that every
 * expression can be matched in time linear in the text.
 * Source: https://github.com/google/re2/wiki/Syntax and the error texts of Go's regexp/syntax.
 */

/** Whether a code point is one of a set. */
export type CharacterTest = (codePoint: number) => boolean;

export type Assertion = "begin-text" | "end-text" | "begin-line" | "end-line" | "word-boundary" | "no-word-boundary";

export type SyntaxNode =
	| { readonly form: "character"; readonly test: CharacterTest }
	| { readonly form: "assertion"; readonly assertion: Assertion }
	| { readonly form: "sequence"; readonly parts: readonly SyntaxNode[] }
	| { readonly form: "choice"; readonly parts: readonly SyntaxNode[] }
	/** `max` undefined: without end. */
	| { readonly form: "repeat"; readonly part: SyntaxNode; readonly min: number; readonly max: number | undefined };

/** What Go says of an expression that it can't read: `error parsing regexp: missing closing ): ` and the expression. */
export class RegexpError extends Error {
	override readonly name = "RegexpError";

	constructor(why: string, where: string) {
		super(`error parsing regexp: ${why}: \`${where}\``);
	}
}

/** A repetition of more than this is refused, as is one of repetitions that comes to more. */
const maxRepeat = 1000;
/** Groups within groups. */
const maxDepth = 1000;

interface Flags {
	readonly ignoresCase: boolean;
	readonly isMultiline: boolean;
	readonly dotMatchesNewline: boolean;
}

const empty: SyntaxNode = { form: "sequence", parts: [] };
const newline = 10;

/** Throws RegexpError. */
export function parseRegexp(source: string): SyntaxNode {
	const parser = new Parser(source);
	const node = parser.choice({ ignoresCase: false, isMultiline: false, dotMatchesNewline: false }, 0);
	if (!parser.isAtEnd) throw new RegexpError("unexpected )", source);
	checkRepeats(node, 1, source);
	return node;
}

function checkRepeats(node: SyntaxNode, times: number, source: string): void {
	if (node.form === "repeat") {
		const product = times * Math.max(1, node.max ?? node.min);
		if (product > maxRepeat) throw new RegexpError("invalid repeat count", source);
		checkRepeats(node.part, product, source);
	} else if (node.form === "sequence" || node.form === "choice") for (const part of node.parts) checkRepeats(part, times, source);
}

class Parser {
	readonly #source: string;
	readonly #points: readonly string[];
	#at = 0;

	constructor(source: string) {
		this.#source = source;
		this.#points = Array.from(source);
	}

	get isAtEnd(): boolean {
		return this.#at >= this.#points.length;
	}

	/** Alternatives up to the end or a closing bracket. */
	choice(flags: Flags, depth: number): SyntaxNode {
		if (depth > maxDepth) throw new RegexpError("expression nests too deeply", this.#source);
		const parts: SyntaxNode[] = [];
		let current = flags;
		for (;;) {
			const { node, flags: after } = this.#sequence(current, depth);
			current = after;
			parts.push(node);
			if (!this.#take("|")) break;
		}
		const [only] = parts;
		return parts.length === 1 && only !== undefined ? only : { form: "choice", parts };
	}

	#sequence(flags: Flags, depth: number): { readonly node: SyntaxNode; readonly flags: Flags } {
		const parts: SyntaxNode[] = [];
		let current = flags;
		while (!this.isAtEnd && this.#peek() !== "|" && this.#peek() !== ")") {
			const start = this.#at;
			if (this.#startsWith("\\Q")) {
				parts.push(...this.#quoted(current));
				continue;
			}
			const changed = this.#flagGroup(current);
			if (changed !== undefined) {
				current = changed;
				continue;
			}
			const atom = this.#atom(current, depth);
			parts.push(this.#repeated(atom, start));
		}
		return { node: { form: "sequence", parts }, flags: current };
	}

	#quoted(flags: Flags): readonly SyntaxNode[] {
		this.#at += 2;
		const parts: SyntaxNode[] = [];
		while (!this.isAtEnd && !this.#startsWith("\\E")) parts.push(character(this.#next(), flags));
		if (!this.isAtEnd) this.#at += 2;
		return parts;
	}

	/** `(?i)`: flags for the rest of the group. Undefined for anything else. */
	#flagGroup(flags: Flags): Flags | undefined {
		const rest = this.#points.slice(this.#at, this.#at + 16).join("");
		const match = /^\(\?([a-zA-Z]*)(?:-([a-zA-Z]+))?\)/.exec(rest);
		if (match === null) return undefined;
		const [whole, on = "", off = ""] = match;
		this.#checkFlags(on + off, whole);
		this.#at += whole.length;
		return withFlags(flags, on, off);
	}

	#checkFlags(letters: string, shown: string): void {
		if (letters === "" || /[^imsU]/.test(letters)) throw new RegexpError("invalid or unsupported Perl syntax", shown);
	}

	#atom(flags: Flags, depth: number): SyntaxNode {
		const point = this.#next();
		switch (point) {
			case "(":
				return this.#group(flags, depth);
			case "[":
				return { form: "character", test: this.#class(flags) };
			case ".":
				return { form: "character", test: flags.dotMatchesNewline ? () => true : (code) => code !== newline };
			case "^":
				return { form: "assertion", assertion: flags.isMultiline ? "begin-line" : "begin-text" };
			case "$":
				return { form: "assertion", assertion: flags.isMultiline ? "end-line" : "end-text" };
			case "\\":
				return this.#escape(flags);
			case "*":
			case "+":
			case "?":
				throw new RegexpError("missing argument to repetition operator", point);
			default:
				return character(point, flags);
		}
	}

	#group(flags: Flags, depth: number): SyntaxNode {
		let inner = flags;
		if (this.#startsWith("?")) {
			const rest = this.#points.slice(this.#at).join("");
			const named = /^\?P?<([A-Za-z_]\w*)>/.exec(rest);
			const flagged = /^\?([a-zA-Z]*)(?:-([a-zA-Z]+))?:/.exec(rest);
			if (named !== null) this.#at += named[0].length;
			else if (flagged !== null) {
				const [whole, on = "", off = ""] = flagged;
				if (on + off !== "") this.#checkFlags(on + off, `(${whole}`);
				inner = withFlags(flags, on, off);
				this.#at += whole.length;
			} else if (/^\?P?<[A-Za-z_0-9]*>?/.test(rest) && !/^\?<[=!]/.test(rest)) {
				throw new RegexpError("invalid named capture", `(${/^\?P?<[^>]*>?/.exec(rest)?.[0] ?? ""}`);
			} else throw new RegexpError("invalid or unsupported Perl syntax", `(${rest.slice(0, /^\?<?./.exec(rest)?.[0].length ?? 1)}`);
		}
		const node = this.choice(inner, depth + 1);
		if (!this.#take(")")) throw new RegexpError("missing closing )", this.#source);
		return node;
	}

	/** The atom with the quantifiers that follow it. */
	#repeated(atom: SyntaxNode, start: number): SyntaxNode {
		const first = this.#quantifier();
		if (first === undefined) return atom;
		this.#take("?");
		const second = this.#at;
		if (this.#quantifier() !== undefined) {
			throw new RegexpError(
				"invalid nested repetition operator",
				this.#points.slice(this.#quantifierStart(second, start), this.#at).join(""),
			);
		}
		return { form: "repeat", part: atom, ...first };
	}

	/** Where the quantifier before `end` begins. */
	#quantifierStart(end: number, start: number): number {
		let at = end - 1;
		if (this.#points[at] === "?" && /[*+?}]/.test(this.#points[at - 1] ?? "") && at - 1 > start) at--;
		if (this.#points[at] === "}") while (at > start && this.#points[at] !== "{") at--;
		return at;
	}

	#quantifier(): { readonly min: number; readonly max: number | undefined } | undefined {
		if (this.#take("*")) return { min: 0, max: undefined };
		if (this.#take("+")) return { min: 1, max: undefined };
		if (this.#take("?")) return { min: 0, max: 1 };
		if (this.#peek() !== "{") return undefined;
		const match = /^\{(\d{1,9})(,(\d{0,9}))?\}/.exec(this.#points.slice(this.#at, this.#at + 24).join(""));
		// What does not look like a count stands for itself.
		if (match === null) return undefined;
		const [whole, low = "", comma, high = ""] = match;
		const min = Number(low);
		const max = comma === undefined ? min : high === "" ? undefined : Number(high);
		if (min > maxRepeat || (max !== undefined && (max > maxRepeat || max < min))) throw new RegexpError("invalid repeat count", whole);
		this.#at += whole.length;
		return { min, max };
	}

	#escape(flags: Flags): SyntaxNode {
		if (this.isAtEnd) throw new RegexpError("trailing backslash at end of expression", "");
		switch (this.#peek()) {
			case "A":
				this.#at++;
				return { form: "assertion", assertion: "begin-text" };
			case "z":
				this.#at++;
				return { form: "assertion", assertion: "end-text" };
			case "b":
				this.#at++;
				return { form: "assertion", assertion: "word-boundary" };
			case "B":
				this.#at++;
				return { form: "assertion", assertion: "no-word-boundary" };
			case "E":
				this.#at++;
				return empty;
			default: {
				const set = this.#perlClass() ?? this.#unicodeClass();
				if (set !== undefined) return { form: "character", test: foldedTest(set, flags) };
				return character(String.fromCodePoint(this.#escapedPoint()), flags);
			}
		}
	}

	/** `\d`, `\W` …, after the backslash. */
	#perlClass(): CharacterTest | undefined {
		const letter = this.#peek() ?? "";
		const set = perlClasses[letter.toLowerCase()];
		if (set === undefined || !/[a-zA-Z]/.test(letter)) return undefined;
		this.#at++;
		return letter === letter.toLowerCase() ? set : (code) => !set(code);
	}

	/** `\pL`, `\p{Greek}`, `\P{^Lu}`, after the backslash. */
	#unicodeClass(): CharacterTest | undefined {
		const letter = this.#peek();
		if (letter !== "p" && letter !== "P") return undefined;
		const match = /^[pP](?:\{(\^?)(\w+)\}|([A-Za-z]))/.exec(this.#points.slice(this.#at, this.#at + 40).join(""));
		const name = match?.[2] ?? match?.[3];
		if (match === null || name === undefined) throw new RegexpError("invalid character class range", `\\${letter}`);
		const set = unicodeSet(name);
		if (set === undefined) throw new RegexpError("invalid character class range", `\\${match[0]}`);
		this.#at += match[0].length;
		return (letter === "P") !== (match[1] === "^") ? (code) => !set(code) : set;
	}

	/** The code point of an escape, after its backslash. */
	#escapedPoint(): number {
		const rest = this.#points.slice(this.#at, this.#at + 12).join("");
		const hex = /^x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))/.exec(rest);
		if (hex !== null) {
			const code = Number.parseInt(hex[1] ?? hex[2] ?? "", 16);
			if (code > 0x10ffff) throw new RegexpError("invalid escape sequence", `\\${hex[0]}`);
			this.#at += hex[0].length;
			return code;
		}
		const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest);
		if (octal !== null) {
			this.#at += octal[0].length;
			return Number.parseInt(octal[0], 8);
		}
		const point = this.#next();
		const control = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }[point];
		if (control !== undefined) return control;
		const code = point.codePointAt(0) ?? 0;
		if (code < 0x80 && !/\w/.test(point)) return code;
		throw new RegexpError("invalid escape sequence", `\\${point}`);
	}

	/** After its opening bracket. */
	#class(flags: Flags): CharacterTest {
		const start = this.#at - 1;
		const isNegated = this.#take("^");
		const tests: CharacterTest[] = [];
		for (let isFirst = true; isFirst || this.#peek() !== "]"; isFirst = false) {
			if (this.isAtEnd) throw new RegexpError("missing closing ]", this.#points.slice(start).join(""));
			tests.push(this.#classItem(start));
		}
		this.#at++;
		const any: CharacterTest = (code) => tests.some((test) => test(code));
		const folded = foldedTest(any, flags);
		return isNegated ? (code) => !folded(code) : folded;
	}

	#classItem(start: number): CharacterTest {
		const posix = /^\[:(\^?)(\w+):\]/.exec(this.#points.slice(this.#at, this.#at + 16).join(""));
		if (posix !== null) {
			const set = posixClasses[posix[2] ?? ""];
			if (set === undefined) throw new RegexpError("invalid character class range", posix[0]);
			this.#at += posix[0].length;
			return posix[1] === "^" ? (code) => !set(code) : set;
		}
		if (this.#peek() === "\\") {
			this.#at++;
			const set = this.#perlClass() ?? this.#unicodeClass();
			if (set !== undefined) return set;
			this.#at--;
		}
		const itemStart = this.#at;
		const low = this.#classPoint(start);
		if (this.#peek() !== "-" || this.#points[this.#at + 1] === "]" || this.#at + 1 >= this.#points.length) return (code) => code === low;
		this.#at++;
		const high = this.#classPoint(start);
		if (high < low) throw new RegexpError("invalid character class range", this.#points.slice(itemStart, this.#at).join(""));
		return (code) => code >= low && code <= high;
	}

	#classPoint(start: number): number {
		if (this.isAtEnd) throw new RegexpError("missing closing ]", this.#points.slice(start).join(""));
		const point = this.#next();
		if (point !== "\\") return point.codePointAt(0) ?? 0;
		if (this.isAtEnd) throw new RegexpError("trailing backslash at end of expression", "");
		return this.#escapedPoint();
	}

	#peek(): string | undefined {
		return this.#points[this.#at];
	}

	#next(): string {
		return this.#points[this.#at++] ?? "";
	}

	#take(point: string): boolean {
		if (this.#points[this.#at] !== point) return false;
		this.#at++;
		return true;
	}

	#startsWith(text: string): boolean {
		for (let index = 0; index < text.length; index++) if (this.#points[this.#at + index] !== text[index]) return false;
		return true;
	}
}

function withFlags(flags: Flags, on: string, off: string): Flags {
	const value = (letter: string, current: boolean) => (off.includes(letter) ? false : current || on.includes(letter));
	return {
		ignoresCase: value("i", flags.ignoresCase),
		isMultiline: value("m", flags.isMultiline),
		dotMatchesNewline: value("s", flags.dotMatchesNewline),
	};
}

function character(point: string, flags: Flags): SyntaxNode {
	const code = point.codePointAt(0) ?? 0;
	return { form: "character", test: foldedTest((other) => other === code, flags) };
}

/** A test that, where case does not matter, counts a character's other case, too. */
function foldedTest(test: CharacterTest, { ignoresCase }: Flags): CharacterTest {
	if (!ignoresCase) return test;
	return (code) => {
		if (test(code)) return true;
		const point = String.fromCodePoint(code);
		const [lower, upper] = [point.toLowerCase(), point.toUpperCase()];
		return [lower, upper].some((other) => Array.from(other).length === 1 && test(other.codePointAt(0) ?? 0));
	};
}

/** Word characters of `\w` and `\b`: ASCII only. */
export const isWordCharacter: CharacterTest = (code) =>
	(code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122);

const between =
	(low: number, high: number): CharacterTest =>
	(code) =>
		code >= low && code <= high;
const oneOf =
	(...tests: readonly CharacterTest[]): CharacterTest =>
	(code) =>
		tests.some((test) => test(code));
const among = (points: string): CharacterTest => {
	const codes = new Set(Array.from(points, (point) => point.codePointAt(0) ?? 0));
	return (code) => codes.has(code);
};

const digit = between(48, 57);
const upper = between(65, 90);
const lower = between(97, 122);

const perlClasses: Readonly<Record<string, CharacterTest>> = { d: digit, w: isWordCharacter, s: among("\t\n\f\r ") };

const posixClasses: Readonly<Record<string, CharacterTest>> = {
	alnum: oneOf(digit, upper, lower),
	alpha: oneOf(upper, lower),
	ascii: between(0, 127),
	blank: among("\t "),
	cntrl: oneOf(between(0, 31), between(127, 127)),
	digit,
	graph: between(33, 126),
	lower,
	print: between(32, 126),
	punct: oneOf(between(33, 47), between(58, 64), between(91, 96), between(123, 126)),
	space: among("\t\n\v\f\r "),
	upper,
	word: isWordCharacter,
	xdigit: oneOf(digit, between(65, 70), between(97, 102)),
};

/** General categories and scripts by their Unicode names. */
function unicodeSet(name: string): CharacterTest | undefined {
	if (name === "Any") return () => true;
	for (const property of [name, `Script=${name}`]) {
		// Only names of categories may stand alone: `\p{Alphabetic}` is not Go's.
		if (property === name && !/^[CLMNPSZ][a-z]?$/.test(name)) continue;
		try {
			// One character against one property: there is nothing to go back over.
			const expression = new RegExp(`^\\p{${property}}$`, "u");
			return (code) => expression.test(String.fromCodePoint(code));
		} catch (error) {
			if (!(error instanceof SyntaxError)) throw error;
		}
	}
	return undefined;
}
