import { beforeEach, expect, test } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { ConfigMap, OwnerReference } from "../../apimachinery/schema/generated/types.ts";
import { configMaps, namespaces } from "../../client/resources.ts";
import { builtInDeletableResources } from "../deletable-resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { garbageCollector } from "./garbage-collector.ts";

const collector = garbageCollector(
	builtInDeletableResources().filter(({ resource }) => ["configmaps", "secrets", "namespaces"].includes(resource)),
);

let fixture: ControllerFixture;
beforeEach(() => {
	fixture = new ControllerFixture();
});

/** ConfigMaps stand for any kind: only metadata counts. */
async function make(
	name: string,
	owners: readonly KubeObject[],
	extra: Partial<OwnerReference> = {},
	namespace = "default",
): Promise<ConfigMap> {
	const ownerReferences = owners.map(({ metadata, kind }) => ({
		apiVersion: "v1",
		kind: kind ?? "",
		name: metadata?.name ?? "",
		uid: metadata?.uid ?? "",
		...extra,
	}));
	const made = await fixture.client.resource(configMaps).create({ metadata: { namespace, name, ownerReferences } });
	await fixture.settle();
	return made;
}

async function remove(name: string, propagationPolicy = "Background"): Promise<void> {
	await fixture.client.resource(configMaps).delete({ namespace: "default", name }, { propagationPolicy });
	await fixture.settle();
}

async function left(): Promise<readonly string[]> {
	return (await fixture.list(configMaps)).map(({ metadata }) => metadata?.name ?? "");
}

test("background: dependents go after their owner, down to the last generation", async () => {
	await fixture.start(collector);
	const owner = await make("owner", []);
	const child = await make("child", [owner]);
	await make("grandchild", [child]);
	await make("stranger", []);
	await remove("owner");
	expect(await left()).toEqual(["stranger"]);
	expect(fixture.complaints).toEqual([]);
});

test("an object with an owner left stays and loses the reference to the one that is gone", async () => {
	await fixture.start(collector);
	const [first, second] = [await make("first", []), await make("second", [])];
	await make("child", [first, second]);
	await remove("first");
	expect(await left()).toEqual(["second", "child"]);
	const child = await fixture.client.resource(configMaps).get({ namespace: "default", name: "child" });
	expect(child.metadata?.ownerReferences?.map(({ name }) => name)).toEqual(["second"]);
	await remove("second");
	expect(await left()).toEqual([]);
});

test("foreground: the owner stays, being deleted, until those that block it are gone", async () => {
	await fixture.start(collector);
	const owner = await make("owner", []);
	const child = await make("child", [owner], { blockOwnerDeletion: true });
	await make("grandchild", [child], { blockOwnerDeletion: true });
	await fixture.change(configMaps, "default/grandchild", (object) => ({
		...object,
		metadata: { ...object.metadata, finalizers: ["test/hold"] },
	}));
	await remove("owner", "Foreground");
	const waiting = await fixture.list(configMaps);
	expect(waiting.map(({ metadata }) => [metadata?.name, metadata?.deletionTimestamp !== undefined, metadata?.finalizers])).toEqual([
		["owner", true, ["foregroundDeletion"]],
		["child", true, ["foregroundDeletion"]],
		["grandchild", true, ["test/hold"]],
	]);
	await fixture.change(configMaps, "default/grandchild", (object) => ({ ...object, metadata: { ...object.metadata, finalizers: [] } }));
	await fixture.settle();
	expect(await left()).toEqual([]);
});

test("foreground: a dependent that does not block is deleted but not waited for", async () => {
	await fixture.start(collector);
	const owner = await make("owner", []);
	await make("child", [owner], { blockOwnerDeletion: false });
	await fixture.change(configMaps, "default/child", (object) => ({
		...object,
		metadata: { ...object.metadata, finalizers: ["test/hold"] },
	}));
	await remove("owner", "Foreground");
	expect(await left()).toEqual(["child"]);
	expect((await fixture.list(configMaps))[0]?.metadata?.deletionTimestamp).toBe("2026-01-01T00:00:00Z");
});

test("foreground: two that own each other both go", async () => {
	await fixture.start(collector);
	const first = await make("first", []);
	const second = await make("second", [first], { blockOwnerDeletion: true });
	await fixture.change(configMaps, "default/first", (object) => ({
		...object,
		metadata: {
			...object.metadata,
			ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "second", uid: second.metadata?.uid ?? "", blockOwnerDeletion: true }],
		},
	}));
	await remove("first", "Foreground");
	await fixture.clock.advance(10_000);
	expect(await left()).toEqual([]);
});

test("orphan: dependents stay and forget their owner", async () => {
	await fixture.start(collector);
	const owner = await make("owner", []);
	await make("child", [owner]);
	await remove("owner", "Orphan");
	expect((await fixture.list(configMaps)).map(({ metadata }) => [metadata?.name, metadata?.ownerReferences])).toEqual([["child", []]]);
});

test("an owner that was never there, or whose name now belongs to another object, does not keep anybody", async () => {
	const former = await make("former", []);
	await fixture.client.resource(configMaps).delete({ namespace: "default", name: "former" });
	await make("former", []);
	await make("child-of-former", [former]);
	await make("child-of-nobody", [{ kind: "ConfigMap", metadata: { name: "nobody", uid: "no-such-uid" } }]);
	await fixture.start(collector);
	expect(await left()).toEqual(["former"]);
	await make("late-child", [former]);
	expect(await left()).toEqual(["former"]);
});

test("an owner in another namespace does not count, and an event says so", async () => {
	await fixture.start(collector);
	const owner = await make("owner", [], {}, "other");
	await make("child", [owner]);
	expect(await left()).toEqual(["owner"]);
	expect(await fixture.events()).toEqual([
		`Warning OwnerRefInvalidNamespace ConfigMap/child: ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: ${owner.metadata?.uid}] does not exist in namespace "default"`,
	]);
});

test("a cluster-scoped owner keeps objects in namespaces", async () => {
	await fixture.start(collector);
	const owner = await fixture.client.resource(namespaces).create({ metadata: { name: "owner" } });
	await make("child", [owner]);
	expect(await left()).toEqual(["child"]);
	await fixture.client.resource(namespaces).delete({ name: "owner" });
	await fixture.settle();
	expect(await left()).toEqual([]);
});

test("an owner of an unknown kind keeps its dependents: nobody can tell whether it is gone", async () => {
	await fixture.start(collector);
	await make("child", [{ kind: "Widget", metadata: { name: "w", uid: "u" } }], { apiVersion: "example.com/v1" });
	expect(await left()).toEqual(["child"]);
	expect(fixture.complaints[0]).toContain("unable to get REST mapping for example.com/v1/Widget.");
});
