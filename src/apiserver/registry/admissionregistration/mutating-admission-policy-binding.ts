/** admissionregistration.k8s.io/v1 MutatingAdmissionPolicyBinding: where a mutating policy holds, with which parameters. */
import type { MutatingAdmissionPolicyBinding } from "../../../apimachinery/schema/generated/types.ts";
import { mapField } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { defaultMatchResources, validateMatchResources, validateMutableOperations } from "./admission-rule.ts";
import { policyBindingColumns, staticNameWarnings, validateParamRef, validatePolicyName } from "./policy.ts";

export const mutatingAdmissionPolicyBinding = defineKind<MutatingAdmissionPolicyBinding>({
	group: "admissionregistration.k8s.io",
	kind: "MutatingAdmissionPolicyBinding",
	resource: "mutatingadmissionpolicybindings",
	singular: "mutatingadmissionpolicybinding",
	categories: ["api-extensions"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	allowUnconditionalUpdate: false,
	setDefaults: (object) => mapField(object, "spec", (spec) => mapField(spec, "matchResources", defaultMatchResources)),
	validate: ({ spec = {} }) => [
		...validatePolicyName(spec.policyName ?? ""),
		...validateParamRef(spec.paramRef, "spec.paramRef"),
		...(spec.matchResources === undefined
			? []
			: [
					...validateMatchResources(spec.matchResources, "spec.matchResources"),
					...validateMutableOperations(spec.matchResources, "spec.matchResources"),
				]),
	],
	warnings: staticNameWarnings,
	columns: policyBindingColumns(),
});
