/**
 * Directories that must not be opened as if nothing were the matter.
 */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { openLevelStore } from "../index.ts";
import { bytes, settle, show, temporaryDirectory } from "../testing/engines.ts";
import { compactionKey, encodeNumber, formatKey, versionRange } from "./record-codec.ts";

let root: string;
/** LevelDB's, in the one member's. */
let directory: string;
beforeEach(async () => {
	root = await temporaryDirectory();
	directory = join(root, "control-plane", "db-0000000001");
});
afterEach(() => rm(root, { recursive: true, force: true }));

const open = () => openLevelStore({ directory: root, clock: new VirtualClock() });
const wayOut = "Put a backup in its place, or move it away to start with an empty cluster; nothing was changed.";

/** LevelDB's key of the change at a revision below 256. */
async function keyOf(database: ClassicLevel<Uint8Array, Uint8Array>, revision: number): Promise<Uint8Array> {
	for await (const key of database.keys(versionRange)) if (key[8] === revision) return key;
	throw new Error(`no change at ${revision}`);
}

/** Revisions 2 to 4 in a closed store. */
async function fill(): Promise<void> {
	const store = await open();
	for (const key of ["a", "b", "c"]) await store.put({ key, value: bytes(key) });
	await store.close();
}

/** Changes the stored records behind the store's back. */
async function tamper(change: (database: ClassicLevel<Uint8Array, Uint8Array>) => Promise<void>): Promise<void> {
	const database = new ClassicLevel<Uint8Array, Uint8Array>(directory, { keyEncoding: "view", valueEncoding: "view" });
	await change(database);
	await database.close();
}

test("a directory that is open elsewhere", async () => {
	const store = await open();
	expect(await settle(open())).toBe(
		`StoreLockedError: store directory ${directory} is in use by another process. Stop that one first, or choose another directory.`,
	);
	await store.close();
	await (await open()).close();
});

test("a directory that lost LevelDB's CURRENT is not emptied", async () => {
	await fill();
	await rm(join(directory, "CURRENT"));
	const before = (await readdir(directory)).sort();
	expect(await settle(open())).toMatch(/^StoreCorruptError: store .* is corrupt: it has .* but no file CURRENT\. Put a backup/);
	expect((await readdir(directory)).sort()).toEqual(before);
});

test("a CURRENT that names a file that is not there", async () => {
	await fill();
	await writeFile(join(directory, "CURRENT"), "MANIFEST-999999\n");
	expect(await settle(open())).toBe(
		`StoreCorruptError: store ${directory} is corrupt: its file CURRENT names "MANIFEST-999999", which is missing. ${wayOut}`,
	);
});

test("a manifest that LevelDB cannot read", async () => {
	await fill();
	const manifest = (await readdir(directory)).find((name) => name.startsWith("MANIFEST")) ?? "";
	await writeFile(join(directory, manifest), "garbage ".repeat(100));
	expect(await settle(open())).toMatch(/^StoreCorruptError: store .* is corrupt: /);
});

test("a log that is gone, with the newest writes", async () => {
	await fill();
	for (const name of await readdir(directory)) if (name.endsWith(".log")) await rm(join(directory, name));
	const before = (await readdir(directory)).sort();
	expect(await settle(open())).toBe(
		`StoreCorruptError: store ${directory} is corrupt: its log, with the newest writes, is missing. ${wayOut}`,
	);
	expect((await readdir(directory)).sort()).toEqual(before);
});

test("all of LevelDB's files gone", async () => {
	await fill();
	for (const name of await readdir(directory)) if (name !== "kubesim-store") await rm(join(directory, name));
	expect(await settle(open())).toBe(`StoreCorruptError: store ${directory} is corrupt: its files are gone. ${wayOut}`);
});

test("a log that is damaged in its middle is not mended by leaving that out", async () => {
	await fill();
	const log = join(directory, (await readdir(directory)).find((name) => name.endsWith(".log")) ?? "");
	const content = await readFile(log);
	content.writeUInt8(content.readUInt8(100) ^ 1, 100);
	await writeFile(log, content);
	expect(await settle(open())).toMatch(/is corrupt: its log \d+\.log is damaged at byte \d+\. Put a backup/);
	expect(await readFile(log)).toEqual(content);
});

test("a change missing in the middle", async () => {
	await fill();
	await tamper(async (database) => database.del(await keyOf(database, 3)));
	expect(await settle(open())).toBe(
		`StoreCorruptError: store ${directory} is corrupt: after revision 2 (change 0) comes revision 4 (change 0). ${wayOut}`,
	);
});

test("a record whose bytes changed", async () => {
	await fill();
	await tamper(async (database) => {
		const key = await keyOf(database, 3);
		const value = (await database.get(key)) ?? Buffer.alloc(0);
		await database.del(key);
		await database.put(Buffer.concat([key, Buffer.from("x")]), value);
	});
	expect(await settle(open())).toBe(
		`StoreCorruptError: store ${directory} is corrupt: the change at revision 3 does not match its checksum. ${wayOut}`,
	);
});

test("a value whose bytes changed is found when it is read, and the others can be", async () => {
	await fill();
	await tamper(async (database) => database.put(await keyOf(database, 3), bytes("\0\0\0\0b")));
	const store = await open();
	expect(await settle(store.range({ key: "b" }))).toBe(
		`StoreCorruptError: store ${directory} is corrupt: the value of "b" at revision 3 does not match its checksum. ${wayOut}`,
	);
	expect(show((await store.range({ key: "c" })).kvs[0]?.value)).toBe('"c"');
	await store.close();
});

test("a compaction that a crash cut short is finished when the store opens, off the disk too", async () => {
	const store = await open();
	for (const value of ["1", "2", "3"]) await store.put({ key: "a", value: bytes(value) });
	await store.put({ key: "b", value: bytes("1") });
	await store.deleteRange({ key: "b" });
	await store.put({ key: "a", value: bytes("4") });
	await store.close();
	const left: string[] = [];
	const remember = async (database: ClassicLevel<Uint8Array, Uint8Array>) => {
		for await (const key of database.keys(versionRange)) left.push(`${key[8]}`);
	};
	await tamper((database) => database.put(compactionKey, encodeNumber(7)));
	await (await open()).close();
	await tamper(remember);
	expect(left.join(" ")).toBe("7");
});

test("a store of another format, and a database that is no store", async () => {
	await fill();
	await tamper((database) => database.put(formatKey, bytes("kubesim-store/9")));
	expect(await settle(open())).toBe(
		`StoreFormatError: store directory ${directory} has format "kubesim-store/9", this version of kubesim knows "kubesim-store/2". Use the version that wrote it, or another directory.`,
	);
	await tamper((database) => database.del(formatKey));
	expect(await settle(open())).toBe(`StoreCorruptError: store ${directory} is corrupt: it does not say which format it has. ${wayOut}`);
});

test("a path that is a file", async () => {
	const file = join(root, "file");
	await writeFile(file, "");
	expect(await settle(openLevelStore({ directory: file, clock: new VirtualClock() }))).toMatch(
		/^StoreOpenError: store directory .*file cannot be opened: ENOTDIR: not a directory/,
	);
});
