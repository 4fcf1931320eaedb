/**
 * A member's storage in a directory of its own:
 *
 *     member.json        who it is, and of which cluster (member-identity.ts)
 *     db-0000000001/     the engine: LevelDB
 *     log/               the log (raft/log-store.ts)
 *
 * A snapshot from the leader becomes the next db- directory, which has its name only once it is complete; then the log is
 * told. A crash between the two is made up for when the member opens again: the directory says of which snapshot it is.
 *
 * Opening compares the two (member-storage.ts). If one of them has lost something, neither is opened.
 */
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../apimachinery/log.ts";
import type { Backend } from "../backend/backend.ts";
import { LevelBackend } from "../backend/level-backend.ts";
import { StandstillBackend } from "../backend/standstill-backend.ts";
import { StoreCorruptError, StoreOpenError } from "../errors.ts";
import type { Mutation } from "../mvcc/command.ts";
import { LogStore, type LogStoreOptions, type Snapshot, type SnapshotMetadata, StandstillLog } from "../raft/index.ts";
import { snapshotMutations } from "../snapshot/restore.ts";
import type { DurableLog } from "./durable-log.ts";
import {
	finishInstallation,
	type LoadedBackend,
	loadBackend,
	type MemberStorage,
	mismatchOf,
	type OpenedStorage,
} from "./member-storage.ts";

const databaseName = /^db-(\d{10})$/;
/** In a db- directory that was made of a snapshot: its metadata. */
const snapshotName = "snapshot.json";
const batchMutations = 5000;

export class DirectoryStorage implements MemberStorage {
	readonly #directory: string;
	readonly #log: Logger;
	readonly #holdTime: (() => () => void) | undefined;
	#generation = 0;

	/** @param holdTime in virtual time: holds the clock until what it returns is called; see standstill-backend.ts */
	constructor(directory: string, log: Logger, holdTime?: () => () => void) {
		this.#directory = directory;
		this.#log = log;
		this.#holdTime = holdTime;
	}

	get isImmediate(): boolean {
		return this.#holdTime !== undefined;
	}

	async open(founding: Snapshot): Promise<OpenedStorage> {
		const generations = await this.#generations();
		const hasLog = (await namesIn(join(this.#directory, "log"))).some((name) => name.endsWith(".log"));
		this.#generation = Math.max(1, ...generations);
		const path = this.#path(this.#generation);
		await mkdir(path, { recursive: true }).catch((error: unknown) => {
			throw new StoreOpenError(this.#directory, error);
		});
		const loaded = await loadBackend(await this.#openEngine(path));
		try {
			if (loaded.applied !== undefined && !hasLog) this.#fail("its log of commands is missing");
			const installed = await readSnapshotMetadata(path);
			// The log need not have what came with a snapshot.
			const applied = loaded.applied?.index === installed?.index ? 0 : (loaded.applied?.index ?? 0);
			const log = await this.#openLog({ directory: join(this.#directory, "log"), founding, applied, log: this.#log });
			try {
				await finishInstallation(installed, log);
				const mismatch = mismatchOf(loaded.applied, log);
				if (mismatch !== undefined) this.#fail(mismatch);
			} catch (error) {
				await log.close();
				throw error;
			}
			await this.#removeOthers();
			return { ...loaded, log };
		} catch (error) {
			await loaded.backend.close();
			throw error;
		}
	}

	async replace(snapshot: Snapshot): Promise<LoadedBackend> {
		const generation = this.#generation + 1;
		const path = this.#path(generation);
		await writeDatabase(path, snapshotMutations(snapshot.data), snapshot.metadata);
		this.#generation = generation;
		await this.#removeOthers();
		return await loadBackend(await this.#openEngine(path));
	}

	async #openEngine(path: string): Promise<Backend> {
		const engine = await LevelBackend.open(path);
		return this.#holdTime === undefined ? engine : new StandstillBackend(engine, this.#holdTime);
	}

	#openLog(options: LogStoreOptions): Promise<DurableLog> {
		return this.#holdTime === undefined ? LogStore.open(options) : StandstillLog.open(options);
	}

	#path(generation: number): string {
		return join(this.#directory, `db-${String(generation).padStart(10, "0")}`);
	}

	async #generations(): Promise<readonly number[]> {
		return (await namesIn(this.#directory)).flatMap((name) => databaseName.exec(name)?.[1] ?? []).map(Number);
	}

	/** What a snapshot has replaced, and what a crash left half done. */
	async #removeOthers(): Promise<void> {
		for (const name of await namesIn(this.#directory))
			if (name.startsWith("db-") && join(this.#directory, name) !== this.#path(this.#generation))
				await rm(join(this.#directory, name), { recursive: true, force: true });
	}

	#fail(detail: string): never {
		throw new StoreCorruptError(this.#directory, detail);
	}
}

/** A database of its own, complete or not there. @param metadata of the snapshot it is made of. */
export async function writeDatabase(path: string, mutations: readonly Mutation[], metadata: SnapshotMetadata): Promise<void> {
	const partial = `${path}.partial`;
	await rm(partial, { recursive: true, force: true });
	await mkdir(partial, { recursive: true });
	const backend = await LevelBackend.open(partial);
	try {
		for (let begin = 0; begin < mutations.length; begin += batchMutations)
			await backend.write(mutations.slice(begin, begin + batchMutations));
		await backend.write([], { index: metadata.index, term: metadata.term });
		await backend.flush();
	} finally {
		await backend.close();
	}
	await writeFile(join(partial, snapshotName), JSON.stringify(metadata), { flush: true });
	await rename(partial, path);
	await syncDirectory(join(path, ".."));
}

/** Of the snapshot that a database was made of; undefined if it was not. */
async function readSnapshotMetadata(path: string): Promise<SnapshotMetadata | undefined> {
	const text = await readFile(join(path, snapshotName), "utf8").catch(() => undefined);
	return text === undefined ? undefined : (JSON.parse(text) as SnapshotMetadata);
}

async function syncDirectory(directory: string): Promise<void> {
	const handle = await open(directory, "r");
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/** None if it is not there. */
async function namesIn(directory: string): Promise<readonly string[]> {
	try {
		return await readdir(directory);
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
		throw new StoreOpenError(directory, error);
	}
}
