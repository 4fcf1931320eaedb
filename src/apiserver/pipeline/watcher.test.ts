/** Watches that are behind: told from the store's history, which takes as long as it takes. */
import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import type { WatchEvent } from "../../apimachinery/api-request.ts";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { createMemoryStore } from "../../store/index.ts";
import type { Store, StoreWatchSink } from "../../store/store.ts";
import { ApiServer } from "../api-server.ts";
import { admin } from "../testing.ts";

/** More than a cache remembers. */
const changes = 300;

/** A store whose watches of history say nothing until `release` is called. */
function withSlowHistory(store: Store): { readonly store: Store; release(): void } {
	const held: (() => void)[] = [];
	const isHistory = (startRevision = 0) => startRevision > 0 && startRevision <= store.status().revision;
	const watch: Store["watch"] = (request, sink) => {
		if (!isHistory(request.startRevision)) return store.watch(request, sink);
		const slow: StoreWatchSink = {
			onEvents: (events, revision) => held.push(() => sink.onEvents(events, revision)),
			onEnd: (error) => held.push(() => sink.onEnd(error)),
		};
		return store.watch(request, slow);
	};
	const bound = (value: unknown) => (typeof value === "function" ? (value.bind(store) as unknown) : value);
	const slow = new Proxy(store, { get: (target, key) => (key === "watch" ? watch : bound(Reflect.get(target, key))) });
	const release = () => {
		for (const tell of held.splice(0)) tell();
	};
	return { store: slow, release };
}

it("get no bookmark of what they have not been told yet", async () => {
	const clock = new VirtualClock();
	const slow = withSlowHistory(await createMemoryStore({ clock }));
	const tokenKeys = generateKeyPairSync("ec", {
		namedCurve: "P-256",
		publicKeyEncoding: { type: "spki", format: "pem" },
		privateKeyEncoding: { type: "pkcs8", format: "pem" },
	});
	const server = new ApiServer({ store: slow.store, clock, random: new SeededRandom("test"), log: silentLog, tokenKeys });
	await server.start();
	const target = { group: "", version: "v1", resource: "namespaces" } as const;
	await server.handle(admin, { ...target, verb: "create", body: { metadata: { name: "a" } } });
	const first = server.revision;
	for (let index = 0; index < changes; index++) {
		const body = { metadata: { labels: { index: String(index) } } };
		await server.handle(admin, { ...target, verb: "patch", name: "a", patchType: "application/merge-patch+json", body });
	}

	const events: WatchEvent[] = [];
	const options = { resourceVersion: String(first), allowWatchBookmarks: true };
	await server.watch(admin, { ...target, verb: "watch", options }, { onEvent: (event) => events.push(event), onEnd: () => undefined });
	await clock.advance(60_000);
	expect(events.filter(({ object }) => Number(object.metadata?.resourceVersion) > first)).toEqual([]);

	slow.release();
	await clock.advance(60_000);
	const versions = events.filter(({ type }) => type === "MODIFIED").map(({ object }) => Number(object.metadata?.resourceVersion));
	expect(versions).toEqual(Array.from({ length: changes }, (_, index) => first + 1 + index));
	expect(events.at(-1)).toMatchObject({ type: "BOOKMARK", object: { metadata: { resourceVersion: String(first + changes) } } });
});
