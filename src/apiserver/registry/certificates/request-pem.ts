/**
 * The PKCS #10 request in a CertificateSigningRequest, and the certificates that answer it. A request proves by its
 * signature that its author holds the key.
 * Source: validateCSR and validateCertificate in pkg/apis/certificates/validation/validation.go of Kubernetes 1.36;
 * RFC 2986 (PKCS #10), ITU-T X.690 (DER).
 *
 *   CertificationRequest ::= SEQUENCE { info SEQUENCE { version, subject, subjectPKInfo, … }, algorithm SEQUENCE, signature BIT STRING }
 */
import { createPublicKey, type KeyObject, verify, X509Certificate } from "node:crypto";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { type FieldErrors, NO_ERRORS } from "../validation/primitives.ts";

const block = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([\s\S]*?)-----END \1-----/g;

/** Object identifiers of signatures, with the digest that each signs; none for Ed25519, which has its own. */
const digests: ReadonlyMap<string, string | null> = new Map([
	["2a864886f70d01010b", "sha256"],
	["2a864886f70d01010c", "sha384"],
	["2a864886f70d01010d", "sha512"],
	["2a8648ce3d040302", "sha256"],
	["2a8648ce3d040303", "sha384"],
	["2a8648ce3d040304", "sha512"],
	["2b6570", null],
]);

/** @param request base64 (the wire form of bytes) around PEM */
export function validateRequestPem(request: string, path: string): FieldErrors {
	const [, type, body = ""] = [...Buffer.from(request, "base64").toString("latin1").matchAll(block)][0] ?? [];
	const problem =
		type === "CERTIFICATE REQUEST" ? requestProblem(Buffer.from(body, "base64")) : "PEM block type must be CERTIFICATE REQUEST";
	return problem === undefined ? NO_ERRORS : [fieldInvalid(path, request, problem)];
}

interface Element {
	readonly tag: number;
	/** With tag and length. */
	readonly whole: Buffer;
	readonly content: Buffer;
}

/** The elements in the content of a constructed one, undefined where they are cut off. */
function readElements(bytes: Buffer): readonly Element[] | undefined {
	const elements: Element[] = [];
	for (let at = 0; at < bytes.length; ) {
		const short = bytes[at + 1];
		if (short === undefined) return undefined;
		const lengthBytes = short < 0x80 ? 0 : short - 0x80;
		if (lengthBytes > 4 || at + 2 + lengthBytes > bytes.length) return undefined;
		const length = lengthBytes === 0 ? short : bytes.readUIntBE(at + 2, lengthBytes);
		const start = at + 2 + lengthBytes;
		if (start + length > bytes.length) return undefined;
		elements.push({ tag: bytes[at] ?? 0, whole: bytes.subarray(at, start + length), content: bytes.subarray(start, start + length) });
		at = start + length;
	}
	return elements;
}

const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
const TRUNCATED = "asn1: syntax error: data truncated";
const MALFORMED = "asn1: structure error: tags don't match";

/** What is wrong with a request in DER, undefined for a good one. */
function requestProblem(der: Buffer): string | undefined {
	const outer = readElements(der);
	if (outer === undefined || outer[0] === undefined) return TRUNCATED;
	if (outer.length > 1) return "asn1: syntax error: trailing data";
	const [info, algorithm, signature] = (outer[0].tag === SEQUENCE ? readElements(outer[0].content) : undefined) ?? [];
	if (info?.tag !== SEQUENCE || algorithm?.tag !== SEQUENCE || signature?.tag !== BIT_STRING) return MALFORMED;
	const key = readKey(readElements(info.content)?.[2]);
	const digest = digests.get(readElements(algorithm.content)?.[0]?.content.toString("hex") ?? "");
	if (key === undefined) return MALFORMED;
	if (digest === undefined) return "x509: cannot verify signature: algorithm unimplemented";
	// The first octet of a BIT STRING counts the bits that the last one does not use.
	return isSigned(info.whole, signature.content.subarray(1), key, digest) ? undefined : signatureProblem(key);
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

/** @param certificate base64 around PEM: one certificate or a chain */
export function validateCertificatePem(certificate: string, path: string): FieldErrors {
	if (certificate === "") return NO_ERRORS;
	const problem = certificateProblem(Buffer.from(certificate, "base64").toString("latin1"));
	return problem === undefined ? NO_ERRORS : [fieldInvalid(path, "<certificate data>", problem)];
}

function certificateProblem(pem: string): string | undefined {
	const blocks = [...pem.matchAll(block)];
	for (const [, type = "", body = ""] of blocks) {
		if (type !== "CERTIFICATE") return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
		if (body.includes(":")) return "no PEM block headers are permitted";
		if (!isCertificate(Buffer.from(body, "base64"))) return "x509: malformed certificate";
	}
	return blocks.length === 0 ? "must contain at least one CERTIFICATE PEM block" : undefined;
}

function isCertificate(der: Buffer): boolean {
	try {
		new X509Certificate(der);
		return true;
	} catch (error) {
		// Whatever OpenSSL finds wrong with it: it is no certificate.
		if (error instanceof Error) return false;
		throw error;
	}
}
