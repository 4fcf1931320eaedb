/**
 * For tests: a second implementation of the store, as dumb as can be. It keeps a list of all changes ever made and
 * answers every question by going through it from the beginning. No index, no disk, no batches.
 */
import { DuplicateKeyError } from "../errors.ts";
import { contains, intervalOf } from "../mvcc/interval.ts";
import {
	CompactedError,
	type Compare,
	type DeleteRangeRequest,
	type DeleteRangeResponse,
	FutureRevisionError,
	type KeyValue,
	LeaseExistsError,
	LeaseNotFoundError,
	type PutRequest,
	type PutResponse,
	type RangeRequest,
	type RangeResponse,
	type TxnOperation,
	type TxnOperationResponse,
	type TxnRequest,
	type TxnResponse,
	type WatchRequest,
} from "../store.ts";
import { text } from "./engines.ts";

interface Change {
	readonly revision: number;
	readonly key: string;
	/** Undefined for a delete. */
	readonly value: Uint8Array | undefined;
	readonly lease: bigint;
}

type Chosen = { readonly succeeded: boolean; readonly operations: readonly (TxnOperation | Chosen)[] };

export class ModelStore {
	readonly changes: Change[] = [];
	readonly leases = new Map<bigint, number>();
	compactRevision = 0;

	get revision(): number {
		return this.changes.at(-1)?.revision ?? 1;
	}

	/** Every key at a revision, in key order. */
	at(revision: number): KeyValue[] {
		const keys = new Map<string, KeyValue>();
		for (const { revision: modRevision, key, value, lease } of this.changes) {
			if (modRevision > revision) break;
			const old = keys.get(key);
			if (value === undefined) keys.delete(key);
			else
				keys.set(key, {
					key,
					value,
					createRevision: old?.createRevision ?? modRevision,
					modRevision,
					version: (old?.version ?? 0) + 1,
					lease,
				});
		}
		return [...keys.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
	}

	range(request: RangeRequest): RangeResponse {
		this.#checkReadable(request);
		const found = this.#find(request, request.revision || this.revision);
		const limited = request.limit ? found.slice(0, request.limit) : found;
		return {
			revision: this.revision,
			kvs: request.countOnly ? [] : limited.map((kv) => (request.keysOnly ? { ...kv, value: new Uint8Array(0) } : kv)),
			more: !request.countOnly && limited.length < found.length,
			count: found.length,
		};
	}

	put(request: PutRequest, revision = this.revision + 1): PutResponse {
		this.#checkLease(request);
		const [prevKv] = this.#find({ key: request.key }, revision);
		this.changes.push({ revision, key: request.key, value: request.value, lease: request.lease ?? 0n });
		return { revision, ...(request.prevKv && prevKv ? { prevKv } : {}) };
	}

	deleteRange(request: DeleteRangeRequest, revision = this.revision + 1): DeleteRangeResponse {
		const found = this.#find(request, revision);
		for (const { key } of found) this.changes.push({ revision, key, value: undefined, lease: 0n });
		return { revision: this.revision, deleted: found.length, prevKvs: request.prevKv ? found : [] };
	}

	txn(request: TxnRequest): TxnResponse {
		for (const branch of [request.success, request.failure]) checkDuplicates(branch);
		const chosen = this.#choose(request);
		const before = this.changes.length;
		this.#check(chosen);
		try {
			return this.#run(chosen, this.revision + 1);
		} catch (error) {
			this.changes.length = before;
			throw error;
		}
	}

	compact(revision: number): void {
		if (revision <= this.compactRevision) throw new CompactedError(this.compactRevision);
		if (revision > this.revision) throw new FutureRevisionError();
		this.compactRevision = revision;
	}

	grantLease(id: bigint, ttlSeconds: number): void {
		if (this.leases.has(id)) throw new LeaseExistsError();
		this.leases.set(id, ttlSeconds);
	}

	revokeLease(id: bigint): void {
		if (!this.leases.delete(id)) throw new LeaseNotFoundError();
		const revision = this.revision + 1;
		for (const kv of this.at(revision)) if (kv.lease === id) this.changes.push({ revision, key: kv.key, value: undefined, lease: 0n });
	}

	leaseKeys(id: bigint): readonly string[] {
		return this.at(this.revision)
			.filter((kv) => kv.lease === id)
			.map((kv) => kv.key);
	}

	/** What a watch that begins now must report from history, as `RecordedWatch.lines`; undefined if it is too late for it. */
	history(request: WatchRequest, from: number): readonly string[] | undefined {
		if (from < this.compactRevision) return undefined;
		const interval = intervalOf(request.key, request.rangeEnd);
		return this.changes
			.filter((change) => change.revision >= from && contains(interval, change.key))
			.map((change) => {
				const line =
					change.value === undefined
						? `delete ${change.key} @${change.revision}`
						: `put ${change.key}=${text(change.value)} @${change.revision}`;
				const [before] = this.#find({ key: change.key }, change.revision - 1);
				if (!request.prevKv || before === undefined || change.revision <= this.compactRevision) return line;
				return `${line} was ${before.key}=${text(before.value)} @${before.modRevision}`;
			});
	}

	#find(range: { readonly key: string; readonly rangeEnd?: string }, revision: number): KeyValue[] {
		return this.at(revision).filter((kv) => contains(intervalOf(range.key, range.rangeEnd), kv.key));
	}

	#choose(request: TxnRequest): Chosen {
		const succeeded = request.compare.every((compare) => this.#holds(compare));
		const operations = (succeeded ? request.success : request.failure).map((operation) =>
			operation.type === "txn" ? this.#choose(operation.request) : operation,
		);
		return { succeeded, operations };
	}

	#check(chosen: Chosen): void {
		for (const operation of chosen.operations) {
			if ("succeeded" in operation) this.#check(operation);
			else if (operation.type === "range") this.#checkReadable(operation.request);
			else if (operation.type === "put") this.#checkLease(operation.request);
		}
	}

	#run(chosen: Chosen, revision: number): TxnResponse {
		const responses = chosen.operations.map((operation): TxnOperationResponse => {
			if ("succeeded" in operation) return { type: "txn", response: this.#run(operation, revision) };
			if (operation.type === "put") return { type: "put", response: this.put(operation.request, revision) };
			if (operation.type === "delete") return { type: "delete", response: this.deleteRange(operation.request, revision) };
			if (operation.type === "range") return { type: "range", response: this.range(operation.request) };
			throw new Error("a nested transaction was not chosen");
		});
		return { revision: this.revision, succeeded: chosen.succeeded, responses };
	}

	#holds(compare: Compare): boolean {
		const found = this.#find(compare, this.revision);
		if (found.length === 0 && compare.target === "value") return false;
		const fields: (number | bigint | string)[] =
			found.length === 0
				? [compare.target === "lease" ? 0n : 0]
				: found.map((kv) => {
						if (compare.target === "value") return Buffer.from(kv.value).toString("hex");
						return { version: kv.version, create: kv.createRevision, mod: kv.modRevision, lease: kv.lease }[compare.target];
					});
		const wanted = compare.target === "value" ? Buffer.from(compare.value).toString("hex") : compare.value;
		return fields.every(
			(field) => ({ "=": field === wanted, "!=": field !== wanted, "<": field < wanted, ">": field > wanted })[compare.result],
		);
	}

	#checkReadable(request: RangeRequest): void {
		if (!request.revision) return;
		if (request.revision > this.revision) throw new FutureRevisionError();
		if (request.revision < this.compactRevision) throw new CompactedError(this.compactRevision);
	}

	#checkLease(request: PutRequest): void {
		if (request.lease !== undefined && request.lease !== 0n && !this.leases.has(request.lease)) throw new LeaseNotFoundError();
	}
}

/**
 * Right for transactions nested once, of which one branch is empty; the finer rules have tests of their own. A put and a
 * delete of one key get along only in two nested transactions, the put in the earlier one.
 */
function checkDuplicates(branch: readonly TxnOperation[]): void {
	const all = branch.flatMap((operation, position): { operation: TxnOperation; nestedAt: number | undefined }[] =>
		operation.type === "txn"
			? [...operation.request.success, ...operation.request.failure].map((inner) => ({ operation: inner, nestedAt: position }))
			: [{ operation, nestedAt: undefined }],
	);
	for (const [index, a] of all.entries()) {
		if (a.operation.type !== "put") continue;
		const key = a.operation.request.key;
		for (const [other, b] of all.entries()) {
			if (b.operation.type === "put" && other !== index && b.operation.request.key === key) throw new DuplicateKeyError();
			if (b.operation.type !== "delete") continue;
			const allowed = a.nestedAt !== undefined && b.nestedAt !== undefined && a.nestedAt < b.nestedAt;
			if (!allowed && contains(intervalOf(b.operation.request.key, b.operation.request.rangeEnd), key)) throw new DuplicateKeyError();
		}
	}
}
