import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import type { CustomResourceDefinition } from "../apimachinery/schema/generated/types.ts";
import { configMaps, customResourceDefinitions, namespaces, type ResourceRef } from "../client/resources.ts";
import { createCluster } from "./index.ts";

const definition: CustomResourceDefinition = {
	apiVersion: "apiextensions.k8s.io/v1",
	kind: "CustomResourceDefinition",
	metadata: { name: "widgets.example.com" },
	spec: {
		group: "example.com",
		scope: "Namespaced",
		names: { plural: "widgets", kind: "Widget" },
		versions: [
			{ name: "v1beta1", served: true, storage: false, schema: { openAPIV3Schema: { type: "object" } } },
			{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
		],
	},
};
const widgets: ResourceRef<KubeObject> = { group: "example.com", version: "v1", resource: "widgets", kind: "Widget" };
const named = (name: string, namespace: string, owner?: KubeObject, apiVersion = owner?.apiVersion): KubeObject => ({
	metadata: {
		name,
		namespace,
		...(owner === undefined
			? {}
			: {
					ownerReferences: [
						{ apiVersion: apiVersion ?? "", kind: owner.kind ?? "", name: owner.metadata?.name ?? "", uid: owner.metadata?.uid ?? "" },
					],
				}),
	},
});

it("custom resources own and are owned, and go with their namespace", async () => {
	const clock = new VirtualClock();
	const cluster = await createCluster({ clock, seed: 1, nodes: 0 });
	const [maps, things] = [cluster.client.resource(configMaps), cluster.client.resource(widgets)];
	const left = async (namespace: string) =>
		[...(await maps.list(namespace)).items, ...(await things.list(namespace)).items]
			.map(({ metadata }) => metadata?.name ?? "")
			.filter((name) => name !== "kube-root-ca.crt");
	await cluster.client.resource(customResourceDefinitions).create(definition);
	await clock.advance(2_000);
	const owner = await things.create(named("owner", "default"));
	const child = await maps.create(named("child", "default", owner));
	await things.create(named("grandchild", "default", child, "v1"));
	// An owner may be named by any version that is served.
	await maps.create(named("other-child", "default", owner, "example.com/v1beta1"));
	await maps.create(named("stranger", "default"));
	await clock.advance(2_000);
	expect(await left("default")).toEqual(["child", "other-child", "stranger", "grandchild", "owner"]);
	await things.delete({ namespace: "default", name: "owner" });
	await clock.advance(5_000);
	expect(await left("default")).toEqual(["stranger"]);

	await cluster.client.resource(namespaces).create({ metadata: { name: "shop" } });
	await things.create(named("a", "shop"));
	await cluster.client.resource(namespaces).delete({ name: "shop" });
	await clock.advance(20_000);
	await expect(cluster.client.resource(namespaces).get({ name: "shop" })).rejects.toThrow('namespaces "shop" not found');
	expect((await things.list()).items).toEqual([]);

	await cluster.client.resource(customResourceDefinitions).delete({ name: "widgets.example.com" });
	await clock.advance(5_000);
	await expect(things.list()).rejects.toThrow("the server could not find the requested resource");
	await cluster.close();
});

it("custom resources are there again after a restart, before anything is asked", async () => {
	const dataDir = mkdtempSync(join(tmpdir(), "kubesim-cluster-"));
	const first = await createCluster({ dataDir, nodes: 0 });
	const established = Promise.withResolvers<void>();
	const handle = await first.client.resource(customResourceDefinitions).watch(
		undefined,
		{},
		{
			onEvent: ({ object }) => {
				if (object.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True")) established.resolve();
			},
			onEnd: () => undefined,
		},
	);
	await first.client.resource(customResourceDefinitions).create(definition);
	await established.promise;
	handle.stop();
	const made = await first.client.resource(widgets).create(named("a", "default"));
	await first.close();
	const second = await createCluster({ dataDir, nodes: 0 });
	expect(await second.client.resource(widgets).get({ namespace: "default", name: "a" })).toEqual(made);
	await second.close();
	rmSync(dataDir, { recursive: true, force: true });
});
