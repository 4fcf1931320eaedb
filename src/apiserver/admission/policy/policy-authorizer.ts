/** What `authorizer` asks in an expression, put to the server's authorizer. */
import type { Verb } from "../../../apimachinery/api-request.ts";
import type { AuthorizationCheck } from "../../../apimachinery/cel/index.ts";
import type { UserInfo } from "../../../apimachinery/user.ts";
import type { Authorizer } from "../../authorization/authorizer.ts";
import type { PolicyAuthorize } from "./evaluation.ts";

export function policyAuthorizer(authorizer: Authorizer): PolicyAuthorize {
	return (user, check) => {
		const { allowed, reason } = authorizer.authorize({
			user: userOf(user, check),
			verb: check.verb as Verb,
			group: check.group,
			resource: check.resource,
			subresource: check.subresource,
			namespace: check.namespace,
			name: check.name,
		});
		return { allowed, reason, error: "" };
	};
}

/** The user of the request, or the service account that the expression asks for. */
function userOf(user: UserInfo, { serviceAccount }: AuthorizationCheck): UserInfo {
	if (serviceAccount === undefined) return user;
	const { namespace, name } = serviceAccount;
	return {
		name: `system:serviceaccount:${namespace}:${name}`,
		groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
	};
}
