/**
 * Reviews: objects that are questions. A create answers them; nothing is stored.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
 */
import type { Verb } from "../../apimachinery/api-request.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type {
	ResourceAttributes,
	SelfSubjectAccessReview,
	SubjectAccessReview,
	SubjectAccessReviewStatus,
} from "../../apimachinery/schema/generated/types.ts";
import { newNotImplemented } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { RequestContext } from "../pipeline/request-context.ts";

/** The review with its status filled in. */
export function answerReview(context: RequestContext, review: KubeObject, authorizer: Authorizer): KubeObject {
	const { resource } = context.definition;
	const metadata = { creationTimestamp: formatTime(context.nowMs) };
	switch (resource) {
		case "selfsubjectreviews": {
			const { name, uid, groups, extra } = context.user;
			const userInfo = { username: name, ...(uid === undefined ? {} : { uid }), groups, ...(extra === undefined ? {} : { extra }) };
			return { ...review, metadata, status: { userInfo } } as KubeObject;
		}
		case "selfsubjectaccessreviews": {
			const { spec } = review as SelfSubjectAccessReview;
			const status = decide(context.user, spec.resourceAttributes, authorizer);
			return { ...review, status } as KubeObject;
		}
		case "subjectaccessreviews":
		case "localsubjectaccessreviews": {
			const { spec } = review as SubjectAccessReview;
			const user: UserInfo = { name: spec.user ?? "", groups: spec.groups ?? [] };
			return {
				...review,
				status: decide(user, spec.resourceAttributes, authorizer),
			} as KubeObject;
		}
		case "selfsubjectrulesreviews": {
			const allowed = decide(context.user, { verb: "*", group: "*", resource: "*" }, authorizer).allowed;
			const resourceRules = allowed ? [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }] : [];
			const nonResourceRules = allowed ? [{ verbs: ["*"], nonResourceURLs: ["*"] }] : [];
			return { ...review, status: { resourceRules, nonResourceRules, incomplete: false } } as KubeObject;
		}
		default:
			throw newNotImplemented(`answering ${resource}`);
	}
}

function decide(user: UserInfo, attributes: ResourceAttributes | undefined, authorizer: Authorizer): SubjectAccessReviewStatus {
	const decision = authorizer.authorize({
		user,
		verb: (attributes?.verb ?? "get") as Verb,
		group: attributes?.group ?? "",
		resource: attributes?.resource ?? "",
		subresource: attributes?.subresource ?? "",
		namespace: attributes?.namespace ?? "",
		name: attributes?.name ?? "",
	});
	return { allowed: decision.allowed, ...(decision.reason === "" ? {} : { reason: decision.reason }) };
}
