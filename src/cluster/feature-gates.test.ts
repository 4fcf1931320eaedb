/** Kubernetes' feature gates: what is served with one, and not without. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import type { Pod, PodGroupV1alpha2 } from "../apimachinery/schema/generated/types.ts";
import { namespaces, podGroups, pods, type ResourceRef } from "../client/resources.ts";
import { type Cluster, createCluster, FeatureGateError } from "./index.ts";

const apiServices: ResourceRef<KubeObject> = {
	group: "apiregistration.k8s.io",
	version: "v1",
	resource: "apiservices",
	kind: "APIService",
};

let cluster: Cluster | undefined;
afterEach(async () => {
	await cluster?.close();
	cluster = undefined;
});

const pod: Pod = {
	apiVersion: "v1",
	kind: "Pod",
	metadata: { name: "p", namespace: "default" },
	spec: { schedulingGroup: { podGroupName: "workers" }, containers: [{ name: "c", image: "nginx" }] },
};
const group: PodGroupV1alpha2 = {
	apiVersion: "scheduling.k8s.io/v1alpha2",
	kind: "PodGroup",
	metadata: { name: "workers", namespace: "default" },
	spec: { schedulingPolicy: { gang: { minCount: 2 } } },
};

async function start(featureGates?: Readonly<Record<string, boolean>>) {
	const clock = new VirtualClock();
	const made = await createCluster({
		nodes: 1,
		clock,
		seed: "gates",
		latency: "none",
		...(featureGates === undefined ? {} : { featureGates }),
	});
	cluster = made;
	await clock.advance(1_000);
	return { client: made.client, clock };
}

test("without the gate there are no PodGroups, and pods have none", async () => {
	const { client } = await start();
	await expect(client.resource(podGroups).create(group)).rejects.toThrow("the server could not find the requested resource");
	expect((await client.resource(pods).create(pod)).spec?.schedulingGroup).toBeUndefined();
	const { items } = await client.resource(apiServices).list();
	expect(items.map(({ metadata }) => metadata?.name)).not.toContain("v1alpha2.scheduling.k8s.io");
});

test("with it they are served, kept, and swept away with their namespace", async () => {
	const { client, clock } = await start({ GenericWorkload: true });
	expect(await client.resource(podGroups).create(group)).toMatchObject({ spec: group.spec });
	expect((await client.resource(pods).create(pod)).spec?.schedulingGroup).toEqual({ podGroupName: "workers" });
	const { items } = await client.resource(apiServices).list();
	expect(items.map(({ metadata }) => metadata?.name)).toContain("v1alpha2.scheduling.k8s.io");
	await client.resource(namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "lab" } });
	await client.resource(podGroups).create({ ...group, metadata: { name: "workers", namespace: "lab" } });
	await client.resource(namespaces).delete({ name: "lab" });
	await clock.advance(30_000);
	expect((await client.resource(podGroups).list("lab")).items).toEqual([]);
});

test("a gate that kubesim does not have is refused, and so is one without what it needs", async () => {
	await expect(start({ Nope: true })).rejects.toThrow(FeatureGateError);
	await expect(start({ GangScheduling: true })).rejects.toThrow("depends on features that are disabled: [GenericWorkload]");
});

test("what a gate serves comes and goes with it, and objects are kept meanwhile", async () => {
	const dataDir = mkdtempSync(join(tmpdir(), "gates-"));
	try {
		const run = async <T>(isOn: boolean, act: (client: Cluster["client"]) => Promise<T>): Promise<T> => {
			const made = await createCluster({ nodes: 0, dataDir, latency: "none", featureGates: { GenericWorkload: isOn } });
			try {
				return await act(made.client);
			} finally {
				await made.close();
			}
		};
		const served = async (client: Cluster["client"]) => {
			const { items } = await client.resource(apiServices).list();
			return items.some(({ metadata }) => metadata?.name === "v1alpha2.scheduling.k8s.io");
		};
		expect(await run(false, served)).toBe(false);
		await run(true, (client) => client.resource(podGroups).create(group));
		await run(false, async (client) => {
			expect(await served(client)).toBe(false);
			await expect(client.resource(podGroups).list("default")).rejects.toThrow("the server could not find the requested resource");
		});
		await run(true, async (client) => {
			expect(await served(client)).toBe(true);
			expect((await client.resource(podGroups).list("default")).items.map(({ metadata }) => metadata?.name)).toEqual(["workers"]);
		});
	} finally {
		rmSync(dataDir, { recursive: true });
	}
}, 60_000);
