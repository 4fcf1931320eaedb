/**
 * An audit policy: what of which request is recorded, and at which moments. The first rule that matches decides.
 * Source: https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#audit-policy; k8s.io/apiserver/pkg/audit/policy and
 * pkg/apis/audit/validation.
 */
import { isJsonObject } from "../../apimachinery/json.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { type FieldError, fieldInvalid, fieldNotSupported, fieldRequired } from "../../apimachinery/validation/field-error.ts";
import type { RequestInfo } from "../request-info.ts";

/** From nothing to everything. */
const levels = ["None", "Metadata", "Request", "RequestResponse"] as const;
const stages = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"] as const;

export type AuditLevel = (typeof levels)[number];
export type AuditStage = (typeof stages)[number];

interface GroupResources {
	readonly group?: string;
	readonly resources?: readonly string[];
	readonly resourceNames?: readonly string[];
}

interface PolicyRule {
	readonly level: AuditLevel;
	readonly users?: readonly string[];
	readonly userGroups?: readonly string[];
	readonly verbs?: readonly string[];
	readonly resources?: readonly GroupResources[];
	readonly namespaces?: readonly string[];
	readonly nonResourceURLs?: readonly string[];
	readonly omitStages?: readonly AuditStage[];
	readonly omitManagedFields?: boolean;
}

export interface AuditPolicy {
	readonly rules: readonly PolicyRule[];
	readonly omitStages?: readonly AuditStage[];
	readonly omitManagedFields?: boolean;
}

/** What is recorded of one request. */
export interface AuditDecision {
	readonly level: AuditLevel;
	readonly omitStages: ReadonlySet<AuditStage>;
	readonly omitManagedFields: boolean;
}

export function isAtLeast(level: AuditLevel, wanted: AuditLevel): boolean {
	return levels.indexOf(level) >= levels.indexOf(wanted);
}

/** @param user undefined: nobody knows who it is */
export function evaluatePolicy(policy: AuditPolicy, request: RequestInfo, user: UserInfo | undefined): AuditDecision {
	const rule = policy.rules.find((each) => matchesRule(each, request, user));
	return {
		level: rule?.level ?? "None",
		omitStages: new Set([...(policy.omitStages ?? []), ...(rule?.omitStages ?? [])]),
		omitManagedFields: rule?.omitManagedFields ?? policy.omitManagedFields ?? false,
	};
}

function matchesRule(rule: PolicyRule, request: RequestInfo, user: UserInfo | undefined): boolean {
	const { users = [], userGroups = [], verbs = [], namespaces = [], resources = [], nonResourceURLs = [] } = rule;
	if (users.length > 0 && (user === undefined || !users.includes(user.name))) return false;
	if (userGroups.length > 0 && user?.groups.some((group) => userGroups.includes(group)) !== true) return false;
	if (verbs.length > 0 && !verbs.includes(request.verb)) return false;
	if (namespaces.length > 0 || resources.length > 0) return matchesResource(namespaces, resources, request);
	if (nonResourceURLs.length > 0) return !request.isResource && nonResourceURLs.some((pattern) => matchesPath(pattern, request.path));
	return true;
}

function matchesPath(pattern: string, path: string): boolean {
	return pattern === "*" || pattern === path || (pattern.endsWith("*") && path.startsWith(pattern.replace(/\*+$/, "")));
}

function matchesResource(namespaces: readonly string[], resources: readonly GroupResources[], request: RequestInfo): boolean {
	if (!request.isResource) return false;
	if (namespaces.length > 0 && !namespaces.includes(request.namespace)) return false;
	if (resources.length === 0) return true;
	return resources.some(({ group = "", resources: patterns = [], resourceNames = [] }) => {
		if (group !== request.group) return false;
		if (patterns.length === 0) return true;
		if (resourceNames.length > 0 && !resourceNames.includes(request.name)) return false;
		return patterns.some((pattern) => matchesPattern(pattern, request));
	});
}

/** `pods`, `pods/log`, `*`, `*​/status`, `pods/*`: without a slash, not the subresources. */
function matchesPattern(pattern: string, { resource, subresource }: RequestInfo): boolean {
	if (pattern === "*" || pattern === (subresource === "" ? resource : `${resource}/${subresource}`)) return true;
	if (subresource !== "" && pattern === `*/${subresource}`) return true;
	return pattern === `${resource}/*`;
}

/** A policy file that cannot be used; the text is kube-apiserver's. */
export class AuditPolicyError extends Error {
	override readonly name = "AuditPolicyError";
}

/** @param value what stands in the file. @param file for messages. @throws AuditPolicyError */
export function readPolicy(value: unknown, file: string): AuditPolicy {
	const fail = (why: string) => new AuditPolicyError(`loading audit policy file: ${why}: from file ${file}`);
	if (!isJsonObject(value)) throw fail("failed decoding: no object");
	const { kind, apiVersion, rules } = value;
	if (kind !== "Policy" || apiVersion !== "audit.k8s.io/v1") {
		throw fail(
			`failed decoding: no kind ${JSON.stringify(String(kind ?? ""))} is registered for version ${JSON.stringify(String(apiVersion ?? ""))}`,
		);
	}
	if (!Array.isArray(rules) || rules.length === 0) throw fail("loaded illegal policy with 0 rules");
	if (!rules.every(isJsonObject)) throw fail("failed decoding: a rule is no object");
	const policy = value as unknown as AuditPolicy;
	const errors = validatePolicy(policy);
	if (errors.length > 0) {
		const texts = errors.map(String);
		throw new AuditPolicyError(`loading audit policy file: ${texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`}`);
	}
	return policy;
}

function validatePolicy({ rules, omitStages }: AuditPolicy): readonly FieldError[] {
	return [...validateStages(omitStages, "omitStages"), ...rules.flatMap((rule, index) => validateRule(rule, `rules[${index}]`))];
}

function validateRule(rule: PolicyRule, path: string): readonly FieldError[] {
	const { level, nonResourceURLs = [], resources = [], namespaces = [] } = rule;
	const both = nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0);
	return [
		...validateLevel(level, `${path}.level`),
		...nonResourceURLs.flatMap((url, index) => validateUrl(url, `${path}.nonResourceURLs[${index}]`)),
		...resources.flatMap((each, index) => validateResources(each, `${path}.resources[${index}]`)),
		...validateStages(rule.omitStages, `${path}.omitStages`),
		...(both
			? [fieldInvalid(`${path}.nonResourceURLs`, nonResourceURLs, "rules cannot apply to both regular resources and non-resource URLs")]
			: []),
	];
}

function validateLevel(level: string | undefined, path: string): readonly FieldError[] {
	if (level === undefined || level === "") return [fieldRequired(path, "")];
	return levels.some((known) => known === level) ? [] : [fieldNotSupported(path, level, levels)];
}

function validateStages(given: readonly string[] | undefined, path: string): readonly FieldError[] {
	const wrong = (given ?? []).map((stage, index) => ({ stage, index })).filter(({ stage }) => !stages.some((known) => known === stage));
	return wrong.map(({ stage, index }) => fieldInvalid(`${path}[${index}]`, stage, `allowed stages are ${stages.join(",")}`));
}

function validateUrl(url: string, path: string): readonly FieldError[] {
	if (url === "*") return [];
	if (!url.startsWith("/")) return [fieldInvalid(path, url, "non-resource URL rules must begin with a '/' character")];
	if (!url.slice(0, -1).includes("*")) return [];
	return [fieldInvalid(path, url, "non-resource URL wildcards '*' must be the final character of the rule")];
}

function validateResources({ group = "", resources = [], resourceNames = [] }: GroupResources, path: string): readonly FieldError[] {
	const isVersioned = group.includes("/");
	return [
		...(isVersioned ? [fieldInvalid(`${path}.group`, group, "group names must not include a version")] : []),
		...(resourceNames.length > 0 && resources.length === 0
			? [fieldInvalid(`${path}.resourceNames`, resourceNames, "using resourceNames requires at least one resource")]
			: []),
	];
}
