/**
 * The API over real connections, with @grpc/grpc-js as the client: an implementation of gRPC that is not ours. What etcdctl
 * shows of the API is in test/etcd; here is what it cannot show.
 */
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { createMemoryStore, type MaintainedStore } from "../index.ts";
import { bytes } from "../testing/engines.ts";
import { decode, encode, type Sparse } from "./codec.ts";
import { AlarmAction, AlarmType, FilterType, type WatchRequest, type WatchResponse } from "./generated/messages.ts";
import { GrpcClient } from "./grpc/client.ts";
import { type EtcdApi, serveEtcdApi } from "./index.ts";

let clock: VirtualClock;
let store: MaintainedStore;
let api: EtcdApi;
let client: Client;

beforeEach(async () => {
	clock = new VirtualClock();
	store = await createMemoryStore({ clock });
	api = await serveEtcdApi({ store, clock, port: 0 });
	client = new Client(`127.0.0.1:${api.port}`, credentials.createInsecure(), { "grpc.max_receive_message_length": -1 });
});
afterEach(async () => {
	client.close();
	await api.close();
	await store.close();
});

const put = (key: string, value = "x") => store.put({ key, value: bytes(value) });

class WatchCall {
	readonly lines: string[] = [];
	readonly call: ClientDuplexStream<Sparse<WatchRequest>, WatchResponse>;

	constructor() {
		this.call = client.makeBidiStreamRequest(
			"/etcdserverpb.Watch/Watch",
			(request: Sparse<WatchRequest>) => encode("WatchRequest", request),
			(response) => decode("WatchResponse", response),
		);
		this.call.on("data", (response: WatchResponse) => this.lines.push(describeResponse(response)));
		this.call.on("error", (error: ServiceError) => this.lines.push(`error ${error.code} ${error.details}`));
	}

	async next(count: number): Promise<string[]> {
		for (let turns = 0; turns < 500 && this.lines.length < count; turns++) await new Promise((resolve) => setTimeout(resolve, 5));
		return this.lines.splice(0);
	}
}

function describeResponse({ watchId, created, canceled, compactRevision, cancelReason, fragment, header, events }: WatchResponse): string {
	const flags = [
		created && "created",
		canceled && "canceled",
		fragment && "fragment",
		compactRevision > 0 && `compacted ${compactRevision}`,
	];
	const changes = events.map(
		({ type, kv, prevKv }) => `${type === 0 ? "+" : "-"}${kv?.key}${prevKv === undefined ? "" : `<${prevKv.modRevision}`}`,
	);
	return [`${watchId}@${header?.revision}`, ...flags.filter((flag) => flag !== false), cancelReason, ...changes]
		.filter((part) => part !== "")
		.join(" ");
}

describe("watches", () => {
	test("many on one stream, each with its own range, start and filters", async () => {
		await put("a");
		await put("b");
		const watch = new WatchCall();
		watch.call.write({ createRequest: { key: "a", startRevision: 2 } });
		watch.call.write({ createRequest: { key: "", rangeEnd: "\0", prevKv: true, watchId: 7 } });
		watch.call.write({ createRequest: { key: "a", rangeEnd: "c", filters: [FilterType.NOPUT] } });
		expect((await watch.next(4)).sort()).toEqual(["0@3 +a", "0@3 created", "1@3 created", "7@3 created"]);
		await put("a", "2");
		await store.deleteRange({ key: "a", rangeEnd: "c" });
		expect((await watch.next(6)).sort()).toEqual(["0@4 +a", "0@5 -a", "1@5 -a -b", "7@4 +a<2", "7@5 -a<4 -b<3"]);
		watch.call.write({ cancelRequest: { watchId: 7 } });
		watch.call.write({ cancelRequest: { watchId: 99 } });
		watch.call.write({ progressRequest: {} });
		expect(await watch.next(2)).toEqual(["7@5 canceled", "-1@5"]);
		await put("c");
		await put("a");
		expect(await watch.next(1)).toEqual(["0@7 +a"]);
		watch.call.end();
	});

	test("what cannot be watched is told so, and the stream goes on", async () => {
		for (const key of ["a", "b", "c", "d"]) await put(key);
		await store.compact(4);
		const watch = new WatchCall();
		watch.call.write({ createRequest: { key: "a", startRevision: 2 } });
		watch.call.write({ createRequest: { key: "b", rangeEnd: "a" } });
		watch.call.write({ createRequest: { key: "a", watchId: 5 } });
		watch.call.write({ createRequest: { key: "a", watchId: 5 } });
		watch.call.write({ createRequest: { key: "a", startRevision: 7 } });
		expect((await watch.next(6)).sort()).toEqual([
			"-1@5 created canceled mvcc: duplicate watch ID provided on the WatchStream",
			"-1@5 created canceled mvcc: watcher range is empty",
			"0@5 canceled compacted 4",
			"0@5 created",
			"1@5 created",
			"5@5 created",
		]);
		await put("a");
		await put("a");
		expect((await watch.next(3)).sort()).toEqual(["1@7 +a", "5@6 +a", "5@7 +a"]);
		watch.call.cancel();
	});

	test("large responses come in pieces, if the watch takes them", async () => {
		const value = "v".repeat(700_000);
		for (const key of ["a", "b", "c", "d"]) await put(key, value);
		const watch = new WatchCall();
		watch.call.write({ createRequest: { key: "a", rangeEnd: "z", startRevision: 2, fragment: true } });
		expect(await watch.next(3)).toEqual(["0@5 created", "0@5 fragment +a +b", "0@5 +c +d"]);
		watch.call.cancel();
	});

	test("a client that does not read holds nothing up, and misses nothing", async () => {
		const revisions: number[] = [];
		const watch = new WatchCall();
		watch.call.write({ createRequest: { key: "k" } });
		await watch.next(1);
		watch.call.pause();
		const value = Buffer.alloc(10_000, "x");
		for (let count = 0; count < 3000; count++) await store.put({ key: "k", value });
		watch.call.removeAllListeners("data");
		watch.call.on("data", ({ events }: WatchResponse) => revisions.push(...events.map(({ kv }) => kv?.modRevision ?? 0)));
		watch.call.resume();
		for (let turns = 0; turns < 1000 && revisions.length < 3000; turns++) await new Promise((resolve) => setTimeout(resolve, 5));
		expect(revisions).toEqual(Array.from({ length: 3000 }, (_, index) => index + 2));
		watch.call.cancel();
	});

	test("progress is reported where nothing else is", async () => {
		const watch = new WatchCall();
		watch.call.write({ createRequest: { key: "a", progressNotify: true } });
		watch.call.write({ createRequest: { key: "a" } });
		await watch.next(2);
		await clock.advance(10 * 60 * 1000);
		expect(await watch.next(1)).toEqual(["0@1"]);
		await put("a");
		await watch.next(2);
		await clock.advance(10 * 60 * 1000);
		watch.call.write({ progressRequest: {} });
		expect(await watch.next(1)).toEqual(["-1@2"]);
		watch.call.cancel();
	});
});

describe("calls", () => {
	const call = (path: string, request: Uint8Array, metadata = new Metadata()) =>
		new Promise<string>((resolve) => {
			client.makeUnaryRequest(
				path,
				(bytesOfRequest: Uint8Array) => Buffer.from(bytesOfRequest),
				(response) => response,
				request,
				metadata,
				(error: ServiceError | null, response?: Buffer) =>
					resolve(error === null ? (response?.toString("hex") ?? "") : `${error.code} ${error.details}`),
			);
		});

	test("what is not served, and what is no message, is refused", async () => {
		expect(await call("/etcdserverpb.Maintenance/Downgrade", Buffer.alloc(0))).toBe(
			"12 unknown method Downgrade for service etcdserverpb.Maintenance",
		);
		expect(await call("/v3lockpb.Lock/Lock", Buffer.alloc(0))).toBe("12 unknown service v3lockpb.Lock");
		expect(await call("/etcdserverpb.KV/Range", Buffer.from("0a05", "hex"))).toBe(
			"13 grpc: error unmarshalling request: malformed RangeRequest",
		);
		expect(await call("/etcdserverpb.KV/Put", encode("PutRequest", { key: "a", value: Buffer.alloc(1_600_000) }))).toBe(
			"3 etcdserver: request is too large",
		);
		expect(await call("/etcdserverpb.KV/Put", encode("PutRequest", { key: "a", value: Buffer.alloc(2_200_000) }))).toMatch(
			/^8 grpc: received message larger than max \(\d+ vs\. 2097152\)$/,
		);
		expect(await call("/etcdserverpb.KV/Range", encode("RangeRequest", { key: "a", sortOrder: 3 }))).toBe(
			"3 etcdserver: invalid sort option",
		);
		expect(await call("/etcdserverpb.KV/Put", encode("PutRequest", { key: "a", value: bytes("x"), ignoreValue: true }))).toBe(
			"3 etcdserver: value is provided",
		);
		expect(await call("/etcdserverpb.KV/Put", encode("PutRequest", { key: "a", lease: 1n, ignoreLease: true }))).toBe(
			"3 etcdserver: lease is provided",
		);
	});

	test("a member with damaged data serves none", async () => {
		await call("/etcdserverpb.Maintenance/Alarm", encode("AlarmRequest", { action: AlarmAction.ACTIVATE, alarm: AlarmType.CORRUPT }));
		expect(await call("/etcdserverpb.KV/Range", encode("RangeRequest", { key: "a" }))).toBe("15 etcdserver: corrupt cluster");
		expect(store.alarms()).toEqual(["CORRUPT"]);
	});

	test("a token is good for five minutes after its last use", async () => {
		const ours = new GrpcClient({ url: api.url });
		for (const [name, password] of [["root", "pw"]]) await ours.call("/etcdserverpb.Auth/UserAdd", { name, password });
		await ours.call("/etcdserverpb.Auth/UserGrantRole", { user: "root", role: "root" });
		await ours.call("/etcdserverpb.Auth/AuthEnable", {});
		const { token } = await ours.call("/etcdserverpb.Auth/Authenticate", { name: "root", password: "pw" });
		expect(token).toMatch(/^[A-Za-z]{16}\.\d+$/);
		const range = () => ours.call("/etcdserverpb.KV/Range", { key: "a" }, { token }).then(({ count }) => count, String);
		for (let minutes = 0; minutes < 3; minutes++) {
			await clock.advance(240_000);
			expect(await range()).toBe(0);
		}
		await clock.advance(300_000);
		expect(await range()).toBe("GrpcError: etcdserver: invalid auth token");
		ours.close();
	});

	test("HTTP pages share the port", async () => {
		const page = async (path: string) => {
			const response = await fetch(`${api.url}${path}`);
			return `${response.status} ${await response.text()}`;
		};
		expect(await page("/health")).toBe('200 {"health":"true","reason":""}');
		expect(await page("/version")).toMatch(/^200 {"etcdserver":"3\.6\.\d+","etcdcluster":"3\.6\.0"}$/);
		expect(await page("/metrics")).toContain("\netcd_server_has_leader 1\n");
		expect(await page("/other")).toBe("404 404 page not found\n");
	});
});

describe("ports", () => {
	test("takes the next free port, if it may", async () => {
		await expect(serveEtcdApi({ store, clock, port: api.port })).rejects.toThrow("EADDRINUSE");
		const next = await serveEtcdApi({ store, clock, port: api.port, furtherPorts: 20 });
		expect(next.port).toBeGreaterThan(api.port);
		await next.close();
	});
});
