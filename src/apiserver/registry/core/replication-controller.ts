/**
 * ReplicationController: what ReplicaSets replaced. Source: pkg/apis/core/v1/defaults.go,
 * pkg/registry/core/replicationcontroller of Kubernetes 1.36.
 */
import type { ReplicationController } from "../../../apimachinery/schema/generated/types.ts";
import { selectorFromMap } from "../../../apimachinery/selector.ts";
import { type FieldError, fieldForbidden, fieldNotSupported, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, formatLabels, integerColumn, nameColumn, stringColumn, wide } from "../printing/columns.ts";
import { containerColumns } from "../printing/pod-template-columns.ts";
import { validatePodTemplate } from "../validation/pod-spec.ts";
import { validateMapSelectorMatches } from "../validation/pod-template.ts";
import { type FieldErrors, validateNonnegative } from "../validation/primitives.ts";
import { validateReplicaCounts } from "../validation/replica-counts.ts";
import { mapField, withDefaults } from "./defaulting.ts";
import { defaultPodTemplate } from "./pod-spec-defaults.ts";
import { podTemplateWarnings } from "./pod-warnings.ts";

const isEmpty = (labels: Readonly<Record<string, string>> | undefined): boolean => Object.keys(labels ?? {}).length === 0;

/** Selector and labels, where there are none, are the template's labels. */
function setDefaults(controller: ReplicationController): ReplicationController {
	const labels = controller.spec?.template?.metadata?.labels;
	let result = controller;
	if (labels !== undefined && isEmpty(result.metadata?.labels)) result = { ...result, metadata: { ...result.metadata, labels } };
	return mapField(withDefaults(result, { spec: {} }), "spec", (spec) => {
		const selected = labels !== undefined && isEmpty(spec.selector) ? { ...spec, selector: labels } : spec;
		return mapField(withDefaults(selected, { replicas: 1 }), "template", defaultPodTemplate);
	});
}

function validate({ spec }: ReplicationController): FieldErrors {
	const errors: FieldError[] = [
		...validateNonnegative(spec?.minReadySeconds, "spec.minReadySeconds"),
		...(isEmpty(spec?.selector) ? [fieldRequired("spec.selector")] : []),
		...validateNonnegative(spec?.replicas, "spec.replicas"),
		...validateMapSelectorMatches(spec?.template, spec?.selector, "spec.template"),
		...(spec?.template === undefined ? [fieldRequired("spec.template")] : validatePodTemplate(spec.template, "spec.template")),
	];
	const restartPolicy = spec?.template?.spec?.restartPolicy;
	if (restartPolicy !== undefined && restartPolicy !== "Always") {
		errors.push(fieldNotSupported("spec.template.spec.restartPolicy", restartPolicy, ["Always"]));
	}
	if (spec?.template?.spec?.activeDeadlineSeconds !== undefined) {
		const text = "activeDeadlineSeconds in ReplicationController is not Supported";
		errors.push(fieldForbidden("spec.template.spec.activeDeadlineSeconds", text));
	}
	return errors;
}

export const replicationControllerKind = defineKind<ReplicationController>({
	group: "",
	kind: "ReplicationController",
	resource: "replicationcontrollers",
	singular: "replicationcontroller",
	shortNames: ["rc"],
	categories: ["all"],
	versions: ["v1"],
	storageVersion: "v1",
	storagePrefix: "controllers",
	hasGeneration: true,
	defaultDeletion: "orphan",
	setDefaults,
	prepareForCreate: (controller) => ({ ...controller, status: { replicas: 0 } }),
	validate,
	validateStatusUpdate: ({ status }) => validateReplicaCounts(status),
	columns: [
		nameColumn(),
		integerColumn("Desired", "Replicas is the number of desired replicas.", ({ spec }) => spec?.replicas),
		integerColumn("Current", "Replicas is the most recently observed number of replicas.", ({ status }) => status?.replicas),
		integerColumn("Ready", "The number of ready replicas for this replication controller.", ({ status }) => status?.readyReplicas),
		ageColumn(),
		...containerColumns<ReplicationController>(({ spec }) => spec?.template?.spec?.containers),
		wide(
			stringColumn("Selector", "Selector is a label query over pods that should match the Replicas count.", ({ spec }) =>
				formatLabels(spec?.selector),
			),
		),
	],
	selectableFields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
	scale: {
		specReplicas: ({ spec }) => spec?.replicas ?? 0,
		statusReplicas: ({ status }) => status?.replicas ?? 0,
		selector: ({ spec }) => selectorFromMap(spec?.selector).toString(),
		withReplicas: (controller, replicas) => mapField(controller, "spec", (spec) => ({ ...spec, replicas })),
	},
	warnings: ({ spec }) => podTemplateWarnings(spec?.template),
});
