/**
 * What a member keeps: its state, in an engine, and its log. In a directory (directory-storage.ts) or in memory
 * (volatile-storage.ts).
 */
import type { Backend } from "../backend/backend.ts";
import { StateLoader } from "../mvcc/loader.ts";
import type { MvccState } from "../mvcc/state.ts";
import type { Position, Snapshot, SnapshotMetadata } from "../raft/index.ts";
import type { DurableLog } from "./durable-log.ts";

export interface LoadedBackend {
	readonly backend: Backend;
	readonly state: MvccState;
	/** Of the last command it has; undefined for an engine in which nothing was ever done. */
	readonly applied: Position | undefined;
}

export interface OpenedStorage extends LoadedBackend {
	readonly log: DurableLog;
}

export interface MemberStorage {
	/** Writes take no time that anybody could see: memory, and a disk in virtual time. */
	readonly isImmediate: boolean;
	/**
	 * @param founding where a log begins that is not there yet. Rejects with the errors of opening (errors.ts); nothing is
	 * open then.
	 */
	open(founding: Snapshot): Promise<OpenedStorage>;
	/** Makes an engine of a snapshot's data, durably; the one that `open` or this returned last must be closed. */
	replace(snapshot: Snapshot): Promise<LoadedBackend>;
}

/** Closes the engine if it can't be loaded. */
export async function loadBackend(backend: Backend): Promise<LoadedBackend> {
	const loader = new StateLoader(backend.location);
	try {
		await backend.load(loader);
		return { backend, state: loader.finish(), applied: loader.position };
	} catch (error) {
		await backend.close();
		throw error;
	}
}

/** The engine may have a snapshot that the log was not told of before a crash. @param metadata of the engine's snapshot. */
export async function finishInstallation(metadata: SnapshotMetadata | undefined, log: DurableLog): Promise<void> {
	if (metadata === undefined) return;
	if (metadata.index <= log.snapshotMetadata().index || log.term(metadata.index) === metadata.term) return;
	const known = log.hardState();
	const term = Math.max(known.term, metadata.term);
	const hardState = { term, vote: term === known.term ? known.vote : undefined, commit: Math.max(known.commit, metadata.index) };
	await log.save({ hardState, snapshot: { metadata, data: new Uint8Array() }, entries: [] }, true);
}

/**
 * Commands that the engine lacks are in the log, and the log has every command that the engine may have got from it. If
 * not, one of them has lost something: returns what, in words.
 */
export function mismatchOf(applied: Position | undefined, log: DurableLog): string | undefined {
	const index = applied?.index ?? 0;
	// A log that begins with a founding snapshot has nothing before it that an engine could lack.
	const begins = log.snapshotMetadata().index <= 1 ? 0 : log.snapshotMetadata().index;
	if (index < begins) return `its data end at command ${index}, its log begins after ${begins}`;
	if (index > log.lastIndex()) return `its data go to command ${index}, its log ends at ${log.lastIndex()}`;
	return undefined;
}
