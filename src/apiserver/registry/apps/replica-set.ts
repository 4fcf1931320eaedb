/**
 * ReplicaSet. Source: pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation, pkg/registry/apps/replicaset of Kubernetes 1.36.
 */
import type { ReplicaSet } from "../../../apimachinery/schema/generated/types.ts";
import { mapField, withDefaults, withSpec } from "../core/defaulting.ts";
import { defaultPodTemplate } from "../core/pod-spec-defaults.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn, selectorText } from "../printing/columns.ts";
import { containerColumns, selectorColumn } from "../printing/pod-template-columns.ts";
import { validateSelectorKept, validateWorkloadSelector, validateWorkloadTemplate } from "../validation/pod-template.ts";
import { type FieldErrors, validateNonnegative } from "../validation/primitives.ts";
import { validateReplicaCounts } from "../validation/replica-counts.ts";
import { isUnchanged, podNameWarnings } from "../validation/workload-warnings.ts";

function setDefaults(set: ReplicaSet): ReplicaSet {
	return mapField(withSpec(set), "spec", (spec) => mapField(withDefaults(spec, { replicas: 1 }), "template", defaultPodTemplate));
}

function validate({ spec }: ReplicaSet): FieldErrors {
	return [
		...validateNonnegative(spec?.replicas, "spec.replicas"),
		...validateNonnegative(spec?.minReadySeconds, "spec.minReadySeconds"),
		...validateWorkloadSelector(spec?.selector, "deployment", "spec.selector"),
		...validateWorkloadTemplate(spec?.template, spec?.selector, {
			workload: "ReplicaSet",
			path: "spec.template",
			unreadable: { path: "spec.selector", detail: "invalid label selector" },
		}),
	];
}

export const replicaSetKind = defineKind<ReplicaSet>({
	group: "apps",
	kind: "ReplicaSet",
	resource: "replicasets",
	singular: "replicaset",
	shortNames: ["rs"],
	categories: ["all"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	setDefaults,
	// The one count that Kubernetes' encoder always writes.
	prepareForCreate: (set) => ({ ...set, status: { replicas: 0 } }),
	validate,
	validateUpdate: (set, old) => validateSelectorKept(set.spec?.selector, old.spec?.selector),
	validateStatusUpdate: ({ status }) => validateReplicaCounts(status),
	warnings: (set, old) => {
		if (isUnchanged(set, old)) return [];
		return [...(old === undefined ? podNameWarnings(set) : []), ...podTemplateWarnings(set.spec?.template)];
	},
	columns: [
		nameColumn(),
		integerColumn("Desired", "Replicas is the number of desired pods.", ({ spec }) => spec?.replicas),
		integerColumn("Current", "Replicas is the most recently observed number of non-terminating pods.", ({ status }) => status?.replicas),
		integerColumn(
			"Ready",
			"The number of non-terminating pods targeted by this ReplicaSet with a Ready Condition.",
			({ status }) => status?.readyReplicas,
		),
		ageColumn(),
		...containerColumns<ReplicaSet>(({ spec }) => spec?.template?.spec?.containers),
		selectorColumn(
			"Selector is a label query over pods that should match the replica count. Label keys and values that must match in order to be controlled by this replica set. It must match the pod template's labels.",
			({ spec }) => spec?.selector,
		),
	],
	selectableFields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
	scale: {
		specReplicas: ({ spec }) => spec?.replicas ?? 0,
		statusReplicas: ({ status }) => status?.replicas ?? 0,
		selector: ({ spec }) => selectorText(spec?.selector, ""),
		withReplicas: (set, replicas) => mapField(set, "spec", (spec) => ({ ...spec, replicas })),
	},
});
