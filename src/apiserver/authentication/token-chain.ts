/**
 * Bearer tokens: each authenticator is asked in turn until one knows whose the token is. A refusal is not the last word:
 * a token may look like one kind and be another's.
 * Source of order: pkg/kubeapiserver/authenticator/config.go (token file, service accounts, bootstrap tokens, OIDC).
 */
import { isAuthenticated, joinReasons, type TokenAuthenticator, type Verdict, withAuthenticatedGroup } from "./authenticator.ts";

export const invalidToken = "invalid bearer token";

export class TokenChain {
	readonly #authenticators: readonly TokenAuthenticator[];

	constructor(authenticators: readonly TokenAuthenticator[]) {
		this.#authenticators = authenticators;
	}

	/** Whose the token is, or why it is nobody's. */
	async authenticateToken(token: string, audiences: readonly string[]): Promise<Exclude<Verdict, undefined>> {
		const reasons: string[] = [];
		for (const authenticator of this.#authenticators) {
			const verdict = await authenticator.authenticateToken(token, audiences);
			if (isAuthenticated(verdict)) return { ...verdict, user: withAuthenticatedGroup(verdict.user) };
			if (verdict !== undefined) reasons.push(verdict.refused);
		}
		return { refused: reasons.length === 0 ? invalidToken : joinReasons(reasons) };
	}
}

/** An authenticator whose tokens are for the API server itself: they are nobody's where others are asked for. */
export function forApiAudiences(apiAudiences: readonly string[], authenticator: TokenAuthenticator): TokenAuthenticator {
	return {
		async authenticateToken(token, audiences) {
			const good = apiAudiences.filter((audience) => audiences.includes(audience));
			if (good.length === 0) return undefined;
			const verdict = await authenticator.authenticateToken(token, audiences);
			return isAuthenticated(verdict) ? { ...verdict, audiences: good } : verdict;
		},
	};
}
