/**
 * Text → tree. Recursive descent with cel-go's limits, so that no text overflows the stack or takes long: at most 100,000
 * code points, and at most 250 rules of one sort open at a time.
 *
 * Texts of syntax errors are those of ANTLR's parser that cel-go uses, as far as the first error goes; where ANTLR
 * recovers and finds more to say about the same place, this parser stops.
 * Source: the grammar of the CEL specification; github.com/google/cel-go/parser/parser.go.
 */
import type { Expr, FieldEntry, Literal, MapEntry } from "./ast.ts";
import { type Token, tokenize, unquote } from "./lexer.ts";
import { expandMacro, type MacroOptions } from "./macros.ts";
import { type Issue, Source } from "./source.ts";

const maxRecursion = 250;
const maxCodePoints = 100_000;
const int64Max = 2n ** 63n - 1n;
const uint64Max = 2n ** 64n - 1n;

const reserved = new Set(
	"as break const continue else false for function if import in let loop package namespace null return true var void while".split(" "),
);

const operandStarts = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

const relations = new Set(["<", "<=", ">=", ">", "==", "!=", "in"]);
const products = new Set(["*", "/", "%"]);
const sums = new Set(["+", "-"]);

export type Parsed = { readonly expr: Expr; readonly source: Source } | { readonly issues: readonly Issue[]; readonly source: Source };

/** Parses an expression and expands its macros. */
export function parse(text: string, options: MacroOptions = { hasBindings: false }): Parsed {
	const source = new Source(text);
	if (source.points.length > maxCodePoints) {
		const issue = {
			at: undefined,
			text: `expression code point size exceeds limit: size: ${source.points.length}, limit ${maxCodePoints}`,
		};
		return { issues: [issue], source };
	}
	const parser = new Parser(source, options);
	const expr = parser.parse();
	return expr === undefined || parser.issues.length > 0 ? { issues: parser.issues, source } : { expr, source };
}

/** Ends parsing after a syntax error that was reported. */
class Stop extends Error {
	override readonly name = "Stop";
}

type Rule = "expr" | "relation" | "calc" | "product" | "member" | "unary";

class Parser {
	readonly issues: Issue[];
	readonly #tokens: readonly Token[];
	readonly #options: MacroOptions;
	#index = 0;
	/** Rules that are open now, by their sort; each < maxRecursion. */
	readonly #open: Record<Rule, number> = { expr: 0, relation: 0, calc: 0, product: 0, member: 0, unary: 0 };
	/** What closes the brackets that are open, innermost last. */
	readonly #closers: string[] = [];

	constructor(source: Source, options: MacroOptions) {
		this.#options = options;
		const { tokens, issues } = tokenize(source);
		this.#tokens = tokens;
		this.issues = [...issues];
	}

	/** Undefined when a syntax error ended it; `issues` may not be empty otherwise, too. */
	parse(): Expr | undefined {
		try {
			const expr = this.#expr();
			this.#expectEnd();
			return expr;
		} catch (error) {
			if (error instanceof Stop) return undefined;
			throw error;
		}
	}

	get #token(): Token {
		return this.#tokens[this.#index] ?? this.#end;
	}

	get #end(): Token {
		return this.#tokens.at(-1) ?? { type: "eof", text: "<EOF>", at: 0 };
	}

	#peek(ahead: number): Token {
		return this.#tokens[this.#index + ahead] ?? this.#end;
	}

	#is(text: string): boolean {
		const token = this.#token;
		return token.text === text && (token.type === "sign" || token.type === "ident");
	}

	#take(): Token {
		const token = this.#token;
		if (token.type !== "eof") this.#index++;
		return token;
	}

	#takeIf(text: string): Token | undefined {
		return this.#is(text) ? this.#take() : undefined;
	}

	#report(at: number | undefined, text: string): void {
		this.issues.push({ at, text });
	}

	#syntaxError(text: string): never {
		this.#report(this.#token.at, `Syntax error: ${text}`);
		throw new Stop();
	}

	/** ANTLR's single-token repairs: one token too many is skipped, one that is missing is said to be. */
	#expect(text: string, expecting = `'${text}'`): Token {
		if (this.#is(text)) return this.#take();
		const { text: found } = this.#token;
		if (this.#peek(1).text === text && this.#token.type !== "eof") {
			this.#report(this.#token.at, `Syntax error: extraneous input '${found}' expecting ${expecting}`);
			this.#take();
			return this.#take();
		}
		if (this.#token.type === "eof" && this.#closers.length <= 1) return this.#syntaxError(`missing '${text}' at '<EOF>'`);
		return this.#syntaxError(`mismatched input '${found}' expecting ${expecting}`);
	}

	#expectEnd(): void {
		if (this.#token.type === "eof") return;
		const { text } = this.#token;
		const isLast = this.#peek(1).type === "eof";
		this.#syntaxError(`${isLast ? "extraneous" : "mismatched"} input '${text}' expecting <EOF>`);
	}

	#enter(rule: Rule): void {
		this.#open[rule]++;
		if (this.#open[rule] < maxRecursion) return;
		this.#report(undefined, `expression recursion limit exceeded: ${maxRecursion}`);
		throw new Stop();
	}

	#leave(rule: Rule, count = 1): void {
		this.#open[rule] -= count;
	}

	#within<T>(closer: string, read: () => T): T {
		this.#closers.push(closer);
		const value = read();
		this.#closers.pop();
		return value;
	}

	#expr(): Expr {
		this.#enter("expr");
		const condition = this.#logical("||", () => this.#logical("&&", () => this.#relation()));
		const op = this.#takeIf("?");
		let expr = condition;
		if (op !== undefined) {
			const whenTrue = this.#within(":", () => this.#logical("||", () => this.#logical("&&", () => this.#relation())));
			this.#expect(":");
			expr = this.#call(op.at, "_?_:_", [condition, whenTrue, this.#expr()]);
		}
		this.#leave("expr");
		return expr;
	}

	/** Chains of `||` and `&&` become balanced trees, so that long ones are not deep. */
	#logical(sign: "||" | "&&", readTerm: () => Expr): Expr {
		const terms = [readTerm()];
		const ops: number[] = [];
		while (this.#is(sign)) {
			ops.push(this.#take().at);
			terms.push(readTerm());
		}
		const balance = (low: number, high: number): Expr => {
			const middle = (low + high + 1) >> 1;
			const left = middle === low ? this.#term(terms, middle) : balance(low, middle - 1);
			const right = middle === high ? this.#term(terms, middle + 1) : balance(middle + 1, high);
			return this.#call(ops[middle] ?? 0, `_${sign}_`, [left, right]);
		};
		return ops.length === 0 ? this.#term(terms, 0) : balance(0, ops.length - 1);
	}

	#term(terms: readonly Expr[], index: number): Expr {
		const term = terms[index];
		if (term === undefined) throw new Error(`no term ${index} of ${terms.length}`);
		return term;
	}

	#relation(): Expr {
		return this.#chain("relation", relations, () => this.#chain("calc", sums, () => this.#chain("product", products, () => this.#unary())));
	}

	/** Operators of one precedence, from the left. */
	#chain(rule: Rule, signs: ReadonlySet<string>, readOperand: () => Expr): Expr {
		this.#enter(rule);
		let entered = 1;
		let left = readOperand();
		while (signs.has(this.#token.text) && (this.#token.type === "sign" || this.#token.type === "ident")) {
			const op = this.#take();
			this.#enter(rule);
			entered++;
			left = this.#call(op.at, op.text === "in" ? "@in" : `_${op.text}_`, [left, readOperand()]);
		}
		this.#leave(rule, entered);
		return left;
	}

	#unary(): Expr {
		this.#enter("unary");
		const expr = this.#is("!") || this.#is("-") ? this.#signed(this.#token.text) : this.#member();
		this.#leave("unary");
		return expr;
	}

	/** Pairs of the same sign undo each other; a minus before a number belongs to it. */
	#signed(sign: string): Expr {
		const { at } = this.#token;
		let count = 0;
		const isNumber = (token: Token) => sign === "-" && (token.type === "int" || token.type === "double");
		while (this.#is(sign) && !isNumber(this.#peek(1))) {
			this.#take();
			count++;
		}
		const operand = this.#member();
		return count % 2 === 0 ? operand : this.#call(at, sign === "!" ? "!_" : "-_", [operand]);
	}

	#member(): Expr {
		this.#enter("member");
		let entered = 1;
		let expr = this.#primary();
		for (;;) {
			if (this.#is(".")) expr = this.#selection(expr);
			else if (this.#is("[")) expr = this.#indexed(expr);
			else break;
			this.#enter("member");
			entered++;
		}
		this.#leave("member", entered);
		return expr;
	}

	#selection(operand: Expr): Expr {
		const dot = this.#take();
		const isOptional = this.#takeIf("?") !== undefined;
		const field = this.#fieldName();
		if (isOptional) {
			const name: Expr = { kind: "literal", at: dot.at, literal: { type: "string", value: field } };
			return this.#call(dot.at, "_?._", [operand, name]);
		}
		if (!this.#is("(")) return { kind: "select", at: dot.at, operand, field, testOnly: false };
		const open = this.#take();
		const args = this.#within(")", () => this.#arguments());
		return this.#call(open.at, field, args, operand);
	}

	#fieldName(): string {
		const token = this.#token;
		if (token.type === "escaped") {
			this.#report(token.at, "unsupported syntax: '`'");
			return this.#take().text.slice(1, -1);
		}
		if (token.type !== "ident" || ["in", "true", "false", "null"].includes(token.text)) {
			const isExtra = this.#peek(1).type === "ident" && token.type !== "eof";
			if (!isExtra)
				this.#syntaxError(
					`${token.type === "eof" ? "no viable alternative at input" : "mismatched input"} '${token.type === "eof" ? "." : token.text}'${token.type === "eof" ? "" : " expecting IDENTIFIER"}`,
				);
			this.#syntaxError(`extraneous input '${token.text}' expecting IDENTIFIER`);
		}
		return this.#take().text;
	}

	#indexed(operand: Expr): Expr {
		const open = this.#take();
		return this.#within("]", () => {
			const isOptional = this.#takeIf("?") !== undefined;
			const index = this.#expr();
			this.#expect("]");
			return this.#call(open.at, isOptional ? "_[?_]" : "_[_]", [operand, index]);
		});
	}

	#arguments(): readonly Expr[] {
		const args: Expr[] = [];
		if (!this.#is(")")) {
			do args.push(this.#expr());
			while (this.#takeIf(",") !== undefined);
		}
		this.#expect(")");
		return args;
	}

	#primary(): Expr {
		const token = this.#token;
		if (token.type === "ident") return this.#identifier("");
		if (token.type === "sign") {
			if (token.text === "(") return this.#nested();
			if (token.text === "[") return this.#list();
			if (token.text === "{") return this.#map();
			if (token.text === "." && this.#peek(1).type === "ident") {
				this.#take();
				return this.#identifier(".");
			}
			if (token.text === "-" && (this.#peek(1).type === "int" || this.#peek(1).type === "double")) {
				this.#take();
				return this.#number("-", token.at);
			}
		} else if (token.type === "string" || token.type === "bytes") return this.#text();
		else if (token.type !== "eof" && token.type !== "escaped") return this.#number("", token.at);
		return this.#noOperand();
	}

	/** One token too many is skipped where an operand follows it. */
	#noOperand(): Expr {
		const token = this.#token;
		const next = this.#peek(1);
		const starts = next.type === "sign" ? ["[", "{", "(", ".", "-", "!"].includes(next.text) : next.type !== "eof" && next.text !== "in";
		if (token.type === "eof" || !starts) return this.#syntaxError(`mismatched input '${token.text}' expecting ${operandStarts}`);
		this.#report(token.at, `Syntax error: extraneous input '${token.text}' expecting ${operandStarts}`);
		this.#take();
		return this.#unary();
	}

	#nested(): Expr {
		this.#take();
		return this.#within(")", () => {
			const expr = this.#expr();
			this.#expect(")");
			return expr;
		});
	}

	#identifier(leadingDot: string): Expr {
		const token = this.#take();
		const { text, at } = token;
		if (leadingDot === "" && (text === "true" || text === "false")) return literal(at, { type: "bool", value: text === "true" });
		if (leadingDot === "" && text === "null") return literal(at, { type: "null" });
		if (text === "in") {
			this.#index--;
			return this.#noOperand();
		}
		const message = this.#messageName(token, leadingDot);
		if (message !== undefined) return this.#struct(message);
		if (reserved.has(text)) {
			this.#report(at, `reserved identifier: ${text}`);
			throw new Stop();
		}
		const name = leadingDot + text;
		if (!this.#is("(")) return { kind: "ident", at, name };
		const open = this.#take();
		return this.#call(
			open.at,
			name,
			this.#within(")", () => this.#arguments()),
		);
	}

	/** `a.B.C` when a `{` follows it, all of it taken; else nothing is. */
	#messageName(first: Token, leadingDot: string): string | undefined {
		let ahead = 0;
		let name = leadingDot + first.text;
		while (this.#peek(ahead).text === "." && this.#peek(ahead).type === "sign" && this.#peek(ahead + 1).type === "ident") {
			name += `.${this.#peek(ahead + 1).text}`;
			ahead += 2;
		}
		const brace = this.#peek(ahead);
		if (brace.text !== "{" || brace.type !== "sign") return undefined;
		this.#index += ahead;
		return name;
	}

	#struct(typeName: string): Expr {
		const open = this.#take();
		return this.#within("}", () => {
			const fields: FieldEntry[] = [];
			while (!this.#is("}")) {
				const optional = this.#takeIf("?") !== undefined;
				const token = this.#token;
				if (token.type === "escaped") this.#report(token.at, "unsupported syntax: '`'");
				else if (token.type !== "ident") {
					const isExtra = this.#peek(1).text === "}" || this.#peek(1).type === "ident";
					this.#syntaxError(
						`${isExtra ? "extraneous" : "mismatched"} input '${token.text}' expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}`,
					);
				}
				const field = this.#take().text;
				const colon = this.#expect(":");
				fields.push({ at: colon.at, field, value: this.#expr(), optional });
				if (this.#takeIf(",") === undefined) break;
			}
			this.#expect("}", "{'}', ','}");
			return { kind: "struct", at: open.at, typeName, fields } as const;
		});
	}

	#list(): Expr {
		const open = this.#take();
		return this.#within("]", () => {
			const elements: Expr[] = [];
			const optionals = new Set<number>();
			while (!this.#is("]")) {
				if (this.#takeIf("?") !== undefined) optionals.add(elements.length);
				elements.push(this.#expr());
				if (this.#takeIf(",") === undefined) break;
			}
			this.#expect("]");
			return { kind: "list", at: open.at, elements, optionals } as const;
		});
	}

	#map(): Expr {
		const open = this.#take();
		return this.#within("}", () => {
			const entries: MapEntry[] = [];
			while (!this.#is("}")) {
				const optional = this.#takeIf("?") !== undefined;
				const key = this.#expr();
				const colon = this.#expect(":");
				entries.push({ at: colon.at, key, value: this.#expr(), optional });
				if (this.#takeIf(",") === undefined) break;
			}
			this.#expect("}", "{'}', ','}");
			return { kind: "map", at: open.at, entries } as const;
		});
	}

	#text(): Expr {
		const token = this.#take();
		const content = unquote(token);
		if ("problem" in content) {
			this.#report(token.at, content.problem);
			return literal(token.at, { type: "string", value: token.text });
		}
		return literal(token.at, "text" in content ? { type: "string", value: content.text } : { type: "bytes", value: content.bytes });
	}

	#number(sign: "" | "-", at: number): Expr {
		const token = this.#take();
		if (token.type === "double") {
			const value = Number(sign + token.text);
			if (!Number.isFinite(value)) this.#report(at, "invalid double literal");
			return literal(at, { type: "double", value });
		}
		const isUint = token.type === "uint";
		const digits = BigInt(isUint ? token.text.slice(0, -1) : token.text);
		const value = sign === "-" ? -digits : digits;
		const fits = isUint ? value <= uint64Max : value <= int64Max && value >= -int64Max - 1n;
		if (!fits) this.#report(at, `invalid ${token.type} literal`);
		return literal(at, { type: isUint ? "uint" : "int", value });
	}

	#call(at: number, name: string, args: readonly Expr[], target?: Expr): Expr {
		const expanded = expandMacro(at, name, args, target, this.#options);
		if (expanded === undefined) return { kind: "call", at, function: name, target, args };
		if ("problem" in expanded) {
			this.#report(expanded.at, expanded.problem);
			return literal(at, { type: "null" });
		}
		return expanded;
	}
}

const literal = (at: number, value: Literal): Expr => ({ kind: "literal", at, literal: value });
