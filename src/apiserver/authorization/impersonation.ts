/**
 * Who may act as whom (`kubectl --as`): to be somebody one must be allowed to `impersonate` the user or service account, and
 * each group, uid and extra field that is asked for.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/ and
 * k8s.io/apiserver/pkg/endpoints/filters/impersonation
 */
import type { UserInfo } from "../../apimachinery/user.ts";
import type { ResourceAttributes } from "./authorizer.ts";

const authenticationGroup = "authentication.k8s.io";

/** The questions that all have to be answered with yes. What a user is in anyway, such as system:authenticated, is no question. */
export function impersonationQuestions(user: UserInfo, target: UserInfo): readonly ResourceAttributes[] {
	const question = (resource: string, name: string, more: Partial<ResourceAttributes> = {}): ResourceAttributes => ({
		user,
		verb: "impersonate",
		group: "",
		version: "v1",
		resource,
		subresource: "",
		namespace: "",
		name,
		...more,
	});
	const [, namespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(target.name) ?? [];
	const whom =
		namespace === undefined || account === undefined ? question("users", target.name) : question("serviceaccounts", account, { namespace });
	const extra = Object.entries(target.extra ?? {}).flatMap(([key, values]) =>
		values.map((value) => question("userextras", value, { group: authenticationGroup, subresource: key })),
	);
	return [
		whom,
		...askedGroups(target, namespace).map((name) => question("groups", name)),
		...extra,
		...(target.uid === undefined ? [] : [question("uids", target.uid, { group: authenticationGroup })]),
	];
}

/** @param namespace of the service account that it is, if it is one */
function askedGroups({ name, groups }: UserInfo, namespace: string | undefined): readonly string[] {
	const everybodys = name === "system:anonymous" ? "system:unauthenticated" : "system:authenticated";
	const asked = groups.filter((group) => group !== everybodys);
	if (namespace === undefined) return asked;
	const own = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
	return asked.length === own.length && own.every((group) => asked.includes(group)) ? [] : asked;
}
