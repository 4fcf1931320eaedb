/**
 * Where a store keeps what must last. One engine is LevelDB, one is memory; all logic of revisions, leases and watches
 * is above this interface and shared.
 */
import type { Mutation } from "../mvcc/command.ts";
import type { Version } from "../mvcc/version.ts";
import type { Position } from "../raft/entry.ts";

/** Takes what an engine holds, when a store opens. */
export interface BackendVisitor {
	/** Called first, with the place in the log of commands that the engine is at, if it was ever told one. */
	applied(position: Position): void;
	/** Called next, if history was ever compacted. */
	compacted(revision: number): void;
	/** Called for each lease, before the versions. */
	lease(id: bigint, ttlSeconds: number): void;
	/** Called for each note beside the keys, before the versions. */
	record(name: string, value: Uint8Array): void;
	/** Called for each version in order of revision and sub; `previous` is undefined. */
	version(version: Version): void;
}

export interface Backend {
	/** For error messages: the directory, or "in memory". */
	readonly location: string;
	/** Values stay in this process's memory. */
	readonly isInMemory: boolean;
	/** Hands over everything stored. Called once, first. Rejects with the errors of errors.ts about opening. */
	load(visitor: BackendVisitor): Promise<void>;
	/**
	 * Resolves once all mutations, in order, survive the end of the process; what a power failure leaves is a first part of
	 * all writes, each as a whole or not at all. One call at a time. Undefined: it is done, and there is nothing to wait for.
	 * @param position the place in the log of commands that these bring the engine to; kept with them.
	 */
	write(mutations: readonly Mutation[], position?: Position): Promise<void> | undefined;
	/** Resolves once everything written survives a power failure. */
	flush(): Promise<void>;
	/** The value of a stored put. Throws `StoreCorruptError` if it is missing or damaged. */
	read(version: Version): Uint8Array;
	/** Values of stored puts, as of the moment of the call, in the order asked for. */
	readMany(versions: readonly Version[]): Promise<readonly Uint8Array[]>;
	/** Gives room that nothing uses any more back to the file system. */
	defragment(): Promise<void>;
	/** Approximate size of everything stored. */
	sizeBytes(): number;
	close(): Promise<void>;
}
