/**
 * One replica of the store: the pure state, the engine that keeps it, and the watches on it. Commands come in the order
 * that a sequencer gave them (sequencer.ts); what this replica answers and shows is the same on every other one.
 *
 *     execute/replay ─> state.apply ─> group commit ─> backend
 *                                           └─> watchers, then the caller
 *     hash/snapshot ──> state.history, as of the call ─> values, once all of it is kept; garbage waits meanwhile
 *     range ──────────> state.select at the last revision kept ─> values
 *
 * Watchers hear of a change before its writer does.
 */
import type { Logger } from "../apimachinery/log.ts";
import type { Backend } from "./backend/backend.ts";
import { isRefusal, StoreClosedError, StoreFailedError } from "./errors.ts";
import { type CommitEntry, type CommitHooks, GroupCommit } from "./group-commit.ts";
import type { Mutation, ReadValue, ResponseOf, WriteCommand } from "./mvcc/command.ts";
import { checkKey } from "./mvcc/request-check.ts";
import { buildRange, buildResponse, versionsOf } from "./mvcc/response.ts";
import type { MvccState } from "./mvcc/state.ts";
import { isDelete, noValue, type Version } from "./mvcc/version.ts";
import type { Position } from "./raft/entry.ts";
import type { HistoryEntry } from "./snapshot/history-entry.ts";
import { hashHistory } from "./snapshot/history-hash.ts";
import { buildSnapshot } from "./snapshot/snapshot.ts";
import type { HistoryHash, RangeRequest, RangeResponse, StoreStatus, StoreWatch, StoreWatchSink, WatchRequest } from "./store.ts";
import { ValueReader } from "./value-reader.ts";
import { type Publication, WatchHub } from "./watch-hub.ts";

/** Changes that one step of a compaction looks at; writers get their turn between two steps. */
const compactionChunk = 1000;

/** Values that one step of a hash or a snapshot reads. */
const historyChunk = 2000;

export interface StateMachineOptions {
	/** The machine owns it from here on and closes it. */
	readonly backend: Backend;
	/** What the engine holds. */
	readonly state: MvccState;
	/** Of the last command that the engine holds; undefined for one that knows no positions, or has none yet. */
	readonly applied?: Position;
	/** Commands come from a durable log: they are answered at once, and the engine follows behind. */
	readonly isBehindLog: boolean;
	readonly log: Logger;
}

export class StateMachine {
	readonly state: MvccState;
	/** Told of each command that took effect. Set by whoever runs leases. */
	onApplied: (command: WriteCommand) => void = () => undefined;
	/** Told once, when nothing is accepted any more because of a failure. */
	onFailed: (error: Error) => void = () => undefined;
	readonly #backend: Backend;
	readonly #log: Logger;
	readonly #values: ValueReader;
	readonly #watches: WatchHub;
	readonly #commit: GroupCommit<Publication>;
	readonly #isBehindLog: boolean;
	#applied: Position | undefined;
	/** Why nothing is accepted any more. */
	#stopped: Error | undefined;
	/** The compaction under way: there is one at a time, and it goes up to the newest compact revision. */
	#compacting: Promise<void> | undefined;
	#closing: Promise<void> | undefined;
	/** Made of a snapshot to take this one's place: who reads here waits for it. */
	#successor: Promise<StateMachine> | undefined;
	/** Hashes and snapshots under way: what they are to read must not be collected. */
	readonly #historyReads = new Set<Promise<unknown>>();

	constructor({ backend, state, applied, isBehindLog, log }: StateMachineOptions) {
		this.#backend = backend;
		this.#log = log;
		this.#applied = applied;
		this.#isBehindLog = isBehindLog;
		this.state = state;
		this.#values = new ValueReader(backend);
		this.#watches = new WatchHub(state, this.#values, log);
		const hooks: CommitHooks<Publication> = {
			prepare: (entries) => this.#prepare(entries),
			publish: (publication) => this.#watches.publish(publication),
			settled: (entries) => {
				for (const entry of entries) this.#values.dropPending(entry.mutations);
			},
			failed: (cause) => this.#fail(cause),
		};
		this.#commit = new GroupCommit(backend, hooks, isBehindLog);
		// A compaction that a crash interrupted goes on.
		if (state.compactRevision > 0) void this.collectGarbage();
	}

	/** The newest revision that readers may know of. */
	get revision(): number {
		return this.#watches.revision;
	}

	/** Of the last command applied; the engine may be behind. Undefined without positions. */
	get applied(): Position | undefined {
		return this.#applied;
	}

	get isInMemory(): boolean {
		return this.#backend.isInMemory;
	}

	get location(): string {
		return this.#backend.location;
	}

	checkRunning(): void {
		if (this.#stopped !== undefined) throw this.#stopped;
	}

	/**
	 * The command takes effect now. Resolves to its response once it is kept; rejects with what the state refuses (the
	 * refusal is the same on every replica), or why this replica failed.
	 */
	execute<C extends WriteCommand>(command: C, position?: Position): Promise<ResponseOf<C>> {
		this.checkRunning();
		const applied = this.#apply(command, position);
		if (applied instanceof Error) return Promise.reject(applied);
		const { plan, mutations, revision } = applied;
		const versions = versionsOf(plan);
		const respond = (read: ReadValue) => buildResponse(plan, read) as ResponseOf<C>;
		if (versions.length === 0) return this.#submit(mutations, revision, position, () => respond(this.#values.now));
		return this.#submit(mutations, revision, position, () => this.#values.load(versions).then(respond));
	}

	/** The same for a command whose response nobody waits for here. Refusals and failures are heard of elsewhere. */
	replay(command: WriteCommand | undefined, position: Position): void {
		if (this.#stopped !== undefined) return;
		const applied = command === undefined ? this.#pass(position) : this.#apply(command, position);
		if (applied instanceof Error) return;
		const { mutations, revision } = applied;
		this.#values.addPending(mutations);
		this.#commit.submit({ mutations, revision, position, durable: () => undefined, failed: () => undefined });
	}

	/** A read at a revision that everybody may know of. Rejects with `CompactedError` or `FutureRevisionError`. */
	async range(request: RangeRequest): Promise<RangeResponse> {
		if (this.#successor !== undefined) return (await this.#successor).range(request);
		this.checkRunning();
		checkKey(request.key, request.rangeEnd);
		const now = this.revision;
		this.state.checkReadable(request.revision, now);
		const plan = this.state.select(request, revisionOr(request.revision, now), now);
		return buildRange(plan, await this.#values.load(versionsOf(plan)));
	}

	watch(request: WatchRequest, sink: StoreWatchSink): StoreWatch {
		// etcd takes an empty key for the first one there is.
		const key = request.key === "" ? "\0" : request.key;
		checkKey(key, request.rangeEnd);
		return this.#watches.watch({ ...request, key }, sink);
	}

	/** Resolves when everything applied so far is kept. */
	settle(): Promise<void> {
		if (this.#successor !== undefined) return this.#successor.then((successor) => successor.settle());
		this.checkRunning();
		return this.#submit([], this.state.revision, undefined, () => undefined);
	}

	/** Resolves when everything applied so far survives a power failure. */
	async flush(): Promise<void> {
		await this.settle();
		await this.#commit.written();
		await this.#backend.flush();
	}

	async hash(revision?: number): Promise<HistoryHash> {
		if (this.#successor !== undefined) return (await this.#successor).hash(revision);
		await this.settle();
		const now = this.revision;
		this.state.checkReadable(revision, now);
		const hashRevision = revisionOr(revision, now);
		const { compactRevision } = this.state;
		const hash = await this.#readHistory(this.state.history(hashRevision), hashHistory);
		return { hash, hashRevision, compactRevision, revision: now };
	}

	/** Everything as of the call, as the pages of a snapshot file. */
	snapshot(): Promise<readonly Uint8Array[]> {
		if (this.#successor !== undefined) return this.#successor.then((successor) => successor.snapshot());
		this.checkRunning();
		const { compactRevision, revision } = this.state;
		const leases = Array.from(this.state.leases.all(), ({ id, ttlSeconds }) => ({ id, ttlSeconds }));
		const records = new Map(this.state.records);
		return this.#readHistory(this.state.history(), (history) => buildSnapshot({ history, compactRevision, revision, leases, records }));
	}

	async defragment(): Promise<void> {
		this.checkRunning();
		await this.#backend.defragment();
	}

	sizeBytes(): number {
		return this.#backend.sizeBytes();
	}

	status(): StoreStatus {
		return {
			revision: this.revision,
			compactRevision: this.state.compactRevision,
			dbSizeBytes: this.#backend.sizeBytes(),
			keys: this.state.liveKeys,
		};
	}

	/** Takes compacted history away step by step; each step waits for the disk, so that writers are never held up. */
	collectGarbage(): Promise<void> {
		this.#compacting ??= this.#collect().finally(() => {
			this.#compacting = undefined;
		});
		return this.#compacting;
	}

	/**
	 * Keeps what was accepted and releases the engine; then `make` makes the replica that takes this one's place. Reads wait
	 * for it, and watches go on there (as etcd's do: watchableStore.Restore).
	 */
	replaceBy(make: () => Promise<StateMachine>): Promise<StateMachine> {
		this.#watches.hold();
		this.#stopped ??= new StoreClosedError();
		this.#closing ??= this.#release();
		const successor = this.#closing.then(make);
		this.#successor = successor;
		return successor.then(
			(machine) => {
				machine.#watches.takeOver(this.#watches);
				return machine;
			},
			(error: unknown) => {
				this.#watches.end(error instanceof Error ? error : new Error(String(error)));
				throw error;
			},
		);
	}

	/** Keeps what was accepted, ends every watch and releases the engine. */
	close(): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	/** Ends every watch because of `error`, which every later call gets, and releases the engine. */
	async abort(error: Error): Promise<void> {
		this.#stopped ??= error;
		this.#watches.end(error);
		await this.close();
	}

	async #close(): Promise<void> {
		this.#stopped ??= new StoreClosedError();
		await this.#release(() => this.#watches.end());
	}

	/** @param kept called when all that was accepted is kept. */
	async #release(kept: () => void = () => undefined): Promise<void> {
		await this.#compacting;
		await this.#commit.idle();
		kept();
		await this.#backend.close();
	}

	/** Returns what the state refuses; throws what must not be, with this replica stopped. */
	#apply(command: WriteCommand, position: Position | undefined) {
		try {
			const applied = this.state.apply(command, this.#values.now);
			this.#applied = position;
			this.onApplied(command);
			if (command.type === "compact") this.#collectOnceKept();
			return applied;
		} catch (error) {
			if (!isRefusal(error)) throw this.#fail(error);
			if (position !== undefined) this.#keepPosition(position);
			return error;
		}
	}

	/** A command that changes nothing. */
	#pass(position: Position): { readonly mutations: readonly Mutation[]; readonly revision: number; readonly plan: undefined } {
		this.#applied = position;
		return { mutations: [], revision: this.state.revision, plan: undefined };
	}

	/**
	 * So that what was refused once is not applied again after a restart. An engine that answers at once hears of it with the next change:
	 * until then it would be refused again, and where there is no log, nothing happens here either.
	 */
	#keepPosition(position: Position): void {
		if (!this.#isBehindLog) {
			this.#applied = position;
			return;
		}
		const { mutations, revision } = this.#pass(position);
		this.#commit.submit({ mutations, revision, position, durable: () => undefined, failed: () => undefined });
	}

	/** What is not kept yet must not be the oldest thing that can be read. */
	#collectOnceKept(): void {
		void this.settle().then(
			() => this.collectGarbage(),
			() => undefined,
		);
	}

	/** @param respond begins in the turn in which the mutations were kept, before history can be collected. */
	#submit<R>(mutations: readonly Mutation[], revision: number, position: Position | undefined, respond: () => R | Promise<R>): Promise<R> {
		this.#values.addPending(mutations);
		return new Promise((resolve, reject) => {
			this.#commit.submit({ mutations, revision, position, durable: () => resolve(respond()), failed: reject });
		});
	}

	/** What watchers are to hear of a batch; reads what was there before only if one of them wants it. */
	#prepare(entries: readonly CommitEntry[]): Publication | Promise<Publication> {
		const changes = entries.flatMap((entry) => entry.mutations.filter((mutation) => mutation.type === "change"));
		const revision = entries.at(-1)?.revision ?? this.revision;
		const wanted = this.#watches.previousWanted(changes);
		if (wanted.length === 0) return { changes, revision, previous: this.#values.now };
		return this.#values.load(wanted).then((previous) => ({ changes, revision, previous }));
	}

	/** Hands `use` the versions with their values, once all of them are kept. The versions are as of the call. */
	#readHistory<R>(versions: readonly Version[], use: (history: AsyncIterable<readonly HistoryEntry[]>) => Promise<R>): Promise<R> {
		const settled = this.settle();
		const values = this.#values;
		async function* load(): AsyncIterable<readonly HistoryEntry[]> {
			await settled;
			for (let begin = 0; begin < versions.length; begin += historyChunk) {
				const chunk = versions.slice(begin, begin + historyChunk);
				const read = await values.load(chunk.filter((version) => !isDelete(version)));
				yield chunk.map((version) => ({ version, value: isDelete(version) ? noValue : read(version) }));
			}
		}
		const reading = use(load()).finally(() => this.#historyReads.delete(reading));
		this.#historyReads.add(reading);
		return reading;
	}

	/** A machine that stops meanwhile leaves the rest for when it is opened again. */
	async #collect(): Promise<void> {
		try {
			for (let done = false; !done && this.#stopped === undefined; ) {
				while (this.#historyReads.size > 0) await Promise.allSettled(this.#historyReads);
				if (this.#stopped !== undefined) return;
				const garbage = this.state.collectGarbage(compactionChunk);
				done = garbage.done;
				if (garbage.mutations.length > 0) await this.#submit(garbage.mutations, this.state.revision, undefined, () => undefined);
			}
		} catch (error) {
			this.#log.warn("compaction stopped", { error });
		}
	}

	#fail(cause: unknown): Error {
		const failure = new StoreFailedError(cause);
		if (this.#stopped === undefined) {
			this.#stopped = failure;
			this.#log.error(failure.message, { location: this.#backend.location });
			this.#watches.end(failure);
			this.onFailed(failure);
		}
		return failure;
	}
}

/** 0 and undefined mean now. */
function revisionOr(revision: number | undefined, now: number): number {
	return revision === undefined || revision <= 0 ? now : revision;
}
