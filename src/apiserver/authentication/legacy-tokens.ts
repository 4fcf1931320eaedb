/**
 * Service account tokens of old: without an end and an audience, good as long as the Secret of type
 * kubernetes.io/service-account-token that holds them is there. When one was last used is written on its Secret: legacy-token-use.ts.
 * Source: pkg/serviceaccount/legacy.go;
 * https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#manual-secret-management-for-serviceaccounts
 */
import type { JsonObject } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Secret } from "../../apimachinery/schema/generated/types.ts";
import type { Verdict } from "./authenticator.ts";
import { textClaim } from "./json-web-token.ts";

export const legacyIssuer = "kubernetes/serviceaccount";
const invalidSinceLabel = "kubernetes.io/legacy-token-invalid-since";

export interface LegacyClaims {
	readonly iss: typeof legacyIssuer;
	readonly "kubernetes.io/serviceaccount/namespace": string;
	readonly "kubernetes.io/serviceaccount/secret.name": string;
	readonly "kubernetes.io/serviceaccount/service-account.name": string;
	readonly "kubernetes.io/serviceaccount/service-account.uid": string;
	readonly sub: string;
}

export interface LegacyTokenOptions {
	/** The current object of a core resource; undefined if there is none. */
	readonly find: (resource: "serviceaccounts" | "secrets", namespace: string, name: string) => KubeObject | undefined;
	/** Told when the token of a Secret was used: the Secret is to say so. Must not throw. */
	readonly onLegacyTokenUsed: (namespace: string, secretName: string) => void;
}

/** Whether a token with a good signature still stands for somebody. */
export function validateLegacyToken(token: string, claims: JsonObject, { find, onLegacyTokenUsed }: LegacyTokenOptions): Verdict {
	const claim = (name: string) => textClaim(claims, `kubernetes.io/serviceaccount/${name}`);
	const namespace = claim("namespace");
	const secretName = claim("secret.name");
	const name = claim("service-account.name");
	const uid = claim("service-account.uid");
	const secret = find("secrets", namespace, secretName) as Secret | undefined;
	if (secret === undefined || secret.metadata?.deletionTimestamp !== undefined) return { refused: "Token has been invalidated" };
	if (Buffer.from(secret.data?.token ?? "", "base64").toString("latin1") !== token) {
		return { refused: "Token does not match server's copy" };
	}
	const account = find("serviceaccounts", namespace, name);
	if (account === undefined) return { refused: `serviceaccounts "${name}" not found` };
	if (account.metadata?.deletionTimestamp !== undefined) return { refused: `ServiceAccount ${namespace}/${name} has been deleted` };
	if (account.metadata?.uid !== uid) return { refused: `ServiceAccount UID (${account.metadata?.uid}) does not match claim (${uid})` };
	onLegacyTokenUsed(namespace, secretName);
	if ((secret.metadata?.labels?.[invalidSinceLabel] ?? "") !== "") {
		const where = `the token in secret ${namespace}/${secretName} for service account ${namespace}/${name}`;
		const instead = "Use tokens from the TokenRequest API or manually created secret-based tokens";
		const wayOut = `or remove the '${invalidSinceLabel}' label from the secret to temporarily allow use of this token`;
		return { refused: `${where} has been marked invalid. ${instead}, ${wayOut}` };
	}
	return {
		user: {
			name: `system:serviceaccount:${namespace}:${name}`,
			uid,
			groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
		},
	};
}
