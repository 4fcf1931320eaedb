/**
 * A look at LevelDB's directory before LevelDB opens it. LevelDB mends what it finds by leaving out what it cannot read:
 * it clears a directory without CURRENT, takes a missing log for an empty one, skips the damaged part of a log, and
 * rewrites its files so that nobody can ever look again. A store refuses instead, and touches nothing.
 *
 *   CURRENT           names the manifest, which names the tables
 *   000012.log        the newest writes, not in a table yet; there is always one
 *   000011.ldb        a table
 *   kubesim-store     ours: once a write was answered, there is something to lose
 *
 * Source: https://github.com/google/leveldb/blob/main/doc/impl.md
 */
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { StoreCorruptError, StoreOpenError } from "../errors.ts";
import { damagedOffset } from "./level-log.ts";

/** Its presence says that the store has answered a write; its content is the format, for people. */
const markerName = "kubesim-store";

/** Leaves the mark, durably. To be called before the first write is answered. */
export async function markAsUsed(directory: string, format: string): Promise<void> {
	const file = await open(join(directory, markerName), "w");
	try {
		await file.writeFile(`${format}\n`);
		await file.sync();
	} finally {
		await file.close();
	}
}

/** Rejects with `StoreCorruptError` if LevelDB would lose something that is (or was) there, `StoreOpenError` if it can't be read. */
export async function refuseDamagedDirectory(directory: string): Promise<void> {
	const names = await namesIn(directory);
	const logs = names.filter((name) => /^\d+\.log$/.test(name));
	const tables = names.filter((name) => /^\d+\.(ldb|sst)$/.test(name));
	const data = [...names.filter((name) => /^MANIFEST-\d+$/.test(name)), ...tables, ...logs][0];
	const isUsed = names.includes(markerName);
	if (!names.includes("CURRENT")) {
		if (data !== undefined) throw new StoreCorruptError(directory, `it has ${data} but no file CURRENT`);
		if (isUsed) throw new StoreCorruptError(directory, "its files are gone");
		return;
	}
	const manifest = (await readFile(join(directory, "CURRENT"), "latin1")).trim();
	if (!names.includes(manifest))
		throw new StoreCorruptError(directory, `its file CURRENT names ${JSON.stringify(manifest)}, which is missing`);
	if (logs.length === 0 && (isUsed || tables.length > 0))
		throw new StoreCorruptError(directory, "its log, with the newest writes, is missing");
	for (const log of logs) {
		const offset = damagedOffset(await readFile(join(directory, log)));
		if (offset !== undefined) throw new StoreCorruptError(directory, `its log ${log} is damaged at byte ${offset}`);
	}
}

async function namesIn(directory: string): Promise<readonly string[]> {
	try {
		return await readdir(directory);
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
		throw new StoreOpenError(directory, error);
	}
}
