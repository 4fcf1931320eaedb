/**
 * The cluster's memory: an etcd-shaped store of keys, revisions, watches and leases.
 *
 *  - store.ts is the contract that the API server is written against; errors.ts says what may go wrong.
 *  - mvcc/ is the state machine: all logic of revisions, transactions, compaction. No I/O, no time.
 *  - backend/ keeps bytes: LevelDB (durable) or memory. Everything above it is shared.
 *  - snapshot/ is history as etcd has it on disk: hashes that compare with etcd's, snapshot files that etcdctl takes.
 *  - etcd-api/ is the gRPC API that etcdctl speaks; it is loaded by itself, because most stores need none.
 *  - mvcc-store.ts wires them with group commit, watches and lease timers.
 *
 * Invariants: an answered write is on the disk; changes reach watchers in order of revision, each once, and only when
 * durable; the state's order is the order of calls.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import { LevelBackend } from "./backend/level-backend.ts";
import { MemoryBackend } from "./backend/memory-backend.ts";
import { createStore, type StoreLimits } from "./mvcc-store.ts";
import type { MaintainedStore } from "./store.ts";

export interface OpenStoreOptions {
	readonly clock: Clock;
	readonly log?: Logger;
	readonly limits?: Partial<StoreLimits>;
}

/**
 * Opens the store in `directory`, which is made if it is not there; one store at a time may have it open. Rejects with
 * `StoreLockedError`, `StoreCorruptError`, `StoreFormatError` or `StoreOpenError`.
 */
export async function openLevelStore(options: OpenStoreOptions & { readonly directory: string }): Promise<MaintainedStore> {
	const { directory, ...rest } = options;
	return createStore({ ...rest, backend: await LevelBackend.open(directory) });
}

/**
 * An empty store that lasts as long as the process; in virtual time, too. With a `backend` of its own, what was stored
 * outlives the store and is there when another one is created on it.
 */
export function createMemoryStore(options: OpenStoreOptions & { readonly backend?: MemoryBackend }): Promise<MaintainedStore> {
	return createStore({ ...options, backend: options.backend ?? new MemoryBackend() });
}

export { MemoryBackend } from "./backend/memory-backend.ts";
export {
	DuplicateKeyError,
	EmptyKeyError,
	KeyNotFoundError,
	LeaseTtlTooLargeError,
	NoSpaceError,
	RequestTooLargeError,
	SnapshotError,
	StoreClosedError,
	StoreCorruptError,
	StoreFailedError,
	StoreFormatError,
	StoreLockedError,
	StoreOpenError,
	TooManyOperationsError,
	TooManyRequestsError,
} from "./errors.ts";
export type { StoreLimits } from "./mvcc-store.ts";
export { restoreSnapshot } from "./snapshot/restore.ts";
export {
	type Alarm,
	CompactedError,
	type Compare,
	type DeleteRangeRequest,
	type DeleteRangeResponse,
	FutureRevisionError,
	type HistoryHash,
	type KeyValue,
	type Lease,
	LeaseExistsError,
	LeaseNotFoundError,
	type MaintainedStore,
	type Maintenance,
	type PutRequest,
	type PutResponse,
	prefixEnd,
	type RangeRequest,
	type RangeResponse,
	type Store,
	type StoreEvent,
	type StoreStatus,
	type StoreWatch,
	type StoreWatchSink,
	type TxnOperation,
	type TxnOperationResponse,
	type TxnRequest,
	type TxnResponse,
	type WatchRequest,
} from "./store.ts";
