import { expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../apimachinery/random.ts";
import { loadOrCreatePki } from "../apiserver/pki/pki.ts";
import { ImagedStore } from "./bootstrap-image.ts";
import type { ClusterOptions } from "./cluster-options.ts";
import { createCluster, openCluster } from "./open-cluster.ts";

const pki = await loadOrCreatePki(undefined, { nowMs: new VirtualClock().now() });

async function dumpOf(options: ClusterOptions): Promise<Readonly<Record<string, string>>> {
	const cluster = await createCluster({ clock: new VirtualClock(), pki, nodes: 1, ...options });
	const found = await cluster.dump();
	const { revision } = cluster.apiServer;
	await cluster.close();
	return { ...Object.fromEntries(found), revision: String(revision) };
}

test("a cluster from an image is the one that would have been bootstrapped, byte for byte", async () => {
	// Whoever says which plugins run is bootstrapped the long way.
	const bootstrapped = await dumpOf({ seed: 1, admission: {} });
	await dumpOf({ seed: 2 });
	expect(await dumpOf({ seed: 1 })).toEqual(bootstrapped);
	// Another instant has no image yet.
	const clock = () => new VirtualClock(Date.UTC(2030, 5, 1));
	expect(await dumpOf({ seed: 1, clock: clock() })).toEqual(await dumpOf({ seed: 1, clock: clock(), admission: {} }));
});

test("a cluster that is opened and not started is empty, whatever was made before it", async () => {
	await dumpOf({ seed: 1 });
	const cluster = await openCluster({ clock: new VirtualClock(), pki, seed: 1 });
	expect([...(await cluster.dump())]).toEqual([]);
	await cluster.close();
});

test("an image is filled with ids of its own", async () => {
	const nowMs = new VirtualClock().now();
	const open = (seed: number, inputs = "10.96.0.0/12") => ImagedStore.open(() => new SeededRandom(seed).fork("apiserver"), nowMs, inputs);
	await dumpOf({ seed: 3 });
	expect((await open(3, "10.97.0.0/16")).isFilled).toBe(false);
	const texts = async (seed: number) => {
		const { backend, isFilled } = await open(seed);
		expect(isFilled).toBe(true);
		return backend.puts()?.map(({ value }) => Buffer.from(value).toString("utf8")) ?? [];
	};
	const [first, again, other] = [await texts(3), await texts(3), await texts(4)];
	expect(first.length).toBeGreaterThan(200);
	expect(again).toEqual(first);
	const uids = (all: readonly string[]) => new Set(all.map((text) => (JSON.parse(text) as { metadata: { uid: string } }).metadata.uid));
	expect([...uids(other)].filter((uid) => uids(first).has(uid))).toEqual([]);
});
