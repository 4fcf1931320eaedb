/**
 * Which requests admission looks at: rules of webhooks and policies, and match conditions.
 * Source: pkg/apis/admissionregistration/validation/validation.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type {
	MatchCondition,
	MatchResources,
	NamedRuleWithOperations,
	RuleWithOperations,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
	fieldTooMany,
} from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isPathSegmentName, isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { eachItem, mapField, withDefaults } from "../core/defaulting.ts";
import { type FieldErrors, invalidFor, validateEach, validateEnum, validateOptionalEnum } from "../validation/primitives.ts";

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
		...resourceNames.flatMap((name, index) => {
			const at = `${path}.resourceNames[${index}]`;
			const isSeen = resourceNames.indexOf(name) < index;
			return [...invalidFor(at, name, isPathSegmentName(name)), ...(isSeen ? [fieldDuplicate(at, name)] : [])];
		}),
		...validateRule(rule, path),
	];
}

const mutableOperations = operations.filter((operation) => operation !== "DELETE");

/** What is deleted cannot be changed. The path has no index, as upstream's. */
export function validateMutableOperations({ resourceRules = [] }: MatchResources, path: string): FieldErrors {
	return resourceRules
		.flatMap((rule) => rule.operations ?? [])
		.filter((operation) => !mutableOperations.includes(operation))
		.map((operation) => fieldNotSupported(`${path}.resourceRules.operations`, operation, mutableOperations));
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
	// Of resources without a subresource, upstream lets the last one decide: "*" may come after "pods", not before it.
	const lastBare = resources.findLast((resource) => resource !== "" && !resource.includes("/"));
	return [
		...(resources.length === 0 ? [fieldRequired(path)] : []),
		...resources.flatMap((resource, index) => {
			const at = `${path}[${index}]`;
			return resource === "" ? [fieldRequired(at)] : validateCovered(resource, resources.slice(0, index), at);
		}),
		...(resources.length > 1 && resources.includes("*/*")
			? [fieldInvalid(path, resources, "if '*/*' is present, must not specify other resources")]
			: []),
		...(resources.includes("*") && lastBare !== "*"
			? [fieldInvalid(path, resources, "if '*' is present, must not specify other resources without subresources")]
			: []),
	];
}

/** `pods/status` after `pods/*` says nothing new. */
function validateCovered(resource: string, earlier: readonly string[], path: string): FieldErrors {
	const slash = resource.indexOf("/");
	if (slash === -1) return [];
	const wider = [`${resource.slice(0, slash)}/*`, `*/${resource.slice(slash + 1)}`];
	return wider
		.filter((star) => earlier.includes(star))
		.map((star) => fieldInvalid(path, resource, `if '${star}' is present, must not specify ${resource}`));
}

/**
 * The conditions' expressions: expressions.ts.
 * @param old what an update found, which is not judged again
 */
export function validateMatchConditions(
	conditions: readonly MatchCondition[] | undefined,
	path: string,
	old?: readonly MatchCondition[],
): FieldErrors {
	if (conditions === undefined || (old !== undefined && jsonEqual(conditions, old))) return [];
	const names = conditions.map(({ name }) => name);
	return [
		...(conditions.length > maxConditions ? [fieldTooMany(path, conditions.length, maxConditions)] : []),
		...conditions.flatMap(({ name = "", expression = "" }: Partial<MatchCondition>, index) => {
			const at = `${path}[${index}]`;
			const errors: FieldError[] = expression.trim() === "" ? [fieldRequired(`${at}.expression`)] : [];
			if (name === "") return [...errors, fieldRequired(`${at}.name`)];
			errors.push(...invalidFor(`${at}.name`, name, isQualifiedName(name)));
			return names.indexOf(name) < index ? [...errors, fieldDuplicate(`${at}.name`, name)] : errors;
		}),
	];
}
