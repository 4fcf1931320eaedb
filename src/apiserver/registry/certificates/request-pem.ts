/**
 * The PKCS #10 request in a CertificateSigningRequest, and the certificates that answer it. A request proves by its
 * signature that its author holds the key.
 * Source: validateCSR and validateCertificate in pkg/apis/certificates/validation/validation.go of Kubernetes 1.36.
 */
import { X509Certificate } from "node:crypto";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { isProblem, parseCertificateRequest } from "../../../apimachinery/x509/certificate-request.ts";
import { type FieldErrors, NO_ERRORS } from "../validation/primitives.ts";

const block = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([\s\S]*?)-----END \1-----/g;

/** @param request base64 (the wire form of bytes) around PEM */
export function validateRequestPem(request: string, path: string): FieldErrors {
	const parsed = parseCertificateRequest(request);
	return isProblem(parsed) ? [fieldInvalid(path, request, parsed.problem)] : NO_ERRORS;
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
