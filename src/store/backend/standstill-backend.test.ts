import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { openLocalGroup } from "../index.ts";
import type { Mutation } from "../mvcc/command.ts";
import type { Version } from "../mvcc/version.ts";
import { bytes, temporaryDirectory, text } from "../testing/engines.ts";
import { MemoryBackend } from "./memory-backend.ts";
import { StandstillBackend } from "./standstill-backend.ts";

/** An engine that gets each write only when the test says so. */
class GatedBackend extends MemoryBackend {
	gate = Promise.withResolvers<void>();
	writes = 0;

	override write(mutations: readonly Mutation[]): Promise<void> {
		this.writes++;
		return this.gate.promise.then(() => super.write(mutations));
	}
}

function put(key: string, revision: number): Extract<Mutation, { type: "change" }> {
	const version: Version = { key, revision, sub: 0, createRevision: revision, version: 1, lease: 0n, previous: undefined };
	return { type: "change", version, value: bytes(`${key}@${revision}`) };
}

/** Turns of the event loop: more than anything here needs. */
async function turns(): Promise<void> {
	for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function heldTime() {
	const held = { count: 0, isHeld: false };
	const hold = () => {
		held.count++;
		held.isHeld = true;
		return () => {
			held.isHeld = false;
		};
	};
	return { held, hold };
}

test("answers before the disk does, and reads what the disk has not got", async () => {
	const disk = new GatedBackend();
	const { held, hold } = heldTime();
	const backend = new StandstillBackend(disk, hold);
	const [first, second] = [put("a", 2), put("b", 3)];
	backend.write([first]);
	backend.write([second]);
	expect(text(backend.read(first.version))).toBe("a@2");
	expect((await backend.readMany([second.version, first.version])).map(text)).toEqual(["b@3", "a@2"]);
	expect(() => disk.read(first.version)).toThrow("no value of a");
	disk.gate.resolve();
	await backend.flush();
	expect(text(disk.read(second.version))).toBe("b@3");
	expect([disk.writes, held]).toEqual([2, { count: 1, isHeld: false }]);
	expect(backend.sizeBytes()).toBe(8);
	await backend.close();
});

test("time stands still while too much waits for the disk", async () => {
	const disk = new GatedBackend();
	const { held, hold } = heldTime();
	const backend = new StandstillBackend(disk, hold);
	for (let revision = 2; revision < 8_100; revision++) backend.write([put("a", revision)]);
	expect(held.isHeld).toBe(false);
	for (let revision = 8_100; revision < 8_300; revision++) backend.write([put("a", revision)]);
	expect(held.isHeld).toBe(true);
	disk.gate.resolve();
	await turns();
	expect(held).toEqual({ count: 1, isHeld: false });
	await backend.close();
});

test("a disk that fails is the end of what is written, and time goes on", async () => {
	const disk = new GatedBackend();
	const { held, hold } = heldTime();
	const backend = new StandstillBackend(disk, hold);
	backend.write([put("a", 2)]);
	const flushed = backend.flush();
	disk.gate.reject(new Error("no space left on device"));
	await expect(flushed).rejects.toThrow("no space left");
	expect(() => backend.write([put("a", 3)])).toThrow("no space left");
	expect(held.isHeld).toBe(false);
});

test("what is answered is in the log: the disk's engine may be lost", async () => {
	const directory = await temporaryDirectory();
	try {
		const [here, there] = [join(directory, "here"), join(directory, "there")];
		const clock = new VirtualClock();
		const group = await openLocalGroup({ clock, directory: here, standstill: true });
		for (const key of ["a", "b", "c"]) await group.store.put({ key, value: bytes(`value of ${key}`) });
		await cp(here, there, { recursive: true, filter: (source) => !/\/db-/.test(source) });
		await group.store.close();
		const copy = await openLocalGroup({ clock, directory: there, standstill: true });
		const { kvs } = await copy.store.range({ key: "\0", rangeEnd: "\0" });
		await copy.store.close();
		expect(kvs.map(({ key, value }) => `${key}=${text(value)}`)).toEqual(["a=value of a", "b=value of b", "c=value of c"]);
	} finally {
		await rm(directory, { recursive: true, force: true });
	}
});

test("a log that grows is compacted, and opens again in real time", async () => {
	const directory = await temporaryDirectory();
	try {
		const clock = new VirtualClock();
		const group = await openLocalGroup({ clock, directory, standstill: true });
		const value = bytes("x".repeat(1024 * 1024));
		for (let count = 0; count < 10; count++) {
			await group.store.put({ key: `key-${count}`, value });
			await clock.advance(1000);
		}
		const [name = ""] = group.members().map((member) => member.name);
		expect(group.raftStatus(name)?.firstIndex).toBeGreaterThan(5);
		await group.store.close();
		const again = await openLocalGroup({ clock, directory });
		expect((await again.store.range({ key: "\0", rangeEnd: "\0", countOnly: true })).count).toBe(10);
		await again.store.close();
	} finally {
		await rm(directory, { recursive: true, force: true });
	}
});
