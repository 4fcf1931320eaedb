/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy: rules in CEL that refuse requests. */
import type {
	AuditAnnotation,
	ExpressionWarning,
	ValidatingAdmissionPolicy,
	ValidatingAdmissionPolicySpec,
	ValidatingAdmissionPolicyStatus,
	Validation,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldDuplicate, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateConditions } from "../validation/conditions.ts";
import { type InternalShape, internalValue } from "../validation/internal-value.ts";
import {
	type FieldErrors,
	invalidFor,
	validateEach,
	validateEnum,
	validateOptionalEnum,
	validateRequired,
} from "../validation/primitives.ts";
import { defaultMatchResources, failurePolicies, validateMatchConditions } from "./admission-rule.ts";
import {
	conditionsToKeep,
	formatParamKind,
	staticNameWarnings,
	validateMatchConstraints,
	validateParamKind,
	validateVariables,
} from "./policy.ts";

const maxAuditAnnotations = 20;
const maxValueExpressionBytes = 5 * 1024;

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
	validate: ({ metadata, spec = {} }, old) => validateSpec(metadata?.name ?? "", spec, old?.spec),
	validateExpressions: async (object) => (await import("./expressions.ts")).validatingPolicyErrors(object),
	validateStatusUpdate: ({ status = {} }) => validateStatus(status),
	warnings: staticNameWarnings,
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

/** @param name of the policy, which begins the names of its audit annotations */
function validateSpec(name: string, spec: ValidatingAdmissionPolicySpec, old: ValidatingAdmissionPolicySpec | undefined): FieldErrors {
	const { validations = [], auditAnnotations = [] } = spec;
	const nothing = "validations or auditAnnotations must contain at least one item";
	return [
		...validateEnum(spec.failurePolicy, "spec.failurePolicy", failurePolicies),
		...validateParamKind(spec.paramKind, "spec.paramKind"),
		...validateMatchConstraints(spec.matchConstraints, "spec.matchConstraints"),
		...validateMatchConditions(spec.matchConditions, "spec.matchConditions", conditionsToKeep(spec, old)),
		...validateVariables(spec.variables, "spec.variables"),
		...(validations.length + auditAnnotations.length === 0
			? [fieldRequired("spec.validations", nothing), fieldRequired("spec.auditAnnotations", nothing)]
			: []),
		...validateEach(validations, "spec.validations", validateValidation),
		...validateAuditAnnotations(name, auditAnnotations),
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
		...(message !== "" && message.trim() === "" ? [fieldInvalid(`${path}.message`, message, "must be non-empty if specified")] : []),
		...(/[\n\r]/.test(message.trim()) ? [fieldInvalid(`${path}.message`, message, "must not contain line breaks")] : []),
		...validateOptionalEnum(reason, `${path}.reason`, ["Forbidden", "Invalid", "RequestEntityTooLarge"]),
	];
}

const annotationShape: InternalShape = [
	["Key", "key", ""],
	["ValueExpression", "valueExpression", ""],
];

function validateAuditAnnotations(name: string, annotations: readonly AuditAnnotation[]): FieldErrors {
	const path = "spec.auditAnnotations";
	const keys = annotations.map(({ key = "" }: Partial<AuditAnnotation>) => key);
	const TOO_MANY = `must not have more than ${maxAuditAnnotations} auditAnnotations`;
	return [
		...(annotations.length > maxAuditAnnotations ? [fieldInvalid(path, internalValue(annotations, annotationShape), TOO_MANY)] : []),
		...annotations.flatMap(({ key = "", valueExpression = "" }: Partial<AuditAnnotation>, index) => {
			const at = `${path}[${index}]`;
			const fullKey = `${name}/${key}`;
			const nameless = [fieldInvalid(`${at}.key`, key, "requires metadata.name be non-empty")];
			return [
				...(name === "" ? nameless : invalidFor(`${at}.key`, fullKey, isQualifiedName(fullKey))),
				...validateValueExpression(valueExpression.trim(), `${at}.valueExpression`),
				...(keys.indexOf(key) < index ? [fieldDuplicate(`${at}.key`, key)] : []),
			];
		}),
	];
}

function validateValueExpression(expression: string, path: string): FieldErrors {
	if (expression === "") return [fieldRequired(path, "valueExpression is not specified")];
	if (Buffer.byteLength(expression) <= maxValueExpressionBytes) return [];
	return [fieldRequired(path, `must not exceed ${maxValueExpressionBytes} bytes in length`)];
}

/** The warnings that a controller found in the policy's expressions, and its conditions. */
function validateStatus({ typeChecking, conditions }: ValidatingAdmissionPolicyStatus): FieldErrors {
	const path = "status.typeChecking.expressionWarnings";
	return [
		...validateEach(typeChecking?.expressionWarnings, path, ({ warning, fieldRef = "" }: Partial<ExpressionWarning>, at) => [
			...validateRequired(warning, `${at}.warning`),
			...validateRequired(fieldRef.trim(), `${at}.fieldRef`),
		]),
		...validateConditions(conditions, "status.conditions"),
	];
}
