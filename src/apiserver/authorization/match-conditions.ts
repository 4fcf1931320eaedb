/**
 * Which questions an authorization webhook is asked at all: conditions in CEL on the SubjectAccessReview that it would get.
 * Source: k8s.io/apiserver/pkg/authorization/cel/matcher.go, pkg/apis/apiserver/validation.
 */
import { compileReviewCondition, jsonToCel, type Program, perCallLimit } from "../../apimachinery/cel/index.ts";
import type { JsonObject } from "../../apimachinery/json.ts";
import { type FieldError, fieldDuplicate, fieldInvalid, fieldRequired } from "../../apimachinery/validation/field-error.ts";
import { aggregate } from "./authorizer.ts";

/** Whether all of them hold; or the error that leaves it open. One that does not hold decides. */
export type MatchConditions = (spec: JsonObject) => boolean | { readonly error: string };

interface Condition {
	readonly text: string;
	readonly program: Program;
}

/** Undefined: nothing is to hold. @param path of the list */
export function compileConditions(expressions: readonly string[], path: string, errors: FieldError[]): MatchConditions | undefined {
	const conditions: Condition[] = [];
	const seen = new Set<string>();
	for (const [index, text] of expressions.entries()) {
		const at = `${path}[${index}].expression`;
		if (text.trim() === "") errors.push(fieldRequired(at));
		else if (seen.has(text)) errors.push(fieldDuplicate(at, text));
		else {
			const compiled = compileReviewCondition(text);
			if ("problem" in compiled) errors.push(fieldInvalid(at, text, compiled.problem));
			else conditions.push({ text, program: compiled.program });
		}
		seen.add(text);
	}
	return conditions.length === 0 ? undefined : (spec) => holds(conditions, spec);
}

function holds(conditions: readonly Condition[], spec: JsonObject): boolean | { readonly error: string } {
	const request = jsonToCel(spec);
	const problems: string[] = [];
	for (const { text, program } of conditions) {
		const outcome = program.evaluate((name) => (name === "request" ? request : undefined), perCallLimit);
		if ("error" in outcome) problems.push(`cel evaluation error: expression '${text}' resulted in error: ${outcome.error}`);
		else if (outcome.value !== true) return false;
	}
	return problems.length === 0 ? true : { error: aggregate([...new Set(problems)]) };
}
