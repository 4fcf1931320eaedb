import { beforeEach, describe, expect, test } from "vitest";
import type { PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { persistentVolumeClaims, persistentVolumes, pods } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { pvProtectionController } from "./pv-protection-controller.ts";
import { pvcProtectionController } from "./pvc-protection-controller.ts";

const pvcProtection = "kubernetes.io/pvc-protection";
const pvProtection = "kubernetes.io/pv-protection";

let fixture: ControllerFixture;

beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(pvcProtectionController, pvProtectionController);
});

async function makeClaim(name: string, metadata: object = {}): Promise<void> {
	await fixture.client
		.resource(persistentVolumeClaims)
		.create({ metadata: { namespace: "default", name, finalizers: [pvcProtection], ...metadata }, spec: {} });
}

async function makePod(name: string, spec: Partial<PodSpec>, phase = "Running"): Promise<string> {
	const pod = await fixture.client
		.resource(pods)
		.create({ metadata: { namespace: "default", name }, spec: { containers: [], ...spec }, status: { phase } });
	await fixture.settle();
	return pod.metadata?.uid ?? "";
}

const mounted = (claimName: string) => ({ volumes: [{ name: "v", persistentVolumeClaim: { claimName } }] });

async function deleteClaim(name: string): Promise<void> {
	await fixture.client.resource(persistentVolumeClaims).delete({ namespace: "default", name });
	await fixture.settle();
}

const claims = async () => (await fixture.list(persistentVolumeClaims)).map(({ metadata }) => metadata?.name);

describe("a claim that is being deleted", () => {
	test("goes at once if nobody uses it", async () => {
		await makeClaim("data");
		await makePod("other", { nodeName: "n1", ...mounted("else") });
		await deleteClaim("data");
		expect(await claims()).toEqual([]);
	});

	test("stays while a pod on a node uses it, also one that has ended, until that is gone", async () => {
		await makeClaim("data");
		await makePod("user", { nodeName: "n1", ...mounted("data") });
		await deleteClaim("data");
		expect(await claims()).toEqual(["data"]);
		await fixture.change(pods, "default/user", (pod) => ({ ...pod, status: { ...pod.status, phase: "Succeeded" } }));
		await fixture.settle();
		expect(await claims()).toEqual(["data"]);
		await fixture.client.resource(pods).delete({ namespace: "default", name: "user" });
		await fixture.settle();
		expect(await claims()).toEqual([]);
	});

	test("waits for no pod that has no node", async () => {
		await makeClaim("data");
		await makePod("waiting", mounted("data"), "Pending");
		await deleteClaim("data");
		expect(await claims()).toEqual([]);
	});

	test("stays while the pod that it was made for lives, and nobody else's claim of that name does", async () => {
		const volumes = [{ name: "scratch", ephemeral: { volumeClaimTemplate: { spec: {} } } }];
		const uid = await makePod("job", { nodeName: "n1", volumes });
		const owner = { apiVersion: "v1", kind: "Pod", name: "job", uid, controller: true };
		await makeClaim("job-scratch", { ownerReferences: [owner] });
		await deleteClaim("job-scratch");
		expect(await claims()).toEqual(["job-scratch"]);
		await fixture.client.resource(pods).delete({ namespace: "default", name: "job" });
		await fixture.settle();
		expect(await claims()).toEqual([]);
		await makePod("job", { nodeName: "n1", volumes });
		await makeClaim("job-scratch");
		await deleteClaim("job-scratch");
		expect(await claims()).toEqual([]);
	});
});

test("a live claim and a live volume get their protection back", async () => {
	await makeClaim("data", { finalizers: [] });
	await fixture.client.resource(persistentVolumes).create({ metadata: { name: "disk" }, spec: {} });
	await fixture.settle();
	expect((await fixture.list(persistentVolumeClaims))[0]?.metadata?.finalizers).toEqual([pvcProtection]);
	expect((await fixture.list(persistentVolumes))[0]?.metadata?.finalizers).toEqual([pvProtection]);
	expect(fixture.complaints).toEqual([]);
});

test("a volume that is being deleted stays while it is bound", async () => {
	await fixture.client
		.resource(persistentVolumes)
		.create({ metadata: { name: "disk", finalizers: [pvProtection] }, spec: {}, status: { phase: "Bound" } });
	await fixture.client.resource(persistentVolumes).delete({ name: "disk" });
	await fixture.settle();
	expect(await fixture.list(persistentVolumes)).toHaveLength(1);
	const [volume] = await fixture.list(persistentVolumes);
	await fixture.client.resource(persistentVolumes).updateStatus({ ...volume, status: { phase: "Released" } });
	await fixture.settle();
	expect(await fixture.list(persistentVolumes)).toEqual([]);
});
