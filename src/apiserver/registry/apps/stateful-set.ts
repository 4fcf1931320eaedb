/**
 * StatefulSet. Source: pkg/apis/apps/v1/{defaults,conversion}.go, pkg/apis/apps/validation, pkg/registry/apps/statefulset
 * of Kubernetes 1.36. https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
 */

import { jsonEqual } from "../../../apimachinery/json.ts";
import type {
	PersistentVolumeClaim,
	StatefulSet,
	StatefulSetSpec,
	StatefulSetUpdateStrategy,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldInvalid, fieldNotOneOf, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { nameIsDnsLabel } from "../../../apimachinery/validation/names.ts";
import { fractionalBytes } from "../core/container-warnings.ts";
import { eachItem, mapField, withDefaults, withSpec } from "../core/defaulting.ts";
import { defaultPodTemplate } from "../core/pod-spec-defaults.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";
import { defaultClaimSpec } from "../core/volume-defaults.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, selectorText, stringColumn } from "../printing/columns.ts";
import { containerColumns } from "../printing/pod-template-columns.ts";
import { type InternalShape, internalValue } from "../validation/internal-value.ts";
import { validateWorkloadSelector, validateWorkloadTemplate } from "../validation/pod-template.ts";
import {
	amountOf,
	type FieldErrors,
	NO_ERRORS,
	validateIntOrPercent,
	validateNonnegative,
	validateNotMoreThan100Percent,
	validateOptionalLabel,
} from "../validation/primitives.ts";
import { isUnchanged } from "../validation/workload-warnings.ts";
import { validateAvailableIsReady, validateCollisionCount, validateStatusCounts, validateWithinReplicas } from "./workload-status.ts";

const rollingShape: InternalShape = [
	["Partition", "partition", 0],
	["MaxUnavailable", "maxUnavailable", null],
];
const strategyShape: InternalShape = [
	["Type", "type", ""],
	["RollingUpdate", "rollingUpdate", null, rollingShape],
];

/** What an update may change, in the order that the error names it. */
const mutableFields = [
	"replicas",
	"ordinals",
	"template",
	"updateStrategy",
	"revisionHistoryLimit",
	"persistentVolumeClaimRetentionPolicy",
	"minReadySeconds",
] as const;

const UPDATE_FORBIDDEN =
	"updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

function setDefaults(set: StatefulSet): StatefulSet {
	return mapField(withSpec(set), "spec", (spec) => {
		let result = withDefaults(spec, {
			podManagementPolicy: "OrderedReady",
			replicas: 1,
			revisionHistoryLimit: 10,
			// Go writes it where there is none.
			serviceName: "",
			updateStrategy: {},
			persistentVolumeClaimRetentionPolicy: {},
		});
		result = mapField(result, "updateStrategy", defaultUpdateStrategy);
		result = mapField(result, "persistentVolumeClaimRetentionPolicy", (policy) =>
			withDefaults(policy, { whenDeleted: "Retain", whenScaled: "Retain" }),
		);
		result = mapField(result, "volumeClaimTemplates", eachItem(defaultClaimTemplate));
		return mapField(result, "template", defaultPodTemplate);
	});
}

function defaultUpdateStrategy(strategy: StatefulSetUpdateStrategy): StatefulSetUpdateStrategy {
	const result = withDefaults(strategy, { type: "RollingUpdate" });
	if (result.type !== "RollingUpdate") return result;
	return mapField(withDefaults(result, { rollingUpdate: {} }), "rollingUpdate", (rolling) => withDefaults(rolling, { partition: 0 }));
}

/** A template of claims is written like a claim: with its kind and the status it will start from. */
function defaultClaimTemplate(claim: PersistentVolumeClaim): PersistentVolumeClaim {
	const result = withDefaults(claim, { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: {}, spec: {}, status: {} });
	return mapField(mapField(result, "spec", defaultClaimSpec), "status", (status) => withDefaults(status, { phase: "Pending" }));
}

function validate({ spec }: StatefulSet, old?: StatefulSet): FieldErrors {
	if (spec === undefined) return [fieldRequired("spec.selector")];
	const claimNames = (spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata?.name ?? "");
	return [
		...validatePodManagement(spec.podManagementPolicy),
		...validateUpdateStrategy(spec.updateStrategy ?? {}),
		...validateRetentionPolicy(spec.persistentVolumeClaimRetentionPolicy),
		...validateNonnegative(spec.replicas, "spec.replicas"),
		...validateNonnegative(spec.minReadySeconds, "spec.minReadySeconds"),
		...validateNonnegative(spec.ordinals?.start, "spec.ordinals.start"),
		// It cannot change, so that a set with a bad one could else not be updated.
		...(old === undefined ? validateOptionalLabel(spec.serviceName, "spec.serviceName") : NO_ERRORS),
		...validateWorkloadSelector(spec.selector, "statefulset", "spec.selector"),
		...validateWorkloadTemplate(spec.template, spec.selector, {
			workload: "StatefulSet",
			path: "spec.template",
			extraVolumes: claimNames,
			unreadable: { path: "spec.selector", detail: "" },
		}),
	];
}

function validatePodManagement(policy: string | undefined): FieldErrors {
	const path = "spec.podManagementPolicy";
	if (policy === undefined || policy === "") return [fieldRequired(path)];
	return policy === "OrderedReady" || policy === "Parallel"
		? NO_ERRORS
		: [fieldInvalid(path, policy, "must be 'OrderedReady' or 'Parallel'")];
}

function validateUpdateStrategy(strategy: StatefulSetUpdateStrategy): FieldErrors {
	const path = "spec.updateStrategy";
	const { type, rollingUpdate } = strategy;
	if (type === undefined || type === "") return [fieldRequired(path)];
	if (type === "OnDelete") {
		return rollingUpdate === undefined
			? NO_ERRORS
			: [
					fieldInvalid(
						`${path}.rollingUpdate`,
						internalValue(rollingUpdate, rollingShape),
						"only allowed for updateStrategy 'RollingUpdate'",
					),
				];
	}
	if (type !== "RollingUpdate")
		return [fieldInvalid(path, internalValue(strategy, strategyShape), "must be 'RollingUpdate' or 'OnDelete'")];
	return [
		...validateNonnegative(rollingUpdate?.partition, `${path}.rollingUpdate.partition`),
		...validateMaxUnavailable(rollingUpdate?.maxUnavailable, `${path}.rollingUpdate.maxUnavailable`),
	];
}

function validateMaxUnavailable(value: number | string | undefined, path: string): FieldErrors {
	if (value === undefined) return NO_ERRORS;
	return [
		...validateIntOrPercent(value, path),
		...(amountOf(value) === 0 ? [fieldInvalid(path, value, "cannot be 0")] : []),
		...validateNotMoreThan100Percent(value, path),
	];
}

function validateRetentionPolicy(policy: StatefulSetSpec["persistentVolumeClaimRetentionPolicy"]): FieldErrors {
	if (policy === undefined) return NO_ERRORS;
	return (["whenDeleted", "whenScaled"] as const).flatMap((field): FieldErrors => {
		const value = policy[field] ?? "";
		const path = `spec.persistentVolumeClaimRetentionPolicy.${field}`;
		return value === "Retain" || value === "Delete" ? NO_ERRORS : [fieldNotOneOf(path, value, ["Retain", "Delete"])];
	});
}

function validateUpdate(set: StatefulSet, old: StatefulSet): FieldErrors {
	const fixed = (spec: StatefulSetSpec | undefined) => {
		const rest: Partial<Record<keyof StatefulSetSpec, unknown>> = { ...spec };
		for (const field of mutableFields) delete rest[field];
		return rest;
	};
	return jsonEqual(fixed(set.spec), fixed(old.spec)) ? NO_ERRORS : [fieldForbidden("spec", UPDATE_FORBIDDEN)];
}

function validateStatusUpdate({ status }: StatefulSet, old: StatefulSet): FieldErrors {
	return [
		...validateStatusCounts(status, [
			"replicas",
			"readyReplicas",
			"currentReplicas",
			"updatedReplicas",
			"availableReplicas",
			"observedGeneration",
			"collisionCount",
		]),
		...validateWithinReplicas(status, ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"]),
		...validateAvailableIsReady(status, "status.readyReplicas"),
		...validateCollisionCount(status, old.status),
	];
}

function historyWarnings({ spec }: StatefulSet): readonly string[] {
	if ((spec?.revisionHistoryLimit ?? 0) >= 0) return [];
	return ["spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"];
}

/** Source: GetWarningsForPersistentVolumeClaimSpec in pkg/api/persistentvolumeclaim/util.go of Kubernetes 1.36. */
function claimWarnings({ spec }: PersistentVolumeClaim, index: number): readonly string[] {
	return (["requests", "limits"] as const).flatMap((side) =>
		fractionalBytes(spec?.resources?.[side], "storage", `spec.volumeClaimTemplates[${index}].resources.${side}`),
	);
}

export const statefulSetKind = defineKind<StatefulSet>({
	group: "apps",
	kind: "StatefulSet",
	resource: "statefulsets",
	singular: "statefulset",
	shortNames: ["sts"],
	categories: ["all"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	setDefaults,
	// The two counts that Kubernetes' encoder always writes.
	prepareForCreate: (set) => ({ ...set, status: { replicas: 0, availableReplicas: 0 } }),
	validate,
	validateUpdate,
	validateStatusUpdate,
	// Pods are called after the set, and their names are host names.
	validateName: nameIsDnsLabel,
	warnings: (set, old) => {
		if (isUnchanged(set, old)) return [];
		const claims = (set.spec?.volumeClaimTemplates ?? []).flatMap(claimWarnings);
		return [...podTemplateWarnings(set.spec?.template), ...claims, ...historyWarnings(set)];
	},
	columns: [
		nameColumn(),
		stringColumn(
			"Ready",
			"Number of the pod with ready state",
			({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
		),
		ageColumn(),
		...containerColumns<StatefulSet>(({ spec }) => spec?.template?.spec?.containers),
	],
	scale: {
		specReplicas: ({ spec }) => spec?.replicas ?? 0,
		statusReplicas: ({ status }) => status?.replicas ?? 0,
		selector: ({ spec }) => selectorText(spec?.selector, ""),
		withReplicas: (set, replicas) => mapField(set, "spec", (spec) => ({ ...spec, replicas })),
	},
});
