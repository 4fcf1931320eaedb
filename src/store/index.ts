/**
 * The cluster's memory: an etcd-shaped store of keys, revisions, watches and leases.
 *
 *  - store.ts is the contract that the API server is written against; errors.ts says what may go wrong.
 *  - mvcc/ is the state machine: all logic of revisions, transactions, compaction. No I/O, no time.
 *  - backend/ keeps bytes: LevelDB (durable) or memory. Everything above it is shared.
 *  - snapshot/ is history as etcd has it on disk: hashes that compare with etcd's, snapshot files that etcdctl takes.
 *  - etcd-api/ is the gRPC API that etcdctl speaks; it is loaded by itself, because most stores need none.
 *  - replica/ is one member of a group that agrees by raft/ on the order of commands; local/ is a group in this process.
 *  - member-store.ts is the store as a member serves it, state-machine.ts its replica of the data; between them stands
 *    sequencer.ts: what puts the commands of all in one order.
 *
 * Invariants: an answered write is on the disks of a majority; changes reach watchers in order of revision, each once, and
 * only when they cannot be taken back; all members take the same steps.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import { createEntropyRandom, type Random } from "../apimachinery/random.ts";
import { MemoryBackend } from "./backend/memory-backend.ts";
import { LocalGroup } from "./local/local-group.ts";
import { restoreGroup } from "./local/restore-group.ts";
import { MemberStore, type StoreLimits } from "./member-store.ts";
import { loadBackend } from "./replica/member-storage.ts";
import { SoloSequencer } from "./solo-sequencer.ts";
import { StateMachine } from "./state-machine.ts";
import type { MaintainedStore } from "./store.ts";

export interface OpenStoreOptions {
	readonly clock: Clock;
	readonly log?: Logger;
	readonly limits?: Partial<StoreLimits>;
}

export interface OpenGroupOptions extends OpenStoreOptions {
	/** Made if it is not there; one group at a time may have it open. Absent: in memory. */
	readonly directory?: string;
	/** How many members a new group has. Default 1. */
	readonly members?: number;
	/** Election timeouts, ids; default real entropy. */
	readonly random?: Random;
	/**
	 * With a virtual clock and a directory: everything stands still while the disk works, so that nobody can see how fast it is, and a
	 * run is the same as in memory. Elections are on the virtual clock then, too. Default false.
	 */
	readonly standstill?: boolean;
}

/**
 * Opens the group of members in `directory`. Rejects with `StoreLockedError`, `StoreCorruptError`, `StoreFormatError` or
 * `StoreOpenError`.
 */
export function openLocalGroup({
	clock,
	log = silentLog,
	random = createEntropyRandom(),
	standstill = false,
	...rest
}: OpenGroupOptions): Promise<LocalGroup> {
	// In virtual time nothing is real. Else elections wait for real disks, however fast the cluster's own time goes.
	if (!(clock instanceof VirtualClock) || (rest.directory !== undefined && !standstill))
		return LocalGroup.open({ clock, machineClock: new WallClock(), log, random, ...rest });
	const holdTime = () => clock.attend({ steps: 0, isPending: true });
	return LocalGroup.open({ clock, machineClock: clock, holdTime, log, random, ...rest });
}

/** A durable store of one member. Rejects as `openLocalGroup`. */
export async function openLevelStore(options: OpenStoreOptions & { readonly directory: string }): Promise<MaintainedStore> {
	return (await openLocalGroup(options)).store;
}

/** Makes the directory of a new group out of a snapshot file. The directory must not exist, or be empty. Rejects with `SnapshotError`. */
export function restoreSnapshot(options: {
	readonly file: string;
	readonly directory: string;
	/** Of the new group. Default 1. */
	readonly members?: number;
	readonly random?: Random;
}): Promise<void> {
	return restoreGroup({ members: 1, random: createEntropyRandom(), ...options });
}

/**
 * A store that lasts as long as the process; in virtual time, too. It is alone, so that nothing is to be agreed on. With a
 * `backend` of its own, what was stored outlives the store and is there when another one is created on it.
 */
export async function createMemoryStore(
	options: OpenStoreOptions & {
		readonly backend?: MemoryBackend;
		/** The member's name; default "default", as etcd's. */
		readonly name?: string;
	},
): Promise<MaintainedStore> {
	const { clock, log = silentLog, limits = {}, backend = new MemoryBackend(), name } = options;
	const { state } = await loadBackend(backend);
	const machine = new StateMachine({ backend, state, isBehindLog: false, log });
	return new MemberStore({ clock, log, limits, sequencer: (events) => new SoloSequencer(machine, events, name) });
}

export { MemoryBackend, type StoredPut } from "./backend/memory-backend.ts";
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
export { GroupError, type GroupErrorReason, type MemberInfo, type StoreGroup } from "./group.ts";
export { LocalGroup, type LocalMember } from "./local/local-group.ts";
export type { StoreLimits } from "./member-store.ts";
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
