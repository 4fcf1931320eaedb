/**
 * The store as a state machine: `apply` takes a command and answers with what to make durable and what to tell the
 * caller. It does no I/O of its own (values it must compare come through `ReadValue`), knows no time, and takes the same
 * steps for the same commands, so a consensus log may stand in front of it.
 *
 * State is ahead of the disk while a batch is on its way. Whoever reads says at which revision, and the store reads at
 * the last durable one.
 *
 * Invariants:
 *  - compactRevision <= revision; a revision above 1 has at least one change.
 *  - A command that throws has changed nothing.
 *  - Every version at or after compactRevision, and of each key the newest before it unless a delete, can be reached
 *    from the index; the log has every change at or after compactRevision.
 *
 * Source: https://etcd.io/docs/v3.6/learning/data_model/ and https://etcd.io/docs/v3.6/learning/api_guarantees/
 */
import { KeyNotFoundError } from "../errors.ts";
import {
	CompactedError,
	type DeleteRangeRequest,
	FutureRevisionError,
	LeaseExistsError,
	LeaseNotFoundError,
	type PutRequest,
	type RangeRequest,
	type TxnOperation,
	type TxnRequest,
} from "../store.ts";
import { ChangeLog } from "./change-log.ts";
import type {
	AdminCommand,
	Applied,
	DeleteCommand,
	DeletePlan,
	Mutation,
	Plan,
	PutCommand,
	PutPlan,
	RangePlan,
	ReadValue,
	TxnCommand,
	TxnPlan,
	WriteCommand,
} from "./command.ts";
import { holds } from "./compare.ts";
import { type Interval, intervalOf } from "./interval.ts";
import { KeyIndex } from "./key-index.ts";
import { LeaseBook } from "./lease-book.ts";
import { compareVersions, isDelete, noLease, noValue, putBefore, type Version, versionAt } from "./version.ts";

/** The revision of a store in which nothing was ever written. */
export const firstRevision = 1;

/** A command under way: all its changes carry `revision`. */
interface Writing {
	/** One above the state's. */
	readonly revision: number;
	readonly mutations: Mutation[];
	/** Changes made so far, and so the next change's `sub`. */
	changes: number;
}

/** A transaction after its compares: only the operations that will run. */
interface ChosenTxn {
	readonly succeeded: boolean;
	readonly steps: readonly ChosenStep[];
}

type ChosenStep = Exclude<TxnOperation, { type: "txn" }> | { readonly type: "chosen"; readonly txn: ChosenTxn };

export class MvccState {
	readonly index = new KeyIndex();
	readonly log = new ChangeLog();
	readonly leases = new LeaseBook();
	/** Notes beside the keys, by name. */
	readonly records = new Map<string, Uint8Array>();
	#revision = firstRevision;
	#compactRevision = 0;
	#liveKeys = 0;

	/** Of the newest change. */
	get revision(): number {
		return this.#revision;
	}

	/** The oldest revision that can be read; 0 before the first compaction. */
	get compactRevision(): number {
		return this.#compactRevision;
	}

	/** Keys that exist now. */
	get liveKeys(): number {
		return this.#liveKeys;
	}

	apply(command: PutCommand, read: ReadValue): Applied<PutPlan>;
	apply(command: DeleteCommand, read: ReadValue): Applied<DeletePlan>;
	apply(command: TxnCommand, read: ReadValue): Applied<TxnPlan>;
	apply(command: AdminCommand, read: ReadValue): Applied<undefined>;
	apply(command: WriteCommand, read: ReadValue): Applied<Plan | undefined>;
	/** Throws `LeaseNotFoundError`, `LeaseExistsError`, `CompactedError` or `FutureRevisionError`, and what `read` throws. */
	apply(command: WriteCommand, read: ReadValue): Applied<Plan | undefined> {
		const writing: Writing = { revision: this.#revision + 1, mutations: [], changes: 0 };
		const plan = this.#run(command, writing, read);
		this.#revision = currentRevision(writing);
		return { plan, mutations: writing.mutations, revision: this.#revision };
	}

	/** The keys of a range as they were at `revision`, which must not be compacted. */
	select(request: RangeRequest, revision: number, currentRevision: number): RangePlan {
		const limit = request.limit !== undefined && request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
		const wanted = request.countOnly === true ? 0 : limit;
		const versions: Version[] = [];
		let count = 0;
		this.#forEachAt(request, revision, (version) => {
			if (count++ < wanted) versions.push(version);
		});
		return {
			type: "range",
			revision: currentRevision,
			versions,
			keysOnly: request.keysOnly === true,
			more: request.countOnly !== true && count > limit,
			count,
		};
	}

	/** Throws unless `revision` (0 and undefined mean now) can be read while the newest readable one is `newest`. */
	checkReadable(revision: number | undefined, newest: number): void {
		if (revision === undefined || revision <= 0) return;
		if (revision > newest) throw new FutureRevisionError();
		if (revision < this.#compactRevision) throw new CompactedError(this.#compactRevision);
	}

	/**
	 * Takes history that compaction made unreachable out of memory and says what to take off the disk; looks at `limit`
	 * changes at most. To be called until it is done. What belongs together is forgotten together: a key's last put
	 * never outlives its delete.
	 */
	collectGarbage(limit: number): { readonly mutations: readonly Mutation[]; readonly done: boolean } {
		const mutations: Mutation[] = [];
		for (let visits = 0; visits < limit; visits++) {
			const version = this.log.shiftBefore(this.#compactRevision);
			if (version === undefined) {
				for (const last of this.log.at(this.#compactRevision)) this.#forgetPrevious(last, mutations);
				return { mutations, done: true };
			}
			this.#forgetPrevious(version, mutations);
			if (isDelete(version)) {
				mutations.push({ type: "forget", version });
				if (this.index.get(version.key) === version) this.index.delete(version.key);
			}
		}
		return { mutations, done: false };
	}

	/** Takes over a version from the disk. They come in the order they took effect. */
	restoreVersion(version: Version): void {
		const newest = this.index.get(version.key);
		version.previous = newest;
		this.#link(version, newest);
		this.#revision = Math.max(this.#revision, version.revision);
	}

	/** Takes over the compaction revision from the disk. */
	restoreCompaction(revision: number): void {
		this.#compactRevision = revision;
		this.#revision = Math.max(this.#revision, revision);
	}

	#run(command: WriteCommand, writing: Writing, read: ReadValue): Plan | undefined {
		switch (command.type) {
			case "put":
				this.#checkPut(command.request);
				return this.#put(command.request, writing, read);
			case "delete":
				return this.#delete(command.request, writing);
			case "txn": {
				const chosen = this.#choose(command.request, read);
				this.#checkChosen(chosen);
				return this.#runChosen(chosen, writing, read);
			}
			case "grantLease":
				if (this.leases.has(command.id)) throw new LeaseExistsError();
				this.leases.grant(command.id, command.ttlSeconds);
				writing.mutations.push(command);
				return undefined;
			case "revokeLease":
				this.#revokeLease(command.id, writing);
				return undefined;
			case "compact":
				if (command.revision <= this.#compactRevision) throw new CompactedError(this.#compactRevision);
				if (command.revision > this.#revision) throw new FutureRevisionError();
				this.#compactRevision = command.revision;
				writing.mutations.push(command);
				return undefined;
			case "records":
				for (const record of command.records) {
					this.setRecord(record.name, record.value);
					writing.mutations.push({ type: "record", ...record });
				}
				return undefined;
		}
	}

	/** Takes over a note; also from the disk. */
	setRecord(name: string, value: Uint8Array | undefined): void {
		if (value === undefined) this.records.delete(name);
		else this.records.set(name, value);
	}

	/**
	 * Every change that can still be read, in order: all from the compact revision on, and of each key what stood then.
	 * With a revision: as etcd hashes it, so that members hash alike whether they have collected their garbage or not.
	 */
	history(hashedAt?: number): readonly Version[] {
		const versions: Version[] = [];
		const upTo = hashedAt ?? this.#revision;
		this.index.scan({ from: "", to: undefined }, (newest) => {
			const kept = versionAt(newest, hashedAt ?? this.#compactRevision);
			for (let version: Version | undefined = newest; version !== undefined; version = version.previous) {
				const isRecent = hashedAt === undefined ? version.revision >= this.#compactRevision : version.revision > this.#compactRevision;
				if (version === kept || (isRecent && version.revision <= upTo)) versions.push(version);
			}
		});
		return versions.sort(compareVersions);
	}

	#put(request: PutRequest, writing: Writing, read: ReadValue): PutPlan {
		const newest = this.index.get(request.key);
		const alive = newest === undefined || isDelete(newest) ? undefined : newest;
		const kept = this.#keptVersion(request, newest);
		const version: Version = {
			key: request.key,
			revision: writing.revision,
			sub: writing.changes++,
			createRevision: alive?.createRevision ?? writing.revision,
			version: (alive?.version ?? 0) + 1,
			lease: request.ignoreLease === true ? (kept?.lease ?? noLease) : (request.lease ?? noLease),
			previous: newest,
		};
		const value = request.ignoreValue === true && kept !== undefined ? read(kept) : request.value;
		this.#link(version, newest);
		writing.mutations.push({ type: "change", version, value });
		return { type: "put", revision: writing.revision, previous: request.prevKv === true ? alive : undefined };
	}

	/** What a put keeps value or lease of: the key as it was before the command, should the command have deleted it. */
	#keptVersion(request: PutRequest, newest: Version | undefined): Version | undefined {
		if (newest === undefined || (request.ignoreValue !== true && request.ignoreLease !== true)) return undefined;
		return isDelete(newest) ? putBefore(newest) : newest;
	}

	#delete(request: DeleteRangeRequest, writing: Writing): DeletePlan {
		const deleted: Version[] = [];
		this.#forEachAt(request, writing.revision, (version) => deleted.push(version));
		for (const version of deleted) this.#deleteKey(version, writing);
		return {
			type: "delete",
			revision: currentRevision(writing),
			deleted: deleted.length,
			previous: request.prevKv === true ? deleted : [],
		};
	}

	#deleteKey(alive: Version, writing: Writing): void {
		const version: Version = {
			key: alive.key,
			revision: writing.revision,
			sub: writing.changes++,
			createRevision: 0,
			version: 0,
			lease: noLease,
			previous: alive,
		};
		this.#link(version, alive);
		writing.mutations.push({ type: "change", version, value: noValue });
	}

	/** The keys go in key order, as in etcd, so that every replica numbers the changes alike. */
	#revokeLease(id: bigint, writing: Writing): void {
		const lease = this.leases.get(id);
		if (lease === undefined) throw new LeaseNotFoundError();
		for (const key of [...lease.keys].sort()) {
			const alive = this.index.get(key);
			if (alive !== undefined) this.#deleteKey(alive, writing);
		}
		this.leases.remove(id);
		writing.mutations.push({ type: "revokeLease", id });
	}

	/** Cuts a version off from what was before the compaction. A delete before it is forgotten by its own visit. */
	#forgetPrevious(version: Version, mutations: Mutation[]): void {
		const previous = version.previous;
		if (previous === undefined || previous.revision >= this.#compactRevision) return;
		if (!isDelete(previous)) mutations.push({ type: "forget", version: previous });
		version.previous = undefined;
	}

	/** Makes `version` the newest of its key, after `newest`. */
	#link(version: Version, newest: Version | undefined): void {
		this.index.set(version);
		this.log.push(version);
		this.leases.move(version.key, newest?.lease ?? noLease, version.lease);
		const existed = newest !== undefined && !isDelete(newest);
		this.#liveKeys += Number(!isDelete(version)) - Number(existed);
	}

	/** Evaluates the compares of the whole tree, before any of its operations runs: nested ones see the state before the transaction. */
	#choose(request: TxnRequest, read: ReadValue): ChosenTxn {
		const succeeded = request.compare.every((compare) => {
			const versions: Version[] = [];
			this.#forEachAt(compare, this.#revision, (version) => versions.push(version));
			return holds(compare, versions, read);
		});
		const steps = (succeeded ? request.success : request.failure).map((operation) =>
			operation.type === "txn" ? ({ type: "chosen", txn: this.#choose(operation.request, read) } as const) : operation,
		);
		return { succeeded, steps };
	}

	#checkChosen(txn: ChosenTxn): void {
		for (const step of txn.steps) {
			if (step.type === "chosen") this.#checkChosen(step.txn);
			else if (step.type === "put") this.#checkPut(step.request);
			else if (step.type === "range") this.checkReadable(step.request.revision, this.#revision);
		}
	}

	#runChosen(txn: ChosenTxn, writing: Writing, read: ReadValue): TxnPlan {
		const responses = txn.steps.map((step) => this.#runStep(step, writing, read));
		return { type: "txn", revision: currentRevision(writing), succeeded: txn.succeeded, responses };
	}

	#runStep(step: ChosenStep, writing: Writing, read: ReadValue): Plan {
		switch (step.type) {
			case "put":
				return this.#put(step.request, writing, read);
			case "delete":
				return this.#delete(step.request, writing);
			case "range":
				return this.select(step.request, readRevision(step.request, writing.revision), currentRevision(writing));
			case "chosen":
				return this.#runChosen(step.txn, writing, read);
		}
	}

	#checkPut({ key, lease = noLease, ignoreLease, ignoreValue }: PutRequest): void {
		if (ignoreLease !== true && lease !== noLease && !this.leases.has(lease)) throw new LeaseNotFoundError();
		if (ignoreLease !== true && ignoreValue !== true) return;
		const newest = this.index.get(key);
		if (newest === undefined || isDelete(newest)) throw new KeyNotFoundError();
	}

	#forEachAt(range: { readonly key: string; readonly rangeEnd?: string }, revision: number, visit: (version: Version) => void): void {
		if (range.rangeEnd === undefined || range.rangeEnd === "") {
			const version = versionAt(this.index.get(range.key), revision);
			if (version !== undefined) visit(version);
			return;
		}
		const interval: Interval = intervalOf(range.key, range.rangeEnd);
		this.index.scan(interval, (newest) => {
			const version = versionAt(newest, revision);
			if (version !== undefined) visit(version);
		});
	}
}

/** The revision a range asks for; `now` if it does not say. */
export function readRevision(request: RangeRequest, now: number): number {
	return request.revision !== undefined && request.revision > 0 ? request.revision : now;
}

/** The revision a reader inside the command sees. */
function currentRevision(writing: Writing): number {
	return writing.changes > 0 ? writing.revision : writing.revision - 1;
}
