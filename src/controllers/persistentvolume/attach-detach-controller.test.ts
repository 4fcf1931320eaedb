import { beforeEach, describe, expect, test } from "vitest";
import type { NodeSpec } from "../../apimachinery/schema/generated/types.ts";
import { newTimeout } from "../../apimachinery/status-error.ts";
import { attachmentName } from "../../apimachinery/storage/disk-driver.ts";
import { csiDrivers, nodes, persistentVolumeClaims, persistentVolumes, pods, volumeAttachments } from "../../client/resources.ts";
import { csiDriver } from "../csi-driver/csi-driver.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { attachDetachController } from "./attach-detach-controller.ts";
import { planAttachments } from "./attach-plan.ts";

const driver = "disk.csi.kubesim.io";
const inUse = `kubernetes.io/csi/${driver}^handle`;

let fixture: ControllerFixture;

beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(attachDetachController, csiDriver);
	for (const name of ["n1", "n2"])
		await fixture.client.resource(nodes).create({ metadata: { name }, status: { conditions: [{ type: "Ready", status: "True" }] } });
	await fixture.settle();
});

async function disk(accessModes: readonly string[] = ["ReadWriteOnce"]): Promise<void> {
	const claim = await fixture.client
		.resource(persistentVolumeClaims)
		.create({ metadata: { namespace: "default", name: "data" }, spec: { accessModes, volumeName: "disk" }, status: { phase: "Bound" } });
	await fixture.client.resource(persistentVolumes).create({
		metadata: { name: "disk" },
		spec: {
			accessModes,
			csi: { driver, volumeHandle: "handle" },
			claimRef: { namespace: "default", name: "data", uid: claim.metadata?.uid ?? "" },
		},
		status: { phase: "Bound" },
	});
}

async function pod(name: string, nodeName: string): Promise<void> {
	const volumes = [{ name: "v", persistentVolumeClaim: { claimName: "data" } }];
	await fixture.client
		.resource(pods)
		.create({ metadata: { namespace: "default", name }, spec: { containers: [], nodeName, volumes }, status: { phase: "Pending" } });
	await fixture.settle();
}

async function remove(name: string): Promise<void> {
	await fixture.client.resource(pods).delete({ namespace: "default", name });
	await fixture.settle();
}

/** As a kubelet says what it has mounted. */
async function mounts(name: string, volumesInUse: readonly string[], ready = "True"): Promise<void> {
	const node = await fixture.client.resource(nodes).get({ name });
	await fixture.client
		.resource(nodes)
		.updateStatus({ ...node, status: { ...node.status, volumesInUse, conditions: [{ type: "Ready", status: ready }] } });
	await fixture.settle();
}

const attached = async () => (await fixture.list(volumeAttachments)).map(({ spec, status }) => `${spec.nodeName} ${status?.attached}`);
const shown = async (name: string) => (await fixture.client.resource(nodes).get({ name })).status?.volumesAttached;

test("a volume is attached where a pod uses it, and the pod and the node say so", async () => {
	await disk();
	await pod("web", "n1");
	expect(await attached()).toEqual(["n1 true"]);
	expect((await fixture.list(volumeAttachments))[0]?.metadata?.name).toBe(attachmentName(driver, "handle", "n1"));
	expect(await fixture.events()).toEqual(['Normal SuccessfulAttachVolume Pod/web: AttachVolume.Attach succeeded for volume "disk" ']);
	expect(await shown("n1")).toEqual([{ name: inUse, devicePath: "" }]);
	expect(fixture.complaints).toEqual([]);
});

test("it is detached when it is unmounted, not when the pod goes", async () => {
	await disk();
	await pod("web", "n1");
	await mounts("n1", [inUse]);
	await remove("web");
	expect(await attached()).toEqual(["n1 true"]);
	await mounts("n1", []);
	expect(await attached()).toEqual([]);
	expect((await shown("n1")) ?? []).toEqual([]);
});

test("a second node waits for the first, and its pod says for whom", async () => {
	await disk();
	await pod("one", "n1");
	await mounts("n1", [inUse]);
	await pod("two", "n2");
	await fixture.clock.advance(60_000);
	expect(await attached()).toEqual(["n1 true"]);
	expect((await fixture.events()).slice(1)).toEqual([
		'Warning FailedAttachVolume Pod/two: Multi-Attach error for volume "disk" Volume is already used by pod(s) one',
	]);
	await remove("one");
	await mounts("n1", []);
	expect(await attached()).toEqual(["n2 true"]);
});

test("a volume that may be shared is attached to both", async () => {
	await disk(["ReadWriteMany"]);
	await pod("one", "n1");
	await pod("two", "n2");
	expect(await attached()).toEqual(["n1 true", "n2 true"]);
});

describe("a node that does not answer loses what it has mounted", () => {
	beforeEach(async () => {
		await disk();
		await pod("one", "n1");
		await mounts("n1", [inUse], "Unknown");
		await remove("one");
		await pod("two", "n2");
		expect(await attached()).toEqual(["n1 true"]);
		expect(await fixture.events()).toContain(
			'Warning FailedAttachVolume Pod/two: Multi-Attach error for volume "disk" Volume is already exclusively attached to one node and can\'t be attached to another',
		);
	});

	test("after six minutes", async () => {
		await fixture.clock.advance(5 * 60_000);
		expect(await attached()).toEqual(["n1 true"]);
		await fixture.clock.advance(61_000);
		expect(await attached()).toEqual(["n2 true"]);
	});

	test("at once when it is out of service", async () => {
		const taints: NodeSpec["taints"] = [{ key: "node.kubernetes.io/out-of-service", value: "nodeshutdown", effect: "NoExecute" }];
		await fixture.change(nodes, "n1", (node) => ({ ...node, spec: { taints } }));
		await fixture.settle();
		expect(await attached()).toEqual(["n2 true"]);
	});

	test("at once when it is gone", async () => {
		await fixture.client.resource(nodes).delete({ name: "n1" });
		await fixture.settle();
		expect(await attached()).toEqual(["n2 true"]);
	});
});

test("a driver that needs no attaching is left alone", async () => {
	await fixture.client.resource(csiDrivers).create({ metadata: { name: driver }, spec: { attachRequired: false } });
	await fixture.settle();
	await disk();
	await pod("web", "n1");
	expect(await attached()).toEqual([]);
});

test("an attachment that somebody else made is left alone", async () => {
	await disk();
	const spec = { attacher: driver, nodeName: "n2", source: { persistentVolumeName: "disk" } };
	await fixture.client.resource(volumeAttachments).create({ metadata: { name: "mine" }, spec });
	await fixture.settle();
	expect(await attached()).toEqual(["n2 true"]);
});

test("of several nodes that want a volume at once one gets it", () => {
	const state = { attached: new Set<string>(), isShared: false, waitMs: () => undefined };
	expect(planAttachments({ ...state, wanted: new Set(["b", "a"]) })).toMatchObject({ attach: ["a"], refused: ["b"] });
});

describe("with a cache that is behind", () => {
	test("a volume that was just attached is not attached to another node", async () => {
		fixture.api.watchDelayMs.set("volumeattachments.storage.k8s.io", 5_000);
		await disk();
		await pod("web", "n1");
		await mounts("n1", [inUse]);
		await remove("web");
		await pod("other", "n2");
		await fixture.clock.advance(4_000);
		expect(await attached()).toEqual(["n1 undefined"]);
		await mounts("n1", []);
		await fixture.clock.advance(60_000);
		expect(await attached()).toEqual(["n2 true"]);
	});

	test("one that may have been attached is asked after before it is attached elsewhere", async () => {
		fixture.api.watchDelayMs.set("volumeattachments.storage.k8s.io", 5_000);
		await disk();
		fixture.api.intercept = async (request) => {
			if (request.verb !== "create" || request.resource !== "volumeattachments") return;
			fixture.api.intercept = undefined;
			await fixture.api.request(request);
			throw newTimeout("the answer is lost");
		};
		await pod("web", "n1");
		await mounts("n1", [inUse]);
		await remove("web");
		await pod("other", "n2");
		await fixture.clock.advance(4_000);
		expect(await attached()).toEqual(["n1 undefined"]);
	});

	test("a node shows that it has a volume no more before that is taken away, and only if it has not said meanwhile that it needs it", async () => {
		await disk();
		await pod("web", "n1");
		fixture.api.watchDelayMs.set("nodes", 5_000);
		fixture.takeWrites();
		const node = await fixture.client.resource(nodes).get({ name: "n1" });
		await fixture.client.resource(nodes).updateStatus({ ...node, status: { ...node.status, volumesInUse: [inUse] } });
		await remove("web");
		expect(await attached()).toEqual(["n1 true"]);
		await fixture.clock.advance(60_000);
		expect(await attached()).toEqual(["n1 true"]);
		expect(await shown("n1")).toEqual([{ name: inUse, devicePath: "" }]);
		await mounts("n1", []);
		fixture.takeWrites();
		await fixture.clock.advance(60_000);
		expect(await attached()).toEqual([]);
		const order = fixture.takeWrites().filter((write) => write.includes("nodes/status") || write.startsWith("delete"));
		expect(order.slice(0, 2).map((write) => write.split(" ").slice(0, 2).join(" "))).toEqual([
			"patch nodes/status",
			"delete volumeattachments",
		]);
	});
});
