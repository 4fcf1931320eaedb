/**
 * The store by itself: puts in process with one member and with three, watches, opening, and how long a group of processes
 * takes to go on when its leader is killed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { WallClock } from "../src/apimachinery/clock/wall-clock.ts";
import { type MaintainedStore, openLevelStore, openLocalGroup, type StoreEvent } from "../src/store/index.ts";
import { MemberProcesses } from "../test/store/member-processes.ts";
import { type Measurement, repeat, timeMs } from "./measure.ts";

const concurrency = 256;
const valueBytes = 256;
const putsPerRun = 50_000;
/** Keys that puts go to, over and over. */
const putKeys = 10_000;
const watchers = 100;
const watchedEvents = 10_000;
const openKeys = 100_000;

const clock = new WallClock();
const value = Buffer.alloc(valueBytes, "x");

async function inDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
	const directory = mkdtempSync(join(tmpdir(), "kubesim-bench-store-"));
	try {
		return await use(directory);
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

/** Closed loops of `concurrency` writers, `count` puts in all. */
async function put(store: MaintainedStore, count: number, keys: number): Promise<void> {
	let next = 0;
	const writer = async () => {
		while (next < count) await store.put({ key: `/registry/bench/${next++ % keys}`, value });
	};
	await Promise.all(Array.from({ length: concurrency }, writer));
}

function putsPerSecond(members: number, runs: number): Promise<number[]> {
	return inDirectory(async (directory) => {
		const { store } = await openLocalGroup({ clock, directory, members });
		await put(store, putsPerRun, putKeys);
		const rates = await repeat(runs, async () => {
			const ms = await timeMs(() => put(store, putsPerRun, putKeys));
			// As a cluster does every five minutes.
			await store.compact(store.status().revision);
			return (putsPerRun / ms) * 1000;
		});
		await store.close();
		return rates;
	});
}

/** From the first of `watchedEvents` puts to the last watcher having all of them. */
function watchMs(runs: number): Promise<number[]> {
	return inDirectory(async (directory) => {
		const store = await openLevelStore({ clock, directory });
		const times = await repeat(runs, async () => {
			const { promise, resolve } = Promise.withResolvers<void>();
			let waiting = watchers;
			const startRevision = store.status().revision + 1;
			const watches = Array.from({ length: watchers }, () => {
				let seen = 0;
				const onEvents = (events: readonly StoreEvent[]) => {
					seen += events.length;
					if (seen === watchedEvents && --waiting === 0) resolve();
				};
				return store.watch({ key: "/registry/", rangeEnd: "/registry0", startRevision }, { onEvents, onEnd: () => undefined });
			});
			const ms = await timeMs(() => Promise.all([put(store, watchedEvents, putKeys), promise]));
			for (const watch of watches) watch.cancel();
			return ms;
		});
		await store.close();
		return times;
	});
}

function openMs(runs: number): Promise<number[]> {
	return inDirectory(async (directory) => {
		const store = await openLevelStore({ clock, directory });
		await put(store, openKeys, openKeys);
		await store.close();
		return repeat(runs, async () => {
			let opened: MaintainedStore | undefined;
			const ms = await timeMs(async () => {
				opened = await openLevelStore({ clock, directory });
			});
			await opened?.close();
			return ms;
		});
	});
}

/** From kill -9 of the leader to the next write that is acknowledged, over TLS. */
async function outageMs(runs: number): Promise<number[]> {
	await using group = await MemberProcesses.found(3);
	const store = await group.client("bench");
	return await repeat(runs, async () => {
		await store.put({ key: "k", value });
		// Whichever it is: the one whose death makes the others elect.
		const leader = await leaderOf(group);
		const ms = await timeMs(async () => {
			await group.kill(leader);
			for (;;) {
				try {
					await store.put({ key: "k", value });
					return;
				} catch {
					await sleep(5);
				}
			}
		});
		await group.start(leader);
		await sleep(1500);
		return ms;
	});
}

/** The member whose log says last that it leads. */
async function leaderOf(group: MemberProcesses) {
	const terms = group.members.map((member) => ({ member, term: Number(/.*leads term (\d+)/s.exec(member.output)?.[1] ?? 0) }));
	const [first] = terms.sort((a, b) => b.term - a.term);
	if (first === undefined) throw new Error("nobody leads");
	return first.member;
}

export async function benchStore(runs: number): Promise<Measurement[]> {
	const puts = `puts in process, ${concurrency} at a time, ${valueBytes} bytes, synced`;
	return [
		{ name: `${puts}: one member`, unit: "per second", values: await putsPerSecond(1, runs), promise: 30_000 },
		{ name: `${puts}: three members`, unit: "per second", values: await putsPerSecond(3, runs), promise: 15_000 },
		{ name: `${watchedEvents} events to ${watchers} watches, puts included`, unit: "ms", values: await watchMs(runs), promise: 1000 },
		{ name: `open a store of ${openKeys} keys`, unit: "ms", values: await openMs(runs), promise: 1500 },
		{ name: "three processes, leader killed, to the next acknowledged write", unit: "ms", values: await outageMs(runs), promise: 2000 },
	];
}
