/**
 * What a member keeps: its state, in an engine, and its log. In a directory (directory-storage.ts) or in memory
 * (volatile-storage.ts).
 */
import type { Backend } from "../backend/backend.ts";
import { StateLoader } from "../mvcc/loader.ts";
import type { MvccState } from "../mvcc/state.ts";
import type { Position, Snapshot } from "../raft/index.ts";
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
