/**
 * What the contract suite does not show: endpoints that fail, calls of unknown outcome, watches that outlive their stream.
 * The servers are kubesim's own etcd API, or dumb ones that break at the right moment. test/etcd has the real ones.
 */
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { GrpcClient } from "../etcd-api/grpc/client.ts";
import { type EtcdApi, serveEtcdApi } from "../etcd-api/index.ts";
import { createMemoryStore, type MaintainedStore, type Store } from "../index.ts";
import { CompactedError } from "../store.ts";
import { bytes, clientOptions, RecordedWatch, settle } from "../testing/engines.ts";
import type { EtcdClusterOptions } from "./etcd-cluster.ts";
import { openEtcdStore } from "./etcd-store.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
	for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const nobody = "http://127.0.0.1:1";

interface Served {
	readonly store: MaintainedStore;
	readonly clock: VirtualClock;
	readonly api: EtcdApi;
	/** Another server over the same store. */
	again(port?: number): Promise<EtcdApi>;
}

async function serve(): Promise<Served> {
	const clock = new VirtualClock();
	const store = await createMemoryStore({ clock });
	const again = async (port = 0) => {
		const api = await serveEtcdApi({ store, clock, port });
		cleanUps.push(() => api.close());
		return api;
	};
	cleanUps.push(() => store.close());
	return { store, clock, api: await again(), again };
}

async function open(endpoints: readonly string[], options: Partial<EtcdClusterOptions> = {}): Promise<Store> {
	const store = await openEtcdStore({ ...clientOptions(...endpoints), ...options });
	cleanUps.push(() => store.close());
	return store;
}

/** A server of gRPC that does with each call what it is told. */
async function dumbServer(answer: (stream: ServerHttp2Stream, path: string) => void): Promise<string> {
	const server: Http2Server = createServer();
	const sessions = new Set<ServerHttp2Session>();
	server.on("session", (session) => {
		sessions.add(session);
		session.on("error", () => undefined);
	});
	server.on("stream", (stream, headers) => {
		stream.on("error", () => undefined);
		answer(stream, String(headers[":path"]));
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	cleanUps.push(() => {
		for (const session of sessions) session.destroy();
		server.close();
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Ends the call with a status and no message. */
function refuse(stream: ServerHttp2Stream, code: number, message: string): void {
	stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": code, "grpc-message": message }, { endStream: true });
}

test("no endpoint answers: every one is named with its reason", async () => {
	expect(await settle(open([nobody, "http://127.0.0.1:2"]))).toBe(
		"StoreUnavailableError: etcd is not available: http://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1; http://127.0.0.1:2: connect ECONNREFUSED 127.0.0.1:2",
	);
});

test("an endpoint that refuses connections is left, and a write that was not sent goes to the next", async () => {
	const { api } = await serve();
	const store = await open([nobody, api.url]);
	expect((await store.put({ key: "a", value: bytes("1") })).revision).toBe(2);
	await api.close();
	const other = await serve();
	const moved = await open([api.url, other.api.url]);
	expect((await moved.put({ key: "a", value: bytes("1") })).revision).toBe(2);
});

test.each([
	["breaks the connection", (stream: ServerHttp2Stream) => stream.session?.destroy(), /^StoreUnavailableError: etcd is not available: /],
	["times out", (stream: ServerHttp2Stream) => refuse(stream, 14, "etcdserver: request timed out"), /etcdserver: request timed out$/],
	["has no leader", (stream: ServerHttp2Stream) => refuse(stream, 14, "etcdserver: no leader"), /etcdserver: no leader$/],
] as const)("a server that %s: a read is asked of the next, a write's outcome is left open", async (answer, breakCall, failure) => {
	const { api, store: inner } = await serve();
	const calls: string[] = [];
	const broken = await dumbServer((stream, path) => {
		calls.push(path);
		breakCall(stream);
	});
	const store = await open([broken, api.url]);
	expect(calls).toEqual(["/etcdserverpb.KV/Range"]);
	expect((await store.range({ key: "a" })).revision).toBe(1);
	const writer = await open([api.url, broken], { limits: { patienceMs: 200 } });
	await api.close();
	expect(await settle(writer.range({ key: "a" }))).toMatch(failure);
	// The first endpoint is known to be gone, so the write is sent to the second, which may have carried it out.
	expect(await settle(writer.put({ key: "a", value: bytes("1") }))).toMatch(failure);
	// Without a leader nothing is taken in, so that alone may be sent again.
	const sent = calls.filter((path) => path.endsWith("Put")).length;
	if (answer === "has no leader") expect(sent).toBeGreaterThan(1);
	else expect(sent).toBe(1);
	expect(inner.status().revision).toBe(1);
});

test("a server that does not answer is given up", async () => {
	const { api } = await serve();
	const deaf = await dumbServer(() => undefined);
	const store = await open([deaf, api.url], { limits: { answerTimeoutMs: 50 } });
	expect((await store.put({ key: "a", value: bytes("1") })).revision).toBe(2);
});

test("a watch goes on where it was after its server went away, without gap or duplicate", async () => {
	const { api, store: inner, again } = await serve();
	const other = await again();
	const store = await open([api.url, other.url]);
	const watch = new RecordedWatch(store, { key: "k", rangeEnd: "l" });
	let next = 0;
	const write = async (count: number) => {
		for (let index = 0; index < count; index++) await inner.put({ key: `k${next++}`, value: bytes("x") });
	};
	await write(10);
	await watch.caughtUp(10);
	const closing = api.close();
	await write(10);
	await closing;
	await write(10);
	await watch.caughtUp(30);
	expect(watch.events.map(({ kv }) => kv.modRevision)).toEqual(Array.from({ length: 30 }, (_, index) => index + 2));
	// And back again: the first one listens anew, the second goes away.
	const { port } = api;
	await again(port);
	await other.close();
	await write(10);
	await watch.caughtUp(40);
	expect(watch.events.map(({ kv }) => kv.modRevision)).toEqual(Array.from({ length: 40 }, (_, index) => index + 2));
});

test("a watch whose next revision was compacted while it was cut off ends and says so", async () => {
	const { api, store: inner, again } = await serve();
	const store = await open([api.url]);
	const watch = new RecordedWatch(store, { key: "a" });
	await inner.put({ key: "a", value: bytes("1") });
	await watch.caughtUp(1);
	await api.close();
	for (const value of ["2", "3"]) await inner.put({ key: "a", value: bytes(value) });
	await inner.compact(4);
	await again(api.port);
	await watch.caughtUp(2);
	expect(watch.end?.error).toEqual(new CompactedError(4));
});

test("the changes of a revision come together, however large they are", async () => {
	const { api, store: inner } = await serve();
	const megabyte = new Uint8Array(1024 * 1024);
	for (const key of ["a", "b", "c", "d", "e"]) await inner.put({ key, value: megabyte });
	const deleted = await inner.deleteRange({ key: "a", rangeEnd: "f" });
	const store = await open([api.url]);
	const calls: (readonly string[])[] = [];
	const { promise, resolve } = Promise.withResolvers<void>();
	store.watch(
		{ key: "a", rangeEnd: "f", startRevision: deleted.revision, prevKv: true },
		{
			onEvents(events) {
				calls.push(events.map(({ kv, prevKv }) => `${kv.key} ${prevKv?.value.length}`));
				resolve();
			},
			onEnd: () => undefined,
		},
	);
	await promise;
	expect(calls).toEqual([["a 1048576", "b 1048576", "c 1048576", "d 1048576", "e 1048576"]]);
});

test("says who it is, and says so again when its token has run out", async () => {
	const { api, clock } = await serve();
	const admin = new GrpcClient({ url: api.url });
	cleanUps.push(() => admin.close());
	await admin.call("/etcdserverpb.Auth/UserAdd", { name: "root", password: "secret" });
	await admin.call("/etcdserverpb.Auth/RoleAdd", { name: "root" });
	await admin.call("/etcdserverpb.Auth/UserGrantRole", { user: "root", role: "root" });
	const credentials = { username: "root", password: "secret" };
	const early = await open([api.url], { credentials });
	await admin.call("/etcdserverpb.Auth/AuthEnable", {});
	expect(await settle(open([api.url]))).toBe("StoreAccessError: etcdserver: user name is empty");
	expect(await settle(open([api.url], { credentials: { username: "root", password: "wrong" } }))).toBe(
		"StoreAccessError: etcdserver: authentication failed, invalid user ID or password",
	);
	const store = await open([api.url], { credentials });
	const watch = new RecordedWatch(store, { key: "a" });
	expect((await store.put({ key: "a", value: bytes("1") })).revision).toBe(2);
	await watch.caughtUp(1);
	await clock.advance(3_600_000);
	expect((await store.put({ key: "a", value: bytes("2") })).revision).toBe(3);
	await clock.advance(3_600_000);
	const late = new RecordedWatch(store, { key: "a", startRevision: 2 });
	await late.caughtUp(2);
	expect([watch.lines(), late.lines()]).toEqual([
		["put a=1 @2", "put a=2 @3"],
		["put a=1 @2", "put a=2 @3"],
	]);
	// Authentication was off when this one came.
	expect(await settle(early.put({ key: "a", value: bytes("3") }))).toBe("StoreAccessError: etcdserver: user name is empty");
});

test("a watch that is cancelled before it began, and one of a closed store, are told nothing", async () => {
	const { api } = await serve();
	const store = await open([api.url]);
	const cancelled = new RecordedWatch(store, { key: "a" });
	cancelled.cancel();
	const ended = new RecordedWatch(store, { key: "a" });
	await store.put({ key: "a", value: bytes("1") });
	await ended.caughtUp(1);
	await store.close();
	const late = new RecordedWatch(store, { key: "a" });
	await late.caughtUp(1);
	expect([cancelled.lines(), cancelled.end, ended.end, late.end]).toEqual([[], undefined, { error: undefined }, { error: undefined }]);
});
