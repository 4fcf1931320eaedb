/**
 * Which requests a FlowSchema is about. Subjects are looked at once a user, rules once a request.
 * Source: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#flowschema
 */
import type {
	FlowcontrolSubject,
	FlowSchema,
	NonResourcePolicyRule,
	PolicyRulesWithSubjects,
	ResourcePolicyRule,
} from "../../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { FlowRequest } from "./flow-request.ts";

/** The rules of a schema whose subjects a user is among; undefined if there are none. */
export type RulesOfUser = (request: FlowRequest) => boolean;

/** Picks out of a schema what concerns one user: what is left decides by the request alone. */
export function rulesFor(user: UserInfo, schema: FlowSchema): RulesOfUser | undefined {
	const rules = (schema.spec?.rules ?? []).filter(({ subjects }) => subjects.some((subject) => isSubject(user, subject)));
	if (rules.length === 0) return undefined;
	return (request) => rules.some((rule) => matchesRule(request, rule));
}

function isSubject(user: UserInfo, { kind, user: named, group, serviceAccount }: FlowcontrolSubject): boolean {
	switch (kind) {
		case "User":
			return named?.name === "*" || named?.name === user.name;
		case "Group":
			return group !== undefined && (group.name === "*" || user.groups.includes(group.name));
		case "ServiceAccount": {
			if (serviceAccount === undefined) return false;
			const prefix = `system:serviceaccount:${serviceAccount.namespace}:`;
			return serviceAccount.name === "*" ? user.name.startsWith(prefix) : user.name === prefix + serviceAccount.name;
		}
		default:
			return false;
	}
}

function matchesRule(request: FlowRequest, { resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects): boolean {
	if (request.isResource) return resourceRules.some((rule) => matchesResourceRule(request, rule));
	return nonResourceRules.some((rule) => matchesNonResourceRule(request, rule));
}

function matchesResourceRule(request: FlowRequest & { readonly isResource: true }, rule: ResourcePolicyRule): boolean {
	const { verb, group, resource, subresource, namespace } = request;
	if (!contains(rule.verbs, verb) || !contains(rule.apiGroups, group)) return false;
	if (!contains(rule.resources, subresource === "" ? resource : `${resource}/${subresource}`)) return false;
	return namespace === "" ? rule.clusterScope === true : contains(rule.namespaces ?? [], namespace);
}

function matchesNonResourceRule({ verb, path }: FlowRequest & { readonly isResource: false }, rule: NonResourcePolicyRule): boolean {
	return contains(rule.verbs, verb) && rule.nonResourceURLs.some((pattern) => matchesPath(path, pattern));
}

/** `/healthz` matches what lies below it, too; `/a/*` only that, and not `/ab`. */
function matchesPath(path: string, pattern: string): boolean {
	if (pattern === "*" || pattern === path) return true;
	const prefix = pattern.replace(/\*$/, "");
	return path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
}

/** A wildcard stands alone in its list: validation sees to that. */
function contains(list: readonly string[], value: string): boolean {
	return list[0] === "*" || list.includes(value);
}
