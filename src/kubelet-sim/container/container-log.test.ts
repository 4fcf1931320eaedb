import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { LogOptions } from "../../apimachinery/node-connector.ts";
import { ContainerLog } from "./container-log.ts";
import { LogBudget } from "./log-budget.ts";
import type { LogLine } from "./log-line.ts";
import { lastText, readLog } from "./log-reader.ts";
import { LogWriter } from "./log-writer.ts";

const startMs = Date.UTC(2026, 0, 1);
const plain: LogOptions = { follow: false, previous: false, timestamps: false };

function line(text: string, more: Partial<LogLine> = {}): LogLine {
	return { timeMs: startMs, stream: "stdout", partial: false, text, ...more };
}

/** Bytes that a line of one character takes in a file. */
const shortBytes = "2026-01-01T00:00:00.000000000Z stdout F x\n".length;

function filled(log: ContainerLog, from: number, to: number): void {
	for (let number = from; number < to; number++) log.add(line(String(number), { timeMs: startMs + number }));
}

async function read(log: ContainerLog, options: Partial<LogOptions> = {}): Promise<string> {
	const chunks: Uint8Array[] = [];
	const write = async (chunk: Uint8Array) => void chunks.push(chunk);
	await readLog(log, { ...plain, ...options }, write, new AbortController().signal);
	return Buffer.concat(chunks).toString("latin1");
}

/** Lets whoever waits for promises go on. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a log in files", () => {
	it("puts a full file aside, compresses the one before, and drops the oldest", () => {
		const log = new ContainerLog({ maxSizeBytes: 10 * shortBytes, maxFiles: 4 });
		filled(log, 100, 109);
		expect(log.files().map(({ suffix }) => suffix)).toEqual([""]);
		filled(log, 109, 153);
		// Five files have been filled within a second; names go on by seconds all the same.
		expect(log.files().map(({ suffix }) => suffix)).toEqual([".20260101-000002.gz", ".20260101-000003.gz", ".20260101-000004", ""]);
		const [oldest, , , newest] = log.files().map(({ bytes }) => Buffer.from(bytes()));
		expect(gunzipSync(oldest ?? Buffer.alloc(0)).toString()).toMatch(/^2026-01-01T00:00:00\.1\d\d000000Z stdout F 1\d\d\n/);
		expect(newest?.toString()).toMatch(/Z stdout F 152\n$/);
		expect(log.sizeBytes).toBe(log.files().reduce((sum, { bytes }) => sum + bytes().length, 0));
	});

	it("is read from the newest file alone: tail, since and previous know no other", async () => {
		const log = new ContainerLog({ maxSizeBytes: 1_000 * shortBytes, maxFiles: 2 });
		filled(log, 0, 1_000);
		const before = log.files().at(-1);
		expect(before?.suffix).toBe("");
		const kept = await read(log);
		expect(kept.endsWith("999\n")).toBe(true);
		expect(kept.startsWith("0\n")).toBe(false);
		expect(await read(log, { tailLines: 5_000 })).toBe(kept);
		expect(await read(log, { sinceMs: startMs })).toBe(kept);
		expect(await read(log, { tailLines: 3 })).toBe("997\n998\n999\n");
		// The kubelet takes the last lines first, and of these the recent ones.
		expect(await read(log, { tailLines: 3, sinceMs: startMs + 998 })).toBe("998\n999\n");
		expect(await read(log, { limitBytes: 5, tailLines: 3 })).toBe("997\n9");
	});

	it("gives every line to who follows, over any number of files that he keeps up with", async () => {
		const log = new ContainerLog({ maxSizeBytes: 50 * shortBytes, maxFiles: 2 });
		const seen: string[] = [];
		const abort = new AbortController();
		const write = async (chunk: Uint8Array) => void seen.push(Buffer.from(chunk).toString());
		const following = readLog(log, { ...plain, follow: true, tailLines: 0 }, write, abort.signal);
		for (let at = 0; at < 1_000; at += 20) {
			filled(log, at, at + 20);
			await turn();
		}
		log.end();
		await following;
		expect(seen.join("")).toBe(Array.from({ length: 1_000 }, (_, at) => `${at}\n`).join(""));
	});

	it("does not wait for who follows and does not read, and holds one old file for him", async () => {
		const log = new ContainerLog({ maxSizeBytes: 1_000 * shortBytes, maxFiles: 2 });
		const { promise: stuck, resolve: unstick } = Promise.withResolvers<void>();
		let text = "";
		const write = async (chunk: Uint8Array) => {
			text += Buffer.from(chunk).toString();
			await stuck;
		};
		filled(log, 0, 500);
		const following = readLog(log, { ...plain, follow: true }, write, new AbortController().signal);
		await turn();
		filled(log, 500, 100_000);
		expect(log.heldBytes).toBeLessThan(3_000 * shortBytes);
		unstick();
		log.end();
		await following;
		const numbers = text.trimEnd().split("\n").map(Number);
		expect(numbers.length).toBeLessThan(2_500);
		expect(numbers.slice(0, 800)).toEqual(Array.from({ length: 800 }, (_, at) => at));
		expect(numbers.at(-1)).toBe(99_999);
	});

	it("ends, without follow, where it ended when it was asked for", async () => {
		const log = new ContainerLog();
		filled(log, 0, 10_000);
		let count = 0;
		const write = async (chunk: Uint8Array) => {
			count += Buffer.from(chunk).toString().split("\n").length - 1;
			filled(log, 0, 20_000);
		};
		await readLog(log, plain, write, new AbortController().signal);
		expect(count).toBe(10_000);
	});

	it("keeps within what all logs may take together, at the cost of the longest", () => {
		const logs: ContainerLog[] = [];
		const budget = new LogBudget(() => logs, 100_000);
		const [small, large] = [1, 2].map(() => new ContainerLog(undefined, (bytes) => budget.grew(bytes))) as [ContainerLog, ContainerLog];
		logs.push(small, large);
		filled(small, 0, 500);
		filled(large, 0, 20_000);
		expect(small.heldBytes + large.heldBytes).toBeLessThanOrEqual(100_000);
		expect(small.files()[0]?.bytes().toString()).toContain("stdout F 0\n");
		expect(lastText(large, 2)).toBe("19998\n19999\n");
	});
});

describe("lines of a log", () => {
	function written(...chunks: readonly (string | Uint8Array)[]): ContainerLog {
		const log = new ContainerLog();
		const writer = new LogWriter({ stream: "stderr", now: () => startMs, add: (each) => log.add(each), onData: () => undefined });
		for (const chunk of chunks) writer.write(Buffer.from(chunk as string));
		writer.flush();
		return log;
	}

	it("come out byte by byte as they were written, wherever they were cut", async () => {
		const euro = Buffer.from("€\n");
		const log = written(euro.subarray(0, 1), euro.subarray(1), Buffer.from([0xff, 0x00, 0x0a]));
		expect(Buffer.from(await read(log), "latin1")).toEqual(Buffer.concat([euro, Buffer.from([0xff, 0x00, 0x0a])]));
		expect(log.files()[0]?.bytes().toString().split("\n")[0]).toBe("2026-01-01T00:00:00.000000000Z stderr F €");
	});

	it("are cut at 16 KiB in the file, and whole for the reader, with one time", async () => {
		const long = "x".repeat(40_000);
		const log = written(`${long}\nend`);
		const tags =
			log
				.files()[0]
				?.bytes()
				.toString()
				.trimEnd()
				.split("\n")
				.map((each) => each.slice(31, 39)) ?? [];
		expect(tags).toEqual(["stderr P", "stderr P", "stderr F", "stderr P"]);
		// What ends without a newline is shown without one.
		expect(await read(log)).toBe(`${long}\nend`);
		expect(await read(log, { timestamps: true })).toBe(`2026-01-01T00:00:00.000000000Z ${long}\n2026-01-01T00:00:00.000000000Z end`);
		expect(lastText(log, 1)).toBe("end");
	});
});
