/**
 * What Kubernetes says of each wrong field of a CertificateSigningRequest, one row a rule.
 * Source: pkg/apis/certificates/validation/validation.go of Kubernetes 1.36.
 */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { CertificateSigningRequest } from "../../../apimachinery/schema/generated/types.ts";
import { changeProblems, created, kindOf, nowMs, problems, statusProblems } from "../testing/kind-probe.ts";
import { certificatesKinds } from "./index.ts";
import { certificate, encoded, requestBodies, requestOf } from "./testing.ts";

const kind = kindOf(certificatesKinds, "certificatesigningrequests");
const spec = { request: requestOf("ec"), signerName: "example.com/signer", usages: ["client auth"] };
const csr = (fields: object = {}, status: object = {}): KubeObject =>
	({ metadata: { name: "alice" }, spec: { ...spec, ...fields }, status }) as KubeObject;
const NO_REQUEST = "PEM block type must be CERTIFICATE REQUEST";
/** The request with its last octet changed: a signature of something else. */
const tampered = (body: string): string => {
	const bytes = Buffer.from(body, "base64");
	bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
	return encoded("CERTIFICATE REQUEST", bytes.toString("base64"));
};
const ofRequest = (request: string, ...texts: string[]) =>
	[{ request }, texts.map((text) => `spec.request: Invalid value: ${JSON.stringify(request)}: ${text}`)] as const;
const ofSigner = (signerName: string, ...texts: string[]) => [{ signerName }, texts.map((text) => `spec.signerName: ${text}`)] as const;

describe("a CertificateSigningRequest's spec", () => {
	it.each<readonly [fields: object, errors: readonly string[]]>([
		[{}, []],
		ofRequest(requestOf("ed25519")),
		ofRequest(requestOf("rsa")),
		ofRequest("", NO_REQUEST),
		ofRequest("AAAA", NO_REQUEST),
		ofRequest(certificate, NO_REQUEST),
		ofRequest(encoded("CERTIFICATE REQUEST", "MAMCAQE="), "asn1: structure error: tags don't match"),
		ofRequest(encoded("CERTIFICATE REQUEST", requestBodies.ec.slice(0, 40)), "asn1: syntax error: data truncated"),
		ofRequest(encoded("CERTIFICATE REQUEST", `${requestBodies.ed25519.slice(0, -4)}DwUA`), "asn1: syntax error: trailing data"),
		ofRequest(tampered(requestBodies.ec), "x509: ECDSA verification failure"),
		ofRequest(tampered(requestBodies.ed25519), "x509: Ed25519 verification failure"),
		ofRequest(tampered(requestBodies.rsa), "crypto/rsa: verification error"),
		[{ usages: [] }, ["spec.usages: Required value"]],
		[{ usages: ["any", "any"] }, ['spec.usages[1]: Duplicate value: "any"']],
		[
			{ usages: ["fun"] },
			[
				'spec.usages[0]: Unsupported value: "fun": supported values: "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping"',
			],
		],
		ofSigner("kubernetes.io/kubelet-serving"),
		ofSigner(
			"kubernetes.io/legacy-unknown",
			'Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
		),
		ofSigner("signer", "Invalid value: \"signer\": must be a fully qualified domain and path of the form 'example.com/signer-name'"),
		ofSigner("local/signer", 'Invalid value: "local": should be a domain with at least two segments separated by dots'),
		[{ expirationSeconds: 600 }, []],
		[
			{ expirationSeconds: 599 },
			["spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)"],
		],
	])("%j", (fields, errors) => {
		expect(problems(kind, csr(fields))).toEqual(errors);
	});
});

const is = (...types: string[]) => ({
	conditions: types.map((type) => ({ type, status: "True", lastUpdateTime: created, lastTransitionTime: created })),
});
const at = "status.conditions[0]";

describe("a CertificateSigningRequest's status", () => {
	it.each<readonly [status: object, old: object, errors: readonly string[]]>([
		[is("Failed"), {}, []],
		[{ conditions: [{ type: "", status: "True" }] }, {}, [`${at}.type: Required value`]],
		[{ conditions: [{ type: "Seen", status: "" }] }, {}, [`${at}.status: Required value`]],
		[
			{ conditions: [{ type: "Seen", status: "Yes" }] },
			{},
			[`${at}.status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"`],
		],
		[{ conditions: [{ type: "Failed", status: "False" }] }, {}, [`${at}.status: Unsupported value: "False": supported values: "True"`]],
		[is("Seen", "Seen"), {}, ['status.conditions[1].type: Duplicate value: "Seen"']],
		[is("Seen", "Seen"), is("Seen", "Seen"), []],
		[is("Approved"), {}, ['status.conditions: Forbidden: updates may not add a condition of type "Approved"']],
		[{}, is("Denied"), ['status.conditions: Forbidden: updates may not remove a condition of type "Denied"']],
		[{}, is("Failed"), ['status.conditions: Forbidden: updates may not remove a condition of type "Failed"']],
		[is("Approved", "Denied"), is("Approved", "Denied"), []],
		[{ certificate }, {}, []],
		[{ certificate: "AAAA" }, { certificate: "AAAA" }, []],
		[
			{ certificate: "AAAA" },
			{},
			['status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block'],
		],
		[
			{ certificate: requestOf("ec") },
			{},
			['status.certificate: Invalid value: "<certificate data>": only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"'],
		],
		[
			{ certificate: encoded("CERTIFICATE", "A: b\n\nAAAA") },
			{},
			['status.certificate: Invalid value: "<certificate data>": no PEM block headers are permitted'],
		],
		[
			{ certificate: encoded("CERTIFICATE", "AAAA") },
			{},
			['status.certificate: Invalid value: "<certificate data>": x509: malformed certificate'],
		],
		[{}, { certificate }, ["status.certificate: Forbidden: updates may not modify existing certificate content"]],
	])("%j after %j", (status, old, errors) => {
		expect(statusProblems(kind, csr({}, status), csr({}, old))).toEqual(errors);
	});
});

describe("an approval", () => {
	const approve = (status: object, old: object): CertificateSigningRequest =>
		kind.approval?.prepare(csr({ usages: ["any"] }, status), csr({}, old), { nowMs }) as CertificateSigningRequest;
	const verdict = (status: object, old: object) => kind.approval?.validate(csr({}, status), csr({}, old)).map(String);

	it("dates conditions and touches nothing else", () => {
		const approved = { type: "Approved", status: "True", reason: "r", message: "m" };
		const object = approve({ conditions: [approved, ...is("Seen").conditions], certificate: "AAAA" }, { ...is("Seen"), certificate });
		const now = "2026-01-01T00:05:00Z";
		expect(object.spec).toEqual(spec);
		expect(object.status).toEqual({
			certificate,
			conditions: [{ ...approved, lastUpdateTime: now, lastTransitionTime: now }, ...is("Seen").conditions],
		});
		expect(approve({ conditions: [{ type: "Seen", status: "True" }] }, is("Seen")).status?.conditions).toEqual([
			{ type: "Seen", status: "True", lastUpdateTime: now, lastTransitionTime: created },
		]);
	});

	it("decides once and one way", () => {
		expect(verdict(is("Approved"), {})).toEqual([]);
		expect(verdict(is("Approved", "Denied"), is("Approved"))).toEqual([
			'status.conditions[1].type: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
		]);
		expect(verdict({}, is("Approved"))).toEqual(['status.conditions: Forbidden: updates may not remove a condition of type "Approved"']);
	});
});

it("keeps being valid", () => {
	expect(changeProblems(kind, csr(), csr())).toEqual([]);
});
