/**
 * The directory of a durable log: files raft-<generation>.log, of which the newest counts. What opening does is the same for every
 * log that writes there (log-store.ts, standstill-log.ts).
 */
import { constants } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { type Logger, silentLog } from "../../apimachinery/log.ts";
import { StoreCorruptError, StoreOpenError } from "../errors.ts";
import type { HardState, Snapshot } from "./entry.ts";
import { encodeRecord } from "./log-codec.ts";
import { DamagedLogError, type Replayed, replayLog } from "./log-replay.ts";

export interface LogStoreOptions {
	/** Made if it is not there. For this log alone, and for one process at a time: the owner of the member's directory sees to that. */
	readonly directory: string;
	/** Where a new log begins: `bootstrapSnapshot` of a founding member, `emptySnapshot` of one that joins. */
	readonly founding: Snapshot;
	/** The state machine has everything up to here: a log that ends before it has lost something. Default 0. */
	readonly applied?: number;
	readonly log?: Logger;
}

export interface OpenedLogDirectory {
	/** Of the file that counts. */
	readonly path: string;
	readonly generation: number;
	readonly replayed: Replayed;
}

/** Where the system has it, a write is durable when it returns: one trip to the disk, and to the thread that waits for it. */
export const writesAreSynced = constants.O_DSYNC !== undefined;
export const writeFlags = constants.O_RDWR | (constants.O_DSYNC ?? 0);

const fileName = /^raft-(\d{10})\.log$/;

/** Opens or creates the directory. Rejects with `StoreCorruptError` (nothing was changed) or `StoreOpenError`. */
export async function openLogDirectory({
	directory,
	founding,
	applied = 0,
	log = silentLog,
}: LogStoreOptions): Promise<OpenedLogDirectory> {
	try {
		await mkdir(directory, { recursive: true });
		const generation = (await newestGeneration(directory)) ?? (await createLog(directory, founding));
		const path = logPath(directory, generation);
		const replayed = replayLog(await readFile(path));
		const last = replayed.storage.lastIndex();
		if (last < applied) throw new DamagedLogError(replayed.validBytes, `its data go to command ${applied}, its log to command ${last},`);
		if (replayed.tornBytes > 0) {
			log.warn("the log's last write was cut short by a crash and is dropped", { path, bytes: replayed.tornBytes });
			await truncate(path, replayed.validBytes);
		}
		await removeOthers(directory, generation);
		return { path, generation, replayed };
	} catch (error) {
		if (error instanceof DamagedLogError) throw new StoreCorruptError(directory, error.message, error);
		throw new StoreOpenError(directory, error);
	}
}

export function logPath(directory: string, generation: number): string {
	return join(directory, `raft-${String(generation).padStart(10, "0")}.log`);
}

/** A file has its name only once it is durable. */
export async function writeLog(directory: string, generation: number, record: Uint8Array): Promise<void> {
	const path = logPath(directory, generation);
	const file = await open(`${path}.tmp`, "w");
	try {
		await file.writeFile(record);
		await file.sync();
	} finally {
		await file.close();
	}
	await rename(`${path}.tmp`, path);
	await syncDirectory(directory);
}

async function newestGeneration(directory: string): Promise<number | undefined> {
	const generations = (await readdir(directory)).flatMap((name) => fileName.exec(name)?.[1] ?? []);
	return generations.length === 0 ? undefined : Math.max(...generations.map(Number));
}

/** Returns its generation. */
async function createLog(directory: string, { metadata }: Snapshot): Promise<number> {
	const hardState: HardState = { term: metadata.term, vote: undefined, commit: metadata.index };
	await writeLog(directory, 1, encodeRecord({ sequence: 1, hardState, snapshot: metadata, entries: [] }));
	return 1;
}

/** So that a rename lasts. */
async function syncDirectory(directory: string): Promise<void> {
	const handle = await open(directory, "r");
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/** What a crash during a compaction left behind. */
async function removeOthers(directory: string, generation: number): Promise<void> {
	const kept = `raft-${String(generation).padStart(10, "0")}.log`;
	for (const name of await readdir(directory))
		if (/^raft-\d{10}\.log(\.tmp)?$/.test(name) && name !== kept) await rm(join(directory, name));
}
