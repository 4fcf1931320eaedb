/**
 * TokenReview: whose a bearer token is, for servers that leave that question to this one.
 * Source: pkg/registry/authentication/tokenreview; https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
 */
import type { TokenReview, TokenReviewStatus } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { isAuthenticated, type Verdict } from "../authentication/authenticator.ts";
import type { TokenChain } from "../authentication/token-chain.ts";
import type { RequestContext } from "../pipeline/request-context.ts";

/** The review with its status filled in. @param apiAudiences those that count where a review names none */
export async function reviewToken(
	context: RequestContext,
	review: TokenReview,
	tokens: TokenChain,
	apiAudiences: readonly string[],
): Promise<TokenReview> {
	const { token = "", audiences = [] } = review.spec ?? {};
	if (token === "") throw newBadRequest("token is required for TokenReview in authentication");
	const verdict = await tokens.authenticateToken(token, audiences.length === 0 ? apiAudiences : audiences);
	const metadata = { ...review.metadata, creationTimestamp: formatTime(context.nowMs) };
	return { ...review, metadata, status: statusOf(verdict) };
}

function statusOf(verdict: Exclude<Verdict, undefined>): TokenReviewStatus {
	if (!isAuthenticated(verdict)) return { user: {}, error: verdict.refused };
	const { name, uid, groups, extra } = verdict.user;
	return {
		authenticated: true,
		user: { username: name, ...(uid === undefined ? {} : { uid }), groups, ...(extra === undefined ? {} : { extra }) },
		...(verdict.audiences === undefined ? {} : { audiences: verdict.audiences }),
	};
}
