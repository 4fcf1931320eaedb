/**
 * Who may do what. Until RBAC is served, the answer is that of `--authorization-mode=AlwaysAllow` for the cluster's own
 * components and administrators, and no for everybody else; the texts are those of RBAC.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/
 */
import type { Verb } from "../../apimachinery/api-request.ts";
import type { UserInfo } from "../../apimachinery/user.ts";

export interface AuthorizationAttributes {
	readonly user: UserInfo;
	readonly verb: Verb;
	readonly group: string;
	readonly resource: string;
	/** "" for the object itself. */
	readonly subresource: string;
	/** "" for cluster-scoped resources and all namespaces. */
	readonly namespace: string;
	readonly name: string;
}

export interface Decision {
	readonly allowed: boolean;
	/** Why, for reviews. */
	readonly reason: string;
}

export interface Authorizer {
	authorize(attributes: AuthorizationAttributes): Decision;
}

/** Components that run inside the cluster's process, by the names they have in a real one. */
const trustedUsers: ReadonlySet<string> = new Set(["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"]);
const trustedGroups: ReadonlySet<string> = new Set(["system:masters", "system:nodes", "system:serviceaccounts:kube-system"]);

/** Allows members of system:masters and the cluster's own components everything, others only to ask about themselves. */
export const trustedOnlyAuthorizer: Authorizer = {
	authorize({ user, group, resource }) {
		if (trustedUsers.has(user.name) || user.groups.some((name) => trustedGroups.has(name))) return { allowed: true, reason: "" };
		// What role system:basic-user grants to everybody who is authenticated.
		const asksAboutSelf = resource.startsWith("selfsubject") && (group === "authorization.k8s.io" || group === "authentication.k8s.io");
		return { allowed: asksAboutSelf && user.groups.includes("system:authenticated"), reason: "" };
	},
};

/** `User "jane" cannot list resource "pods" in API group "" in the namespace "default"`. */
export function forbiddenText({ user, verb, group, resource, subresource, namespace }: AuthorizationAttributes): string {
	const target = subresource === "" ? resource : `${resource}/${subresource}`;
	const scope = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
	return `User "${user.name}" cannot ${verb} resource "${target}" in API group "${group}" ${scope}`;
}
