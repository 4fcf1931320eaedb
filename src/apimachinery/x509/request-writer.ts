/**
 * Writes a PKCS #10 request, as whoever wants a certificate does: names, the public key, and a signature that proves that its
 * author has the other half. Source: RFC 2986 and RFC 2985 section 5.4.2 (extensionRequest).
 */
import { type KeyObject, sign } from "node:crypto";
import { bitString, explicit, implicit, integer, objectIdentifier, octetString, sequence, set, utf8String } from "./der.ts";

export interface RequestContent {
	/** Each value an attribute of its own, in the order given: object identifier and text. */
	readonly subject: readonly (readonly [type: string, value: string])[];
	readonly dnsNames?: readonly string[];
	readonly emailAddresses?: readonly string[];
	readonly uris?: readonly string[];
	/** 4 or 16 bytes each. */
	readonly ipAddresses?: readonly (readonly number[])[];
	/** RSA, or an elliptic curve. */
	readonly key: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
}

/** PEM. */
export function writeCertificateRequest({ subject, key, ...options }: RequestContent): string {
	const names = [
		...(options.emailAddresses ?? []).map((text) => implicit(1, Buffer.from(text))),
		...(options.dnsNames ?? []).map((text) => implicit(2, Buffer.from(text))),
		...(options.uris ?? []).map((text) => implicit(6, Buffer.from(text))),
		...(options.ipAddresses ?? []).map((bytes) => implicit(7, Buffer.from(bytes))),
	];
	const extensions = sequence(sequence(objectIdentifier("2.5.29.17"), octetString(sequence(...names))));
	const asked = sequence(objectIdentifier("1.2.840.113549.1.9.14"), set(extensions));
	const info = sequence(
		integer(Buffer.from([0])),
		sequence(...subject.map(([type, value]) => set(sequence(objectIdentifier(type), utf8String(value))))),
		key.publicKey.export({ type: "spki", format: "der" }),
		explicit(0, names.length === 0 ? Buffer.alloc(0) : asked),
	);
	const algorithm = key.publicKey.asymmetricKeyType === "rsa" ? "1.2.840.113549.1.1.11" : "1.2.840.10045.4.3.2";
	const request = sequence(info, sequence(objectIdentifier(algorithm)), bitString(sign("sha256", info, key.privateKey)));
	const lines = request.toString("base64").match(/.{1,64}/g) ?? [];
	return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join("\n")}\n-----END CERTIFICATE REQUEST-----\n`;
}
