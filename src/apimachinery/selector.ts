/**
 * Label selectors, in their two forms: the text of `kubectl -l` (`app in (web,api),!canary`) and the LabelSelector
 * object of workloads. Field selectors are in field-selector.ts.
 * Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ and k8s.io/apimachinery/pkg/labels
 */
import type { LabelSelector } from "./schema/generated/types.ts";
import { type FieldError, fieldInvalid, fieldNotSupported } from "./validation/field-error.ts";
import { isQualifiedName, isValidLabelValue } from "./validation/names.ts";

export { type FieldRequirement, type FieldSelectorMatcher, parseFieldSelector } from "./field-selector.ts";

/** A selector that cannot be read; the message is Kubernetes' own. */
export class SelectorError extends Error {
	override readonly name = "SelectorError";
}

export type LabelOperator = "in" | "notin" | "=" | "==" | "!=" | "gt" | "lt" | "exists" | "!";

/** One condition on one label. */
export interface LabelRequirement {
	readonly key: string;
	readonly operator: LabelOperator;
	/** As written; sorted where they came from a text. */
	readonly values: readonly string[];
}

export type Labels = Readonly<Record<string, string>>;

/** Decides which label sets are selected. Immutable. */
export interface LabelSelectorMatcher {
	/** Sorted by key; all must hold. */
	readonly requirements: readonly LabelRequirement[];
	/** Whether it selects everything. */
	readonly empty: boolean;
	/** False for the selector of no objects at all: an absent LabelSelector. */
	readonly selectable: boolean;
	matches(labels: Labels | undefined): boolean;
	/** The canonical text; "" for everything and for nothing. */
	toString(): string;
}

const binaryOperators: readonly LabelOperator[] = ["in", "notin", "=", "==", "!=", "gt", "lt"];
const unaryOperators: readonly LabelOperator[] = ["exists", "!"];

class Requirements implements LabelSelectorMatcher {
	readonly requirements: readonly LabelRequirement[];
	readonly selectable = true;

	constructor(requirements: readonly LabelRequirement[]) {
		this.requirements = requirements.length < 2 ? requirements : [...requirements].sort(byKey);
	}

	get empty(): boolean {
		return this.requirements.length === 0;
	}

	matches(labels: Labels | undefined): boolean {
		for (const requirement of this.requirements) {
			if (!requirementMatches(requirement, labels)) return false;
		}
		return true;
	}

	toString(): string {
		return this.requirements.map(formatRequirement).join(",");
	}
}

/** Selects every object. */
export const everything: LabelSelectorMatcher = new Requirements([]);

/** Selects no object. */
export const nothing: LabelSelectorMatcher = {
	requirements: [],
	empty: false,
	selectable: false,
	matches: () => false,
	toString: () => "",
};

/**
 * Reads the text form. Throws SelectorError, e.g. `unable to parse requirement: found '', expected: identifier`. The
 * empty text selects everything.
 */
export function parseLabelSelector(text: string): LabelSelectorMatcher {
	return text === "" ? everything : new Requirements(new Parser(text).parse());
}

/** The object form. Absent selects nothing, `{}` everything. Throws SelectorError for an operator or value that is none. */
export function labelSelectorFromObject(selector: LabelSelector | undefined): LabelSelectorMatcher {
	if (selector === undefined) return nothing;
	const { matchLabels = {}, matchExpressions = [] } = selector;
	const requirements = Object.entries(matchLabels).map(([key, value]) => newRequirement(key, "=", [value]));
	for (const { key, operator, values = [] } of matchExpressions) {
		const known = objectOperators.get(operator);
		if (known === undefined) throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`);
		requirements.push(newRequirement(key, known, values));
	}
	return requirements.length === 0 ? everything : new Requirements(requirements);
}

const objectOperators: ReadonlyMap<string, LabelOperator> = new Map([
	["In", "in"],
	["NotIn", "notin"],
	["Exists", "exists"],
	["DoesNotExist", "!"],
]);

/** Selects what has all these labels: selectors of Services and ReplicationControllers. Absent and `{}` select everything. */
export function selectorFromMap(labels: Labels | undefined): LabelSelectorMatcher {
	const requirements = Object.entries(labels ?? {}).map(([key, value]): LabelRequirement => ({ key, operator: "=", values: [value] }));
	return requirements.length === 0 ? everything : new Requirements(requirements);
}

/** A selector as a SELECTOR column shows it: `app=web,tier in (api,web)`; `<none>` where it says nothing, `<error>` for a bad one. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
	try {
		return labelSelectorFromObject(selector).toString() || "<none>";
	} catch (error) {
		if (error instanceof SelectorError) return "<error>";
		throw error;
	}
}

/** A checked requirement. Throws SelectorError naming all that is wrong with it. */
export function newRequirement(key: string, operator: LabelOperator, values: readonly string[]): LabelRequirement {
	const errors: FieldError[] = [];
	const keyTexts = isQualifiedName(key);
	if (keyTexts.length > 0) errors.push(fieldInvalid("key", key, keyTexts.join("; ")));
	errors.push(...operandErrors(operator, values));
	values.forEach((value, index) => {
		const texts = isValidLabelValue(value);
		if (texts.length > 0) errors.push(fieldInvalid(`values[${index}][${key}]`, value, texts.join("; ")));
	});
	if (errors.length > 0) throw new SelectorError(aggregate(errors));
	return { key, operator, values };
}

function operandErrors(operator: LabelOperator, values: readonly string[]): FieldError[] {
	switch (operator) {
		case "in":
		case "notin":
			return values.length > 0 ? [] : [fieldInvalid("values", values, "for 'in', 'notin' operators, values set can't be empty")];
		case "=":
		case "==":
		case "!=":
			return values.length === 1 ? [] : [fieldInvalid("values", values, "exact-match compatibility requires one single value")];
		case "exists":
		case "!":
			return values.length === 0 ? [] : [fieldInvalid("values", values, "values set must be empty for exists and does not exist")];
		case "gt":
		case "lt":
			return [
				...(values.length === 1 ? [] : [fieldInvalid("values", values, "for 'Gt', 'Lt' operators, exactly one value is required")]),
				...values.flatMap((value, index) =>
					readInt64(value) === undefined
						? [fieldInvalid(`values[${index}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer")]
						: [],
				),
			];
		default: {
			const unknown: never = operator;
			return [fieldNotSupported("operator", unknown, [...binaryOperators, ...unaryOperators])];
		}
	}
}

/** Whether one requirement holds for these labels. */
export function requirementMatches({ key, operator, values }: LabelRequirement, labels: Labels | undefined): boolean {
	// An object inherits names such as "constructor", whose values are no strings.
	const found: unknown = labels?.[key];
	const value = typeof found === "string" ? found : undefined;
	switch (operator) {
		case "=":
		case "==":
			return value !== undefined && value === values[0];
		case "!=":
			return value === undefined || value !== values[0];
		case "in":
			return value !== undefined && values.includes(value);
		case "notin":
			return value === undefined || !values.includes(value);
		case "exists":
			return value !== undefined;
		case "!":
			return value === undefined;
		case "gt":
		case "lt":
			return compareIntegers(operator, value, values[0]);
		default: {
			const unknown: never = operator;
			return unknown;
		}
	}
}

function compareIntegers(operator: "gt" | "lt", label: string | undefined, wanted: string | undefined): boolean {
	const left = readInt64(label);
	const right = readInt64(wanted);
	if (left === undefined || right === undefined) return false;
	return operator === "gt" ? left > right : left < right;
}

function readInt64(text: string | undefined): bigint | undefined {
	if (text === undefined || !/^[+-]?\d+$/.test(text)) return undefined;
	const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
	return BigInt.asIntN(64, value) === value ? value : undefined;
}

function byKey(a: LabelRequirement, b: LabelRequirement): number {
	return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
	switch (operator) {
		case "exists":
			return key;
		case "!":
			return `!${key}`;
		case "in":
		case "notin":
			return `${key} ${operator} (${[...values].sort().join(",")})`;
		case "gt":
			return `${key}>${values[0]}`;
		case "lt":
			return `${key}<${values[0]}`;
		default:
			return `${key}${operator}${values[0]}`;
	}
}

function aggregate(errors: readonly FieldError[]): string {
	const texts = [...new Set(errors.map((error) => error.toString()))];
	return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
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
