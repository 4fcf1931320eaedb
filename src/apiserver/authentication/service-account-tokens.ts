/**
 * Service account tokens: signed JSON Web Tokens (ES256), bound to a service account and, where asked for, to a pod.
 * They end with their time, and earlier when what they are bound to is gone.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
 * and pkg/serviceaccount (claims.go, jwt.go).
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { isJsonObject } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Random } from "../../apimachinery/random.ts";
import { parseTime } from "../../apimachinery/time.ts";
import type { UserInfo } from "../../apimachinery/user.ts";

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

/** How long a token outlives the beginning of the deletion of what it is bound to. Source: pkg/serviceaccount/claims.go. */
const deletionLeewayMs = 60_000;

export interface ServiceAccountTokensOptions {
	readonly keys: TokenKeys;
	readonly clock: Clock;
	readonly random: Random;
	/** The current object of a core resource; undefined if there is none. */
	readonly find: (resource: "serviceaccounts" | "pods" | "secrets" | "nodes", namespace: string, name: string) => KubeObject | undefined;
}

export class ServiceAccountTokens {
	readonly #options: ServiceAccountTokensOptions;
	readonly #privateKey: KeyObject;
	readonly #publicKey: KeyObject;
	readonly #keyId: string;

	constructor(options: ServiceAccountTokensOptions) {
		this.#options = options;
		this.#privateKey = createPrivateKey(options.keys.privateKey);
		this.#publicKey = createPublicKey(options.keys.publicKey);
		this.#keyId = createHash("sha256")
			.update(this.#publicKey.export({ type: "spki", format: "der" }))
			.digest("base64url");
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
		const head = `${encodePart({ alg: "ES256", kid: this.#keyId })}.${encodePart(claims)}`;
		const signature = sign("sha256", Buffer.from(head), { key: this.#privateKey, dsaEncoding: "ieee-p1363" });
		return `${head}.${signature.toString("base64url")}`;
	}

	/** The bearer of a token for the API server; undefined if it is not ours, has ended, or what it is bound to is gone. */
	authenticate(token: string): UserInfo | undefined {
		const claims = this.#verified(token);
		const nowSeconds = this.#options.clock.now() / 1000;
		if (claims === undefined || !claims.aud.includes(tokenIssuer) || nowSeconds < claims.nbf || nowSeconds >= claims.exp) return undefined;
		const { namespace, serviceaccount, pod, secret, node } = claims["kubernetes.io"];
		const { find } = this.#options;
		if (!this.#isThere(find("serviceaccounts", namespace, serviceaccount.name), serviceaccount)) return undefined;
		if (pod !== undefined && !this.#isThere(find("pods", namespace, pod.name), pod)) return undefined;
		if (secret !== undefined && !this.#isThere(find("secrets", namespace, secret.name), secret)) return undefined;
		// Beside a pod the node is only told.
		if (pod === undefined && node !== undefined && !this.#isThere(find("nodes", "", node.name), node)) return undefined;
		return {
			name: userName(namespace, serviceaccount.name),
			uid: serviceaccount.uid,
			groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
			extra: {
				"authentication.kubernetes.io/credential-id": [`JTI=${claims.jti}`],
				...(node === undefined ? {} : named("node", node)),
				...(pod === undefined ? {} : named("pod", pod)),
			},
		};
	}

	/** The very object, and not being deleted for longer than a moment. */
	#isThere(object: KubeObject | undefined, { uid }: ObjectName): boolean {
		const { uid: current, deletionTimestamp } = object?.metadata ?? {};
		if (current === undefined || current !== uid) return false;
		return deletionTimestamp === undefined || this.#options.clock.now() < parseTime(deletionTimestamp) + deletionLeewayMs;
	}

	/** The claims of a token with a good signature of ours. */
	#verified(token: string): Claims | undefined {
		const [head = "", body = "", signature = "", ...rest] = token.split(".");
		if (rest.length > 0 || decodePart(head)?.alg !== "ES256") return undefined;
		const key = { key: this.#publicKey, dsaEncoding: "ieee-p1363" } as const;
		if (!verify("sha256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"))) return undefined;
		return decodePart(body) as Claims | undefined;
	}
}

function userName(namespace: string, name: string): string {
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

/** A part of a token; undefined for anything that is not a JSON object: tokens come from strangers. */
function decodePart(text: string): Readonly<Record<string, unknown>> | undefined {
	try {
		const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
		return isJsonObject(value) ? value : undefined;
	} catch {
		return undefined;
	}
}
