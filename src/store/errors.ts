/**
 * What can go wrong with the store besides what store.ts names: requests etcd refuses, and stores that cannot be
 * opened or have stopped. Texts that begin with "etcdserver:" are etcd's own
 * (https://github.com/etcd-io/etcd/blob/main/api/v3rpc/rpctypes/error.go).
 */
import { CompactedError, FutureRevisionError, LeaseExistsError, LeaseNotFoundError } from "./store.ts";

/** The key of a request is empty. (All keys are `key: "\0", rangeEnd: "\0"`.) */
export class EmptyKeyError extends Error {
	constructor() {
		super("etcdserver: key is not provided");
		this.name = "EmptyKeyError";
	}
}

/** A put that keeps value or lease of a key that is not there. */
export class KeyNotFoundError extends Error {
	constructor() {
		super("etcdserver: key not found");
		this.name = "KeyNotFoundError";
	}
}

/** The store is as large as its quota, and the NOSPACE alarm is on. Deletes, compaction and defragmentation go on. */
export class NoSpaceError extends Error {
	constructor() {
		super("etcdserver: mvcc: database space exceeded");
		this.name = "NoSpaceError";
	}
}

/** One transaction would put a key twice, or put and delete it. */
export class DuplicateKeyError extends Error {
	constructor() {
		super("etcdserver: duplicate key given in txn request");
		this.name = "DuplicateKeyError";
	}
}

/** A transaction has more compares or operations than `StoreLimits.txnOperations`. */
export class TooManyOperationsError extends Error {
	constructor() {
		super("etcdserver: too many operations in txn request");
		this.name = "TooManyOperationsError";
	}
}

/** The keys and values of one write are larger than `StoreLimits.requestBytes`. */
export class RequestTooLargeError extends Error {
	constructor() {
		super("etcdserver: request is too large");
		this.name = "RequestTooLargeError";
	}
}

/** More writes wait for the disk than `StoreLimits.waitingWrites`. The caller may try again later. */
export class TooManyRequestsError extends Error {
	constructor() {
		super("etcdserver: too many requests");
		this.name = "TooManyRequestsError";
	}
}

/** A lease was asked for longer than 9,000,000,000 s (285 years). */
export class LeaseTtlTooLargeError extends Error {
	constructor() {
		super("etcdserver: too large lease TTL");
		this.name = "LeaseTtlTooLargeError";
	}
}

/** What the state machine itself says no to: the same on every replica, with nothing changed. */
export function isRefusal(error: unknown): error is Error {
	return [KeyNotFoundError, CompactedError, FutureRevisionError, LeaseExistsError, LeaseNotFoundError].some(
		(type) => error instanceof type,
	);
}

/** The store was closed, by its owner, before this call or while it waited. */
export class StoreClosedError extends Error {
	constructor() {
		super("store is closed");
		this.name = "StoreClosedError";
	}
}

/**
 * A write could not be made durable. Memory is ahead of the disk from then on, so nothing is served any more: the way
 * out is to open the store again, which shows exactly what is on the disk.
 */
export class StoreFailedError extends Error {
	constructor(cause: unknown) {
		super(`store failed and must be opened again: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
		this.name = "StoreFailedError";
	}
}

/** No member of an external etcd cluster answers, or it cannot decide now. What became of a write that failed so is not known. */
export class StoreUnavailableError extends Error {
	constructor(message: string, cause: unknown) {
		super(message, { cause });
		this.name = "StoreUnavailableError";
	}
}

/** An external etcd cluster does not let this user do that. */
export class StoreAccessError extends Error {
	constructor(message: string, cause?: unknown) {
		super(message, cause === undefined ? {} : { cause });
		this.name = "StoreAccessError";
	}
}

/** The directory cannot be used: no permission, not a directory, no space left … */
export class StoreOpenError extends Error {
	readonly location: string;
	constructor(location: string, cause: unknown) {
		super(`store directory ${location} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
		this.name = "StoreOpenError";
		this.location = location;
	}
}

/** What is on the disk contradicts itself. Thrown at open, or by the read that met a damaged value. */
export class StoreCorruptError extends Error {
	readonly location: string;
	constructor(location: string, detail: string, cause?: unknown) {
		super(
			`store ${location} is corrupt: ${detail}. Put a backup in its place, or move it away to start with an empty cluster; nothing was changed.`,
			cause === undefined ? {} : { cause },
		);
		this.name = "StoreCorruptError";
		this.location = location;
	}
}

/** A snapshot file cannot be restored: what is wrong with it, or with the place it is to go to. */
export class SnapshotError extends Error {
	constructor(message: string, cause?: unknown) {
		super(message, cause === undefined ? {} : { cause });
		this.name = "SnapshotError";
	}
}

/** Another process (or another store of this one) has the directory open. */
export class StoreLockedError extends Error {
	readonly location: string;
	constructor(location: string, cause?: unknown) {
		super(`store directory ${location} is in use by another process. Stop that one first, or choose another directory.`, { cause });
		this.name = "StoreLockedError";
		this.location = location;
	}
}

/** The directory was written by a version of kubesim whose format this one does not know. */
export class StoreFormatError extends Error {
	readonly location: string;
	constructor(location: string, found: string, known: string) {
		super(
			`store directory ${location} has format ${JSON.stringify(found)}, this version of kubesim knows ${JSON.stringify(known)}. Use the version that wrote it, or another directory.`,
		);
		this.name = "StoreFormatError";
		this.location = location;
	}
}
