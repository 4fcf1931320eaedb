/** Certificate requests as an applicant makes them, for tests. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { bitString, explicit, implicit, integer, objectIdentifier, octetString, sequence, set, utf8String } from "./der.ts";

export interface RequestOptions {
	/** Each value an attribute of its own, in the order given; the default is a user. */
	readonly subject?: readonly (readonly [type: string, value: string])[];
	readonly dnsNames?: readonly string[];
	readonly emailAddresses?: readonly string[];
	readonly uris?: readonly string[];
	readonly ipAddresses?: readonly (readonly number[])[];
	readonly key?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
}

export const commonName = "2.5.4.3";
export const organization = "2.5.4.10";

/** What is in `spec.request`: base64 around PEM. */
export function makeRequest(options: RequestOptions = {}): string {
	const { subject = [[commonName, "alice"]], key = generateKeyPairSync("ec", { namedCurve: "P-256" }) } = options;
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
	const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${request.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
	return Buffer.from(pem).toString("base64");
}
