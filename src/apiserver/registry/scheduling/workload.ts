/**
 * scheduling.k8s.io/v1alpha2 Workload: templates of PodGroups, for controllers to make them from. Served with the feature gate
 * GenericWorkload. Source: pkg/registry/scheduling/workload, pkg/apis/scheduling/validation of Kubernetes 1.36; KEP-4671.
 */
import type { TypedLocalObjectReferenceV1alpha2, WorkloadV1alpha2 } from "../../../apimachinery/schema/generated/types.ts";
import { fieldRequired, fieldTooMany } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Label, isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import { eachItem, mapField, withSpec } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn } from "../printing/columns.ts";
import {
	type FieldErrors,
	NO_ERRORS,
	validateEach,
	validateImmutable,
	validateNamed,
	validateOptionalSubdomain,
	validateUnique,
} from "../validation/primitives.ts";
import { validateSchedulingPolicy, withoutGatedFields } from "./pod-group-fields.ts";

const maxTemplates = 8;
const templatesPath = "spec.podGroupTemplates";

const noSpec: WorkloadV1alpha2["spec"] = { podGroupTemplates: [] };

export const workload = defineKind<WorkloadV1alpha2>({
	group: "scheduling.k8s.io",
	kind: "Workload",
	resource: "workloads",
	singular: "workload",
	versions: ["v1alpha2"],
	storageVersion: "v1alpha2",
	setDefaults: (object) => mapField(withSpec(object), "spec", (spec) => mapField(spec, "podGroupTemplates", eachItem(withoutGatedFields))),
	validate: ({ spec: { controllerRef, podGroupTemplates = [] } = noSpec }) => [
		...(controllerRef === undefined ? NO_ERRORS : validateControllerRef(controllerRef, "spec.controllerRef")),
		...(podGroupTemplates.length === 0 ? [fieldRequired(templatesPath)] : NO_ERRORS),
		...(podGroupTemplates.length > maxTemplates ? [fieldTooMany(templatesPath, podGroupTemplates.length, maxTemplates)] : NO_ERRORS),
		...validateUnique(
			podGroupTemplates,
			({ name }) => name,
			(index) => `${templatesPath}[${index}]`,
		),
		...validateEach(podGroupTemplates, templatesPath, ({ name, schedulingPolicy }, path) => [
			...validateNamed(name, `${path}.name`, isDns1123Label),
			...validateSchedulingPolicy(schedulingPolicy ?? {}, `${path}.schedulingPolicy`),
		]),
	],
	validateUpdate: ({ spec = noSpec }, { spec: old = noSpec }) => [
		...validateImmutable(spec.controllerRef, old.controllerRef, "spec.controllerRef"),
		...validateImmutable(spec.podGroupTemplates, old.podGroupTemplates, templatesPath),
	],
	columns: [nameColumn(), ageColumn()],
});

function validateControllerRef({ apiGroup, kind, name }: TypedLocalObjectReferenceV1alpha2, path: string): FieldErrors {
	return [
		...validateOptionalSubdomain(apiGroup, `${path}.apiGroup`),
		...validateNamed(kind, `${path}.kind`, isPathSegmentName),
		...validateNamed(name, `${path}.name`, isPathSegmentName),
	];
}
