/**
 * The PKCS #10 request in a CertificateSigningRequest: what it asks for, and the proof that its author holds the key.
 * Source: RFC 2986 (PKCS #10), RFC 5280 section 4.2.1.6 (alternative names); texts of Go's crypto/x509 and encoding/asn1.
 *
 *   CertificationRequest ::= SEQUENCE { info SEQUENCE { version, subject, subjectPKInfo, [0] attributes }, algorithm, signature }
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { childrenOf, type Element, readElements, readObjectIdentifier, tags } from "./der-reader.ts";
import { type DistinguishedName, readName } from "./distinguished-name.ts";

export interface CertificateRequest {
	readonly subject: DistinguishedName;
	/** DER. */
	readonly subjectBytes: Buffer;
	/** DER: SubjectPublicKeyInfo. */
	readonly publicKey: Buffer;
	readonly dnsNames: readonly string[];
	readonly emailAddresses: readonly string[];
	readonly uris: readonly string[];
	/** Network order: 4 or 16 bytes each. */
	readonly ipAddresses: readonly Buffer[];
}

/** What is wrong with a request. */
export interface RequestProblem {
	readonly problem: string;
}

const block = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([\s\S]*?)-----END \1-----/;
const truncated = "asn1: syntax error: data truncated";
const malformed = "asn1: structure error: tags don't match";
const extensionRequest = "1.2.840.113549.1.9.14";
const subjectAlternativeName = "2.5.29.17";

/** Object identifiers of signatures, with the digest that each signs; none for Ed25519, which has its own. */
const digests: ReadonlyMap<string, string | null> = new Map([
	["1.2.840.113549.1.1.11", "sha256"],
	["1.2.840.113549.1.1.12", "sha384"],
	["1.2.840.113549.1.1.13", "sha512"],
	["1.2.840.10045.4.3.2", "sha256"],
	["1.2.840.10045.4.3.3", "sha384"],
	["1.2.840.10045.4.3.4", "sha512"],
	["1.3.101.112", null],
]);

export function isProblem(parsed: CertificateRequest | RequestProblem): parsed is RequestProblem {
	return "problem" in parsed;
}

/** @param request base64 (the wire form of bytes) around PEM */
export function parseCertificateRequest(request: string): CertificateRequest | RequestProblem {
	const [, type, body = ""] = block.exec(Buffer.from(request, "base64").toString("latin1")) ?? [];
	if (type !== "CERTIFICATE REQUEST") return { problem: "PEM block type must be CERTIFICATE REQUEST" };
	return parseDer(Buffer.from(body, "base64"));
}

function parseDer(der: Buffer): CertificateRequest | RequestProblem {
	const outer = readElements(der);
	if (outer === undefined || outer[0] === undefined) return { problem: truncated };
	if (outer.length > 1) return { problem: "asn1: syntax error: trailing data" };
	const [info, algorithm, signature] = childrenOf(outer[0]) ?? [];
	if (info?.tag !== tags.sequence || algorithm?.tag !== tags.sequence || signature?.tag !== tags.bitString) return { problem: malformed };
	const [, subject, keyInfo, attributes] = readElements(info.content) ?? [];
	const name = readName(subject);
	const key = readKey(keyInfo);
	const digest = digests.get(readObjectIdentifier(childrenOf(algorithm)?.[0]?.content ?? Buffer.alloc(0)));
	if (subject === undefined || keyInfo === undefined || name === undefined || key === undefined) return { problem: malformed };
	if (digest === undefined) return { problem: "x509: cannot verify signature: algorithm unimplemented" };
	// The first octet of a BIT STRING counts the bits that the last one does not use.
	if (!isSigned(info.whole, signature.content.subarray(1), key, digest)) return { problem: signatureProblem(key) };
	return { subject: name, subjectBytes: subject.whole, publicKey: keyInfo.whole, ...alternativeNames(attributes) };
}

function readKey(element: Element | undefined): KeyObject | undefined {
	if (element === undefined) return undefined;
	try {
		return createPublicKey({ key: element.whole, format: "der", type: "spki" });
	} catch (error) {
		// Whatever OpenSSL finds wrong with it: it is no key.
		if (error instanceof Error) return undefined;
		throw error;
	}
}

function isSigned(content: Buffer, signature: Buffer, key: KeyObject, digest: string | null): boolean {
	try {
		return verify(digest, content, key, signature);
	} catch (error) {
		// A signature of another algorithm than the key's.
		if (error instanceof Error) return false;
		throw error;
	}
}

function signatureProblem({ asymmetricKeyType }: KeyObject): string {
	switch (asymmetricKeyType) {
		case "ec":
			return "x509: ECDSA verification failure";
		case "ed25519":
			return "x509: Ed25519 verification failure";
		default:
			return "crypto/rsa: verification error";
	}
}

type AlternativeNames = Pick<CertificateRequest, "dnsNames" | "emailAddresses" | "uris" | "ipAddresses">;

/** The names in the extensions that the request asks for: GeneralNames, told apart by their context tags. */
function alternativeNames(attributes: Element | undefined): AlternativeNames {
	const names = requestedExtensions(attributes)
		.map((extension) => childrenOf(extension) ?? [])
		.filter(([type]) => type !== undefined && readObjectIdentifier(type.content) === subjectAlternativeName)
		.flatMap((parts) => readElements(parts.at(-1)?.content ?? Buffer.alloc(0)) ?? [])
		.flatMap((list) => childrenOf(list) ?? []);
	const textsOf = (tag: number) => names.filter((name) => name.tag === tag).map(({ content }) => content.toString("latin1"));
	return {
		emailAddresses: textsOf(0x81),
		dnsNames: textsOf(0x82),
		uris: textsOf(0x86),
		ipAddresses: names.filter(({ tag }) => tag === 0x87).map(({ content }) => content),
	};
}

/** Attribute ::= SEQUENCE { type, SET { Extensions } } */
function requestedExtensions(attributes: Element | undefined): readonly Element[] {
	return (readElements(attributes?.content ?? Buffer.alloc(0)) ?? [])
		.map((attribute) => childrenOf(attribute) ?? [])
		.filter(([type]) => type !== undefined && readObjectIdentifier(type.content) === extensionRequest)
		.flatMap(([, values]) => childrenOf(values, tags.set) ?? [])
		.flatMap((extensions) => childrenOf(extensions) ?? []);
}
