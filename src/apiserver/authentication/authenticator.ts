/**
 * What the parts of authentication say to each other. Three answers: whose a credential is; that it is somebody's no more
 * or never was, and why; or that this part knows nothing of such credentials, and the next one is asked.
 * Source of behaviour: k8s.io/apiserver/pkg/authentication/authenticator and request/union.
 */
import type { UserInfo } from "../../apimachinery/user.ts";

export interface Authenticated {
	readonly user: UserInfo;
	/** For whom the credential is good, of those asked for; absent where a credential is for nobody in particular. */
	readonly audiences?: readonly string[];
}

export interface Refused {
	/** Why, in Kubernetes' words: the status of a TokenReview tells it, a 401 does not. */
	readonly refused: string;
}

/** Undefined: not a credential of this kind. */
export type Verdict = Authenticated | Refused | undefined;

export function isAuthenticated(verdict: Verdict): verdict is Authenticated {
	return verdict !== undefined && "user" in verdict;
}

export interface TokenAuthenticator {
	/** @param audiences for at least one of which the token must be good; never empty */
	authenticateToken(token: string, audiences: readonly string[]): Verdict | Promise<Verdict>;
}

/** Several reasons as one text, each once, as Kubernetes' aggregates print them. */
export function joinReasons(reasons: readonly string[]): string {
	const distinct = [...new Set(reasons)];
	return distinct.length === 1 ? (distinct[0] ?? "") : `[${distinct.join(", ")}]`;
}

const authenticated = "system:authenticated";
const unauthenticated = "system:unauthenticated";

export const anonymousUser: UserInfo = { name: "system:anonymous", groups: [unauthenticated] };

/** Whoever proved who they are is in `system:authenticated`, unless they are said to be nobody. Source: authentication/group. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
	if (user.name === anonymousUser.name || user.groups.includes(authenticated) || user.groups.includes(unauthenticated)) return user;
	return { ...user, groups: [...user.groups, authenticated] };
}
