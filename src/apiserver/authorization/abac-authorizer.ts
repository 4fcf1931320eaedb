/**
 * ABAC: policies in a file, one JSON object a line, each of which allows something to somebody.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/abac/, pkg/auth/authorizer/abac and pkg/apis/abac/{v0,v1beta1}.
 */
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import { describeJsonError } from "../../apimachinery/json-syntax.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { AuthorizationConfigError } from "./authorization-error.ts";
import {
	type AuthorizationAttributes,
	allowed,
	type ImmediateAuthorizer,
	type PathRule,
	type ResourceRule,
	type RuleResolver,
	undecidedBecause,
} from "./authorizer.ts";

/** One line. "*" is everything, "" nothing in particular. */
interface Policy {
	readonly user: string;
	readonly group: string;
	readonly readonly: boolean;
	readonly namespace: string;
	readonly resource: string;
	readonly apiGroup: string;
	readonly nonResourcePath: string;
}

const allAuthenticated = "system:authenticated";
const currentVersion = "abac.authorization.kubernetes.io/v1beta1";
const readVerbs: readonly string[] = ["get", "list", "watch"];

/** @param text of the file. @throws AuthorizationConfigError */
export function abacAuthorizer(text: string, path: string): ImmediateAuthorizer & RuleResolver {
	const policies = readPolicies(text, path);
	return {
		authorize: (attributes) => (policies.some((policy) => allows(policy, attributes)) ? allowed : undecidedBecause("No policy matched.")),
		rulesFor: (user, namespace) => ({ ...rulesOf(policies, user, namespace), incomplete: false, error: "" }),
	};
}

function readPolicies(text: string, path: string): readonly Policy[] {
	return text.split("\n").flatMap((line, index) => {
		const trimmed = line.trim();
		if (trimmed === "" || trimmed.startsWith("#")) return [];
		const fail = (why: string) => new AuthorizationConfigError(`error reading policy file ${path}, line ${index + 1}: ${line}: ${why}`);
		const value = parseLine(trimmed, fail);
		const isVersioned = value.kind === "Policy" && value.apiVersion === currentVersion;
		return [isVersioned ? readPolicy(isJsonObject(value.spec) ? value.spec : {}, fail) : readOldPolicy(value, fail)];
	});
}

type Fail = (why: string) => Error;

function parseLine(line: string, fail: Fail): JsonObject {
	let value: unknown;
	try {
		value = JSON.parse(line);
	} catch {
		throw fail(describeJsonError(line) ?? "it is no JSON");
	}
	if (!isJsonObject(value)) throw fail("it is no object");
	return value;
}

function textOf(fields: JsonObject, name: string, fail: Fail): string {
	const value = fields[name] ?? "";
	if (typeof value !== "string") throw fail(`json: cannot unmarshal ${typeof value} into Go struct field .${name} of type string`);
	return value;
}

function readPolicy(fields: JsonObject, fail: Fail): Policy {
	const readonly = fields.readonly ?? false;
	if (typeof readonly !== "boolean") throw fail(`json: cannot unmarshal ${typeof readonly} into Go struct field .readonly of type bool`);
	const text = (name: string) => textOf(fields, name, fail);
	const policy = {
		user: text("user"),
		group: text("group"),
		readonly,
		namespace: text("namespace"),
		resource: text("resource"),
		apiGroup: text("apiGroup"),
		nonResourcePath: text("nonResourcePath"),
	};
	// Everybody is whoever proved who he is.
	return policy.user === "*" || policy.group === "*" ? { ...policy, user: "", group: allAuthenticated } : policy;
}

/** Of old: what is not said holds for all. */
function readOldPolicy(fields: JsonObject, fail: Fail): Policy {
	const policy = readPolicy(fields, fail);
	const { user, group, namespace, resource } = policy;
	return {
		...policy,
		group: user === "" && group === "" ? allAuthenticated : group,
		namespace: namespace === "" ? "*" : namespace,
		resource: resource === "" ? "*" : resource,
		apiGroup: "*",
		nonResourcePath: namespace === "" && resource === "" ? "*" : "",
	};
}

function allows(policy: Policy, attributes: AuthorizationAttributes): boolean {
	if (!isFor(policy, attributes.user) || (policy.readonly && !readVerbs.includes(attributes.verb))) return false;
	if (attributes.path === undefined) {
		const { namespace, resource, group } = attributes;
		return fits(policy.namespace, namespace) && fits(policy.resource, resource) && fits(policy.apiGroup, group);
	}
	const { nonResourcePath: pattern } = policy;
	if (fits(pattern, attributes.path)) return true;
	return pattern.endsWith("*") && attributes.path.startsWith(pattern.replace(/\*+$/, ""));
}

const fits = (pattern: string, value: string): boolean => pattern === "*" || pattern === value;

/** A policy that names nobody is for nobody. */
function isFor({ user, group }: Policy, { name, groups }: UserInfo): boolean {
	if (user === "" && group === "") return false;
	return (user === "" || user === name) && (group === "" || groups.includes(group));
}

function rulesOf(policies: readonly Policy[], user: UserInfo, namespace: string) {
	const resourceRules: ResourceRule[] = [];
	const nonResourceRules: PathRule[] = [];
	for (const policy of policies) {
		if (!isFor(policy, user) || !fits(policy.namespace, namespace)) continue;
		const verbs = policy.readonly ? readVerbs : ["*"];
		if (policy.resource !== "") resourceRules.push({ verbs, apiGroups: [policy.apiGroup], resources: [policy.resource] });
		if (policy.nonResourcePath !== "") nonResourceRules.push({ verbs, nonResourceURLs: [policy.nonResourcePath] });
	}
	return { resourceRules, nonResourceRules };
}
