/**
 * ResourceQuota: how much a namespace may use in all. Source: ValidateResourceQuota, printResourceQuota of Kubernetes 1.36.
 * https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
import type { ResourceQuota } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { type FieldErrors, validateEach, validateEnum, validateImmutable } from "../validation/primitives.ts";
import { validateResourceList } from "../validation/resources.ts";
import { withDefaults } from "./defaulting.ts";

const scopes = [
	"BestEffort",
	"CrossNamespacePodAffinity",
	"NotBestEffort",
	"NotTerminating",
	"PriorityClass",
	"Terminating",
	"VolumeAttributesClass",
];

/** Pairs of scopes that no Pod could have at once. */
const conflicts = [
	["BestEffort", "NotBestEffort"],
	["Terminating", "NotTerminating"],
] as const;

function validate({ spec }: ResourceQuota): FieldErrors {
	const errors: FieldError[] = [...validateResourceList(spec?.hard, "spec.hard")];
	const named = new Set(spec?.scopes ?? []);
	for (const scope of named) {
		if (!scopes.includes(scope)) errors.push(fieldInvalid("spec.scopes", spec?.scopes, "unsupported scope"));
	}
	for (const [one, other] of conflicts) {
		if (named.has(one) && named.has(other)) errors.push(fieldInvalid("spec.scopes", spec?.scopes, "conflicting scopes"));
	}
	return [
		...errors,
		...validateEach(spec?.scopeSelector?.matchExpressions, "spec.scopeSelector.matchExpressions", (requirement, at) =>
			validateEnum(requirement.operator, `${at}.operator`, ["DoesNotExist", "Exists", "In", "NotIn"]),
		),
	];
}

/** `cpu: 1/2, pods: 3/10`: limits stand in the column of their own. */
function formatUsage({ status }: ResourceQuota, limits: boolean): string {
	return Object.entries(status?.hard ?? {})
		.filter(([resource]) => resource.startsWith("limits.") === limits)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([resource, hard]) => `${resource}: ${status?.used?.[resource] ?? "0"}/${hard}`)
		.join(", ");
}

export const resourceQuotaKind = defineKind<ResourceQuota>({
	group: "",
	kind: "ResourceQuota",
	resource: "resourcequotas",
	singular: "resourcequota",
	shortNames: ["quota"],
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	setDefaults: (quota) => withDefaults(quota, { spec: {} }),
	prepareForCreate: (quota) => ({ ...quota, status: {} }),
	validate,
	validateUpdate: ({ spec }, { spec: old }) => validateImmutable(spec?.scopes, old?.scopes, "spec.scopes"),
	columns: [
		nameColumn(),
		stringColumn("Request", "Request represents a minimum amount of cpu/memory that a container may consume.", (quota) =>
			formatUsage(quota, false),
		),
		stringColumn(
			"Limit",
			"Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.",
			(quota) => formatUsage(quota, true),
		),
		ageColumn(),
	],
});
