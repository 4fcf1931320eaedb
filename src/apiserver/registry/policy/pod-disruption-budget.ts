/**
 * PodDisruptionBudget. Source: pkg/apis/policy/validation, pkg/registry/policy/poddisruptionbudget of Kubernetes 1.36.
 * https://kubernetes.io/docs/tasks/run-application/configure-pdb/
 */
import type { PodDisruptionBudget } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateConditions } from "../validation/conditions.ts";
import { type InternalShape, internalValue, selectorValue } from "../validation/internal-value.ts";
import {
	type FieldErrors,
	validateIntOrPercent,
	validateNonnegative,
	validateNotMoreThan100Percent,
	validateOptionalEnum,
} from "../validation/primitives.ts";

const specShape: InternalShape = [
	["MinAvailable", "minAvailable", null],
	["Selector", "selector", null],
	["MaxUnavailable", "maxUnavailable", null],
	["UnhealthyPodEvictionPolicy", "unhealthyPodEvictionPolicy", null],
];

const internalSpec = (spec: NonNullable<PodDisruptionBudget["spec"]>) =>
	internalValue({ ...spec, selector: selectorValue(spec.selector) }, specShape);

function validate({ spec }: PodDisruptionBudget): FieldErrors {
	const errors: FieldError[] = [];
	if (spec?.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
		errors.push(fieldInvalid("spec", internalSpec(spec), "minAvailable and maxUnavailable cannot be both set"));
	}
	for (const field of ["minAvailable", "maxUnavailable"] as const) {
		errors.push(...validateIntOrPercent(spec?.[field], `spec.${field}`), ...validateNotMoreThan100Percent(spec?.[field], `spec.${field}`));
	}
	return [
		...errors,
		...validateLabelSelector(spec?.selector, "spec.selector"),
		...validateOptionalEnum(spec?.unhealthyPodEvictionPolicy, "spec.unhealthyPodEvictionPolicy", ["AlwaysAllow", "IfHealthyBudget"]),
	];
}

const counts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const;

/** `2`, `50%`, `N/A`. */
const formatBound = (bound: number | string | undefined): string => (bound === undefined ? "N/A" : String(bound));

export const podDisruptionBudgetKind = defineKind<PodDisruptionBudget>({
	group: "policy",
	kind: "PodDisruptionBudget",
	resource: "poddisruptionbudgets",
	singular: "poddisruptionbudget",
	shortNames: ["pdb"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	allowUnconditionalUpdate: false,
	setDefaults: (budget) => withDefaults(budget, { spec: {} }),
	// The counts that Kubernetes' encoder always writes.
	prepareForCreate: (budget) => ({ ...budget, status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 } }),
	validate,
	validateStatusUpdate: ({ status }) => [
		...validateConditions(status?.conditions, "status.conditions"),
		...counts.flatMap((field) => validateNonnegative(status?.[field], `status.${field}`)),
	],
	columns: [
		nameColumn(),
		stringColumn("Min Available", "The minimum number of pods that must be available.", ({ spec }) => formatBound(spec?.minAvailable)),
		stringColumn("Max Unavailable", "The maximum number of pods that may be unavailable.", ({ spec }) => formatBound(spec?.maxUnavailable)),
		integerColumn(
			"Allowed Disruptions",
			"Calculated number of pods that may be disrupted at this time.",
			({ status }) => status?.disruptionsAllowed,
		),
		ageColumn(),
	],
});
