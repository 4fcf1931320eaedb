/**
 * The cluster's memory, shaped as etcd v3 is: a flat, ordered key space under one revision counter, with history,
 * transactions, watches and leases. Engines: LevelDB (durable), memory (tests), and a real etcd cluster (external/),
 * so every call is asynchronous and none may be taken for granted.
 *
 * What every engine gives: answered writes are durable; a read that names no revision shows at least every write answered
 * before it was made; watches tell whole revisions in order, without gap or duplicate, across failures of the engine.
 * What engines in this process give besides, marked "local": calls take effect in the order in which they are made,
 * watches hear of a write before its writer has the answer, and of the very value that was put; nobody else writes.
 * Source: https://etcd.io/docs/v3.6/learning/api/ and https://etcd.io/docs/v3.6/learning/data_model/
 *
 * Keys are byte strings: each character stands for one byte (0-255), so that JavaScript's string order is etcd's key
 * order. Values are never changed once handed over, in either direction.
 */
import type { StoreGroup } from "./group.ts";

export interface KeyValue {
	readonly key: string;
	readonly value: Uint8Array;
	/** Revision of the put that made the key; > 0. */
	readonly createRevision: number;
	/** Revision of the last put; createRevision <= modRevision. */
	readonly modRevision: number;
	/** How many puts since the key was made; 1 for a new key. */
	readonly version: number;
	/** The lease the key is attached to; 0n for none. */
	readonly lease: bigint;
}

export interface RangeRequest {
	readonly key: string;
	/** Exclusive end. Absent: the one key. "\0": every key from `key` on. */
	readonly rangeEnd?: string;
	/** At which revision; absent or 0 is now. */
	readonly revision?: number;
	/** Most keys to return; absent or 0 is all. */
	readonly limit?: number;
	/** What this member has, though others may have more: does not need the others. Default false: linearizable. */
	readonly serializable?: boolean;
	readonly keysOnly?: boolean;
	readonly countOnly?: boolean;
}

export interface RangeResponse {
	/** The store's current revision, whatever revision was read. */
	readonly revision: number;
	/** In key order. */
	readonly kvs: readonly KeyValue[];
	/** More keys lie in the range than `limit` let through. */
	readonly more: boolean;
	/** How many keys lie in the range, without the limit. */
	readonly count: number;
}

export interface PutRequest {
	readonly key: string;
	readonly value: Uint8Array;
	readonly lease?: bigint;
	readonly prevKv?: boolean;
	/** Keep the key's value (`value` is then not looked at). The key must exist: `KeyNotFoundError`. */
	readonly ignoreValue?: boolean;
	/** Keep the key's lease (`lease` is then not looked at). The key must exist: `KeyNotFoundError`. */
	readonly ignoreLease?: boolean;
}

export interface DeleteRangeRequest {
	readonly key: string;
	readonly rangeEnd?: string;
	readonly prevKv?: boolean;
}

export type Compare = { readonly key: string; readonly rangeEnd?: string; readonly result: "=" | "!=" | "<" | ">" } & (
	| { readonly target: "version" | "create" | "mod"; readonly value: number }
	| { readonly target: "value"; readonly value: Uint8Array }
	| { readonly target: "lease"; readonly value: bigint }
);

export type TxnOperation =
	| { readonly type: "range"; readonly request: RangeRequest }
	| { readonly type: "put"; readonly request: PutRequest }
	| { readonly type: "delete"; readonly request: DeleteRangeRequest }
	| { readonly type: "txn"; readonly request: TxnRequest };

export interface TxnRequest {
	readonly compare: readonly Compare[];
	readonly success: readonly TxnOperation[];
	readonly failure: readonly TxnOperation[];
}

export interface PutResponse {
	readonly revision: number;
	readonly prevKv?: KeyValue;
}

export interface DeleteRangeResponse {
	readonly revision: number;
	readonly deleted: number;
	readonly prevKvs: readonly KeyValue[];
}

export type TxnOperationResponse =
	| { readonly type: "range"; readonly response: RangeResponse }
	| { readonly type: "put"; readonly response: PutResponse }
	| { readonly type: "delete"; readonly response: DeleteRangeResponse }
	| { readonly type: "txn"; readonly response: TxnResponse };

export interface TxnResponse {
	readonly revision: number;
	/** Whether every compare held, so that `success` ran. */
	readonly succeeded: boolean;
	readonly responses: readonly TxnOperationResponse[];
}

export interface StoreEvent {
	readonly type: "put" | "delete";
	/** For a delete: the key and the revision of the delete (`modRevision`), with an empty value. */
	readonly kv: KeyValue;
	/** The key as it was before, when the watch asked for it and history still has it. */
	readonly prevKv?: KeyValue;
}

export interface WatchRequest {
	readonly key: string;
	readonly rangeEnd?: string;
	/**
	 * First revision to report, from history if it lies back; absent or 0 is "from the next change on": the one after the
	 * newest that any answer of this store has named. One before the compact revision ends the watch with `CompactedError`;
	 * the compact revision itself can be watched, as in etcd since 3.6 (an older one may have dropped a delete at it).
	 */
	readonly startRevision?: number;
	readonly prevKv?: boolean;
}

export interface StoreWatchSink {
	/**
	 * The changes of one or more whole revisions, in order, without gap or duplicate. Called only for durable changes. Local:
	 * for those that are made while the watch goes on, before their writer has its answer, and with the very value object
	 * that was put. A sink that throws ends its watch.
	 * `revision` is the store's revision that these bring the watcher to.
	 */
	onEvents(events: readonly StoreEvent[], revision: number): void;
	/** The watch is over: the start revision was compacted (`CompactedError`), or the store closed. Called once, last. */
	onEnd(error?: Error): void;
}

export interface StoreWatch {
	/** No further call of the sink follows. */
	cancel(): void;
}

/** Exact for local engines; else what was last heard of. */
export interface StoreStatus {
	/** Of the last durable change; 1 for a store in which nothing was ever written. */
	readonly revision: number;
	/** The oldest revision that can be read; 0 before the first compaction (that this process has heard of). */
	readonly compactRevision: number;
	/** Bytes on disk (or in memory for the memory engine), approximate. */
	readonly dbSizeBytes: number;
	readonly keys: number;
}

export interface Lease {
	readonly id: bigint;
	readonly grantedTtlSeconds: number;
	/** Seconds left; -1 for an unknown or expired lease. */
	readonly ttlSeconds: number;
	readonly keys: readonly string[];
}

export interface Store {
	/** Others may write, too: a change can be there that no watch of this process has told yet. Absent for local engines. */
	readonly isShared?: boolean;
	/** A read that is to see everything needs the word of a majority of members. Absent where one has it all. */
	readonly isReplicated?: boolean;
	range(request: RangeRequest): Promise<RangeResponse>;
	/**
	 * Resolves once the write is durable: from then on it survives `kill -9`. What became of a write that rejects with
	 * `StoreUnavailableError` is not known.
	 */
	put(request: PutRequest): Promise<PutResponse>;
	deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse>;
	/** All operations of the chosen branch take effect at one revision, or none. */
	txn(request: TxnRequest): Promise<TxnResponse>;
	watch(request: WatchRequest, sink: StoreWatchSink): StoreWatch;
	/** Drops history before `revision` (each key's last change at or before it stays). Rejects with `CompactedError` or `FutureRevisionError`. */
	compact(revision: number): Promise<void>;
	/** @param ttlSeconds > 0. @param id 0n or absent lets the store choose. */
	grantLease(ttlSeconds: number, id?: bigint): Promise<Lease>;
	/** Deletes the lease and, in one revision, the keys attached to it. Rejects with `LeaseNotFoundError`. */
	revokeLease(id: bigint): Promise<void>;
	/** Gives the lease its whole time again. Rejects with `LeaseNotFoundError`. */
	keepAliveLease(id: bigint): Promise<Lease>;
	lease(id: bigint): Promise<Lease>;
	leases(): Promise<readonly Lease[]>;
	status(): StoreStatus;
	/** Flushes what was accepted, ends every watch and releases the disk. */
	close(): Promise<void>;
}

/** NOSPACE: the quota is used up, and nothing that takes room is accepted. CORRUPT: a member's data differ from the others'. */
export type Alarm = "NOSPACE" | "CORRUPT";

/** A checksum of history, to compare members by. */
export interface HistoryHash {
	/** CRC-32C, as etcd's HashKV has it: an etcd with the same history has the same. */
	readonly hash: number;
	/** Up to which revision. */
	readonly hashRevision: number;
	readonly compactRevision: number;
	/** The store's revision. */
	readonly revision: number;
}

/** What an administrator may ask of a store, besides what its users do. */
export interface Maintenance {
	/** @param revision absent or 0 is now. Rejects with `CompactedError` or `FutureRevisionError`. */
	hash(revision?: number): Promise<HistoryHash>;
	/** Gives room that nothing uses any more back to the file system. */
	defragment(): Promise<void>;
	/** The alarms that are on. */
	alarms(): readonly Alarm[];
	/** Resolves once it is durable; no change if the alarm is as wanted already. */
	setAlarm(alarm: Alarm, isOn: boolean): Promise<void>;
	/**
	 * Everything, as of one moment, in the chunks of one file: an etcd database with a SHA-256 at its end, which etcdctl
	 * takes for a snapshot of its own. See snapshot/. The whole file is in memory while it is read.
	 */
	snapshot(): AsyncIterable<Uint8Array>;
	/** Bytes above which NOSPACE is raised. */
	readonly quotaBytes: number;
	/** A note kept beside the keys, without revision or history: for what is not a key (users and roles …). */
	record(name: string): Uint8Array | undefined;
	/** Resolves once it is durable. Undefined removes the note. */
	setRecord(name: string, value: Uint8Array | undefined): Promise<void>;
}

/** A store that also takes care of itself, one member of a group: what LevelDB and memory engines are. */
export interface MaintainedStore extends Store, Maintenance {
	readonly group: StoreGroup;
}

/** The end of the range that holds every key with this prefix: `rangeEnd` for etcd's prefix reads. */
export function prefixEnd(prefix: string): string {
	for (let index = prefix.length - 1; index >= 0; index--) {
		const code = prefix.charCodeAt(index);
		if (code < 0xff) return prefix.slice(0, index) + String.fromCharCode(code + 1);
	}
	return "\0";
}

export class CompactedError extends Error {
	/** The oldest revision that can still be read is this one. */
	readonly compactRevision: number;
	constructor(compactRevision: number) {
		super("etcdserver: mvcc: required revision has been compacted");
		this.name = "CompactedError";
		this.compactRevision = compactRevision;
	}
}

export class FutureRevisionError extends Error {
	constructor() {
		super("etcdserver: mvcc: required revision is a future revision");
		this.name = "FutureRevisionError";
	}
}

export class LeaseNotFoundError extends Error {
	constructor() {
		super("etcdserver: requested lease not found");
		this.name = "LeaseNotFoundError";
	}
}

export class LeaseExistsError extends Error {
	constructor() {
		super("etcdserver: lease already exists");
		this.name = "LeaseExistsError";
	}
}
