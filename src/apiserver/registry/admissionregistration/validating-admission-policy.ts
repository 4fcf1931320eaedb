/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy: rules in CEL that refuse requests. */
import type {
	AuditAnnotation,
	ValidatingAdmissionPolicy,
	ValidatingAdmissionPolicySpec,
	Validation,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import {
	type FieldErrors,
	validateEach,
	validateEnum,
	validateOptionalEnum,
	validateRequired,
	validateUnique,
} from "../validation/primitives.ts";
import { defaultMatchResources, failurePolicies, validateMatchConditions } from "./admission-rule.ts";
import { formatParamKind, validateMatchConstraints, validateParamKind, validateVariables } from "./policy.ts";

const maxAuditAnnotations = 20;

export const validatingAdmissionPolicy = defineKind<ValidatingAdmissionPolicy>({
	group: "admissionregistration.k8s.io",
	kind: "ValidatingAdmissionPolicy",
	resource: "validatingadmissionpolicies",
	singular: "validatingadmissionpolicy",
	categories: ["api-extensions"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	allowUnconditionalUpdate: false,
	setDefaults: (object) =>
		mapField(object, "spec", (spec) => mapField(withDefaults(spec, { failurePolicy: "Fail" }), "matchConstraints", defaultMatchResources)),
	validate: ({ spec = {} }) => validateSpec(spec),
	columns: [
		nameColumn(),
		integerColumn(
			"Validations",
			"Validations indicates the number of validation rules defined in this configuration",
			({ spec }) => (spec?.validations ?? []).length,
		),
		stringColumn("ParamKind", "ParamKind specifies the kind of resources used to parameterize this policy", ({ spec }) =>
			formatParamKind(spec?.paramKind),
		),
		ageColumn(),
	],
});

function validateSpec(spec: ValidatingAdmissionPolicySpec): FieldErrors {
	const { validations = [], auditAnnotations = [] } = spec;
	const nothing = "validations or auditAnnotations must contain at least one item";
	return [
		...validateEnum(spec.failurePolicy, "spec.failurePolicy", failurePolicies),
		...validateParamKind(spec.paramKind, "spec.paramKind"),
		...validateMatchConstraints(spec.matchConstraints, "spec.matchConstraints"),
		...validateMatchConditions(spec.matchConditions, "spec.matchConditions"),
		...validateVariables(spec.variables, "spec.variables"),
		...(validations.length + auditAnnotations.length === 0
			? [fieldRequired("spec.validations", nothing), fieldRequired("spec.auditAnnotations", nothing)]
			: []),
		...validateEach(validations, "spec.validations", validateValidation),
		...validateAuditAnnotations(auditAnnotations),
	];
}

function validateValidation(
	{ expression = "", message = "", messageExpression = "", reason }: Partial<Validation>,
	path: string,
): FieldErrors {
	return [
		...(expression.trim() === "" ? [fieldRequired(`${path}.expression`, "expression is not specified")] : []),
		...(messageExpression !== "" && messageExpression.trim() === ""
			? [fieldInvalid(`${path}.messageExpression`, messageExpression, "must be non-empty if specified")]
			: []),
		...(message !== "" && message.trim() === ""
			? [fieldInvalid(`${path}.message`, message, "message must be non-empty if specified")]
			: []),
		...(/[\n\r]/.test(message.trim()) ? [fieldInvalid(`${path}.message`, message, "message must not contain line breaks")] : []),
		...validateOptionalEnum(reason, `${path}.reason`, ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"]),
	];
}

function validateAuditAnnotations(annotations: readonly AuditAnnotation[]): FieldErrors {
	const path = "spec.auditAnnotations";
	return [
		...(annotations.length > maxAuditAnnotations
			? [fieldInvalid(path, annotations, `must not have more than ${maxAuditAnnotations} auditAnnotations`)]
			: []),
		...validateEach(annotations, path, ({ key, valueExpression }, at) => [
			...validateRequired(key, `${at}.key`, "key is not specified"),
			...validateRequired(valueExpression?.trim(), `${at}.valueExpression`, "valueExpression is not specified"),
		]),
		...validateUnique(
			annotations,
			({ key }) => key,
			(index) => `${path}[${index}].key`,
		),
	];
}
