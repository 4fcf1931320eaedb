import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { type CertificateRequest, isProblem, parseCertificateRequest } from "../../apimachinery/x509/certificate-request.ts";
import { readSubject } from "../../apimachinery/x509/distinguished-name.ts";
import { createAuthority } from "./certificate.ts";
import { signRequest } from "./request-signing.ts";
import { commonName, makeRequest, organization, type RequestOptions } from "./testing.ts";

const nowMs = Date.UTC(2026, 0, 1);
const hourMs = 3600_000;
const authority = createAuthority({ commonName: "kubernetes" }, { notBeforeMs: nowMs, notAfterMs: nowMs + 1000 * hourMs });

function parsed(options: RequestOptions = {}): CertificateRequest {
	const request = parseCertificateRequest(makeRequest(options));
	if (isProblem(request)) throw new Error(request.problem);
	return request;
}

function issue(options: RequestOptions = {}, usages: readonly string[] = ["client auth"], lifetimeMs = 24 * hourMs): X509Certificate {
	return new X509Certificate(signRequest(authority, parsed(options), { usages, lifetimeMs, nowMs }));
}

test("a request says what it asks for", () => {
	const subject = [
		[organization, "dev"],
		[commonName, "first"],
		[organization, "ops\nCN=root"],
		[commonName, "last"],
	] as const;
	const request = parsed({ subject, dnsNames: ["a.b"], emailAddresses: ["x@y"], uris: ["spiffe://x"], ipAddresses: [[10, 0, 0, 1]] });
	expect(request).toMatchObject({ dnsNames: ["a.b"], emailAddresses: ["x@y"], uris: ["spiffe://x"] });
	expect(request.ipAddresses.map((bytes) => [...bytes])).toEqual([[10, 0, 0, 1]]);
	expect(request.subject).toMatchObject({ commonName: "last", organizations: ["dev", "ops\nCN=root"] });
});

test("a certificate has the request's names and key, the policy's usages, and is of the authority", () => {
	const subject = [
		[commonName, "system:node:n1"],
		[organization, "system:nodes"],
		// A uid is not for the applicant to say.
		["1.3.6.1.4.1.57683.2", "7"],
	] as const;
	const certificate = issue({ subject, dnsNames: ["n1"], ipAddresses: [[10, 0, 0, 1]] }, ["server auth", "digital signature"]);
	const ca = new X509Certificate(authority.cert);
	expect([certificate.checkIssued(ca), certificate.verify(ca.publicKey), certificate.ca]).toEqual([true, true, false]);
	expect(readSubject(certificate.raw)?.attributes).toEqual([
		{ type: organization, value: "system:nodes" },
		{ type: commonName, value: "system:node:n1" },
	]);
	expect(certificate.subjectAltName).toBe("DNS:n1, IP Address:10.0.0.1");
	expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
});

test.each([
	["long", 24, -5 * 60_000, 24 * hourMs - 5 * 60_000],
	["short", 1, -5 * 60_000, hourMs],
	["longer than its authority", 2000, -5 * 60_000, 1000 * hourMs],
])("a %s one is valid from five minutes ago", (_what, hours, from, to) => {
	const { validFrom, validTo } = issue({}, ["client auth"], hours * hourMs);
	expect([Date.parse(validFrom) - nowMs, Date.parse(validTo) - nowMs]).toEqual([from, to]);
});

test("usages have their bits and identifiers", () => {
	const all = ["decipher only", "digital signature", "any", "client auth", "s/mime", "email protection"];
	const { raw, keyUsage } = issue({}, all);
	expect(keyUsage).toEqual(["2.5.29.37.0", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"]);
	// KeyUsage 2.5.29.15, critical: BIT STRING of nine bits, the first and the last set.
	expect(raw.toString("hex")).toContain("0603551d0f0101ff04050303078080");
	expect(() => issue({}, ["flying"])).toThrow('unrecognized usage values: ["flying"]');
});

test("an authority that has come to its end signs nothing", () => {
	const later = nowMs + 1000 * hourMs;
	expect(() => signRequest(authority, parsed(), { usages: [], lifetimeMs: hourMs, nowMs: later })).toThrow("the signer has expired");
});
