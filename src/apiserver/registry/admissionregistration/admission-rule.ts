/**
 * Which requests admission looks at: rules of webhooks and policies, and match conditions.
 * Source: pkg/apis/admissionregistration/validation/validation.go.
 */
import type {
	MatchCondition,
	MatchResources,
	NamedRuleWithOperations,
	RuleWithOperations,
} from "../../../apimachinery/schema/generated/types.ts";
import { FieldError, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isPathSegmentName, isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { eachItem, mapField, withDefaults } from "../core/defaulting.ts";
import {
	type FieldErrors,
	invalidFor,
	validateEach,
	validateEnum,
	validateOptionalEnum,
	validateUnique,
} from "../validation/primitives.ts";

const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const scopes = ["*", "Cluster", "Namespaced"];
export const failurePolicies = ["Fail", "Ignore"];
export const matchPolicies = ["Equivalent", "Exact"];
export const reinvocationPolicies = ["IfNeeded", "Never"];
const maxConditions = 64;

/** A rule without a scope is for all of them. */
export const defaultRule = <T extends RuleWithOperations>(rule: T): T => withDefaults<RuleWithOperations>(rule, { scope: "*" }) as T;

export function defaultMatchResources(match: MatchResources): MatchResources {
	const withPolicy = withDefaults(match, { matchPolicy: "Equivalent", namespaceSelector: {}, objectSelector: {} });
	const rules = eachItem((rule: NamedRuleWithOperations) => defaultRule(rule));
	return mapField(mapField(withPolicy, "resourceRules", rules), "excludeResourceRules", rules);
}

export function validateMatchResources(match: MatchResources, path: string): FieldErrors {
	return [
		...validateEnum(match.matchPolicy, `${path}.matchPolicy`, matchPolicies),
		...validateLabelSelector(match.namespaceSelector, `${path}.namespaceSelector`),
		...validateLabelSelector(match.objectSelector, `${path}.objectSelector`),
		...validateEach(match.resourceRules, `${path}.resourceRules`, validateNamedRule),
		...validateEach(match.excludeResourceRules, `${path}.excludeResourceRules`, validateNamedRule),
	];
}

function validateNamedRule(rule: NamedRuleWithOperations, path: string): FieldErrors {
	const { resourceNames = [] } = rule;
	return [
		...validateEach(resourceNames, `${path}.resourceNames`, (name, at) => invalidFor(at, name, isPathSegmentName(name))),
		...validateUnique(
			resourceNames,
			(name) => name,
			(index) => `${path}.resourceNames[${index}]`,
		),
		...validateRule(rule, path),
	];
}

export function validateRule(rule: RuleWithOperations, path: string): FieldErrors {
	const { operations: ruleOperations = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule;
	return [
		...validateStarList(ruleOperations, `${path}.operations`, "operations"),
		...validateEach(ruleOperations, `${path}.operations`, (operation, at) => validateOptionalEnum(operation, at, operations)),
		...validateStarList(apiGroups, `${path}.apiGroups`, "API groups"),
		...validateStarList(apiVersions, `${path}.apiVersions`, "API versions"),
		...validateEach(apiVersions, `${path}.apiVersions`, (version, at) => (version === "" ? [fieldRequired(at)] : [])),
		...validateResources(resources, `${path}.resources`),
		...validateOptionalEnum(scope, `${path}.scope`, scopes),
	];
}

/** Something must be there; a star stands alone. */
function validateStarList(list: readonly string[], path: string, what: string): FieldErrors {
	if (list.length === 0) return [fieldRequired(path)];
	return list.length > 1 && list.includes("*") ? [fieldInvalid(path, list, `if '*' is present, must not specify other ${what}`)] : [];
}

function validateResources(resources: readonly string[], path: string): FieldErrors {
	const bare = resources.some((resource) => resource !== "*" && resource !== "" && !resource.includes("/"));
	return [
		...(resources.length === 0 ? [fieldRequired(path)] : []),
		...validateEach(resources, path, (resource, at) => (resource === "" ? [fieldRequired(at)] : [])),
		...resources.flatMap((resource, index) => validateCovered(resource, resources.slice(0, index), `${path}[${index}]`)),
		...(resources.length > 1 && resources.includes("*/*")
			? [fieldInvalid(path, resources, "if '*/*' is present, must not specify other resources")]
			: []),
		...(resources.includes("*") && bare
			? [fieldInvalid(path, resources, "if '*' is present, must not specify other resources without subresources")]
			: []),
	];
}

/** `pods/status` after `pods/*` says nothing new. */
function validateCovered(resource: string, before: readonly string[], path: string): FieldErrors {
	const slash = resource.indexOf("/");
	if (slash === -1) return [];
	const wider = [`${resource.slice(0, slash)}/*`, `*/${resource.slice(slash + 1)}`];
	return wider
		.filter((star) => before.includes(star))
		.map((star) => fieldInvalid(path, resource, `if '${star}' is present, must not specify ${resource}`));
}

/** The conditions' expressions are not compiled: CEL comes with the issue that serves policies. */
export function validateMatchConditions(conditions: readonly MatchCondition[] | undefined, path: string): FieldErrors {
	const list = conditions ?? [];
	return [
		...(list.length > maxConditions
			? [new FieldError("FieldValueTooMany", path, list.length, `must have at most ${maxConditions} items`)]
			: []),
		...validateEach(list, path, ({ name, expression }: Partial<MatchCondition>, at) => [
			...((expression ?? "").trim() === "" ? [fieldRequired(`${at}.expression`)] : []),
			...((name ?? "") === "" ? [fieldRequired(`${at}.name`)] : invalidFor(`${at}.name`, name, isQualifiedName(name ?? ""))),
		]),
		...validateUnique(
			list,
			({ name }) => name,
			(index) => `${path}[${index}].name`,
		),
	];
}
