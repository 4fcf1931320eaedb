/**
 * Answers certificate requests as kube-controller-manager's signers do: names and key come from the request, usages and
 * time from the policy, and nothing else of what was asked for gets in.
 * Source: pkg/controller/certificates/authority (authority.go, policies.go), Go's crypto/x509.
 */
import { X509Certificate } from "node:crypto";
import type { CertificateRequest } from "../../apimachinery/x509/certificate-request.ts";
import { bitString, implicit, objectIdentifier, sequence, set, utf8String } from "../../apimachinery/x509/der.ts";
import { type Attribute, attributeTypes } from "../../apimachinery/x509/distinguished-name.ts";
import { extension, type KeyPair, signContent } from "./certificate.ts";

/** How much before now a certificate begins. */
const backdateMs = 5 * 60_000;
/** For a certificate shorter than this the time before now comes on top. */
const shortMs = 8 * 3600_000;

/** Bit numbers of KeyUsage (RFC 5280 section 4.2.1.3) by their names in the API. */
const keyUsageBits: Readonly<Record<string, number>> = {
	signing: 0,
	"digital signature": 0,
	"content commitment": 1,
	"key encipherment": 2,
	"data encipherment": 3,
	"key agreement": 4,
	"cert sign": 5,
	"crl sign": 6,
	"encipher only": 7,
	"decipher only": 8,
};

/** Object identifiers of ExtendedKeyUsage by their names in the API, in the order in which Go writes them. */
const extendedUsages: Readonly<Record<string, string>> = {
	any: "2.5.29.37.0",
	"server auth": "1.3.6.1.5.5.7.3.1",
	"client auth": "1.3.6.1.5.5.7.3.2",
	"code signing": "1.3.6.1.5.5.7.3.3",
	"email protection": "1.3.6.1.5.5.7.3.4",
	"s/mime": "1.3.6.1.5.5.7.3.4",
	"ipsec end system": "1.3.6.1.5.5.7.3.5",
	"ipsec tunnel": "1.3.6.1.5.5.7.3.6",
	"ipsec user": "1.3.6.1.5.5.7.3.7",
	timestamping: "1.3.6.1.5.5.7.3.8",
	"ocsp signing": "1.3.6.1.5.5.7.3.9",
	"microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
	"netscape sgc": "2.16.840.1.113730.4.1",
};

/** Attributes of a subject that get into a certificate, in the order in which Go writes them. */
const subjectAttributes = [
	"2.5.4.6",
	attributeTypes.organization,
	"2.5.4.11",
	"2.5.4.7",
	"2.5.4.8",
	"2.5.4.9",
	"2.5.4.17",
	attributeTypes.commonName,
	"2.5.4.5",
] as const;
/** Of these a subject has one only: the last. */
const singleAttributes: readonly string[] = [attributeTypes.commonName, "2.5.4.5"];

export interface SigningPolicy {
	/** Names in the API, such as `client auth`. */
	readonly usages: readonly string[];
	/** > 0 */
	readonly lifetimeMs: number;
	/** Cluster time, Unix ms. */
	readonly nowMs: number;
}

/**
 * Signs what a request asks for. @returns PEM
 * @throws Error for a usage that is none, and when the authority itself has come to its end
 */
export function signRequest(authority: KeyPair, request: CertificateRequest, { usages, lifetimeMs, nowMs }: SigningPolicy): string {
	const unknown = usages.filter((usage) => !(usage in keyUsageBits) && !(usage in extendedUsages));
	if (unknown.length > 0) throw new Error(`unrecognized usage values: [${unknown.map((usage) => JSON.stringify(usage)).join(" ")}]`);
	const { validTo } = new X509Certificate(authority.cert);
	const authorityEndMs = Date.parse(validTo);
	if (nowMs >= authorityEndMs) throw new Error(`the signer has expired: NotAfter=${validTo}`);
	const endMs = nowMs + lifetimeMs - (lifetimeMs < shortMs ? 0 : backdateMs);
	const names = alternativeNames(request);
	const subject = encodeSubject(request.subject.attributes);
	return signContent(authority, {
		subject,
		publicKey: request.publicKey,
		validity: { notBeforeMs: nowMs - backdateMs, notAfterMs: Math.min(endMs, authorityEndMs) },
		extensions: [...usageExtensions(usages), extension("2.5.29.19", true, sequence())],
		// Without a subject the other names are all there is, and must be understood.
		lastExtensions: names.length === 0 ? [] : [extension("2.5.29.17", subject.length <= 2, sequence(...names))],
	});
}

function usageExtensions(usages: readonly string[]): readonly Buffer[] {
	const bits = usages.map((usage) => keyUsageBits[usage]).filter((bit) => bit !== undefined);
	const wanted = new Set(usages.map((usage) => extendedUsages[usage]));
	const extended = [...new Set(Object.values(extendedUsages))].filter((type) => wanted.has(type));
	return [
		...(bits.length === 0 ? [] : [extension("2.5.29.15", true, usageBits(bits))]),
		...(extended.length === 0 ? [] : [extension("2.5.29.37", false, sequence(...extended.map(objectIdentifier)))]),
	];
}

/** A BIT STRING of as many bits as the highest one needs, the first one highest. */
function usageBits(bits: readonly number[]): Buffer {
	const highest = Math.max(...bits);
	const bytes = Buffer.alloc(Math.floor(highest / 8) + 1);
	for (const bit of bits) bytes.writeUInt8(bytes.readUInt8(bit >> 3) | (0x80 >> (bit & 7)), bit >> 3);
	return bitString(bytes, 7 - (highest & 7));
}

/** Each kind of attribute as one set. */
function encodeSubject(attributes: readonly Attribute[]): Buffer {
	const sets = subjectAttributes.flatMap((type) => {
		const values = attributes.filter((attribute) => attribute.type === type).map(({ value }) => value);
		const kept = singleAttributes.includes(type) ? values.slice(-1) : values;
		const encoded = kept.filter((value) => value !== "").map((value) => sequence(objectIdentifier(type), utf8String(value)));
		return encoded.length === 0 ? [] : [set(...encoded.sort(Buffer.compare))];
	});
	return sequence(...sets);
}

function alternativeNames({ dnsNames, emailAddresses, ipAddresses, uris }: CertificateRequest): readonly Buffer[] {
	const texts = (tag: number, values: readonly string[]) => values.map((value) => implicit(tag, Buffer.from(value, "latin1")));
	return [...texts(2, dnsNames), ...texts(1, emailAddresses), ...ipAddresses.map((address) => implicit(7, address)), ...texts(6, uris)];
}
