/**
 * What happens to all writes that wait, together. With an engine whose disk makes writes durable, the engine comes first:
 * while a batch is on its way to the disk the next one gathers.
 *
 *     submit ─> waiting ──(take)──> backend.write ──> prepare ──> publish ──> each entry's durable()
 *                  ^                     │ fails
 *                  └─ gathers            v
 *                     meanwhile        every waiter fails, for good
 *
 * With a log before the engine, entries are durable when they come, and the engine follows behind:
 *
 *     submit ─> waiting ──(take)──> prepare ──> publish ──> each entry's durable() ──> unwritten ──> backend.write
 *
 * Invariants: batches reach the backend one at a time and in order of submission; no entry is told it is durable before
 * the ones submitted before it; after a failure nothing is written any more.
 */
import type { Backend } from "./backend/backend.ts";
import type { Mutation } from "./mvcc/command.ts";
import type { Position } from "./raft/entry.ts";

export interface CommitEntry {
	/** May be empty: the entry then only waits for what was submitted before it. */
	readonly mutations: readonly Mutation[];
	/** The state's revision once this entry is applied. */
	readonly revision: number;
	/** Its place in the log of commands; undefined where there is none. */
	readonly position: Position | undefined;
	/** Called once, unless `failed` is. What it reads before it returns is as of this entry's batch. */
	durable(): void;
	failed(error: Error): void;
}

/** @typeParam P what there is to tell about a batch. */
export interface CommitHooks<P> {
	/** Called when the batch is durable; what is below waits for it, if there is anything to wait for. */
	prepare(entries: readonly CommitEntry[]): P | Promise<P>;
	/** Called before the entries' `durable`. */
	publish(publication: P): void;
	/** Called when the engine has the entries, after their `durable`. */
	settled(entries: readonly CommitEntry[]): void;
	/** Called once; the error is what every waiter gets. */
	failed(cause: unknown): Error;
}

/** Bounds one batch, and so the time that a write waits for those in its batch. */
const maxBatchMutations = 8192;

/** Bounds what waits for the engine behind a log, and so memory. */
const maxUnwrittenMutations = 32_768;

export class GroupCommit<P> {
	readonly #backend: Backend;
	readonly #hooks: CommitHooks<P>;
	readonly #isBehindLog: boolean;
	#waiting: CommitEntry[] = [];
	#running: Promise<void> | undefined;
	/** Durable in the log; the engine does not have them yet. */
	#unwritten: CommitEntry[] = [];
	#unwrittenMutations = 0;
	#writing: Promise<void> | undefined;
	/** The one write of the engine's that is under way behind the log. */
	#step: Promise<void> = Promise.resolve();
	/** Entries that were passed on to the engine behind the log, and those that it has. */
	#passed = 0;
	#written = 0;
	#failure: Error | undefined;

	/** @param isBehindLog entries are durable when they are submitted. */
	constructor(backend: Backend, hooks: CommitHooks<P>, isBehindLog: boolean) {
		this.#backend = backend;
		this.#hooks = hooks;
		this.#isBehindLog = isBehindLog;
	}

	submit(entry: CommitEntry): void {
		if (this.#failure !== undefined) {
			entry.failed(this.#failure);
			return;
		}
		this.#waiting.push(entry);
		this.#running ??= this.#run();
	}

	/** Resolves when the engine has every entry that is durable now. Rejects if it fails. */
	async written(): Promise<void> {
		for (const passed = this.#passed; this.#written < passed; ) {
			if (this.#failure !== undefined) throw this.#failure;
			await this.#step;
		}
	}

	/** Resolves when nothing waits and nothing is being written, after a failure too. */
	async idle(): Promise<void> {
		while (this.#running !== undefined || this.#writing !== undefined) await (this.#running ?? this.#writing);
	}

	async #run(): Promise<void> {
		let batch: CommitEntry[] = [];
		try {
			// One turn of the microtask queue, for the writes that are issued together with the first.
			await undefined;
			while (this.#waiting.length > 0 && this.#failure === undefined) {
				batch = this.#takeWaiting();
				const done = this.#isBehindLog ? this.#pass(batch) : this.#commit(batch);
				if (done !== undefined) await done;
				batch = [];
			}
		} catch (error) {
			this.#fail(error, batch);
		} finally {
			this.#running = undefined;
		}
	}

	/** In one turn with an engine that does not wait: a turn of the queue for each step is what a write in memory would cost most. */
	#commit(batch: readonly CommitEntry[]): Promise<void> | undefined {
		const writing = this.#write(batch);
		const prepared = writing === undefined ? this.#hooks.prepare(batch) : writing.then(() => this.#hooks.prepare(batch));
		if (prepared instanceof Promise) return prepared.then((publication) => this.#finish(batch, publication));
		this.#finish(batch, prepared);
		return undefined;
	}

	#finish(batch: readonly CommitEntry[], publication: P): void {
		this.#hooks.publish(publication);
		for (const entry of batch) entry.durable();
		this.#hooks.settled(batch);
	}

	async #pass(batch: readonly CommitEntry[]): Promise<void> {
		while (this.#unwrittenMutations > maxUnwrittenMutations && this.#failure === undefined) await this.#step;
		this.#hooks.publish(await this.#hooks.prepare(batch));
		for (const entry of batch) {
			entry.durable();
			this.#unwritten.push(entry);
			this.#passed++;
			this.#unwrittenMutations += entry.mutations.length;
		}
		// After a failure it would be over before it was noted, and `idle` would wait for it for ever.
		if (this.#failure === undefined) this.#writing ??= this.#writeBehind();
	}

	/** Takes all that has gathered each time. */
	async #writeBehind(): Promise<void> {
		try {
			while (this.#unwritten.length > 0 && this.#failure === undefined) {
				const entries = this.#unwritten;
				this.#unwritten = [];
				this.#unwrittenMutations = 0;
				this.#step = this.#write(entries) ?? Promise.resolve();
				await this.#step;
				this.#written += entries.length;
				this.#hooks.settled(entries);
			}
		} catch (error) {
			this.#fail(error, []);
		} finally {
			this.#writing = undefined;
		}
	}

	#write(entries: readonly CommitEntry[]): Promise<void> | undefined {
		const mutations = mutationsOf(entries);
		const position = entries.findLast((entry) => entry.position !== undefined)?.position;
		return mutations.length > 0 || position !== undefined ? this.#backend.write(mutations, position) : undefined;
	}

	#takeWaiting(): CommitEntry[] {
		let end = 0;
		for (let mutations = 0; end < this.#waiting.length && mutations < maxBatchMutations; end++)
			mutations += this.#waiting[end]?.mutations.length ?? 0;
		const batch = this.#waiting.slice(0, end);
		this.#waiting = this.#waiting.slice(end);
		return batch;
	}

	#fail(cause: unknown, batch: readonly CommitEntry[]): void {
		if (this.#failure !== undefined) return;
		const failure = this.#hooks.failed(cause);
		this.#failure = failure;
		const waiters = [...batch, ...this.#waiting];
		this.#waiting = [];
		for (const waiter of waiters) waiter.failed(failure);
	}
}

function mutationsOf(entries: readonly CommitEntry[]): readonly Mutation[] {
	const [first] = entries;
	return entries.length === 1 && first !== undefined ? first.mutations : entries.flatMap((entry) => entry.mutations);
}
