/** Several API servers over one store: what one writes the others must know, however late their watches are. */
import { beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { ConfigMap, CustomResourceDefinition } from "../../apimachinery/schema/generated/types.ts";
import { createMemoryStore, type Store, type StoreWatchSink, type WatchRequest } from "../../store/index.ts";
import { CompactedError } from "../../store/store.ts";
import { ApiServer } from "../api-server.ts";
import { makeTokenKeys, ResourceDriver } from "../testing.ts";

const intervalMs = 300_000;

/** A server's own way to the store: its watches hear of changes when the test says so, and break when it says so. */
class Line implements Store {
	readonly isShared = true;
	readonly #store: Store;
	readonly #held: (() => void)[] = [];
	readonly #breaks = new Set<(error: Error) => void>();
	isLate = false;
	compactions: number[] = [];

	constructor(store: Store) {
		this.#store = store;
	}

	release(): void {
		this.isLate = false;
		for (const deliver of this.#held.splice(0)) deliver();
	}

	/** What was held is lost. */
	break(error: Error): void {
		this.#held.length = 0;
		this.isLate = false;
		for (const end of [...this.#breaks]) end(error);
	}

	watch(request: WatchRequest, sink: StoreWatchSink) {
		const deliver = (step: () => void) => {
			if (this.isLate) this.#held.push(step);
			else step();
		};
		const watch = this.#store.watch(request, {
			onEvents: (events, revision) => deliver(() => sink.onEvents(events, revision)),
			onEnd: (error) => sink.onEnd(error),
		});
		const end = (error: Error) => {
			watch.cancel();
			this.#breaks.delete(end);
			sink.onEnd(error);
		};
		this.#breaks.add(end);
		return watch;
	}

	compact(revision: number): Promise<void> {
		this.compactions.push(revision);
		return this.#store.compact(revision);
	}

	range: Store["range"] = (request) => this.#store.range(request);
	put: Store["put"] = (request) => this.#store.put(request);
	deleteRange: Store["deleteRange"] = (request) => this.#store.deleteRange(request);
	txn: Store["txn"] = (request) => this.#store.txn(request);
	grantLease: Store["grantLease"] = (ttlSeconds, id) => this.#store.grantLease(ttlSeconds, id);
	revokeLease: Store["revokeLease"] = (id) => this.#store.revokeLease(id);
	keepAliveLease: Store["keepAliveLease"] = (id) => this.#store.keepAliveLease(id);
	lease: Store["lease"] = (id) => this.#store.lease(id);
	leases: Store["leases"] = () => this.#store.leases();
	status: Store["status"] = () => this.#store.status();
	close: Store["close"] = () => this.#store.close();
}

interface Server {
	readonly line: Line;
	readonly configMaps: ResourceDriver;
	readonly namespaces: ResourceDriver;
	readonly api: ApiServer;
}

let clock: VirtualClock;
let store: Store;
let a: Server;
let b: Server;

async function serve(name: string): Promise<Server> {
	const line = new Line(store);
	const api = new ApiServer({ store: line, clock, random: new SeededRandom(name), log: silentLog, tokenKeys: makeTokenKeys() });
	await api.start();
	return {
		line,
		api,
		configMaps: new ResourceDriver(api, "", "v1", "configmaps", "default"),
		namespaces: new ResourceDriver(api, "", "v1", "namespaces", undefined),
	};
}

beforeEach(async () => {
	clock = new VirtualClock();
	store = await createMemoryStore({ clock });
	[a, b] = [await serve("a"), await serve("b")];
	await a.namespaces.send("create", { body: { metadata: { name: "default" } } });
});

const dataOf = (object: KubeObject) => (object as ConfigMap).data;
const configMap = (name: string, data: Record<string, string> = {}) => ({ metadata: { name }, data });

test("a read through one server shows what was written through the other, once its watch has told", async () => {
	b.line.isLate = true;
	await a.configMaps.send("create", { body: configMap("x", { k: "1" }) });
	const reading = b.configMaps.send("get", { name: "x" });
	const listing = b.configMaps.list();
	const watching = b.configMaps.watch();
	await clock.advance(100);
	b.line.release();
	expect(dataOf(await reading)).toEqual({ k: "1" });
	expect((await listing).items.map(({ metadata }) => metadata?.name)).toEqual(["x"]);
	expect((await watching).map(({ type, object }) => `${type} ${object.metadata?.name}`)).toEqual(["ADDED x"]);
});

test("a read that is content with the cache does not wait; one that names a revision waits for it", async () => {
	b.line.isLate = true;
	const made = await a.configMaps.send("create", { body: configMap("x") });
	expect((await b.configMaps.list({ options: { resourceVersion: "0" } })).items).toEqual([]);
	const waiting = b.configMaps.list({ options: { resourceVersion: made.metadata?.resourceVersion ?? "" } });
	await clock.advance(100);
	b.line.release();
	expect((await waiting).items).toHaveLength(1);
});

test("an update of what came from the other server is no conflict, and a create of what was deleted there is none", async () => {
	const made = await a.configMaps.send("create", { body: configMap("x") });
	const newer = await a.configMaps.send("update", { name: "x", body: { ...made, data: { k: "1" } } });
	b.line.isLate = true;
	const newest = await a.configMaps.send("update", { name: "x", body: { ...newer, data: { k: "2" } } });
	const updating = b.configMaps.send("update", { name: "x", body: { ...newest, data: { k: "3" } } });
	await clock.advance(1);
	b.line.release();
	expect(dataOf(await updating)).toEqual({ k: "3" });
	b.line.isLate = true;
	await a.configMaps.send("delete", { name: "x" });
	const creating = b.configMaps.send("create", { body: configMap("x") });
	await clock.advance(1);
	b.line.release();
	expect((await creating).metadata?.name).toBe("x");
});

test("a watch that is cut off does not hold up a write that is done, and makes reads time out", async () => {
	b.line.isLate = true;
	const creating = b.configMaps.send("create", { body: configMap("x") });
	await clock.advance(3_000);
	const { resourceVersion } = (await creating).metadata ?? {};
	const failing = b.configMaps.failure("get", { name: "x" });
	await clock.advance(3_000);
	expect(await failing).toBe(
		`504 Timeout: Timeout: Too large resource version: ${resourceVersion}, current: ${Number(resourceVersion) - 1}`,
	);
});

test("a server whose history was compacted while it was cut off loads everything anew, and its watchers hear what is another", async () => {
	for (const name of ["kept", "changed", "deleted"]) await a.configMaps.send("create", { body: configMap(name, { k: "1" }) });
	const events = await b.configMaps.watch();
	b.line.isLate = true;
	for (const k of ["2", "3"])
		await a.configMaps.send("patch", { name: "changed", body: { data: { k } }, patchType: "application/merge-patch+json" });
	await a.configMaps.send("delete", { name: "deleted" });
	await a.configMaps.send("create", { body: configMap("new") });
	const { revision } = store.status();
	await store.compact(revision);
	b.line.break(new CompactedError(revision));
	await clock.advance(1);
	const told = events.slice(3).map(({ type, object }) => `${type} ${object.metadata?.name}`);
	expect(told).toEqual(["MODIFIED changed", "ADDED new", "DELETED deleted"]);
	expect(dataOf(await b.configMaps.send("get", { name: "changed" }))).toEqual({ k: "3" });
	// And it goes on from there.
	await a.configMaps.send("delete", { name: "new" });
	await clock.advance(1);
	expect(events.at(-1)?.type).toBe("DELETED");
});

test("servers compact in turns: one of them after each interval, up to what it saw an interval before", async () => {
	const revisions: number[] = [];
	for (let round = 0; round < 4; round++) {
		await a.configMaps.send("create", { body: configMap(`x${round}`) });
		await clock.advance(intervalMs);
		revisions.push(store.status().revision);
	}
	const all = [...a.line.compactions, ...b.line.compactions].sort((left, right) => left - right);
	expect(all).toEqual(revisions.slice(0, -1));
	expect((await store.range({ key: "compact_rev_key" })).kvs[0]).toMatchObject({ version: 4, value: Buffer.from(String(revisions[2])) });
	// The others go on when one is gone.
	a.api.stop();
	await clock.advance(3 * intervalMs);
	expect(b.line.compactions.at(-1)).toBeGreaterThan(revisions[3] ?? 0);
});

test("a custom resource that was defined through one server is served by the other, with what was written there", async () => {
	const body = {
		metadata: { name: "widgets.example.com" },
		spec: {
			group: "example.com",
			scope: "Namespaced",
			names: { plural: "widgets", kind: "Widget" },
			versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
		},
	};
	const definitions = (server: Server) =>
		new ResourceDriver(server.api, "apiextensions.k8s.io", "v1", "customresourcedefinitions", undefined);
	const widgets = (server: Server) => new ResourceDriver(server.api, "example.com", "v1", "widgets", "default");
	const isEstablished = async (server: Server) => {
		const { status } = (await definitions(server).send("get", { name: "widgets.example.com" })) as CustomResourceDefinition;
		return status?.conditions?.some(({ type, status: state }) => type === "Established" && state === "True") === true;
	};
	b.line.isLate = true;
	await definitions(a).send("create", { body });
	await clock.advance(10);
	expect(await isEstablished(a)).toBe(true);
	await widgets(a).send("create", { body: { metadata: { name: "x" } } });
	const reading = widgets(b).send("get", { name: "x" });
	await clock.advance(100);
	b.line.release();
	expect((await reading).metadata?.name).toBe("x");
	// And its end, which is brought about by whichever server comes first.
	await definitions(b).send("delete", { name: "widgets.example.com" });
	await clock.advance(10_000);
	for (const server of [a, b]) expect(await widgets(server).failure("list")).toContain("404");
	expect((await store.range({ key: "/registry/example.com/", rangeEnd: "/registry/example.com0" })).kvs).toEqual([]);
});
