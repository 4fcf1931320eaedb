/**
 * Field selectors: `status.phase=Running,spec.nodeName!=`. Values escape `\`, `,` and `=` with a backslash.
 * Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/ and k8s.io/apimachinery/pkg/fields
 */

/** A field selector that cannot be read; the message is Kubernetes' own. */
export class FieldSelectorError extends Error {
	override readonly name = "FieldSelectorError";
}

/** One condition on one field. */
export interface FieldRequirement {
	readonly field: string;
	readonly operator: "=" | "!=";
	readonly value: string;
}

/** Decides which objects are selected, by the values of their selectable fields. Immutable. */
export interface FieldSelectorMatcher {
	/** In the order of their texts; all must hold. */
	readonly requirements: readonly FieldRequirement[];
	readonly empty: boolean;
	/** An absent field counts as "". */
	matches(fields: Readonly<Record<string, string>>): boolean;
	/** The value that `field` must have; undefined when the selector names none. */
	requiredValue(field: string): string | undefined;
	/** The canonical text. */
	toString(): string;
}

/** Reads a field selector. Throws FieldSelectorError. The empty text selects everything. */
export function parseFieldSelector(text: string): FieldSelectorMatcher {
	const terms = splitTerms(text)
		.filter((term) => term !== "")
		.sort();
	return newMatcher(
		terms.map((term): FieldRequirement => {
			const [, field = "", operator = "", value = ""] = /^(.*?)(!=|==|=)(.*)$/s.exec(term) ?? [];
			if (operator === "") throw new FieldSelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
			return { field, operator: operator === "!=" ? "!=" : "=", value: unescapeValue(value) };
		}),
	);
}

function newMatcher(requirements: readonly FieldRequirement[]): FieldSelectorMatcher {
	return {
		requirements,
		empty: requirements.length === 0,
		matches: (fields) => requirements.every(({ field, operator, value }) => ((fields[field] ?? "") === value) === (operator === "=")),
		requiredValue: (wanted) => requirements.find(({ field, operator }) => field === wanted && operator === "=")?.value,
		toString: () => requirements.map(({ field, operator, value }) => `${field}${operator}${escapeValue(value)}`).join(","),
	};
}

/** Makes a value safe to stand in a field selector. */
export function escapeValue(value: string): string {
	return value.replace(/[\\,=]/g, "\\$&");
}

function unescapeValue(value: string): string {
	return value.replace(/\\(.?)|[,=]/gsu, (match, escaped?: string) => {
		// Go prints the rune as its number.
		if (escaped === undefined) {
			throw new FieldSelectorError(`invalid field selector: unescaped character in value: ${match.codePointAt(0)}`);
		}
		if (!["\\", ",", "="].includes(escaped)) {
			throw new FieldSelectorError(`invalid field selector: invalid escape sequence: ${match}`);
		}
		return escaped;
	});
}

/** Splits at the commas that no backslash escapes. */
function splitTerms(text: string): string[] {
	const terms: string[] = [];
	let start = 0;
	for (let index = 0; index < text.length; index++) {
		if (text[index] === "\\") index++;
		else if (text[index] === ",") {
			terms.push(text.slice(start, index));
			start = index + 1;
		}
	}
	return [...terms, text.slice(start)];
}
