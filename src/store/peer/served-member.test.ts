/**
 * Members that reach each other over real connections, in one process here; test/store has them in processes of their own.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { bytes, settle, temporaryDirectory, text } from "../testing/engines.ts";
import { freePorts } from "../testing/free-ports.ts";
import { type FoundingMember, hostAndPort, type ServedMember, serveMember } from "./served-member.ts";

const clock = new WallClock();
let directory: string;
let founders: readonly FoundingMember[];
let running: ServedMember[];

beforeEach(async () => {
	directory = await temporaryDirectory();
	running = [];
	const ports = await freePorts(3);
	founders = ports.map((port, index) => ({ name: `m${index + 1}`, peerUrls: [`http://127.0.0.1:${port}`] }));
});
afterEach(async () => {
	await Promise.all(running.map(({ store }) => store.close()));
	await rm(directory, { recursive: true, force: true });
});

async function serve(name: string, cluster = founders, options: { readonly state?: "existing"; readonly token?: string } = {}) {
	const peerUrls = cluster.find((member) => member.name === name)?.peerUrls ?? [];
	const member = await serveMember({
		directory: join(directory, name),
		name,
		initialCluster: cluster,
		initialState: options.state ?? "new",
		token: options.token ?? "test",
		peerUrls,
		listenPeerUrl: peerUrls[0] ?? "",
		clock,
		random: new SeededRandom(name),
		log: silentLog,
	});
	running.push(member);
	return member;
}

async function stop(member: ServedMember): Promise<void> {
	running = running.filter((other) => other !== member);
	await member.store.close();
}

const read = async (member: ServedMember, key: string) => (await member.store.range({ key })).kvs.map((kv) => text(kv.value)).join();

describe("members over connections", () => {
	test("agree, go on without one, and bring it up to date when it is back, by the log or by a snapshot", async () => {
		const [a, b, c] = await Promise.all([serve("m1"), serve("m2"), serve("m3")]);
		await Promise.all([a, b, c].map(({ replica }) => replica.whenReady()));
		await a.store.put({ key: "k", value: bytes("1") });
		expect([await read(b, "k"), await read(c, "k")]).toEqual(["1", "1"]);
		const lease = await b.store.grantLease(60);
		for (const { store } of [a, b, c]) expect((await store.keepAliveLease(lease.id)).grantedTtlSeconds).toBe(60);
		await stop(b);
		await c.store.put({ key: "k", value: bytes("2") });
		// So much that the others drop what it lacks from their logs.
		for (let round = 0; round < 16; round++)
			await Promise.all(Array.from({ length: 1000 }, (_, index) => a.store.put({ key: `fill/${index}`, value: bytes("x") })));
		const again = await serve("m2");
		await again.replica.whenReady();
		expect(await read(again, "k")).toBe("2");
		expect(await again.store.hash()).toEqual(await a.store.hash(again.store.status().revision));
	});

	test("take in a member, refuse a stranger's, and let one go", async () => {
		const [a, b, c] = await Promise.all([serve("m1"), serve("m2"), serve("m3")]);
		await Promise.all([a, b, c].map(({ replica }) => replica.whenReady()));
		await a.store.put({ key: "k", value: bytes("1") });
		const [port = 0] = await freePorts(1);
		const grown = [...founders, { name: "m4", peerUrls: [`http://127.0.0.1:${port}`] }];
		expect(await settle(serve("m4", grown, { state: "existing" }))).toBe(
			"MemberConfigError: error validating peerURLs: member count is unequal",
		);
		const added = await a.store.group.addMember([`http://127.0.0.1:${port}`], false);
		const d = await serve("m4", grown, { state: "existing" });
		await d.replica.whenReady();
		expect([d.identity.memberId, d.identity.clusterId, await read(d, "k")]).toEqual([added.id, a.identity.clusterId, "1"]);
		await d.store.group.publish([]);
		await a.store.group.removeMember(added.id);
		for (let turns = 0; turns < 200 && (await settle(d.store.put({ key: "x", value: bytes("") }))).startsWith("{"); turns++)
			await new Promise((resolve) => setTimeout(resolve, 10));
		expect(await settle(d.store.put({ key: "x", value: bytes("") }))).toBe("GroupError: etcdserver: member not found");
		expect(
			a.store.group
				.members()
				.map(({ name }) => name)
				.sort(),
		).toEqual(["m1", "m2", "m3"]);
	});

	test("have nothing to do with a member of another group", async () => {
		const [a, b] = await Promise.all([serve("m1"), serve("m2")]);
		await Promise.all([a, b].map(({ replica }) => replica.whenReady()));
		const stranger = await serve("m3", founders, { token: "another" });
		await a.store.put({ key: "k", value: bytes("1") });
		expect(stranger.identity.clusterId).not.toBe(a.identity.clusterId);
		expect(await settle(stranger.store.range({ key: "k" }))).toBe("GroupError: etcdserver: request timed out");
	});

	test("need a majority to write, and say so; a serializable read needs none", async () => {
		const [a, b, c] = await Promise.all([serve("m1"), serve("m2"), serve("m3")]);
		await Promise.all([a, b, c].map(({ replica }) => replica.whenReady()));
		await a.store.put({ key: "k", value: bytes("1") });
		expect(await read(c, "k")).toBe("1");
		await Promise.all([stop(a), stop(b)]);
		expect(text((await c.store.range({ key: "k", serializable: true })).kvs[0]?.value ?? bytes(""))).toBe("1");
		const answers = await Promise.all([settle(c.store.put({ key: "k", value: bytes("2") })), settle(c.store.range({ key: "k" }))]);
		expect(answers).toEqual(["GroupError: etcdserver: request timed out", "GroupError: etcdserver: request timed out"]);
		expect(c.store.group.status().leader).toBe(0n);
	}, 20_000);
});

test("a URL needs a scheme, a host and a port", () => {
	expect(hostAndPort("https://[::1]:2380")).toEqual({ host: "::1", port: 2380 });
	expect(() => hostAndPort("127.0.0.1:2380")).toThrow('URL "127.0.0.1:2380" must have http or https, a host and a port');
});
