/**
 * Members of one process that stop, start, come, go and are cut off, in virtual time and memory.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { type LocalGroup, openLocalGroup } from "../index.ts";
import { bytes, RecordedWatch, settle, text } from "../testing/engines.ts";

const names = ["control-plane", "control-plane-2", "control-plane-3"] as const;
let clock: VirtualClock;
let group: LocalGroup;

beforeEach(async () => {
	clock = new VirtualClock();
	group = await openLocalGroup({ clock, members: 3, random: new SeededRandom("local group") });
});
afterEach(async () => {
	await inTime(group.store.close());
});

/** Lets time pass until the promise is settled. */
async function inTime<T>(promise: Promise<T>): Promise<T> {
	let isSettled = false;
	const settled = promise.finally(() => {
		isSettled = true;
	});
	settled.catch(() => undefined);
	for (let turns = 0; turns < 4000 && !isSettled; turns++) await clock.advance(10);
	return await settled;
}

const put = (key: string, value: string) => inTime(group.store.put({ key, value: bytes(value) }));
const read = async (key: string) => text((await inTime(group.store.range({ key }))).kvs[0]?.value ?? bytes("nothing"));
const leader = () => group.members().find(({ id }) => id === group.store.group.status().leader)?.name ?? "nobody";
const others = (name: string) => names.filter((other) => other !== name);

describe("a group in one process", () => {
	test("the first member leads from the start, and each of them has every write", async () => {
		expect(leader()).toBe("control-plane");
		await put("a", "1");
		await clock.advance(1000);
		const hashes = await Promise.all(group.members().map(async ({ store }) => (await store?.hash())?.hash));
		expect(new Set(hashes).size).toBe(1);
	});

	test("goes on without its leader; one that was away has everything when it is back", async () => {
		await put("a", "1");
		await inTime(group.stopMember("control-plane"));
		expect(leader()).not.toBe("control-plane");
		await put("a", "2");
		expect(await read("a")).toBe("2");
		await inTime(group.startMember("control-plane"));
		await clock.advance(2000);
		const [first] = group.members();
		expect(text((await first?.store?.range({ key: "a", serializable: true }))?.kvs[0]?.value ?? bytes(""))).toBe("2");
	});

	test("without a majority nothing is written, and what was asked is told so; then it works again", async () => {
		await put("a", "1");
		for (const name of others(leader())) await inTime(group.stopMember(name));
		await clock.advance(2000);
		expect(await inTime(settle(group.store.put({ key: "a", value: bytes("2") })))).toMatch(/^GroupError: etcdserver: request timed out/);
		expect(await inTime(settle(group.store.range({ key: "a" })))).toMatch(/^GroupError: etcdserver: request timed out/);
		expect(text((await group.store.range({ key: "a", serializable: true })).kvs[0]?.value ?? bytes(""))).toBe("1");
		await inTime(group.startMember(names[1]));
		await inTime(group.startMember(names[2]));
		await put("a", "3");
		expect(await read("a")).toBe("3");
	});

	test("a watch goes on at another member, without gap or duplicate, however often its member stops or is cut off", async () => {
		const watch = new RecordedWatch(group.store, { key: "k" });
		const expected: string[] = [];
		for (let round = 0; round < 6; round++) {
			const { revision } = await put("k", String(round));
			expected.push(`put k=${round} @${revision}`);
			const name = group.members().find(({ store }) => store?.group.memberId === group.store.group.memberId)?.name ?? "";
			if (round % 2 === 0) {
				await inTime(group.stopMember(name));
				await inTime(group.startMember(name));
			} else {
				group.isolateMember(name);
				await clock.advance(3000);
				group.heal();
			}
			await clock.advance(1000);
		}
		await clock.advance(2000);
		expect(watch.lines()).toEqual(expected);
	});

	test("links that delay and lose messages slow the group down and change nothing", async () => {
		for (const from of names) for (const to of others(from)) group.setLink(from, to, { delayMs: 40, dropPercent: 20 });
		expect(group.describeFaults()).toHaveLength(6);
		for (let round = 0; round < 10; round++) await put("k", String(round));
		expect(await read("k")).toBe("9");
		group.heal();
		expect(group.describeFaults()).toEqual([]);
	});

	test("members come, catch up and vote, and go for good", async () => {
		await put("a", "1");
		expect(await inTime(group.addMember())).toBe("control-plane-4");
		await inTime(group.removeMember("control-plane"));
		await inTime(group.removeMember("control-plane-2"));
		expect(group.members().map(({ name }) => name)).toEqual(["control-plane-3", "control-plane-4"]);
		expect(await read("a")).toBe("1");
		await put("a", "2");
		await inTime(group.removeMember("control-plane-3"));
		await put("a", "3");
		expect(await inTime(settle(group.removeMember("control-plane-4")))).toBe(
			"GroupError: etcdserver: re-configuration failed due to not enough started members",
		);
		expect(await inTime(settle(group.stopMember("control-plane-9")))).toBe("GroupError: etcdserver: member not found");
		expect(await read("a")).toBe("3");
	});

	test("leadership goes where it is told to", async () => {
		await inTime(group.moveLeader("control-plane-3"));
		expect(leader()).toBe("control-plane-3");
		await put("a", "1");
	});

	test("who watches is told of members, leaders and links, and of nothing else", async () => {
		let told = 0;
		const stop = group.watch(() => told++);
		const toldOf = async (what: () => unknown, passMs = 0) => {
			told = 0;
			await inTime(Promise.resolve(what()));
			await clock.advance(passMs);
			return told > 0;
		};
		expect(await toldOf(() => put("a", "1"), 3000)).toBe(false);
		expect(await toldOf(() => group.isolateMember(leader()))).toBe(true);
		expect(await toldOf(() => undefined, 3000)).toBe(true);
		expect(await toldOf(() => group.heal())).toBe(true);
		await clock.advance(3000);
		expect(await toldOf(() => group.setLink(names[0], names[1], { delayMs: 1 }))).toBe(true);
		expect(await toldOf(() => group.stopMember(names[1]))).toBe(true);
		stop();
		expect(await toldOf(() => group.startMember(names[1]), 3000)).toBe(false);
	});

	test("leases run at the leader, are kept alive from anywhere, and outlive it with their whole time", async () => {
		const lease = await inTime(group.store.grantLease(10));
		await inTime(group.store.put({ key: "l", value: bytes("x"), lease: lease.id }));
		await clock.advance(6000);
		for (const { store } of group.members())
			expect(await inTime(store?.keepAliveLease(lease.id) ?? Promise.reject(new Error("stopped")))).toMatchObject({ ttlSeconds: 10 });
		await clock.advance(6000);
		await inTime(group.stopMember(leader()));
		await clock.advance(6000);
		expect(await read("l")).toBe("x");
		await clock.advance(6000);
		expect(await read("l")).toBe("nothing");
	});
});
