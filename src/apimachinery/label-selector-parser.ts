/**
 * The text form of label selectors.
 * Source: k8s.io/apimachinery/pkg/labels, Parse
 */
import { binaryOperators, type LabelOperator, type LabelRequirement, newRequirement, SelectorError } from "./label-requirement.ts";
import { fieldInvalid } from "./validation/field-error.ts";
import { isQualifiedName } from "./validation/names.ts";

/** Reads the requirements of a selector, in the order of the text. Throws SelectorError with Kubernetes' message. */
export function parseRequirements(text: string): LabelRequirement[] {
	return new Parser(text).parse();
}

interface Token {
	readonly kind: "word" | "symbol" | "end";
	readonly text: string;
}

const endToken: Token = { kind: "end", text: "" };
const tokenPattern = /[ \t\r\n]*(?:(==|!=|[=!(),<>])|([^=!(),<> \t\r\n]+))/y;

const symbolOperators: ReadonlyMap<string, LabelOperator> = new Map([
	["in", "in"],
	["notin", "notin"],
	["=", "="],
	["==", "=="],
	["!=", "!="],
	[">", "gt"],
	["<", "lt"],
]);

/**
 *     selector    = requirement *( "," requirement )
 *     requirement = KEY / "!" KEY / KEY ( "in" / "notin" ) "(" values ")" / KEY ( "=" / "==" / "!=" / ">" / "<" ) [VALUE]
 *
 * `in` and `notin` are words except where an operator is due, so that a label may be called `in`.
 */
class Parser {
	readonly #tokens: readonly Token[];
	#position = 0;

	constructor(text: string) {
		const tokens: Token[] = [];
		tokenPattern.lastIndex = 0;
		for (let match = tokenPattern.exec(text); match !== null; match = tokenPattern.exec(text)) {
			const [, symbol, word] = match;
			tokens.push(symbol === undefined ? { kind: "word", text: word ?? "" } : { kind: "symbol", text: symbol });
		}
		this.#tokens = tokens;
	}

	parse(): LabelRequirement[] {
		const requirements: LabelRequirement[] = [];
		for (;;) {
			const first = this.#peek();
			if (first.kind === "end") return requirements;
			if (!startsRequirement(first)) throw new SelectorError(`found '${first.text}', expected: !, identifier, or 'end of string'`);
			requirements.push(this.#requirement());
			const separator = this.#take();
			if (separator.kind === "end") return requirements;
			if (separator.text !== ",") throw new SelectorError(`found '${separator.text}', expected: ',' or 'end of string'`);
			const next = this.#peek();
			if (!startsRequirement(next)) throw new SelectorError(`found '${next.text}', expected: identifier after ','`);
		}
	}

	#requirement(): LabelRequirement {
		try {
			if (this.#peek().text === "!") {
				this.#take();
				return newRequirement(this.#key(), "!", []);
			}
			const key = this.#key();
			if (this.#atRequirementEnd()) return newRequirement(key, "exists", []);
			const operator = this.#operator();
			const values = operator === "in" || operator === "notin" ? this.#valueSet() : [this.#exactValue()];
			return newRequirement(key, operator, [...new Set(values)].sort());
		} catch (error) {
			if (error instanceof SelectorError) throw new SelectorError(`unable to parse requirement: ${error.message}`);
			throw error;
		}
	}

	#key(): string {
		const token = this.#take();
		if (token.kind !== "word") throw new SelectorError(`found '${token.text}', expected: identifier`);
		const texts = isQualifiedName(token.text);
		// The text form has no field path, and upstream prints the missing path so.
		if (texts.length > 0) throw new SelectorError(fieldInvalid("<nil>", token.text, texts.join("; ")).toString());
		return token.text;
	}

	#operator(): LabelOperator {
		const { text } = this.#take();
		const operator = symbolOperators.get(text);
		if (operator === undefined) throw new SelectorError(`found '${text}', expected: ${binaryOperators.join(", ")}`);
		return operator;
	}

	#exactValue(): string {
		if (this.#atRequirementEnd()) return "";
		const token = this.#take();
		if (token.kind !== "word") throw new SelectorError(`found '${token.text}', expected: identifier`);
		return token.text;
	}

	/** `(a,b)`; an empty place between commas or parentheses is the empty value. */
	#valueSet(): string[] {
		const open = this.#take();
		if (open.text !== "(") throw new SelectorError(`found '${open.text}' expected: '('`);
		const first = this.#peek();
		if (first.kind !== "word" && first.text !== "," && first.text !== ")") {
			throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`);
		}
		const values: string[] = [];
		for (;;) {
			const token = this.#peek();
			values.push(token.kind === "word" ? this.#take().text : "");
			const separator = this.#take();
			if (separator.text === ")") return values;
			if (separator.text === ",") continue;
			const expected = token.kind === "word" ? "',' or ')'" : "',', or identifier";
			throw new SelectorError(`found '${separator.text}', expected: ${expected}`);
		}
	}

	#atRequirementEnd(): boolean {
		const { kind, text } = this.#peek();
		return kind === "end" || text === ",";
	}

	#peek(): Token {
		return this.#tokens[this.#position] ?? endToken;
	}

	#take(): Token {
		const token = this.#peek();
		this.#position++;
		return token;
	}
}

function startsRequirement(token: Token): boolean {
	return token.kind === "word" || token.text === "!";
}
