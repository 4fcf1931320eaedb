/**
 * DaemonSet. Source: pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation, pkg/registry/apps/daemonset of Kubernetes 1.36.
 * https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { DaemonSet, DaemonSetUpdateStrategy, LabelSelector } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid, fieldNotOneOf, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { mapField, withDefaults, withSpec } from "../core/defaulting.ts";
import { defaultPodTemplate } from "../core/pod-spec-defaults.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, formatLabels, integerColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { containerColumns, selectorColumn } from "../printing/pod-template-columns.ts";
import { type InternalShape, internalValue, selectorValue } from "../validation/internal-value.ts";
import { validateRestartingTemplate, validateSelectorKept, validateSelectorMatches } from "../validation/pod-template.ts";
import {
	amountOf,
	type FieldErrors,
	NO_ERRORS,
	validateIntOrPercent,
	validateNonnegative,
	validateNotMoreThan100Percent,
} from "../validation/primitives.ts";
import { isUnchanged } from "../validation/workload-warnings.ts";
import { validateCollisionCount, validateStatusCounts } from "./workload-status.ts";

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

function setDefaults(set: DaemonSet): DaemonSet {
	return mapField(withSpec(set), "spec", (spec) => {
		const result = withDefaults(spec, { revisionHistoryLimit: 10, updateStrategy: {} });
		return mapField(mapField(result, "updateStrategy", defaultUpdateStrategy), "template", defaultPodTemplate);
	});
}

function defaultUpdateStrategy(strategy: DaemonSetUpdateStrategy): DaemonSetUpdateStrategy {
	const result = withDefaults(strategy, { type: "RollingUpdate" });
	if (result.type !== "RollingUpdate") return result;
	return mapField(withDefaults(result, { rollingUpdate: {} }), "rollingUpdate", (rolling) =>
		withDefaults(rolling, { maxUnavailable: 1, maxSurge: 0 }),
	);
}

/**
 * Where apps/v1 keeps spec.templateGeneration, which it does not have: the server counts changes of the template in it,
 * and the DaemonSet controller labels pods with the count.
 * Source: pkg/apis/apps/v1/conversion.go, pkg/registry/apps/daemonset/strategy.go of Kubernetes 1.36.
 */
const generationAnnotation = "deprecated.daemonset.template.generation";

function templateGeneration({ metadata }: DaemonSet): number | undefined {
	const text = metadata?.annotations?.[generationAnnotation];
	return text !== undefined && /^-?[0-9]+$/.test(text) ? Number(text) : undefined;
}

function withTemplateGeneration(set: DaemonSet, generation: number): DaemonSet {
	const annotations = { ...set.metadata?.annotations, [generationAnnotation]: String(generation) };
	return { ...set, metadata: { ...set.metadata, annotations } };
}

function validate({ spec }: DaemonSet): FieldErrors {
	return [
		...validateLabelSelector(spec?.selector, "spec.selector"),
		...validateSelectorMatches(spec?.template, spec?.selector, "spec.template"),
		...validateNotEmpty(spec?.selector),
		...validateRestartingTemplate(spec?.template, { workload: "DaemonSet", path: "spec.template" }),
		...validateNonnegative(spec?.minReadySeconds, "spec.minReadySeconds"),
		...validateUpdateStrategy(spec?.updateStrategy ?? {}),
		...validateNonnegative(spec?.revisionHistoryLimit, "spec.revisionHistoryLimit"),
	];
}

/** A set without a selector is refused because its Pods do not match. */
function validateNotEmpty(selector: LabelSelector | undefined): FieldErrors {
	if (selector === undefined || Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length > 0) {
		return NO_ERRORS;
	}
	return [fieldInvalid("spec.selector", selectorValue(selector), "empty selector is invalid for daemonset")];
}

function validateUpdateStrategy(strategy: DaemonSetUpdateStrategy): FieldErrors {
	const { type, rollingUpdate } = strategy;
	const path = "spec.updateStrategy";
	const at = `${path}.rollingUpdate`;
	if (type === "OnDelete") return NO_ERRORS;
	if (type !== "RollingUpdate") return [fieldNotOneOf(path, internalValue(strategy, strategyShape), ["RollingUpdate", "OnDelete"])];
	if (rollingUpdate === undefined) return [fieldRequired(at)];
	const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate;
	const errors: FieldError[] = [
		...validateIntOrPercent(maxUnavailable, `${at}.maxUnavailable`),
		...validateIntOrPercent(maxSurge, `${at}.maxSurge`),
		...validateNotMoreThan100Percent(maxUnavailable, `${at}.maxUnavailable`),
		...validateNotMoreThan100Percent(maxSurge, `${at}.maxSurge`),
	];
	const hasUnavailable = amountOf(maxUnavailable) !== 0;
	const hasSurge = amountOf(maxSurge) !== 0;
	if (hasUnavailable && hasSurge) errors.push(fieldInvalid(`${at}.maxSurge`, maxSurge, "may not be set when maxUnavailable is non-zero"));
	else if (!hasUnavailable && !hasSurge) errors.push(fieldRequired(`${at}.maxUnavailable`, "cannot be 0 when maxSurge is 0"));
	return errors;
}

const counts = [
	"currentNumberScheduled",
	"numberMisscheduled",
	"desiredNumberScheduled",
	"numberReady",
	"observedGeneration",
	"updatedNumberScheduled",
	"numberAvailable",
	"numberUnavailable",
	"collisionCount",
] as const;

export const daemonSetKind = defineKind<DaemonSet>({
	group: "apps",
	kind: "DaemonSet",
	resource: "daemonsets",
	singular: "daemonset",
	shortNames: ["ds"],
	categories: ["all"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	setDefaults,
	// The counts that Kubernetes' encoder always writes.
	prepareForCreate: (set) => ({
		...withTemplateGeneration(set, Math.max(1, templateGeneration(set) ?? 1)),
		status: { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 },
	}),
	prepareForUpdate: (set, old) => {
		const isSameTemplate = jsonEqual(set.spec?.template, old.spec?.template);
		return withTemplateGeneration(set, (templateGeneration(old) ?? 1) + (isSameTemplate ? 0 : 1));
	},
	validate,
	validateUpdate: (set, old) => validateSelectorKept(set.spec?.selector, old.spec?.selector),
	validateStatusUpdate: ({ status }, old) => [...validateStatusCounts(status, counts), ...validateCollisionCount(status, old.status)],
	warnings: (set, old) => (isUnchanged(set, old) ? [] : podTemplateWarnings(set.spec?.template)),
	columns: [
		nameColumn(),
		integerColumn(
			"Desired",
			"The total number of nodes that should be running the daemon pod (including nodes correctly running the daemon pod).",
			({ status }) => status?.desiredNumberScheduled,
		),
		integerColumn(
			"Current",
			"The number of nodes that are running at least 1 daemon pod and are supposed to run the daemon pod.",
			({ status }) => status?.currentNumberScheduled,
		),
		integerColumn(
			"Ready",
			"numberReady is the number of nodes that should be running the daemon pod and have one or more of the daemon pod running with a Ready Condition.",
			({ status }) => status?.numberReady,
		),
		integerColumn(
			"Up-to-date",
			"The total number of nodes that are running updated daemon pod",
			({ status }) => status?.updatedNumberScheduled,
		),
		integerColumn(
			"Available",
			"The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and available (ready for at least spec.minReadySeconds)",
			({ status }) => status?.numberAvailable,
		),
		stringColumn("Node Selector", "NodeSelector is a selector which must be true for the pod to fit on a node.", ({ spec }) =>
			formatLabels(spec?.template?.spec?.nodeSelector),
		),
		ageColumn(),
		...containerColumns<DaemonSet>(({ spec }) => spec?.template?.spec?.containers),
		selectorColumn(
			"A label query over pods that are managed by the daemon set. Must match in order to be controlled.",
			({ spec }) => spec?.selector,
		),
	],
});
