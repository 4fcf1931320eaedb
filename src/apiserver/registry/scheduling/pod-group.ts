/**
 * scheduling.k8s.io/v1alpha2 PodGroup: pods that are scheduled by one policy. Served with the feature gate GenericWorkload.
 * Source: pkg/registry/scheduling/podgroup, pkg/apis/scheduling/validation of Kubernetes 1.36; KEP-4671.
 */
import type { PodGroupTemplateReferenceV1alpha2, PodGroupV1alpha2 } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Label, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { mapField, withSpec } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateConditions } from "../validation/conditions.ts";
import { type FieldErrors, NO_ERRORS, validateImmutable, validateNamed } from "../validation/primitives.ts";
import { validateSchedulingPolicy, withoutGatedFields } from "./pod-group-fields.ts";

const noSpec: PodGroupV1alpha2["spec"] = { schedulingPolicy: {} };

export const podGroup = defineKind<PodGroupV1alpha2>({
	group: "scheduling.k8s.io",
	kind: "PodGroup",
	resource: "podgroups",
	singular: "podgroup",
	versions: ["v1alpha2"],
	storageVersion: "v1alpha2",
	setDefaults: (object) => mapField(withSpec(object), "spec", withoutGatedFields),
	validate: ({ spec = noSpec }) => [
		...(spec.podGroupTemplateRef === undefined ? NO_ERRORS : validateReference(spec.podGroupTemplateRef, "spec.podGroupTemplateRef")),
		...validateSchedulingPolicy(spec.schedulingPolicy ?? {}, "spec.schedulingPolicy"),
	],
	validateUpdate: ({ spec = noSpec }, { spec: old = noSpec }) => [
		...validateImmutable(spec.podGroupTemplateRef, old.podGroupTemplateRef, "spec.podGroupTemplateRef"),
		...validateImmutable(spec.schedulingPolicy, old.schedulingPolicy, "spec.schedulingPolicy"),
	],
	validateStatusUpdate: ({ status }) => validateConditions(status?.conditions, "status.conditions"),
	columns: [
		nameColumn(),
		stringColumn("Policy", "The scheduling policy of the group.", ({ spec = noSpec }) =>
			spec.schedulingPolicy?.gang === undefined ? "Basic" : "Gang",
		),
		stringColumn(
			"Workload",
			"The Workload whose template the group is from.",
			({ spec = noSpec }) => spec.podGroupTemplateRef?.workload?.workloadName ?? "<none>",
		),
		stringColumn("Status", "Whether the group has been scheduled.", ({ status }) => scheduledReason(status?.conditions) ?? "Pending"),
		ageColumn(),
	],
});

function scheduledReason(conditions: readonly { readonly type: string; readonly reason: string }[] = []): string | undefined {
	return conditions.find(({ type }) => type === "PodGroupScheduled")?.reason;
}

function validateReference({ workload }: PodGroupTemplateReferenceV1alpha2, path: string): FieldErrors {
	if (workload === undefined) return [fieldInvalid(path, "", "must specify one of: `workload`")];
	return [
		...validateNamed(workload.workloadName, `${path}.workload.workloadName`, isDns1123Subdomain),
		...validateNamed(workload.podGroupTemplateName, `${path}.workload.podGroupTemplateName`, isDns1123Label),
	];
}
