/**
 * Deployment. Source: pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation, pkg/registry/apps/deployment of Kubernetes 1.36.
 * https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
 */
import type { Deployment, DeploymentStrategy } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotOneOf,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { mapField, withDefaults, withSpec } from "../core/defaulting.ts";
import { defaultPodTemplate } from "../core/pod-spec-defaults.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn, selectorText, stringColumn, wide } from "../printing/columns.ts";
import { containerColumns } from "../printing/pod-template-columns.ts";
import { type InternalShape, internalValue } from "../validation/internal-value.ts";
import { validateSelectorKept, validateWorkloadSelector, validateWorkloadTemplate } from "../validation/pod-template.ts";
import {
	amountOf,
	type FieldErrors,
	NO_ERRORS,
	validateIntOrPercent,
	validateNonnegative,
	validateNotMoreThan100Percent,
} from "../validation/primitives.ts";
import { isUnchanged, podNameWarnings } from "../validation/workload-warnings.ts";
import { validateAvailableIsReady, validateCollisionCount, validateStatusCounts, validateWithinReplicas } from "./workload-status.ts";

const strategyShape: InternalShape = [
	["Type", "type", ""],
	[
		"RollingUpdate",
		"rollingUpdate",
		null,
		[
			["MaxUnavailable", "maxUnavailable", 0],
			["MaxSurge", "maxSurge", 0],
		],
	],
];

function setDefaults(deployment: Deployment): Deployment {
	return mapField(withSpec(deployment), "spec", (spec) => {
		let result = withDefaults(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: {} });
		result = mapField(result, "strategy", defaultStrategy);
		return mapField(result, "template", defaultPodTemplate);
	});
}

function defaultStrategy(strategy: DeploymentStrategy): DeploymentStrategy {
	const result = withDefaults(strategy, { type: "RollingUpdate" });
	if (result.type !== "RollingUpdate") return result;
	return mapField(withDefaults(result, { rollingUpdate: {} }), "rollingUpdate", (rolling) =>
		withDefaults(rolling, { maxUnavailable: "25%", maxSurge: "25%" }),
	);
}

function validate({ spec }: Deployment): FieldErrors {
	if (spec === undefined) return validateWorkloadSelector(undefined, "deployment", "spec.selector");
	const errors: FieldError[] = [
		...validateNonnegative(spec.replicas, "spec.replicas"),
		...validateWorkloadSelector(spec.selector, "deployment", "spec.selector"),
		...validateWorkloadTemplate(spec.template, spec.selector, {
			workload: "ReplicaSet",
			path: "spec.template",
			unreadable: { path: "spec.selector", detail: "invalid label selector" },
		}),
		...validateStrategy(spec.strategy ?? {}),
		...validateNonnegative(spec.minReadySeconds, "spec.minReadySeconds"),
		...validateNonnegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit"),
		...validateNonnegative(spec.progressDeadlineSeconds, "spec.progressDeadlineSeconds"),
	];
	const deadline = spec.progressDeadlineSeconds;
	if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
		errors.push(fieldInvalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"));
	}
	return errors;
}

function validateStrategy(strategy: DeploymentStrategy): FieldErrors {
	const { type, rollingUpdate } = strategy;
	const path = "spec.strategy";
	const at = `${path}.rollingUpdate`;
	if (type === "Recreate") {
		return rollingUpdate === undefined ? NO_ERRORS : [fieldForbidden(at, "may not be specified when strategy `type` is 'Recreate'")];
	}
	if (type !== "RollingUpdate") return [fieldNotOneOf(path, internalValue(strategy, strategyShape), ["Recreate", "RollingUpdate"])];
	if (rollingUpdate === undefined) return [fieldRequired(at, "this should be defaulted and never be nil")];
	const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate;
	const errors = [...validateIntOrPercent(maxUnavailable, `${at}.maxUnavailable`), ...validateIntOrPercent(maxSurge, `${at}.maxSurge`)];
	if (amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0) {
		errors.push(fieldInvalid(`${at}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0"));
	}
	return [...errors, ...validateNotMoreThan100Percent(maxUnavailable, `${at}.maxUnavailable`)];
}

function validateStatusUpdate({ status }: Deployment, old: Deployment): FieldErrors {
	return [
		...validateStatusCounts(status, [
			"observedGeneration",
			"replicas",
			"updatedReplicas",
			"readyReplicas",
			"availableReplicas",
			"unavailableReplicas",
			"terminatingReplicas",
			"collisionCount",
		]),
		...validateWithinReplicas(status, ["updatedReplicas", "readyReplicas", "availableReplicas"]),
		...validateAvailableIsReady(status, "readyReplicas"),
		...validateCollisionCount(status, old.status),
	];
}

export const deploymentKind = defineKind<Deployment>({
	group: "apps",
	kind: "Deployment",
	resource: "deployments",
	singular: "deployment",
	shortNames: ["deploy"],
	categories: ["all"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	generationCounts: "annotations",
	setDefaults,
	prepareForCreate: (deployment) => ({ ...deployment, status: {} }),
	validate,
	validateUpdate: (deployment, old) => validateSelectorKept(deployment.spec?.selector, old.spec?.selector),
	validateStatusUpdate,
	warnings: (deployment, old) => {
		if (isUnchanged(deployment, old)) return [];
		return [...(old === undefined ? podNameWarnings(deployment) : []), ...podTemplateWarnings(deployment.spec?.template)];
	},
	columns: [
		nameColumn(),
		stringColumn(
			"Ready",
			"Number of the pod with ready state",
			({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
		),
		integerColumn(
			"Up-to-date",
			"Total number of non-terminated pods targeted by this deployment that have the desired template spec.",
			({ status }) => status?.updatedReplicas,
		),
		integerColumn(
			"Available",
			"Total number of available non-terminating pods (ready for at least minReadySeconds) targeted by this deployment.",
			({ status }) => status?.availableReplicas,
		),
		ageColumn(),
		...containerColumns<Deployment>(({ spec }) => spec?.template?.spec?.containers),
		wide(
			stringColumn(
				"Selector",
				"Label selector for pods. Existing ReplicaSets whose pods are selected by this will be the ones affected by this deployment.",
				({ spec }) => selectorText(spec?.selector, "<invalid>"),
			),
		),
	],
	scale: {
		specReplicas: ({ spec }) => spec?.replicas ?? 0,
		statusReplicas: ({ status }) => status?.replicas ?? 0,
		selector: ({ spec }) => selectorText(spec?.selector, ""),
		withReplicas: (deployment, replicas) => mapField(deployment, "spec", (spec) => ({ ...spec, replicas })),
	},
});
