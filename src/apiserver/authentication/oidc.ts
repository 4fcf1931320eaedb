/**
 * OpenID Connect: ID tokens of a provider outside the cluster. Its keys come from where its discovery document says, over
 * HTTPS, when the first token of its comes, and again when a token names a key that is not among them.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#openid-connect-tokens,
 * k8s.io/apiserver/plugin/pkg/authenticator/token/oidc, github.com/coreos/go-oidc (texts), OpenID Connect Discovery 1.0.
 * Not here: distributed claims.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { TokenAuthenticator, Verdict } from "./authenticator.ts";
import {
	ClaimExpressionError,
	checkClaims,
	checkUser,
	evaluateExtra,
	evaluateText,
	evaluateTexts,
	explained,
} from "./claim-expressions.ts";
import { fetchJson } from "./fetch-json.ts";
import { audiencesOf, isSignedBy, type JsonWebToken, parseToken, textClaim } from "./json-web-token.ts";
import type { JwtProvider } from "./oidc-options.ts";

/** How long the keys of a provider that cannot be reached are not asked for again, ms: upstream asks every ten seconds. */
const retryMs = 10_000;
/** Tokens are good this much before their `nbf`: go-oidc's allowance for clocks that are apart. */
const notBeforeLeewayMs = 5 * 60_000;

export interface OidcAuthenticatorOptions extends JwtProvider {
	readonly clock: Clock;
	readonly log: Logger;
}

interface ProviderKey {
	readonly id: string;
	readonly key: KeyObject;
}

interface Provider {
	readonly jwksUri: string;
	readonly keys: readonly ProviderKey[];
}

/** A token that is the provider's and is not good. */
class OidcRefusal extends Error {
	override readonly name = "OidcRefusal";
}

export class OidcAuthenticator implements TokenAuthenticator {
	readonly #options: OidcAuthenticatorOptions;
	#provider: Provider | undefined;
	/** One question to the provider at a time; whoever comes meanwhile waits for its answer. */
	#asking: Promise<Provider | undefined> | undefined;
	/** Cluster time of the last question that was not answered, Unix ms. */
	#failedAtMs = Number.NEGATIVE_INFINITY;

	constructor(options: OidcAuthenticatorOptions) {
		this.#options = options;
	}

	async authenticateToken(text: string): Promise<Verdict> {
		const token = parseToken(text);
		if (token === undefined || textClaim(token.claims, "iss") !== this.#options.issuerUrl) return undefined;
		try {
			await this.#verify(token);
			return { user: this.#userOf(token.claims) };
		} catch (error) {
			if (error instanceof OidcRefusal || error instanceof ClaimExpressionError) return { refused: `oidc: ${error.message}` };
			throw error;
		}
	}

	async #verify(token: JsonWebToken): Promise<void> {
		const { audiences: wanted, clock, signingAlgorithms } = this.#options;
		const provider = this.#provider ?? (await this.#ask());
		if (provider === undefined) throw new OidcRefusal("authenticator not initialized");
		const audiences = audiencesOf(token.claims);
		if (!wanted.some((audience) => audiences.includes(audience))) {
			// One audience is go-oidc's own matter, several are Kubernetes'.
			const [first = ""] = wanted;
			const expected = wanted.length === 1 ? `expected audience ${JSON.stringify(first)}` : `expected audience in ${quoteList(wanted)}`;
			throw new OidcRefusal(`verify token: oidc: ${expected} got ${quoteList(audiences)}`);
		}
		const { exp, nbf } = token.claims;
		const nowMs = clock.now();
		// Without an end it ended in 1970.
		if (nowMs > (typeof exp === "number" ? exp : 0) * 1000) throw new OidcRefusal("verify token: oidc: token is expired");
		if (typeof nbf === "number" && nowMs + notBeforeLeewayMs < nbf * 1000) {
			throw new OidcRefusal("verify token: oidc: current time is before the nbf (not before) time");
		}
		const algorithm = typeof token.header.alg === "string" ? token.header.alg : "";
		if (!signingAlgorithms.includes(algorithm)) {
			const expected = `expected ${quoteList(signingAlgorithms)} got ${JSON.stringify(algorithm)}`;
			throw new OidcRefusal(`verify token: oidc: id token signed with unsupported algorithm, ${expected}`);
		}
		if (isSignedByOne(token, provider.keys)) return;
		// The provider may have new keys; a token that names one that is known gains nothing by that.
		const isKnown = provider.keys.some(({ id }) => id === token.header.kid);
		const renewed = isKnown ? undefined : await this.#ask();
		if (renewed === undefined || !isSignedByOne(token, renewed.keys)) {
			throw new OidcRefusal("verify token: failed to verify signature: failed to verify id token signature");
		}
	}

	/** Undefined if the provider does not answer, or did not a moment ago. */
	#ask(): Promise<Provider | undefined> {
		if (this.#options.clock.now() - this.#failedAtMs < retryMs) return Promise.resolve(undefined);
		this.#asking ??= this.#discover().finally(() => {
			this.#asking = undefined;
		});
		return this.#asking;
	}

	async #discover(): Promise<Provider | undefined> {
		const { issuerUrl, discoveryUrl, ca, clock, log } = this.#options;
		try {
			const jwksUri = this.#provider?.jwksUri ?? (await discoverKeys(issuerUrl, discoveryUrl, ca));
			this.#provider = { jwksUri, keys: readKeys(await fetchJson(jwksUri, ca)) };
			return this.#provider;
		} catch (error) {
			this.#failedAtMs = clock.now();
			log.error("oidc authenticator: initializing plugin", { issuer: issuerUrl, error: String(error) });
			return undefined;
		}
	}

	#userOf(claims: JsonObject): UserInfo {
		const { requiredClaims, claimRules = [], userRules = [] } = this.#options;
		const name = this.#nameOf(claims);
		const groups = this.#groupsOf(claims);
		const uid = this.#uidOf(claims);
		const extra = evaluateExtra(this.#options.extra ?? [], claims);
		for (const [claim, wanted] of Object.entries(requiredClaims)) {
			if (claims[claim] === undefined) throw new OidcRefusal(`required claim ${claim} not present in ID token`);
			const value = readText(claims, claim, `parse claim ${claim}`);
			if (value !== wanted) throw new OidcRefusal(`required claim ${claim} value does not match. Got = ${value}, want = ${wanted}`);
		}
		explained(() => checkClaims(claimRules, claims), "error evaluating claim validation expression");
		const user = { name, ...(uid === "" ? {} : { uid }), groups, ...(Object.keys(extra).length === 0 ? {} : { extra }) };
		explained(() => checkUser(userRules, user), "error evaluating user info validation rule");
		return user;
	}

	#nameOf(claims: JsonObject): string {
		const { username } = this.#options;
		if ("program" in username) {
			return explained(() => evaluateText(username, claims, "username"), "error evaluating username claim expression");
		}
		const name = readText(claims, username.claim, `parse username claims ${JSON.stringify(username.claim)}`);
		if (username.claim === "email" && claims.email_verified !== undefined && claims.email_verified !== true) {
			if (claims.email_verified === false) throw new OidcRefusal("email not verified");
			throw new OidcRefusal(`parse 'email_verified' claim: ${unmarshalText(claims.email_verified, "bool")}`);
		}
		return `${username.prefix}${name}`;
	}

	#groupsOf(claims: JsonObject): readonly string[] {
		const { groups } = this.#options;
		if (groups === undefined) return [];
		if ("program" in groups) return explained(() => evaluateTexts(groups, claims), "error evaluating group claim expression");
		return readGroups(claims, groups.claim).map((group) => `${groups.prefix}${group}`);
	}

	#uidOf(claims: JsonObject): string {
		const { uid } = this.#options;
		if (uid === undefined) return "";
		if (typeof uid !== "string") return explained(() => evaluateText(uid, claims, "uid"), "error evaluating uid claim expression");
		return readText(claims, uid, `parse uid claim ${JSON.stringify(uid)}`);
	}
}

/** A text; throws OidcRefusal for anything else. @param what the beginning of what it says */
function readText(claims: JsonObject, claim: string, what: string): string {
	const value = claims[claim];
	if (value === undefined) throw new OidcRefusal(`${what}: claim not present`);
	if (typeof value !== "string") throw new OidcRefusal(`${what}: ${unmarshalText(value, "string")}`);
	return value;
}

function readGroups(claims: JsonObject, claim: string): readonly string[] {
	const value = claims[claim];
	if (value === undefined || value === null) return [];
	if (typeof value === "string") return [value];
	if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value as readonly string[];
	throw new OidcRefusal(`parse groups claim ${JSON.stringify(claim)}: ${unmarshalText(value, "string")}`);
}

/** As Go prints a list of texts with %q. */
function quoteList(list: readonly string[]): string {
	return `[${list.map((text) => JSON.stringify(text)).join(" ")}]`;
}

/** As Go's encoding/json says it. */
function unmarshalText(value: unknown, wanted: string): string {
	const found = Array.isArray(value) ? "array" : value === null ? "null" : typeof value === "boolean" ? "bool" : typeof value;
	return `json: cannot unmarshal ${found} into Go value of type ${wanted}`;
}

function isSignedByOne(token: JsonWebToken, keys: readonly ProviderKey[]): boolean {
	const { kid } = token.header;
	return keys.some(({ id, key }) => (typeof kid !== "string" || kid === "" || id === kid) && isSignedBy(token, key));
}

async function discoverKeys(issuerUrl: string, discoveryUrl: string | undefined, ca: string | undefined): Promise<string> {
	const document = await fetchJson(discoveryUrl ?? `${issuerUrl.replace(/\/$/, "")}/.well-known/openid-configuration`, ca);
	if (!isJsonObject(document)) throw new Error("oidc: failed to decode provider discovery object");
	const { issuer, jwks_uri: jwksUri } = document;
	if (issuer !== issuerUrl) {
		const got = JSON.stringify(issuer ?? "");
		throw new Error(`oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(issuerUrl)} got ${got}`);
	}
	if (typeof jwksUri !== "string") throw new Error("oidc: the provider names no keys");
	return jwksUri;
}

/** Keys of a kind that is not known, or for anything but signatures, are left out. */
function readKeys(set: unknown): readonly ProviderKey[] {
	const keys: unknown = isJsonObject(set) ? set.keys : undefined;
	if (!Array.isArray(keys)) throw new Error("oidc: failed to decode keys");
	return keys.flatMap((entry: unknown) => {
		if (!isJsonObject(entry) || (entry.use !== undefined && entry.use !== "sig")) return [];
		const key = readKey(entry as JsonWebKey);
		return key === undefined ? [] : [{ id: textClaim(entry, "kid"), key }];
	});
}

function readKey(key: JsonWebKey): KeyObject | undefined {
	try {
		return createPublicKey({ key, format: "jwk" });
	} catch {
		return undefined;
	}
}
