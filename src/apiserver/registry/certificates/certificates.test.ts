import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { CertificateSigningRequest } from "../../../apimachinery/schema/generated/types.ts";
import { created, kindOf, nowMs, printed, problems } from "../testing/kind-probe.ts";
import { certificatesKinds } from "./index.ts";
import { certificate, requestOf } from "./testing.ts";

const kind = kindOf(certificatesKinds, "certificatesigningrequests");
const request = requestOf("ed25519");
const spec = { request, signerName: "kubernetes.io/kube-apiserver-client", usages: ["client auth"], expirationSeconds: 86_400 };
const approved = { type: "Approved", status: "True", reason: "KubectlApprove", message: "" };
const csr = (fields: object): KubeObject => ({ metadata: { name: "alice", creationTimestamp: created }, spec, ...fields }) as KubeObject;

describe("CertificateSigningRequest", () => {
	it("records its requestor, whoever the request claims to be from", () => {
		const user = { name: "alice", groups: ["dev", "system:authenticated"], extra: { scope: ["a"] } };
		const forged = csr({ spec: { ...spec, username: "admin", groups: ["system:masters"], uid: "0" }, status: { conditions: [approved] } });
		expect(kind.prepareForCreate?.(forged, { nowMs, user })).toEqual(
			csr({ spec: { ...spec, username: "alice", groups: ["dev", "system:authenticated"], extra: { scope: ["a"] } } }),
		);
	});

	it("prints its life", () => {
		const row = (status: object) => printed(kind, csr({ spec: { ...spec, username: "alice" }, status })).split("\n")[1];
		expect(printed(kind, csr({})).split("\n")[0]).toBe("NAME | AGE | SIGNERNAME | REQUESTOR | REQUESTEDDURATION | CONDITION");
		expect(row({})).toBe("alice | 5m | kubernetes.io/kube-apiserver-client | alice | 24h | Pending");
		expect(row({ conditions: [approved] })).toMatch(/\| Approved$/);
		expect(row({ conditions: [approved], certificate: "AAAA" })).toMatch(/\| Approved,Issued$/);
		expect(row({ conditions: [{ type: "Denied", status: "True" }] })).toMatch(/\| Denied$/);
	});

	it("says what is wrong", () => {
		const bad = { request: "AAAA", signerName: "signer", usages: ["client auth", "client auth", "fun"], expirationSeconds: 60 };
		const texts = problems(kind, csr({ spec: bad }));
		expect(texts[0]).toBe('spec.request: Invalid value: "AAAA": PEM block type must be CERTIFICATE REQUEST');
		expect(texts[1]).toMatch(/^spec\.usages\[2\]: Unsupported value: "fun": supported values: "any", "cert sign"/);
		expect(texts.slice(2)).toEqual([
			'spec.usages[1]: Duplicate value: "client auth"',
			"spec.signerName: Invalid value: \"signer\": must be a fully qualified domain and path of the form 'example.com/signer-name'",
			"spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 600 seconds (10 minutes)",
		]);
		expect(problems(kind, csr({}))).toEqual([]);
	});

	it("lets a signer add a certificate through /status, and neither decide nor take a decision back", () => {
		const old = csr({ status: { conditions: [approved] } });
		const update = (status: object) => {
			const object = kind.prepareForStatusUpdate?.(csr({ status }), old, { nowMs }) ?? old;
			return (kind.validateStatusUpdate?.(object, old) ?? []).map(String);
		};
		expect(update({ conditions: [approved], certificate })).toEqual([]);
		expect(update({ conditions: [] })).toEqual(['status.conditions: Forbidden: updates may not remove a condition of type "Approved"']);
		expect(update({ conditions: [approved, { type: "Denied", status: "True" }] })).toEqual([
			'status.conditions[1].type: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
			'status.conditions: Forbidden: updates may not add a condition of type "Denied"',
		]);
	});

	it("keeps spec and status when the object itself is updated", () => {
		const old = csr({ status: { certificate: "AAAA" } });
		const changed: CertificateSigningRequest = { metadata: { name: "alice" }, spec: { ...spec, usages: ["any"] } };
		expect(kind.prepareForUpdate?.(changed, old, { nowMs })).toEqual({ ...old, metadata: { name: "alice" } });
	});
});
