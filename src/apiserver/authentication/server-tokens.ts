/** The bearer tokens that one API server knows: who is asked about them, and in which order. */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Secret } from "../../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { isAuthenticated, type TokenAuthenticator } from "./authenticator.ts";
import { bootstrapTokenAuthenticator } from "./bootstrap-tokens.ts";
import { LegacyTokenUse } from "./legacy-token-use.ts";
import { ServiceAccountTokens, type TokenKeys, tokenIssuer } from "./service-account-tokens.ts";
import { forApiAudiences, TokenChain } from "./token-chain.ts";

/** --api-audiences: by default who issues service account tokens. */
const apiAudiences: readonly string[] = [tokenIssuer];

/** Who knows whose tokens are, beside the objects in the store. */
export interface TokenChoices {
	/** Sign and check service account tokens. */
	readonly tokenKeys: TokenKeys;
	/** Tokens out of a file: asked before all others. */
	readonly staticTokens?: TokenAuthenticator;
	/** Whoever else knows whose a token is (OpenID Connect): asked last. */
	readonly identityProviders?: readonly TokenAuthenticator[];
}

export interface ServerTokensOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	/** The current object of a core resource; undefined if there is none. */
	readonly find: (resource: string, namespace: string, name: string) => KubeObject | undefined;
	/** Carries out a request of the server's own. */
	readonly handle: (request: ApiRequest) => Promise<unknown>;
}

export class ServerTokens {
	/** Signs and checks service account tokens. */
	readonly serviceAccounts: ServiceAccountTokens;
	/** All who are asked. */
	readonly chain: TokenChain;
	/** For whom a token has to be good, where it does not matter for whom else. */
	readonly audiences = apiAudiences;

	constructor(
		{ tokenKeys, staticTokens, identityProviders = [] }: TokenChoices,
		{ clock, random, log, find, handle }: ServerTokensOptions,
	) {
		const use = new LegacyTokenUse({ clock, log, findSecret: (namespace, name) => find("secrets", namespace, name), handle });
		this.serviceAccounts = new ServiceAccountTokens({
			keys: tokenKeys,
			clock,
			random,
			find,
			onLegacyTokenUsed: (namespace, name) => use.record(namespace, name),
		});
		const findSecret = (name: string) => find("secrets", "kube-system", name) as Secret | undefined;
		this.chain = new TokenChain([
			...(staticTokens === undefined ? [] : [forApiAudiences(apiAudiences, staticTokens)]),
			this.serviceAccounts,
			forApiAudiences(apiAudiences, bootstrapTokenAuthenticator({ clock, findSecret })),
			...identityProviders.map((provider) => forApiAudiences(apiAudiences, provider)),
		]);
	}

	/** Who bears this token; undefined if it is nobody's. */
	async authenticate(token: string): Promise<UserInfo | undefined> {
		const verdict = await this.chain.authenticateToken(token, apiAudiences);
		return isAuthenticated(verdict) ? verdict.user : undefined;
	}
}
