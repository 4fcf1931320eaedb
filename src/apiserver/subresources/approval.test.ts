import { beforeEach, expect, it } from "vitest";
import type { CertificateSigningRequest } from "../../apimachinery/schema/generated/types.ts";
import { requestOf } from "../registry/certificates/testing.ts";
import { type ResourceDriver, startServer } from "../testing.ts";

const name = "alice";
const request = requestOf("ec");
const approved = { type: "Approved", status: "True", reason: "KubectlApprove", message: "yes" };

let requests: ResourceDriver;

beforeEach(async () => {
	requests = (await startServer()).clusterResource("certificates.k8s.io", "v1", "certificatesigningrequests");
	const spec = { request, signerName: "kubernetes.io/kube-apiserver-client", usages: ["client auth"] };
	await requests.send("create", { body: { metadata: { name }, spec } });
});

const now = async () => (await requests.send("get", { name })) as CertificateSigningRequest;

async function body(status: object, subresource = "approval") {
	return { name, subresource, body: { ...(await now()), status } };
}

it("takes conditions, gives them times, and leaves spec and certificate alone", async () => {
	const before = await now();
	const sent = { ...before, spec: { ...before.spec, usages: ["any"] }, status: { conditions: [approved], certificate: "AAAA" } };
	await requests.send("update", { name, subresource: "approval", body: sent });
	const { spec, status } = await now();
	const time = "2026-01-01T00:00:00Z";
	expect([spec, status]).toEqual([before.spec, { conditions: [{ ...approved, lastUpdateTime: time, lastTransitionTime: time }] }]);
});

it("stores nothing on a dry run", async () => {
	await requests.send("update", { ...(await body({ conditions: [approved] })), options: { dryRun: true } });
	expect((await now()).status?.conditions).toBeUndefined();
});

it("refuses to take a decision back, to decide both ways, and a decision through /status", async () => {
	const why = 'status.conditions: Forbidden: updates may not add a condition of type "Approved"';
	expect(await requests.failure("update", await body({ conditions: [approved] }, "status"))).toContain(why);
	await requests.send("update", await body({ conditions: [approved] }));
	expect(await requests.failure("update", await body({ conditions: [] }))).toContain(
		'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
	);
	expect(await requests.failure("update", await body({ conditions: [approved, { ...approved, type: "Denied" }] }))).toContain(
		"Approved and Denied conditions are mutually exclusive",
	);
});
