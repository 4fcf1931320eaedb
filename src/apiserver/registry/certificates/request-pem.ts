/**
 * The envelope of a PKCS #10 request: base64 (the wire form of bytes) around PEM of the right type. Its signature is
 * checked where the certificate is issued, because that takes asynchronous cryptography.
 */
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import type { FieldErrors } from "../validation/primitives.ts";

const pem = /-----BEGIN CERTIFICATE REQUEST-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE REQUEST-----/;

export function validateRequestPem(request: string, path: string): FieldErrors {
	const text = Buffer.from(request, "base64").toString("latin1");
	return pem.test(text) ? [] : [fieldInvalid(path, request, "PEM block type must be CERTIFICATE REQUEST")];
}
