/** Certificate requests as an applicant makes them, for tests. */
import { generateKeyPairSync } from "node:crypto";
import { type RequestContent, writeCertificateRequest } from "../../apimachinery/x509/request-writer.ts";

/** Without a subject it is a user's, without a key a new one's. */
export type RequestOptions = Partial<RequestContent>;

export const commonName = "2.5.4.3";
export const organization = "2.5.4.10";

/** What is in `spec.request`: base64 around PEM. */
export function makeRequest(options: RequestOptions = {}): string {
	const { subject = [[commonName, "alice"]], key = generateKeyPairSync("ec", { namedCurve: "P-256" }) } = options;
	return Buffer.from(writeCertificateRequest({ ...options, subject, key })).toString("base64");
}
