/**
 * Tokens of CEL. Source: the grammar of the CEL specification (cel-spec, doc/langdef.md#syntax) and the texts of
 * github.com/google/cel-go/parser.
 */
import type { Issue, Source } from "./source.ts";

export type TokenType = "eof" | "ident" | "escaped" | "int" | "uint" | "double" | "string" | "bytes" | "sign";

export interface Token {
	readonly type: TokenType;
	/** As written, quotes included. `<EOF>` at the end. */
	readonly text: string;
	readonly at: number;
}

const signs = [
	"==",
	"!=",
	"<=",
	">=",
	"&&",
	"||",
	"<",
	">",
	"[",
	"]",
	"{",
	"}",
	"(",
	")",
	".",
	",",
	"-",
	"!",
	"?",
	":",
	"+",
	"*",
	"/",
	"%",
];

const whitespace = new Set(["\t", " ", "\r", "\n", "\f"]);
const isDigit = (point: string): boolean => point >= "0" && point <= "9" && point.length === 1;
const isHex = (point: string): boolean => /^[0-9a-fA-F]$/.test(point);
const isLetter = (point: string): boolean => /^[A-Za-z_]$/.test(point);

/** All tokens, the end last, and what is no token. Linear in the length of the text. */
export function tokenize(source: Source): { readonly tokens: readonly Token[]; readonly issues: readonly Issue[] } {
	const { points } = source;
	const tokens: Token[] = [];
	const issues: Issue[] = [];
	let at = 0;
	while (at < points.length) {
		const point = points[at] ?? "";
		if (whitespace.has(point)) {
			at++;
			continue;
		}
		if (point === "/" && points[at + 1] === "/") {
			while (at < points.length && points[at] !== "\n") at++;
			continue;
		}
		const found = readToken(points, at);
		if ("badEnd" in found) {
			issues.push({ at, text: `Syntax error: token recognition error at: '${shown(points.slice(at, found.badEnd).join(""))}'` });
			at = found.badEnd;
			continue;
		}
		tokens.push({ type: found.type, text: points.slice(at, found.end).join(""), at });
		at = found.end;
	}
	tokens.push({ type: "eof", text: "<EOF>", at: points.length });
	return { tokens, issues };
}

type Found = { readonly type: TokenType; readonly end: number } | { readonly badEnd: number };

function readToken(points: readonly string[], at: number): Found {
	const point = points[at] ?? "";
	const next = points[at + 1] ?? "";
	const text = stringStart(points, at);
	if (text !== undefined) return readString(points, text);
	if (isLetter(point)) return readWhile(points, at, "ident", (each) => isLetter(each) || isDigit(each));
	if (isDigit(point) || (point === "." && isDigit(next))) return readNumber(points, at);
	if (point === "`") return readEscaped(points, at);
	const sign = signs.find((candidate) => candidate === (candidate.length === 1 ? point : point + next));
	if (sign !== undefined) return { type: "sign", end: at + sign.length };
	// A lone `|`, `&` or `=`: what comes next is taken with it.
	if ("|&=".includes(point) && at + 1 < points.length) return { badEnd: at + 2 };
	return { badEnd: at + 1 };
}

function readWhile(points: readonly string[], at: number, type: TokenType, holds: (point: string) => boolean): Found {
	let end = at;
	while (end < points.length && holds(points[end] ?? "")) end++;
	return { type, end };
}

/** `a-b.c/d` between backquotes: a field whose name is no identifier. */
function readEscaped(points: readonly string[], at: number): Found {
	let end = at + 1;
	while (end < points.length && /^[A-Za-z0-9_.\-/ ]$/.test(points[end] ?? "")) end++;
	return points[end] === "`" && end > at + 1 ? { type: "escaped", end: end + 1 } : { badEnd: Math.min(end + 1, points.length) };
}

function readNumber(points: readonly string[], at: number): Found {
	let end = at;
	const digits = (holds: (point: string) => boolean) => {
		const start = end;
		while (end < points.length && holds(points[end] ?? "")) end++;
		return end > start;
	};
	const withSuffix = (): Found => {
		const isUint = points[end] === "u" || points[end] === "U";
		return { type: isUint ? "uint" : "int", end: isUint ? end + 1 : end };
	};
	if (points[at] === "0" && points[at + 1] === "x" && isHex(points[at + 2] ?? "")) {
		end = at + 2;
		digits(isHex);
		return withSuffix();
	}
	digits(isDigit);
	let isDouble = false;
	if (points[end] === "." && isDigit(points[end + 1] ?? "")) {
		end++;
		digits(isDigit);
		isDouble = true;
	}
	if (/^[eE]$/.test(points[end] ?? "")) {
		const signed = /^[+-]$/.test(points[end + 1] ?? "") ? 2 : 1;
		if (isDigit(points[end + signed] ?? "")) {
			end += signed;
			digits(isDigit);
			isDouble = true;
		}
	}
	return isDouble ? { type: "double", end } : withSuffix();
}

interface StringStart {
	readonly isBytes: boolean;
	readonly isRaw: boolean;
	readonly quote: string;
	/** Where the contents begin. */
	readonly begin: number;
}

/** What of `b`, `r` and quotes stands at `at`. */
function stringStart(points: readonly string[], at: number): StringStart | undefined {
	let begin = at;
	let isBytes = false;
	let isRaw = false;
	while (begin < at + 2) {
		const point = (points[begin] ?? "").toLowerCase();
		if (point === "b" && !isBytes && !isRaw) isBytes = true;
		else if (point === "r" && !isRaw) isRaw = true;
		else break;
		begin++;
	}
	const quote = points[begin];
	if (quote !== '"' && quote !== "'") return undefined;
	const isTriple = points[begin + 1] === quote && points[begin + 2] === quote;
	return { isBytes, isRaw, quote: isTriple ? quote.repeat(3) : quote, begin: begin + (isTriple ? 3 : 1) };
}

function readString(points: readonly string[], { isBytes, isRaw, quote, begin }: StringStart): Found {
	const isTriple = quote.length === 3;
	const mark = quote[0] ?? "";
	for (let end = begin; end < points.length; end++) {
		const point = points[end] ?? "";
		if (point === "\\" && !isRaw) {
			const length = escapeLength(points, end);
			if (length === 0) return { badEnd: Math.min(end + 3, points.length) };
			end += length - 1;
		} else if (point === mark && (!isTriple || (points[end + 1] === mark && points[end + 2] === mark))) {
			return { type: isBytes ? "bytes" : "string", end: end + quote.length };
		} else if (!isTriple && (point === "\n" || point === "\r")) return { badEnd: end + 1 };
	}
	return { badEnd: points.length };
}

/** How many code points the escape at `at` takes; 0 if it is none. */
function escapeLength(points: readonly string[], at: number): number {
	const letter = points[at + 1] ?? "";
	if (letter !== "" && "abfnrtv\"'\\?`".includes(letter)) return 2;
	const digits: Readonly<Record<string, number>> = { x: 2, X: 2, u: 4, U: 8 };
	const count = digits[letter];
	if (count !== undefined) return points.slice(at + 2, at + 2 + count).filter(isHex).length === count ? count + 2 : 0;
	return /^[0-3][0-7][0-7]$/.test(points.slice(at + 1, at + 4).join("")) ? 4 : 0;
}

const simpleEscapes: Readonly<Record<string, number>> = {
	a: 7,
	b: 8,
	f: 12,
	n: 10,
	r: 13,
	t: 9,
	v: 11,
	'"': 34,
	"'": 39,
	"\\": 92,
	"?": 63,
	"`": 96,
};

/** The contents of a string or bytes token, or why it is none. */
export function unquote(token: Token): { readonly text: string } | { readonly bytes: Uint8Array } | { readonly problem: string } {
	const points = Array.from(token.text);
	const start = stringStart(points, 0);
	if (start === undefined) return { problem: "unable to unescape string" };
	const inner = points.slice(start.begin, points.length - start.quote.length);
	const pieces: string[] = [];
	const bytes: number[] = [];
	const put = (text: string) => {
		if (start.isBytes) for (const byte of new TextEncoder().encode(text)) bytes.push(byte);
		else pieces.push(text);
	};
	for (let at = 0; at < inner.length; at++) {
		const point = inner[at] ?? "";
		if (start.isRaw || point !== "\\") {
			// Line ends are one character, however they are written.
			if (point === "\r") {
				if (inner[at + 1] === "\n") at++;
				put("\n");
			} else put(point);
			continue;
		}
		const length = escapeLength(inner, at);
		const letter = inner[at + 1] ?? "";
		const simple = length === 2 ? simpleEscapes[letter] : undefined;
		const digits = inner.slice(at + (length === 4 && letter !== "x" && letter !== "X" ? 1 : 2), at + length).join("");
		const isOctal = length === 4 && letter !== "x" && letter !== "X";
		const code = simple ?? Number.parseInt(digits, isOctal ? 8 : 16);
		at += length - 1;
		if (start.isBytes) {
			if (letter === "u" || letter === "U") return { problem: "unable to unescape string" };
			if (simple === undefined) bytes.push(code);
			else put(String.fromCodePoint(code));
		} else {
			if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return { problem: "invalid unicode code point" };
			put(String.fromCodePoint(code));
		}
	}
	return start.isBytes ? { bytes: Uint8Array.from(bytes) } : { text: pieces.join("") };
}

/** As ANTLR shows a text in its messages. */
function shown(text: string): string {
	return text.replaceAll("\n", "\\n").replaceAll("\t", "\\t").replaceAll("\r", "\\r");
}
