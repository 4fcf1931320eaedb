import { beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import { SeededRandom } from "../apimachinery/random.ts";
import type { ConfigMap } from "../apimachinery/schema/generated/types.ts";
import { newServiceUnavailable } from "../apimachinery/status-error.ts";
import { Client } from "./client.ts";
import { type Informer, InformerFactory } from "./informer.ts";
import { configMaps } from "./resources.ts";
import { FakeApi } from "./testing/fake-api.ts";

let clock: VirtualClock;
let api: FakeApi;
let client: Client;
let factory: InformerFactory;
let stop: AbortController;
let complaints: string[];

beforeEach(() => {
	clock = new VirtualClock();
	api = new FakeApi({ clock, random: new SeededRandom("api") });
	client = new Client(api);
	complaints = [];
	const note = (message: string) => void complaints.push(message);
	const log: Logger = { debug: () => undefined, info: () => undefined, warn: note, error: note };
	factory = new InformerFactory({ client, clock, random: new SeededRandom("jitter"), log });
	stop = new AbortController();
});

async function create(name: string, labels: Record<string, string> = {}): Promise<void> {
	await client.resource(configMaps).create({ metadata: { namespace: "default", name, labels } });
	await clock.advance(0);
}

async function touch(name: string, labels: Record<string, string>): Promise<void> {
	const body = { metadata: { labels } };
	await client.resource(configMaps).patch({ namespace: "default", name }, "application/merge-patch+json", body);
	await clock.advance(0);
}

async function remove(name: string): Promise<void> {
	await client.resource(configMaps).delete({ namespace: "default", name });
	await clock.advance(0);
}

/** Writes down what a handler is told, and what the cache held at that moment. */
function record(informer: Informer<ConfigMap>): string[] {
	const story: string[] = [];
	const tell = (what: string, { metadata }: ConfigMap) => void story.push(`${what} ${metadata?.name} (${informer.cache.size})`);
	informer.onChange({
		added: (object, initial) => tell(initial ? "initial" : "added", object),
		updated: (_old, object) => tell("updated", object),
		deleted: (object) => tell("deleted", object),
	});
	return story;
}

test("tells of what is there, then of every change, after the cache has it; a late handler catches up", async () => {
	await create("a");
	const informer = factory.informer(configMaps);
	const story = record(informer);
	await factory.start(stop.signal);
	expect(informer.hasSynced()).toBe(true);
	await create("b");
	await touch("a", { x: "1" });
	await remove("a");
	expect(story).toEqual(["initial a (1)", "added b (2)", "updated a (2)", "deleted a (1)"]);
	expect(record(informer)).toEqual(["initial b (1)"]);
	expect(informer.cache.get("default/b")?.kind).toBe("ConfigMap");
});

test("all who ask for the same share one list and one watch", async () => {
	expect(factory.informer(configMaps)).toBe(factory.informer(configMaps));
	expect(factory.informer(configMaps, { namespace: "default" })).not.toBe(factory.informer(configMaps));
	await factory.start(stop.signal);
	expect(api.requests.map(({ verb, namespace }) => [verb, namespace]).sort()).toEqual(
		[
			["list", undefined],
			["list", "default"],
			["watch", undefined],
			["watch", "default"],
		].sort(),
	);
});

test("follows a selector: an object that stops matching is deleted from the cache", async () => {
	const informer = factory.informer(configMaps, { labelSelector: "app=web" });
	const story = record(informer);
	await factory.start(stop.signal);
	await create("a", { app: "web" });
	await create("b", { app: "other" });
	await touch("a", { app: "other" });
	await touch("b", { app: "web" });
	expect(story).toEqual(["added a (1)", "deleted a (0)", "added b (1)"]);
});

test("after the end of a watch goes on from where it was, without a new list", async () => {
	const informer = factory.informer(configMaps);
	const story = record(informer);
	await factory.start(stop.signal);
	await clock.advance(5_000);
	api.endWatches();
	await create("a");
	await clock.advance(5_000);
	expect(story).toEqual(["added a (1)"]);
	expect(api.requests.filter(({ verb }) => verb === "list").length).toBe(1);
});

test("lists again when its revision has expired, and tells only the difference", async () => {
	await create("kept");
	await create("changed");
	await create("gone");
	const informer = factory.informer(configMaps);
	const story = record(informer);
	await factory.start(stop.signal);
	story.length = 0;
	api.intercept = ({ verb }) => {
		if (verb === "watch" || verb === "list") throw newServiceUnavailable("restarting");
	};
	api.endWatches(new Error("connection lost"));
	await touch("changed", { x: "1" });
	await remove("gone");
	await create("new");
	api.compact();
	api.intercept = undefined;
	await clock.advance(10_000);
	expect(story).toEqual(["updated changed (3)", "added new (4)", "deleted gone (3)"]);
});

test("an object deleted and made anew while nobody watched is two objects", async () => {
	await create("a");
	const informer = factory.informer(configMaps);
	const story = record(informer);
	await factory.start(stop.signal);
	api.endWatches(new Error("connection lost"));
	await remove("a");
	await create("a");
	api.compact();
	await clock.advance(10_000);
	expect(story).toEqual(["initial a (1)", "deleted a (1)", "added a (1)"]);
});

test("backs off while the server refuses, and synchronises when it stops", async () => {
	api.intercept = () => {
		throw newServiceUnavailable("not yet");
	};
	const informer = factory.informer(configMaps);
	void factory.start(stop.signal);
	await clock.advance(60_000);
	expect(informer.hasSynced()).toBe(false);
	expect(api.requests.length).toBeGreaterThan(3);
	expect(api.requests.length).toBeLessThan(10);
	api.intercept = undefined;
	await clock.advance(60_000);
	expect(informer.hasSynced()).toBe(true);
});

test("a handler that throws is reported and stops nobody", async () => {
	const informer = factory.informer(configMaps);
	informer.onChange({
		added: () => {
			throw new Error("bug");
		},
	});
	const story = record(informer);
	await factory.start(stop.signal);
	await create("a");
	expect(story).toEqual(["added a (1)"]);
	expect(complaints).toEqual(["A handler of configmaps failed"]);
});

test("after the signal nothing is told any more, and a removed handler is not told either", async () => {
	const informer = factory.informer(configMaps);
	const story = record(informer);
	const removed: string[] = [];
	informer.onChange({ added: ({ metadata }) => void removed.push(metadata?.name ?? "") })();
	await factory.start(stop.signal);
	await create("a");
	stop.abort();
	await create("b");
	expect([story, removed]).toEqual([["added a (1)"], []]);
});

test("who asks for that is told of everything again from time to time, until it stops; others are not", async () => {
	await create("a");
	const plain = record(factory.informer(configMaps));
	const resynced = factory.resynced(3_600_000).informer(configMaps);
	const story: string[] = [];
	const mine = new AbortController();
	resynced.onChange({ updated: (old, object) => void story.push(`${object.metadata?.name} ${old === object}`) }, mine.signal);
	void factory.start(stop.signal);
	await clock.advance(2 * 3_600_000);
	expect(story).toEqual(["a true", "a true"]);
	mine.abort();
	await clock.advance(3_600_000);
	expect(story).toHaveLength(2);
	expect(plain).toEqual(["initial a (1)"]);
	stop.abort();
});
