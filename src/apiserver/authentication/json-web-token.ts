/**
 * JSON Web Tokens in their compact form (RFC 7519, RFC 7515): taken apart, and checked against a key that is known to be
 * good. The key says which algorithm it is for; what the token says of its own algorithm has to agree, so that neither
 * `none` nor a public key used as a secret proves anything.
 */
import { constants, type KeyObject, type SignKeyObjectInput, verify } from "node:crypto";
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";

export interface JsonWebToken {
	readonly header: JsonObject;
	/** Not to be believed before the signature is checked. */
	readonly claims: JsonObject;
	/** What the signature is of. */
	readonly signed: Buffer;
	readonly signature: Buffer;
}

/** One signature algorithm (RFC 7518 section 3.1). */
interface Algorithm {
	readonly digest: "sha256" | "sha384" | "sha512";
	readonly keyType: "rsa" | "ec";
	/** Of an elliptic curve: its name in OpenSSL, and the length of a signature in bytes. */
	readonly curve?: string;
	readonly signatureBytes?: number;
	readonly isPss?: boolean;
}

const algorithms: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
	["RS256", { digest: "sha256", keyType: "rsa" }],
	["RS384", { digest: "sha384", keyType: "rsa" }],
	["RS512", { digest: "sha512", keyType: "rsa" }],
	["PS256", { digest: "sha256", keyType: "rsa", isPss: true }],
	["PS384", { digest: "sha384", keyType: "rsa", isPss: true }],
	["PS512", { digest: "sha512", keyType: "rsa", isPss: true }],
	["ES256", { digest: "sha256", keyType: "ec", curve: "prime256v1", signatureBytes: 64 }],
	["ES384", { digest: "sha384", keyType: "ec", curve: "secp384r1", signatureBytes: 96 }],
	["ES512", { digest: "sha512", keyType: "ec", curve: "secp521r1", signatureBytes: 132 }],
]);

/** Every algorithm that a token may be signed with here. */
export const signingAlgorithms: readonly string[] = [...algorithms.keys()];

const base64url = /^[A-Za-z0-9_-]+$/;

/** Undefined for anything that is not three parts of base64url, the first two of them JSON objects: tokens come from strangers. */
export function parseToken(token: string): JsonWebToken | undefined {
	const parts = token.split(".");
	if (parts.length !== 3 || !parts.every((part) => base64url.test(part))) return undefined;
	const [head = "", body = "", signature = ""] = parts;
	const header = decodePart(head);
	const claims = decodePart(body);
	if (header === undefined || claims === undefined) return undefined;
	return { header, claims, signed: Buffer.from(`${head}.${body}`), signature: Buffer.from(signature, "base64url") };
}

/** Whether the owner of this key signed the token, with an algorithm that is for such keys. */
export function isSignedBy({ header, signed, signature }: JsonWebToken, key: KeyObject): boolean {
	const algorithm = algorithms.get(typeof header.alg === "string" ? header.alg : "");
	// Extensions that must be understood (RFC 7515 section 4.1.11): there are none that are.
	if (algorithm === undefined || header.crit !== undefined || key.type === "secret" || !isFor(algorithm, key)) return false;
	if (algorithm.signatureBytes !== undefined && signature.length !== algorithm.signatureBytes) return false;
	return verify(algorithm.digest, signed, { key, ...signatureForm(algorithm) }, signature);
}

function isFor({ keyType, curve }: Algorithm, key: KeyObject): boolean {
	return key.asymmetricKeyType === keyType && (curve === undefined || key.asymmetricKeyDetails?.namedCurve === curve);
}

function signatureForm({ keyType, isPss }: Algorithm): Omit<SignKeyObjectInput, "key"> {
	if (keyType === "ec") return { dsaEncoding: "ieee-p1363" };
	if (isPss !== true) return { padding: constants.RSA_PKCS1_PADDING };
	return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

/** The algorithm that tokens signed with this key name. */
export function algorithmOf(key: KeyObject): string {
	for (const [name, algorithm] of algorithms) if (isFor(algorithm, key)) return name;
	throw new TypeError(`no algorithm for a key of type ${key.asymmetricKeyType ?? key.type}`);
}

/** `aud` is one text or several. */
export function audiencesOf({ aud }: JsonObject): readonly string[] {
	if (typeof aud === "string") return [aud];
	return Array.isArray(aud) ? aud.filter((item) => typeof item === "string") : [];
}

/** A text of the claims; "" for anything else. */
export function textClaim(claims: JsonObject, name: string): string {
	const value = claims[name];
	return typeof value === "string" ? value : "";
}

function decodePart(text: string): JsonObject | undefined {
	try {
		const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
		return isJsonObject(value) ? value : undefined;
	} catch {
		return undefined;
	}
}
