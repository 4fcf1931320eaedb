/**
 * Service account tokens: signed JSON Web Tokens, bound to a service account and, where asked for, to a pod.
 * They end with their time, and earlier when what they are bound to is gone. Those of old, out of Secrets, are in legacy-tokens.ts.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
 * and pkg/serviceaccount (claims.go, jwt.go).
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { ServiceAccount } from "../../apimachinery/schema/generated/types.ts";
import { parseTime } from "../../apimachinery/time.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { TokenAuthenticator, Verdict } from "./authenticator.ts";
import { algorithmOf, audiencesOf, isSignedBy, type JsonWebToken, parseToken, textClaim } from "./json-web-token.ts";
import { type LegacyClaims, type LegacyTokenOptions, legacyIssuer, validateLegacyToken } from "./legacy-tokens.ts";

export const tokenIssuer = "https://kubernetes.default.svc.cluster.local";

/** PEM texts of one P-256 key pair. */
export interface TokenKeys {
	readonly privateKey: string;
	readonly publicKey: string;
}

interface ObjectName {
	readonly name: string;
	readonly uid: string;
}

/** What a token says of its bearer. */
export interface TokenSubject {
	readonly namespace: string;
	readonly serviceAccount: ObjectName;
	/** What it ends with: a pod, a secret or, alone, a node. Beside a pod the node is where the pod is. */
	readonly pod?: ObjectName;
	readonly secret?: ObjectName;
	readonly node?: ObjectName;
}

export interface TokenLifetime {
	/** > 0 */
	readonly seconds: number;
	/** When its bearer should have got a new one, sooner than it ends. */
	readonly warnAfterSeconds?: number;
}

interface Claims {
	readonly aud: readonly string[];
	/** Unix seconds, as all times here. */
	readonly exp: number;
	readonly iat: number;
	readonly nbf: number;
	readonly iss: string;
	readonly jti: string;
	readonly sub: string;
	readonly "kubernetes.io": {
		readonly namespace: string;
		readonly serviceaccount: ObjectName;
		readonly pod?: ObjectName;
		readonly secret?: ObjectName;
		readonly node?: ObjectName;
		readonly warnafter?: number;
	};
}

/**
 * How far clocks may be apart, and how long a token outlives the beginning of the deletion of what it is bound to.
 * Source: go-jose's DefaultLeeway, pkg/serviceaccount/claims.go.
 */
const leewayMs = 60_000;
/** How many tokens whose signature was found good are remembered. */
const maxVerified = 1000;

export interface ServiceAccountTokensOptions extends Pick<LegacyTokenOptions, "onLegacyTokenUsed"> {
	readonly keys: TokenKeys;
	readonly clock: Clock;
	readonly random: Random;
	/** The current object of a core resource; undefined if there is none. */
	readonly find: (resource: "serviceaccounts" | "pods" | "secrets" | "nodes", namespace: string, name: string) => KubeObject | undefined;
}

interface SigningKeys {
	readonly privateKey: KeyObject;
	readonly publicKey: KeyObject;
	readonly id: string;
	readonly algorithm: string;
}

function makeSigningKeys(keys: TokenKeys): SigningKeys {
	const publicKey = createPublicKey(keys.publicKey);
	const id = createHash("sha256")
		.update(publicKey.export({ type: "spki", format: "der" }))
		.digest("base64url");
	return { privateKey: createPrivateKey(keys.privateKey), publicKey, id, algorithm: algorithmOf(publicKey) };
}

export class ServiceAccountTokens implements TokenAuthenticator {
	readonly #options: ServiceAccountTokensOptions;
	/** Made of the options' when the first token comes or goes: many a cluster in a test has none. */
	#made: SigningKeys | undefined;
	/** Tokens whose signature is ours, the one used last at the end: checking it is most of the work, and its answer never changes. */
	readonly #verified = new Map<string, JsonWebToken>();

	constructor(options: ServiceAccountTokensOptions) {
		this.#options = options;
	}

	get #keys(): SigningKeys {
		this.#made ??= makeSigningKeys(this.#options.keys);
		return this.#made;
	}

	/** The public key as a JSON Web Key (RFC 7517), for others who check our tokens. */
	get publicKey(): Readonly<Record<string, unknown>> {
		const { kty, crv, x, y, n, e } = this.#keys.publicKey.export({ format: "jwk" });
		const key = { use: "sig", kty, kid: this.#keys.id, crv, alg: this.#keys.algorithm, x, y, n, e };
		return Object.fromEntries(Object.entries(key).filter(([, value]) => value !== undefined));
	}

	/** Signs a token. @param audiences empty means the API server itself. */
	issue(subject: TokenSubject, audiences: readonly string[], { seconds, warnAfterSeconds }: TokenLifetime): string {
		const now = Math.floor(this.#options.clock.now() / 1000);
		const { namespace, serviceAccount, pod, secret, node } = subject;
		const claims: Claims = {
			aud: audiences.length === 0 ? [tokenIssuer] : audiences,
			exp: now + seconds,
			iat: now,
			iss: tokenIssuer,
			jti: this.#options.random.uuid(),
			"kubernetes.io": {
				namespace,
				...(node === undefined ? {} : { node }),
				...(pod === undefined ? {} : { pod }),
				...(secret === undefined ? {} : { secret }),
				serviceaccount: serviceAccount,
				...(warnAfterSeconds === undefined ? {} : { warnafter: now + warnAfterSeconds }),
			},
			nbf: now,
			sub: userName(namespace, serviceAccount.name),
		};
		return this.#sign(claims);
	}

	/** Signs a token of old, which has no end of its own: it lives as long as the Secret that holds it. */
	issueLegacy(account: ServiceAccount, secretName: string): string {
		const { namespace = "", name = "", uid = "" } = account.metadata ?? {};
		const claims: LegacyClaims = {
			iss: legacyIssuer,
			"kubernetes.io/serviceaccount/namespace": namespace,
			"kubernetes.io/serviceaccount/secret.name": secretName,
			"kubernetes.io/serviceaccount/service-account.name": name,
			"kubernetes.io/serviceaccount/service-account.uid": uid,
			sub: userName(namespace, name),
		};
		return this.#sign(claims);
	}

	#sign(claims: Claims | LegacyClaims): string {
		const head = `${encodePart({ alg: this.#keys.algorithm, kid: this.#keys.id })}.${encodePart(claims)}`;
		const signature = sign(`sha${this.#keys.algorithm.slice(2)}`, Buffer.from(head), {
			key: this.#keys.privateKey,
			dsaEncoding: "ieee-p1363",
		});
		return `${head}.${signature.toString("base64url")}`;
	}

	/** Whose the token is; undefined for one that does not even say that it is ours. */
	authenticateToken(token: string, audiences: readonly string[]): Verdict {
		const parsed = this.#verified.get(token) ?? parseToken(token);
		const issuer = parsed === undefined ? "" : textClaim(parsed.claims, "iss");
		if (parsed === undefined || (issuer !== tokenIssuer && issuer !== legacyIssuer)) return undefined;
		const { kid } = parsed.header;
		if (typeof kid === "string" && kid !== "" && kid !== this.#keys.id) return { refused: "invalid signature, no keys found" };
		if (!this.#isOurs(token, parsed)) return { refused: "go-jose/go-jose: error in cryptographic primitive" };
		const own = audiencesOf(parsed.claims);
		const tokenAudiences = own.length === 0 ? [tokenIssuer] : own;
		const good = tokenAudiences.filter((audience) => audiences.includes(audience));
		if (good.length === 0) {
			const target = `is invalid for the target audiences ${quoteList(audiences)}`;
			return { refused: `token audiences ${quoteList(tokenAudiences)} ${target}` };
		}
		const verdict =
			issuer === legacyIssuer
				? validateLegacyToken(token, parsed.claims, this.#options)
				: this.#validate(parsed.claims as unknown as Claims);
		return verdict !== undefined && "user" in verdict ? { ...verdict, audiences: good } : verdict;
	}

	#isOurs(token: string, parsed: JsonWebToken): boolean {
		const isKnown = this.#verified.delete(token);
		if (!isKnown && !isSignedBy(parsed, this.#keys.publicKey)) return false;
		this.#verified.set(token, parsed);
		const [oldest] = this.#verified.keys();
		if (this.#verified.size > maxVerified && oldest !== undefined) this.#verified.delete(oldest);
		return true;
	}

	/** Whether a token that is ours still stands for somebody. */
	#validate(claims: Claims): Verdict {
		const nowMs = this.#options.clock.now();
		if (nowMs + leewayMs < claims.nbf * 1000) return { refused: "service account token is not valid yet" };
		if (nowMs - leewayMs > claims.exp * 1000) return { refused: "service account token has expired" };
		const { namespace, serviceaccount, pod, secret, node } = claims["kubernetes.io"];
		const { find } = this.#options;
		const account = find("serviceaccounts", namespace, serviceaccount.name);
		if (account === undefined) return { refused: `serviceaccounts "${serviceaccount.name}" not found` };
		if (this.#isEnding(account)) return { refused: `service account ${namespace}/${serviceaccount.name} has been deleted` };
		if (account.metadata?.uid !== serviceaccount.uid) {
			return { refused: `service account UID (${account.metadata?.uid}) does not match claim (${serviceaccount.uid})` };
		}
		const problem =
			(secret && this.#boundProblem("secret", find("secrets", namespace, secret.name), secret)) ||
			(pod && this.#boundProblem("pod", find("pods", namespace, pod.name), pod)) ||
			// Beside a pod the node is only told.
			(node && pod === undefined && this.#boundProblem("node", find("nodes", "", node.name), node));
		return problem ? { refused: problem } : { user: this.#userOf(claims) };
	}

	#boundProblem(kind: "secret" | "pod" | "node", object: KubeObject | undefined, { uid }: ObjectName): string | undefined {
		if (object === undefined || this.#isEnding(object)) return "service account token has been invalidated";
		const current = object.metadata?.uid ?? "";
		return current === uid ? undefined : `${kind} UID (${current}) does not match service account ${kind} ref claim (${uid})`;
	}

	/** Being deleted for longer than a moment. */
	#isEnding({ metadata }: KubeObject): boolean {
		const since = metadata?.deletionTimestamp;
		return since !== undefined && this.#options.clock.now() >= parseTime(since) + leewayMs;
	}

	#userOf({ jti, "kubernetes.io": { namespace, serviceaccount, pod, node } }: Claims): UserInfo {
		return {
			name: userName(namespace, serviceaccount.name),
			uid: serviceaccount.uid,
			groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
			extra: {
				"authentication.kubernetes.io/credential-id": [`JTI=${jti}`],
				...(node === undefined ? {} : named("node", node)),
				...(pod === undefined ? {} : named("pod", pod)),
			},
		};
	}
}

/** As Go prints a list of texts with %q. */
function quoteList(texts: readonly string[]): string {
	return `[${texts.map((text) => JSON.stringify(text)).join(" ")}]`;
}

export function userName(namespace: string, name: string): string {
	return `system:serviceaccount:${namespace}:${name}`;
}

function named(kind: "pod" | "node", { name, uid }: ObjectName): Readonly<Record<string, readonly string[]>> {
	return {
		[`authentication.kubernetes.io/${kind}-name`]: [name],
		...(uid === "" ? {} : { [`authentication.kubernetes.io/${kind}-uid`]: [uid] }),
	};
}

function encodePart(value: object): string {
	return Buffer.from(JSON.stringify(value)).toString("base64url");
}
