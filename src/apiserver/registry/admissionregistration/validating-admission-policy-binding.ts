/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding: where a policy holds, with which parameters. */
import type { ValidatingAdmissionPolicyBinding } from "../../../apimachinery/schema/generated/types.ts";
import { fieldDuplicate, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { mapField } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { type FieldErrors, validateOptionalEnum } from "../validation/primitives.ts";
import { defaultMatchResources, validateMatchResources } from "./admission-rule.ts";
import { policyBindingColumns, staticNameWarnings, validateParamRef, validatePolicyName } from "./policy.ts";

const actions = ["Audit", "Deny", "Warn"];

export const validatingAdmissionPolicyBinding = defineKind<ValidatingAdmissionPolicyBinding>({
	group: "admissionregistration.k8s.io",
	kind: "ValidatingAdmissionPolicyBinding",
	resource: "validatingadmissionpolicybindings",
	singular: "validatingadmissionpolicybinding",
	categories: ["api-extensions"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	allowUnconditionalUpdate: false,
	setDefaults: (object) => mapField(object, "spec", (spec) => mapField(spec, "matchResources", defaultMatchResources)),
	validate: ({ spec }) => [
		...validatePolicyName(spec?.policyName ?? ""),
		...validateParamRef(spec?.paramRef, "spec.paramRef"),
		...(spec?.matchResources === undefined ? [] : validateMatchResources(spec.matchResources, "spec.matchResources")),
		...validateActions(spec?.validationActions ?? []),
	],
	warnings: staticNameWarnings,
	columns: policyBindingColumns(),
});

function validateActions(list: readonly string[]): FieldErrors {
	const path = "spec.validationActions";
	const contradiction =
		"must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
	return [
		...list.flatMap((action, index) => [
			...validateOptionalEnum(action, `${path}[${index}]`, actions),
			...(list.indexOf(action) < index ? [fieldDuplicate(`${path}[${index}]`, action)] : []),
		]),
		...(list.includes("Deny") && list.includes("Warn") ? [fieldInvalid(path, list, contradiction)] : []),
		...(list.length === 0 ? [fieldRequired(path, "at least one validation action is required")] : []),
	];
}
