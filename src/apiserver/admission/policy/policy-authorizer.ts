/** What `authorizer` asks in an expression, put to the server's authorizer. */
import type { AuthorizationCheck } from "../../../apimachinery/cel/index.ts";
import type { UserInfo } from "../../../apimachinery/user.ts";
import type { AuthorizationAttributes, Authorizer } from "../../authorization/authorizer.ts";
import type { PolicyAuthorize } from "./evaluation.ts";

/** Expressions do not wait: where an authorizer has to ask somebody else, there is no answer. */
const needsTime = "the authorizer has to ask somebody else, which an expression cannot wait for";

export function policyAuthorizer(authorizer: Authorizer): PolicyAuthorize {
	return (user, check) => {
		const decision = authorizer.authorize(questionOf(userOf(user, check), check));
		if (decision instanceof Promise) return { allowed: false, reason: "", error: needsTime };
		return { allowed: decision.verdict === "allow", reason: decision.reason, error: decision.error ?? "" };
	};
}

function questionOf(user: UserInfo, check: AuthorizationCheck): AuthorizationAttributes {
	const { verb, path, group, resource, subresource, namespace, name, fieldSelector, labelSelector } = check;
	if (path !== undefined) return { user, verb, path };
	const selectors = {
		...(fieldSelector === undefined ? {} : { fieldSelector }),
		...(labelSelector === undefined ? {} : { labelSelector }),
	};
	return { user, verb, group, resource, subresource, namespace, name, ...selectors };
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
