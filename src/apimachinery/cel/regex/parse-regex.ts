/**
 * RE2's syntax → a tree. What RE2 refuses (look-around, back references, repeats above 1000) is refused with Go's text.
 * Source: https://github.com/google/re2/wiki/Syntax; the texts are those of Go's regexp/syntax.
 */

/** Whether a code point belongs to a class. */
export type Matcher = (code: number) => boolean;

export type Assertion = "textStart" | "textEnd" | "lineStart" | "lineEnd" | "wordBoundary" | "noWordBoundary";

export type RegexNode =
	| { readonly kind: "empty" }
	| { readonly kind: "char"; readonly matches: Matcher }
	| { readonly kind: "assert"; readonly assertion: Assertion }
	| { readonly kind: "concat"; readonly parts: readonly RegexNode[] }
	| { readonly kind: "either"; readonly parts: readonly RegexNode[] }
	| { readonly kind: "repeat"; readonly part: RegexNode; readonly min: number; readonly max: number | undefined; readonly isLazy: boolean };

/** A pattern that RE2 refuses; the message is Go's. */
export class RegexSyntaxError extends Error {
	override readonly name = "RegexSyntaxError";

	constructor(problem: string, piece: string) {
		super(`error parsing regexp: ${problem}: \`${piece}\``);
	}
}

const maxRepeat = 1000;
const maxDepth = 1000;

interface Flags {
	readonly ignoreCase: boolean;
	readonly multiLine: boolean;
	readonly dotAll: boolean;
	readonly swapGreed: boolean;
}

export function parseRegex(pattern: string): RegexNode {
	return new RegexParser(pattern).parse();
}

const empty: RegexNode = { kind: "empty" };

class RegexParser {
	readonly #pattern: string;
	readonly #points: readonly string[];
	#at = 0;
	#depth = 0;
	#flags: Flags = { ignoreCase: false, multiLine: false, dotAll: false, swapGreed: false };

	constructor(pattern: string) {
		this.#pattern = pattern;
		this.#points = Array.from(pattern);
	}

	parse(): RegexNode {
		const node = this.#either();
		if (this.#at < this.#points.length) throw new RegexSyntaxError("unexpected )", this.#pattern);
		return node;
	}

	get #point(): string | undefined {
		return this.#points[this.#at];
	}

	#either(): RegexNode {
		if (++this.#depth > maxDepth) throw new RegexSyntaxError("expression nests too deeply", this.#pattern);
		const parts = [this.#concat()];
		while (this.#point === "|") {
			this.#at++;
			parts.push(this.#concat());
		}
		this.#depth--;
		return parts.length === 1 ? (parts[0] ?? empty) : { kind: "either", parts };
	}

	#concat(): RegexNode {
		const parts: RegexNode[] = [];
		while (this.#at < this.#points.length && this.#point !== "|" && this.#point !== ")") {
			const start = this.#at;
			const atom = this.#atom();
			parts.push(this.#repeated(atom, start));
		}
		return parts.length === 1 ? (parts[0] ?? empty) : { kind: "concat", parts };
	}

	#repeated(atom: RegexNode, start: number): RegexNode {
		let node = atom;
		let operatorAt: number | undefined;
		for (;;) {
			const at = this.#at;
			const range = this.#repeatRange();
			if (range === undefined) return node;
			if (operatorAt !== undefined) {
				throw new RegexSyntaxError("invalid nested repetition operator", this.#points.slice(operatorAt, this.#at).join(""));
			}
			operatorAt = at;
			const [min, max] = range;
			if (min > maxRepeat || (max ?? 0) > maxRepeat || (max !== undefined && max < min)) {
				throw new RegexSyntaxError("invalid repeat count", this.#points.slice(at, this.#at).join(""));
			}
			const isLazy = this.#point === "?";
			if (isLazy) this.#at++;
			node = { kind: "repeat", part: node, min, max, isLazy: isLazy !== this.#flags.swapGreed };
			if (repeatProduct(node) > maxRepeat) {
				throw new RegexSyntaxError("invalid repeat count", this.#points.slice(at, this.#at).join("") || String(start));
			}
		}
	}

	#repeatRange(): readonly [min: number, max: number | undefined] | undefined {
		const simple: Readonly<Record<string, readonly [number, number | undefined]>> = {
			"*": [0, undefined],
			"+": [1, undefined],
			"?": [0, 1],
		};
		const found = Object.hasOwn(simple, this.#point ?? "") ? simple[this.#point ?? ""] : undefined;
		if (found !== undefined) {
			this.#at++;
			return found;
		}
		if (this.#point !== "{") return undefined;
		const parts = /^\{(\d+)(,(\d*))?\}/.exec(this.#points.slice(this.#at, this.#at + 24).join(""));
		if (parts === null) return undefined;
		this.#at += parts[0].length;
		const min = Number(parts[1]);
		return [min, parts[2] === undefined ? min : parts[3] === "" ? undefined : Number(parts[3])];
	}

	#atom(): RegexNode {
		const point = this.#points[this.#at++] ?? "";
		switch (point) {
			case "(":
				return this.#group();
			case "[":
				return this.#char(this.#bracketClass());
			case ".":
				return { kind: "char", matches: this.#flags.dotAll ? () => true : (code) => code !== 10 };
			case "^":
				return { kind: "assert", assertion: this.#flags.multiLine ? "lineStart" : "textStart" };
			case "$":
				return { kind: "assert", assertion: this.#flags.multiLine ? "lineEnd" : "textEnd" };
			case "\\":
				return this.#escape();
			case "*":
			case "+":
			case "?":
				throw new RegexSyntaxError("missing argument to repetition operator", point);
			case "{":
				// A brace that begins no repeat stands for itself.
				this.#at--;
				if (this.#repeatRange() !== undefined) throw new RegexSyntaxError("missing argument to repetition operator", "{");
				this.#at++;
				return this.#literal(point);
			default:
				return this.#literal(point);
		}
	}

	#literal(point: string): RegexNode {
		return this.#char(single(point.codePointAt(0) ?? 0));
	}

	#char(matches: Matcher): RegexNode {
		return { kind: "char", matches: this.#flags.ignoreCase ? foldCase(matches) : matches };
	}

	#group(): RegexNode {
		const start = this.#at - 1;
		const outer = this.#flags;
		if (this.#point === "?") {
			const rest = this.#points.slice(this.#at, this.#at + 200).join("");
			const name = /^\?P?<([A-Za-z0-9_]*)>/.exec(rest);
			if (name !== null) {
				if (name[1] === "") throw new RegexSyntaxError("invalid named capture", `(${name[0]}`);
				this.#at += name[0].length;
			} else {
				const flags = /^\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(rest);
				if (flags === null) {
					throw new RegexSyntaxError("invalid or unsupported Perl syntax", `(${rest.slice(0, rest.startsWith("?<") ? 3 : 2)}`);
				}
				this.#at += flags[0].length;
				this.#flags = applyFlags(outer, flags[1] ?? "", flags[2] ?? "");
				if (flags[3] === ")") return empty;
			}
		}
		const node = this.#either();
		if (this.#point !== ")") throw new RegexSyntaxError("missing closing )", this.#pattern);
		this.#at++;
		this.#flags = outer;
		return node.kind === "empty" ? { kind: "concat", parts: [] } : { kind: "concat", parts: [node, ...(start < 0 ? [empty] : [])] };
	}

	#escape(): RegexNode {
		const point = this.#point;
		if (point === undefined) throw new RegexSyntaxError("trailing backslash at end of expression", "");
		const assertions: Readonly<Record<string, Assertion>> = { A: "textStart", z: "textEnd", b: "wordBoundary", B: "noWordBoundary" };
		const assertion = Object.hasOwn(assertions, point) ? assertions[point] : undefined;
		if (assertion !== undefined) {
			this.#at++;
			return { kind: "assert", assertion };
		}
		if (point === "Q") return this.#quoted();
		return this.#char(this.#escapedClass() ?? single(this.#escapedChar()));
	}

	/** `\Q...\E`. */
	#quoted(): RegexNode {
		this.#at++;
		const parts: RegexNode[] = [];
		while (this.#at < this.#points.length) {
			if (this.#point === "\\" && this.#points[this.#at + 1] === "E") {
				this.#at += 2;
				break;
			}
			parts.push(this.#literal(this.#points[this.#at++] ?? ""));
		}
		return { kind: "concat", parts };
	}

	/** `\d`, `\pL`, `\p{Greek}` behind the backslash. */
	#escapedClass(): Matcher | undefined {
		const point = this.#point ?? "";
		const perl = Object.hasOwn(perlClasses, point) ? perlClasses[point] : undefined;
		if (perl !== undefined) {
			this.#at++;
			return perl;
		}
		if (point !== "p" && point !== "P") return undefined;
		const parts = /^[pP](?:\{(\^?)([A-Za-z_]+)\}|([A-Z]))/.exec(this.#points.slice(this.#at, this.#at + 64).join(""));
		const name = parts?.[2] ?? parts?.[3];
		const matches = name === undefined ? undefined : unicodeClass(name);
		if (parts === null || matches === undefined) {
			throw new RegexSyntaxError("invalid character class range", `\\${parts?.[0] ?? point}`);
		}
		this.#at += parts[0].length;
		return (point === "P") !== (parts[1] === "^") ? not(matches) : matches;
	}

	#escapedChar(): number {
		const rest = this.#points.slice(this.#at, this.#at + 12).join("");
		const hex = /^x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})/.exec(rest);
		if (hex !== null) {
			const code = Number.parseInt(hex[1] ?? hex[2] ?? "", 16);
			if (code > 0x10ffff) throw new RegexSyntaxError("invalid escape sequence", `\\${hex[0]}`);
			this.#at += hex[0].length;
			return code;
		}
		const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest);
		if (octal !== null) {
			this.#at += octal[0].length;
			return Number.parseInt(octal[0], 8);
		}
		const point = this.#points[this.#at++] ?? "";
		const control: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };
		const code = Object.hasOwn(control, point) ? control[point] : undefined;
		if (code !== undefined) return code;
		const plain = point.codePointAt(0) ?? 0;
		if (plain < 0x80 && !/[A-Za-z0-9]/.test(point)) return plain;
		throw new RegexSyntaxError("invalid escape sequence", `\\${point}`);
	}

	#bracketClass(): Matcher {
		const start = this.#at - 1;
		const isNegated = this.#point === "^";
		if (isNegated) this.#at++;
		const members: Matcher[] = [];
		for (let isFirst = true; isFirst || this.#point !== "]"; isFirst = false) {
			if (this.#at >= this.#points.length) throw new RegexSyntaxError("missing closing ]", this.#points.slice(start).join(""));
			members.push(this.#classMember());
		}
		this.#at++;
		const any: Matcher = (code) => members.some((matches) => matches(code));
		return isNegated ? not(this.#flags.ignoreCase ? foldCase(any) : any) : any;
	}

	#classMember(): Matcher {
		const start = this.#at;
		const posix = /^\[:(\^?)([a-z]+):\]/.exec(this.#points.slice(start, start + 16).join(""));
		if (posix !== null) {
			const matches = Object.hasOwn(posixClasses, posix[2] ?? "") ? posixClasses[posix[2] ?? ""] : undefined;
			if (matches === undefined) throw new RegexSyntaxError("invalid character class range", posix[0]);
			this.#at += posix[0].length;
			return posix[1] === "^" ? not(matches) : matches;
		}
		if (this.#point === "\\") {
			this.#at++;
			const escaped = this.#escapedClass();
			if (escaped !== undefined) return escaped;
			this.#at--;
		}
		const low = this.#classChar();
		if (this.#point !== "-" || this.#points[this.#at + 1] === "]" || this.#points[this.#at + 1] === undefined) return single(low);
		this.#at++;
		const high = this.#classChar();
		if (high < low) throw new RegexSyntaxError("invalid character class range", this.#points.slice(start, this.#at).join(""));
		return range(low, high);
	}

	#classChar(): number {
		const point = this.#points[this.#at++] ?? "";
		if (point !== "\\") return point.codePointAt(0) ?? 0;
		if (this.#at >= this.#points.length) throw new RegexSyntaxError("trailing backslash at end of expression", "");
		return this.#escapedChar();
	}
}

function applyFlags(flags: Flags, on: string, off: string): Flags {
	const value = (letter: string, before: boolean) => (on.includes(letter) ? true : off.includes(letter) ? false : before);
	return {
		ignoreCase: value("i", flags.ignoreCase),
		multiLine: value("m", flags.multiLine),
		dotAll: value("s", flags.dotAll),
		swapGreed: value("U", flags.swapGreed),
	};
}

/** How many copies of the innermost part nested counted repeats make. */
function repeatProduct(node: RegexNode): number {
	switch (node.kind) {
		case "repeat": {
			const count = node.max ?? node.min;
			return Math.max(count, 1) * repeatProduct(node.part);
		}
		case "concat":
		case "either":
			return node.parts.reduce((most, part) => Math.max(most, repeatProduct(part)), 1);
		default:
			return 1;
	}
}

const single =
	(wanted: number): Matcher =>
	(code) =>
		code === wanted;
const range =
	(low: number, high: number): Matcher =>
	(code) =>
		code >= low && code <= high;
const not =
	(matches: Matcher): Matcher =>
	(code) =>
		!matches(code);
const anyOf =
	(...all: readonly Matcher[]): Matcher =>
	(code) =>
		all.some((matches) => matches(code));

/** Either case of a letter. */
const foldCase =
	(matches: Matcher): Matcher =>
	(code) => {
		if (matches(code)) return true;
		const text = String.fromCodePoint(code);
		const lower = text.toLowerCase();
		const upper = text.toUpperCase();
		return (lower !== text && matches(lower.codePointAt(0) ?? 0)) || (upper !== text && matches(upper.codePointAt(0) ?? 0));
	};

const digit = range(48, 57);
const upperCase = range(65, 90);
const lowerCase = range(97, 122);
const alpha = anyOf(upperCase, lowerCase);
const word = anyOf(digit, alpha, single(95));
const space: Matcher = (code) => code === 32 || code === 9 || code === 10 || code === 12 || code === 13;

const perlClasses: Readonly<Record<string, Matcher>> = { d: digit, D: not(digit), w: word, W: not(word), s: space, S: not(space) };

const posixClasses: Readonly<Record<string, Matcher>> = {
	alnum: anyOf(digit, alpha),
	alpha,
	ascii: range(0, 127),
	blank: anyOf(single(9), single(32)),
	cntrl: anyOf(range(0, 31), single(127)),
	digit,
	graph: range(33, 126),
	lower: lowerCase,
	print: range(32, 126),
	punct: anyOf(range(33, 47), range(58, 64), range(91, 96), range(123, 126)),
	space: anyOf(space, single(11)),
	upper: upperCase,
	word,
	xdigit: anyOf(digit, range(65, 70), range(97, 102)),
};

/** A general category or a script. A JavaScript pattern of one character class decides, which takes constant time. */
function unicodeClass(name: string): Matcher | undefined {
	for (const property of [`\\p{${name}}`, `\\p{Script=${name}}`]) {
		try {
			const pattern = new RegExp(`^${property}$`, "u");
			return (code) => pattern.test(String.fromCodePoint(code));
		} catch (error) {
			if (!(error instanceof SyntaxError)) throw error;
		}
	}
	return undefined;
}

/** What `\b` takes for a word. */
export const isWordCode: Matcher = word;
