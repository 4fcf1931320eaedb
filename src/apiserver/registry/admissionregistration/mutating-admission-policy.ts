/** admissionregistration.k8s.io/v1 MutatingAdmissionPolicy: rules in CEL that change objects on their way in. */
import type { MutatingAdmissionPolicy, MutatingAdmissionPolicySpec, Mutation } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { type FieldErrors, validateEach, validateEnum } from "../validation/primitives.ts";
import {
	defaultMatchResources,
	failurePolicies,
	reinvocationPolicies,
	validateMatchConditions,
	validateMutableOperations,
} from "./admission-rule.ts";
import {
	conditionsToKeep,
	formatParamKind,
	staticNameWarnings,
	validateMatchConstraints,
	validateParamKind,
	validateVariables,
} from "./policy.ts";

export const mutatingAdmissionPolicy = defineKind<MutatingAdmissionPolicy>({
	group: "admissionregistration.k8s.io",
	kind: "MutatingAdmissionPolicy",
	resource: "mutatingadmissionpolicies",
	singular: "mutatingadmissionpolicy",
	categories: ["api-extensions"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	allowUnconditionalUpdate: false,
	setDefaults: (object) =>
		mapField(object, "spec", (spec) => mapField(withDefaults(spec, { failurePolicy: "Fail" }), "matchConstraints", defaultMatchResources)),
	validate: ({ spec = {} }, old) => validateSpec(spec, old?.spec),
	validateExpressions: async (object) => (await import("./expressions.ts")).mutatingPolicyErrors(object),
	warnings: staticNameWarnings,
	columns: [
		nameColumn(),
		integerColumn(
			"Mutations",
			"Mutation indicates the number of mutations rules defined in this configuration",
			({ spec }) => (spec?.mutations ?? []).length,
		),
		stringColumn("ParamKind", "ParamKind specifies the kind of resources used to parameterize this policy", ({ spec }) =>
			formatParamKind(spec?.paramKind),
		),
		ageColumn(),
	],
});

function validateSpec(spec: MutatingAdmissionPolicySpec, old: MutatingAdmissionPolicySpec | undefined): FieldErrors {
	const { mutations = [] } = spec;
	return [
		...validateEnum(spec.failurePolicy, "spec.failurePolicy", failurePolicies),
		...validateParamKind(spec.paramKind, "spec.paramKind"),
		...validateMatchConstraints(spec.matchConstraints, "spec.matchConstraints"),
		...validateMutableOperations(spec.matchConstraints ?? {}, "spec.matchConstraints"),
		...validateMatchConditions(spec.matchConditions, "spec.matchConditions", conditionsToKeep(spec, old)),
		...validateVariables(spec.variables, "spec.variables"),
		...(mutations.length === 0 ? [fieldRequired("spec.mutations", "mutations must contain at least one item")] : []),
		...validateEach(mutations, "spec.mutations", validateMutation),
		...validateEnum(spec.reinvocationPolicy, "spec.reinvocationPolicy", reinvocationPolicies),
	];
}

/** The one of the two that the patch type names, and not the other. */
function validateMutation(mutation: Partial<Mutation>, path: string): FieldErrors {
	const { patchType = "" } = mutation;
	const errors = validateEnum(patchType, `${path}.patchType`, ["ApplyConfiguration", "JSONPatch"]);
	if (errors.length > 0) return errors;
	const [wanted, other] =
		patchType === "JSONPatch" ? (["jsonPatch", "applyConfiguration"] as const) : (["applyConfiguration", "jsonPatch"] as const);
	const expression = mutation[wanted]?.expression ?? "";
	return [
		...(mutation[wanted] === undefined ? [fieldRequired(`${path}.${wanted}`, `must be specified when patchType is ${patchType}`)] : []),
		...(mutation[wanted] !== undefined && expression.trim() === "" ? [fieldRequired(`${path}.${wanted}.expression`)] : []),
		...(mutation[other] === undefined
			? []
			: [fieldInvalid(`${path}.${other}`, `{${other}}`, `must not be specified when patchType is ${patchType}`)]),
	];
}
