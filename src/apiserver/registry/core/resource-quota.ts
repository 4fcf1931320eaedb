/**
 * ResourceQuota: how much a namespace may use in all. Source: ValidateResourceQuota, printResourceQuota of Kubernetes 1.36.
 * https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { FIELD_IMMUTABLE, type FieldErrors, NO_ERRORS } from "../validation/primitives.ts";
import { withDefaults } from "./defaulting.ts";
import { isQuotaResource, validateQuotaResourceName } from "./resource-names.ts";
import { validateResourceQuantity } from "./resource-quantities.ts";

type ResourceList = Readonly<Record<string, string>> | undefined;

const podResources: ReadonlySet<string> = new Set(["pods"]);
const computeResources: ReadonlySet<string> = new Set([
	"pods",
	...["cpu", "memory"].flatMap((resource) => [resource, `limits.${resource}`, `requests.${resource}`]),
]);
const claimResources: ReadonlySet<string> = new Set(["persistentvolumeclaims", "requests.storage"]);

/** Scopes, and which of the standard resources can be counted within each. */
const scopes: ReadonlyMap<string, ReadonlySet<string>> = new Map([
	["BestEffort", podResources],
	["CrossNamespacePodAffinity", computeResources],
	["NotBestEffort", computeResources],
	["NotTerminating", computeResources],
	["PriorityClass", computeResources],
	["Terminating", computeResources],
	["VolumeAttributesClass", claimResources],
]);

/** Pairs of scopes that no Pod could have at once. */
const conflicts = [
	["BestEffort", "NotBestEffort"],
	["Terminating", "NotTerminating"],
] as const;

function validateSpec(spec: ResourceQuotaSpec): FieldErrors {
	const selected = spec.scopeSelector?.matchExpressions ?? [];
	return [
		...validateResources(spec.hard, "spec.hard"),
		...validateScopes(spec),
		...selected.flatMap((requirement) => validateRequirement(requirement, spec)),
		...validateConflicts(
			selected.map(({ scopeName }) => scopeName),
			"spec.scopeSelector.matchExpressions",
			spec,
		),
	];
}

function validateResources(list: ResourceList, path: string): FieldErrors {
	return Object.entries(list ?? {}).flatMap(([resource, quantity]) => {
		const at = `${path}[${resource}]`;
		return [...validateQuotaResourceName(resource, at), ...validateResourceQuantity(resource, quantity, at)];
	});
}

function validateScopes(spec: ResourceQuotaSpec): FieldErrors {
	const { scopes: named = [] } = spec;
	const path = "spec.scopes";
	return [
		...named.flatMap((scope) => [
			...(scopes.has(scope) ? [] : [fieldInvalid(path, named, "unsupported scope")]),
			...misplaced(scope, spec).map(() => fieldInvalid(path, named, "unsupported scope applied to resource")),
		]),
		...validateConflicts(named, path, spec),
	];
}

/** Resources of the quota that the scope cannot count. */
function misplaced(scope: string, { hard = {} }: ResourceQuotaSpec): readonly string[] {
	const countable = scopes.get(scope);
	return countable === undefined ? [] : Object.keys(hard).filter((resource) => isQuotaResource(resource) && !countable.has(resource));
}

function validateConflicts(named: readonly string[], path: string, spec: ResourceQuotaSpec): FieldErrors {
	return conflicts
		.filter(([one, other]) => named.includes(one) && named.includes(other))
		.map(() => fieldInvalid(path, spec.scopes, "conflicting scopes"));
}

const onlyExists =
	"must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

function validateRequirement(requirement: ScopedResourceSelectorRequirement, spec: ResourceQuotaSpec): FieldErrors {
	const { scopeName, operator } = requirement;
	const path = "spec.scopeSelector.matchExpressions";
	const errors: FieldError[] = [];
	if (!scopes.has(scopeName)) errors.push(fieldInvalid(`${path}.scopeName`, scopeName ?? "", "unsupported scope"));
	errors.push(...misplaced(scopeName, spec).map(() => fieldInvalid(path, goScopeSelector(spec), "unsupported scope applied to resource")));
	const hasValues = scopeName === "PriorityClass" || scopeName === "VolumeAttributesClass" || !scopes.has(scopeName);
	if (!hasValues && operator !== "Exists") errors.push(fieldInvalid(`${path}.operator`, operator ?? "", onlyExists));
	return [...errors, ...validateValues(requirement, path)];
}

function validateValues({ operator, values = [] }: ScopedResourceSelectorRequirement, path: string): FieldErrors {
	switch (operator) {
		case "In":
		case "NotIn":
			if (values.length > 0) return NO_ERRORS;
			return [fieldRequired(`${path}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector")];
		case "Exists":
		case "DoesNotExist":
			if (values.length === 0) return NO_ERRORS;
			return [fieldInvalid(`${path}.values`, values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector")];
		default:
			return [fieldInvalid(`${path}.operator`, operator ?? "", "not a valid selector operator")];
	}
}

const goScopeSelector = ({ scopeSelector }: ResourceQuotaSpec) => ({
	MatchExpressions: (scopeSelector?.matchExpressions ?? []).map(({ scopeName, operator, values }) => ({
		ScopeName: scopeName,
		Operator: operator,
		Values: values ?? null,
	})),
});

const validateStatus = ({ status }: ResourceQuota): FieldErrors => [
	...validateResources(status?.hard, "status.hard"),
	...validateResources(status?.used, "status.used"),
];

/** Scopes stay, in whatever order. */
function validateUpdate({ spec }: ResourceQuota, { spec: old }: ResourceQuota): FieldErrors {
	const before = new Set(old?.scopes ?? []);
	const isSame = before.symmetricDifference(new Set(spec?.scopes ?? [])).size === 0;
	return isSame ? NO_ERRORS : [fieldInvalid("spec.scopes", spec?.scopes, FIELD_IMMUTABLE)];
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
	validate: ({ spec = {} }) => validateSpec(spec),
	validateUpdate,
	validateStatusUpdate: validateStatus,
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
