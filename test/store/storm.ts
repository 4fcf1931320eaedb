/**
 * Clients of a group whose members are killed and stopped: who writes what, what was answered, and what must hold.
 *
 *  - An acknowledged write is there at the end, or one that came after it.
 *  - A linearizable read shows no less than was acknowledged before it was asked, and never less than an earlier one; but a
 *    write that was not answered may take effect at any time, after later ones too.
 *  - A watch shows every revision of its keys once, in order.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import type { Store } from "../../src/store/store.ts";
import type { MemberProcesses } from "./member-processes.ts";

export interface StormOptions {
	readonly group: MemberProcesses;
	readonly clients: number;
	readonly durationMs: number;
	readonly seed: string;
}

export interface StormReport {
	readonly acknowledged: number;
	/** Writes that were not answered, or not well: they may have happened. */
	readonly uncertain: number;
	readonly kills: number;
	readonly pauses: number;
	/** The longest times in which no write was acknowledged, after each fault, ms. */
	readonly outagesMs: readonly number[];
	/** What does not hold. */
	readonly violations: readonly string[];
}

/** One key, one writer: what it wrote last, and what of it was acknowledged. */
interface Writer {
	readonly key: string;
	sent: number;
	acknowledged: number;
	/** Highest value that a read has shown. */
	seen: number;
	/** Values of writes that were not answered. */
	readonly uncertain: Set<number>;
}

export async function storm({ group, clients, durationMs, seed }: StormOptions): Promise<StormReport> {
	const random = new SeededRandom(seed);
	const violations: string[] = [];
	const outagesMs: number[] = [];
	const counts = { acknowledged: 0, uncertain: 0, kills: 0, pauses: 0 };
	let lastAcknowledgedMs = performance.now();
	let longestGapMs = 0;
	const endMs = performance.now() + durationMs;
	const isOver = () => performance.now() >= endMs;

	const write = async (store: Store, writer: Writer) => {
		const value = ++writer.sent;
		try {
			await store.put({ key: writer.key, value: Buffer.from(String(value)) });
			writer.acknowledged = value;
			counts.acknowledged++;
			const now = performance.now();
			longestGapMs = Math.max(longestGapMs, now - lastAcknowledgedMs);
			lastAcknowledgedMs = now;
		} catch {
			counts.uncertain++;
			writer.uncertain.add(value);
		}
	};
	const read = async (store: Store, writer: Writer) => {
		const { acknowledged } = writer;
		const least = Math.max(acknowledged, writer.seen);
		try {
			const [kv] = (await store.range({ key: writer.key })).kvs;
			const value = kv === undefined ? 0 : Number(Buffer.from(kv.value).toString());
			if (value < least && !writer.uncertain.has(value))
				violations.push(`a read of ${writer.key} shows ${value}, ${least} was there before`);
			writer.seen = Math.max(writer.seen, value);
		} catch {
			// No answer is no wrong answer.
		}
	};
	const writers: Writer[] = [];
	const client = async (index: number) => {
		const store = await group.client(`${seed} ${index}`);
		const writer: Writer = { key: `storm/${index}`, sent: 0, acknowledged: 0, seen: 0, uncertain: new Set() };
		writers.push(writer);
		const revisions = watchKey(store, writer.key, violations);
		while (!isOver()) {
			await write(store, writer);
			if (writer.sent % 5 === 0) await read(store, writer);
		}
		return { store, writer, revisions };
	};
	const nemesis = async () => {
		while (!isOver()) {
			await sleep(800 + random.int(1200));
			const member = group.members[random.int(group.members.length)];
			if (member === undefined || isOver()) break;
			longestGapMs = 0;
			if (random.next() < 0.6) {
				counts.kills++;
				await group.kill(member);
				await sleep(500 + random.int(1500));
				outagesMs.push(Math.max(longestGapMs, performance.now() - lastAcknowledgedMs));
				await group.start(member);
			} else {
				counts.pauses++;
				member.process?.kill("SIGSTOP");
				await sleep(500 + random.int(2500));
				outagesMs.push(Math.max(longestGapMs, performance.now() - lastAcknowledgedMs));
				member.process?.kill("SIGCONT");
			}
		}
	};
	const [done] = await Promise.all([Promise.all(Array.from({ length: clients }, (_, index) => client(index))), nemesis()]);

	for (const { store, writer } of done) {
		const [kv] = (await store.range({ key: writer.key })).kvs;
		const value = kv === undefined ? 0 : Number(Buffer.from(kv.value).toString());
		if ((value < writer.acknowledged && !writer.uncertain.has(value)) || value > writer.sent)
			violations.push(`${writer.key} has ${value}, acknowledged is ${writer.acknowledged} of ${writer.sent}`);
	}
	for (const { store } of done) await store.close();
	return { ...counts, outagesMs, violations };
}

/** Each change of the key once and in order: its versions have no gap. */
function watchKey(store: Store, key: string, violations: string[]): void {
	let version = 0;
	store.watch(
		{ key, startRevision: 1 },
		{
			onEvents: (events) => {
				for (const { kv } of events) {
					if (kv.version !== version + 1) violations.push(`the watch of ${key} goes from version ${version} to ${kv.version}`);
					version = kv.version;
				}
			},
			onEnd: (error) => {
				if (error !== undefined) violations.push(`the watch of ${key} ended: ${error.message}`);
			},
		},
	);
}
