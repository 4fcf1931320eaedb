/**
 * Conditions of the common form, in statuses. Source: ValidateConditions in
 * k8s.io/apimachinery/pkg/apis/meta/v1/validation of Kubernetes 1.36.
 */
import type { Condition } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
	fieldTooLong,
} from "../../../apimachinery/validation/field-error.ts";
import { validateLabelName } from "../../../apimachinery/validation/label-selector.ts";
import { regexText } from "../../../apimachinery/validation/names.ts";

const maxReasonBytes = 1024;
const maxMessageBytes = 32 * 1024;

const reasonPattern = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";
const REASON = regexText(
	"a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
	reasonPattern,
	"my_name",
	"MY_NAME",
	"MyName",
	"ReasonA,ReasonB",
	"ReasonA:ReasonB",
);
const validReason = new RegExp(`^${reasonPattern}$`);

/** Each type once, each condition complete. */
export function validateConditions(conditions: readonly Condition[] | undefined, path: string): readonly FieldError[] {
	const types = (conditions ?? []).map(({ type }) => type);
	return (conditions ?? []).flatMap((condition, index) => [
		...(types.indexOf(condition.type) < index ? [fieldDuplicate(`${path}[${index}].type`, condition.type)] : []),
		...validateCondition(condition, `${path}[${index}]`),
	]);
}

function validateCondition(condition: Partial<Condition>, path: string): readonly FieldError[] {
	const { type = "", status = "", observedGeneration = 0, lastTransitionTime, reason = "", message = "" } = condition;
	const errors: FieldError[] = [...validateLabelName(type, `${path}.type`)];
	const statuses = ["False", "True", "Unknown"];
	if (!statuses.includes(status)) errors.push(fieldNotSupported(`${path}.status`, status, statuses));
	if (observedGeneration < 0) {
		errors.push(fieldInvalid(`${path}.observedGeneration`, observedGeneration, "must be greater than or equal to zero"));
	}
	if (lastTransitionTime === undefined) errors.push(fieldRequired(`${path}.lastTransitionTime`, "must be set"));
	if (reason === "") errors.push(fieldRequired(`${path}.reason`, "must be set"));
	else if (!validReason.test(reason)) errors.push(fieldInvalid(`${path}.reason`, reason, REASON));
	if (Buffer.byteLength(reason) > maxReasonBytes) errors.push(fieldTooLong(`${path}.reason`, maxReasonBytes));
	if (Buffer.byteLength(message) > maxMessageBytes) errors.push(fieldTooLong(`${path}.message`, maxMessageBytes));
	return errors;
}
