/**
 * The store as one member serves it: checks what is asked, has it put in order, and reads its own replica.
 *
 *     put/delete/txn/lease/compact ─> check ─> sequencer.propose ─> StateMachine ─> response
 *     range ─> sequencer.readBarrier (unless serializable) ─> StateMachine.range
 *     leases run at the leader (lessor.ts); another member asks it
 *
 * A read never sees what could be taken back, and a linearizable one sees everything that was answered before it.
 */
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import { LeaseTtlTooLargeError, NoSpaceError, StoreClosedError, TooManyRequestsError } from "./errors.ts";
import { GroupError, type StoreGroup } from "./group.ts";
import { Lessor } from "./lessor.ts";
import type { ResponseOf, WriteCommand } from "./mvcc/command.ts";
import { changeBytes, putBytes, txnBytesTaken } from "./mvcc/cost.ts";
import { checkKey, checkPut, checkTxn, type RequestLimits } from "./mvcc/request-check.ts";
import type { LeaseRequest, Sequencer, SequencerFactory } from "./sequencer.ts";
import type { StateMachine } from "./state-machine.ts";
import type {
	Alarm,
	DeleteRangeRequest,
	DeleteRangeResponse,
	HistoryHash,
	Lease,
	MaintainedStore,
	PutRequest,
	PutResponse,
	RangeRequest,
	RangeResponse,
	StoreStatus,
	StoreWatch,
	StoreWatchSink,
	TxnRequest,
	TxnResponse,
	WatchRequest,
} from "./store.ts";
import { LeaseNotFoundError } from "./store.ts";

/** The store refuses what goes beyond. */
export interface StoreLimits extends RequestLimits {
	/** Writes that may wait for the disk. */
	readonly waitingWrites: number;
	/** Bytes of the whole store, above which the NOSPACE alarm is raised. */
	readonly quotaBytes: number;
}

/** All but the waiting writes are etcd's (--max-request-bytes, --max-txn-ops, --quota-backend-bytes). */
const defaultLimits: StoreLimits = {
	requestBytes: 1.5 * 1024 * 1024,
	txnOperations: 128,
	waitingWrites: 100_000,
	quotaBytes: 2 * 1024 * 1024 * 1024,
};

/** After which the revocation of a lease whose time is up is tried again: as etcd's expired leases are looked for, ms. */
const revokeRetryMs = 500;

/** About 285 years, as in etcd. */
const maxLeaseTtlSeconds = 9_000_000_000;

/** Alarms are notes beside the keys, under this prefix. */
const alarmRecord = "alarm/";
const alarmKinds: readonly Alarm[] = ["NOSPACE", "CORRUPT"];

export interface MemberStoreOptions {
	readonly sequencer: SequencerFactory;
	readonly clock: Clock;
	readonly log: Logger;
	readonly limits?: Partial<StoreLimits>;
}

export class MemberStore implements MaintainedStore {
	readonly group: StoreGroup;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #limits: StoreLimits;
	readonly #sequencer: Sequencer;
	readonly #lessor: Lessor;
	/** Why nothing is accepted any more. */
	#stopped: Error | undefined;
	#closing: Promise<void> | undefined;
	/** Writes that wait for their answer. */
	#waiting = 0;
	/** Revocations of leases whose time is up: whoever asks about leases waits for them, as in etcd. */
	readonly #expiring = new Set<Promise<unknown>>();
	/** At least as large as what is stored; the engine is asked again when this reaches the quota. */
	#sizeEstimateBytes: number;

	constructor(options: MemberStoreOptions) {
		this.#clock = options.clock;
		this.#log = options.log;
		this.#limits = { ...defaultLimits, ...options.limits };
		this.#lessor = new Lessor({
			clock: options.clock,
			leases: () => this.#machine.state.leases,
			expired: (id) => this.#expire(id),
		});
		this.#sequencer = options.sequencer({
			leads: (isLeading) => queueMicrotask(() => this.#setPrimary(isLeading)),
			answer: (request) => this.#answer(request),
			applied: (command) => this.#lessor.applied(command),
			failed: (error) => this.#fail(error),
		});
		this.group = this.#sequencer.group;
		this.#sizeEstimateBytes = this.#machine.sizeBytes();
	}

	get #machine(): StateMachine {
		return this.#sequencer.machine;
	}

	get isReplicated(): boolean {
		return this.group.isReplicated;
	}

	async range(request: RangeRequest): Promise<RangeResponse> {
		this.#checkRunning();
		checkKey(request.key, request.rangeEnd);
		if (request.serializable !== true) await this.#sequencer.readBarrier();
		return this.#machine.range(request);
	}

	async put(request: PutRequest): Promise<PutResponse> {
		this.#checkWritable();
		checkPut(request, this.#limits);
		const full = this.#checkSpace(putBytes(request));
		if (full !== undefined) await full;
		return this.#propose({ type: "put", request });
	}

	async deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
		this.#checkWritable();
		checkKey(request.key, request.rangeEnd);
		return this.#propose({ type: "delete", request });
	}

	async txn(request: TxnRequest): Promise<TxnResponse> {
		this.#checkWritable();
		checkTxn(request, this.#limits);
		const full = this.#checkSpace(txnBytesTaken(request));
		if (full !== undefined) await full;
		this.#waiting++;
		try {
			return await this.#sequencer.propose({ type: "txn", request });
		} finally {
			this.#waiting--;
		}
	}

	watch(request: WatchRequest, sink: StoreWatchSink): StoreWatch {
		return this.#machine.watch(request, sink);
	}

	async compact(revision: number): Promise<void> {
		this.#checkWritable();
		// The state may be ahead; what is not kept must not be the oldest thing that can be read.
		this.#machine.state.checkReadable(revision, this.#machine.revision);
		await this.#propose({ type: "compact", revision });
		await this.#machine.collectGarbage();
	}

	async grantLease(ttlSeconds: number, id?: bigint): Promise<Lease> {
		this.#checkWritable();
		if (!(ttlSeconds > 0)) throw new RangeError(`a lease's time to live must be greater than 0 s, got ${ttlSeconds}`);
		if (ttlSeconds > maxLeaseTtlSeconds) throw new LeaseTtlTooLargeError();
		const full = this.#checkSpace(changeBytes);
		if (full !== undefined) await full;
		const granted = id === undefined || id === 0n ? this.#lessor.newId(this.group.memberId) : id;
		await this.#propose({ type: "grantLease", id: granted, ttlSeconds });
		return this.#lessor.describe(granted);
	}

	async revokeLease(id: bigint): Promise<void> {
		this.#checkWritable();
		await this.#propose({ type: "revokeLease", id });
	}

	keepAliveLease(id: bigint): Promise<Lease> {
		return this.#askLeases({ type: "keepAlive", id });
	}

	lease(id: bigint): Promise<Lease> {
		return this.#askLeases({ type: "lease", id });
	}

	async leases(): Promise<readonly Lease[]> {
		this.#checkRunning();
		await this.#sequencer.readBarrier();
		await Promise.all(this.#expiring);
		await this.#machine.settle();
		return Array.from(this.#machine.state.leases.all(), (lease) => this.#lessor.describe(lease.id));
	}

	async hash(revision?: number): Promise<HistoryHash> {
		this.#checkRunning();
		return await this.#machine.hash(revision);
	}

	async defragment(): Promise<void> {
		this.#checkWritable();
		await this.#machine.defragment();
		this.#sizeEstimateBytes = this.#machine.sizeBytes();
	}

	alarms(): readonly Alarm[] {
		return alarmKinds.filter((alarm) => this.#machine.state.records.has(alarmRecord + alarm));
	}

	async setAlarm(alarm: Alarm, isOn: boolean): Promise<void> {
		if (this.alarms().includes(alarm) !== isOn) await this.setRecord(alarmRecord + alarm, isOn ? new Uint8Array(0) : undefined);
	}

	async *snapshot(): AsyncIterable<Uint8Array> {
		this.#checkRunning();
		yield* await this.#machine.snapshot();
	}

	get quotaBytes(): number {
		return this.#limits.quotaBytes;
	}

	record(name: string): Uint8Array | undefined {
		return this.#machine.state.records.get(name);
	}

	async setRecord(name: string, value: Uint8Array | undefined): Promise<void> {
		this.#checkWritable();
		await this.#propose({ type: "records", records: [{ name, value }] });
	}

	status(): StoreStatus {
		return this.#machine.status();
	}

	close(): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	async #close(): Promise<void> {
		this.#stopped ??= new StoreClosedError();
		this.#lessor.stop();
		await this.#sequencer.close();
	}

	#checkRunning(): void {
		if (this.#stopped !== undefined) throw this.#stopped;
	}

	#checkWritable(): void {
		this.#checkRunning();
		if (this.#waiting >= this.#limits.waitingWrites) throw new TooManyRequestsError();
	}

	async #propose<C extends WriteCommand>(command: C): Promise<ResponseOf<C>> {
		this.#waiting++;
		try {
			return await this.#sequencer.propose(command);
		} finally {
			this.#waiting--;
		}
	}

	/** Nothing is waited for while there is room. Rejects with `NoSpaceError`, with the alarm raised. */
	#checkSpace(bytes: number): Promise<void> | undefined {
		if (bytes === 0) return undefined;
		if (this.#machine.state.records.has(`${alarmRecord}NOSPACE`)) throw new NoSpaceError();
		this.#sizeEstimateBytes += bytes;
		if (this.#sizeEstimateBytes <= this.#limits.quotaBytes) return undefined;
		this.#sizeEstimateBytes = this.#machine.sizeBytes() + bytes;
		return this.#sizeEstimateBytes <= this.#limits.quotaBytes ? undefined : this.#refuseForSpace();
	}

	async #refuseForSpace(): Promise<never> {
		this.#log.warn("the store is full: alarm raised", { alarm: "NOSPACE", quotaBytes: this.#limits.quotaBytes });
		await this.setAlarm("NOSPACE", true);
		throw new NoSpaceError();
	}

	/** Where the leases run it is answered once everything that came before is kept. */
	async #askLeases(request: LeaseRequest): Promise<Lease> {
		this.#checkRunning();
		if (!this.#lessor.isPrimary) return await this.#sequencer.askLeader(request);
		await Promise.all(this.#expiring);
		await this.#machine.settle();
		try {
			return await this.#answer(request);
		} catch (error) {
			if (!(error instanceof GroupError) || error.reason !== "notLeader") throw error;
			return await this.#sequencer.askLeader(request);
		}
	}

	/** A lease is kept alive only by who still leads: somewhere else its time may run out already (etcd's ensureLeadership). */
	async #answer({ type, id }: LeaseRequest): Promise<Lease> {
		this.#checkPrimary();
		if (type === "lease") return this.#lessor.describe(id);
		await this.#sequencer.readBarrier();
		this.#checkPrimary();
		return this.#lessor.keepAlive(id);
	}

	#checkPrimary(): void {
		this.#checkRunning();
		if (!this.#lessor.isPrimary) throw new GroupError("notLeader");
	}

	#setPrimary(isLeading: boolean): void {
		if (this.#stopped === undefined) this.#lessor.setPrimary(isLeading);
	}

	#fail(error: Error): void {
		this.#stopped ??= error;
		this.#lessor.stop();
	}

	#expire(id: bigint): void {
		const revoked = this.#revokeExpired(id)
			.catch((error: unknown) => this.#log.error("an expired lease could not be revoked", { lease: String(id), error }))
			.finally(() => this.#expiring.delete(revoked));
		this.#expiring.add(revoked);
	}

	/**
	 * Only as long as this member leads without a break: the next leader, be it this one again, gives the lease its whole time
	 * once more, and a revocation from before would take that back. Until then it tries again.
	 */
	async #revokeExpired(id: bigint): Promise<void> {
		while (this.#stopped === undefined && this.#lessor.isOver(id) && this.#machine.state.leases.has(id)) {
			try {
				await this.#sequencer.readBarrier();
				if (this.#lessor.isOver(id)) await this.#sequencer.proposeAsLeader({ type: "revokeLease", id });
				return;
			} catch (error) {
				if (error instanceof LeaseNotFoundError) return;
				if (!(error instanceof GroupError || error instanceof TooManyRequestsError)) throw error;
				await sleep(this.#clock, revokeRetryMs);
			}
		}
	}
}
