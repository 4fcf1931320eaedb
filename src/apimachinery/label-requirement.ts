/**
 * One condition of a label selector: what it takes to be valid, whether it holds for a set of labels, how it is written.
 * Source: k8s.io/apimachinery/pkg/labels, Requirement
 */
import { type FieldError, fieldInvalid, fieldNotSupported } from "./validation/field-error.ts";
import { isQualifiedName, isValidLabelValue } from "./validation/names.ts";

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

/** Operators that take a value, as messages list them. */
export const binaryOperators: readonly LabelOperator[] = ["in", "notin", "=", "==", "!=", "gt", "lt"];
const unaryOperators: readonly LabelOperator[] = ["exists", "!"];

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

/** `app=web`, `tier in (api,web)`, `!canary`; values sorted. */
export function formatRequirement({ key, operator, values }: LabelRequirement): string {
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
