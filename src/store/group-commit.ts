/**
 * One trip to the engine for all writes that wait. While a batch is on its way to the disk the next one gathers; writes of one moment
 * share the first.
 *
 *     submit ─> waiting ──(take)──> backend.write ──> prepare ──> publish ──> each entry's durable()
 *                  ^                     │ fails
 *                  └─ gathers            v
 *                     meanwhile        every waiter fails, for good
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
	/** Called once, unless `failed` is. What it reads from the backend before it returns is as of this entry's batch. */
	durable(): void;
	failed(error: Error): void;
}

/** @typeParam P what there is to tell about a batch. */
export interface CommitHooks<P> {
	/** Called when the batch is on the disk; what is below waits for it. */
	prepare(entries: readonly CommitEntry[]): Promise<P>;
	/** Called before the entries' `durable`. */
	publish(publication: P): void;
	/** Called after the entries' `durable`. */
	settled(entries: readonly CommitEntry[]): void;
	/** Called once; the error is what every waiter gets. */
	failed(cause: unknown): Error;
}

/** Bounds one batch, and so the time that a write waits for those in its batch. */
const maxBatchMutations = 8192;

export class GroupCommit<P> {
	readonly #backend: Backend;
	readonly #hooks: CommitHooks<P>;
	#waiting: CommitEntry[] = [];
	#running: Promise<void> | undefined;
	#failure: Error | undefined;

	constructor(backend: Backend, hooks: CommitHooks<P>) {
		this.#backend = backend;
		this.#hooks = hooks;
	}

	/** Entries that no batch has taken yet. */
	get waiting(): number {
		return this.#waiting.length;
	}

	submit(entry: CommitEntry): void {
		if (this.#failure !== undefined) {
			entry.failed(this.#failure);
			return;
		}
		this.#waiting.push(entry);
		this.#running ??= this.#run();
	}

	/** Resolves when nothing waits and nothing is being written, after a failure too. */
	async idle(): Promise<void> {
		while (this.#running !== undefined) await this.#running;
	}

	async #run(): Promise<void> {
		let batch: CommitEntry[] = [];
		try {
			// One turn of the microtask queue, for the writes that are issued together with the first.
			await undefined;
			while (this.#waiting.length > 0) {
				batch = this.#take();
				await this.#commit(batch);
				batch = [];
			}
		} catch (error) {
			this.#fail(error, batch);
		} finally {
			this.#running = undefined;
		}
	}

	async #commit(batch: readonly CommitEntry[]): Promise<void> {
		const mutations = batch.flatMap((entry) => entry.mutations);
		const position = batch.findLast((entry) => entry.position !== undefined)?.position;
		if (mutations.length > 0 || position !== undefined) await this.#backend.write(mutations, position);
		this.#hooks.publish(await this.#hooks.prepare(batch));
		for (const entry of batch) entry.durable();
		this.#hooks.settled(batch);
	}

	#take(): CommitEntry[] {
		let end = 0;
		for (let mutations = 0; end < this.#waiting.length && mutations < maxBatchMutations; end++)
			mutations += this.#waiting[end]?.mutations.length ?? 0;
		const batch = this.#waiting.slice(0, end);
		this.#waiting = this.#waiting.slice(end);
		return batch;
	}

	#fail(cause: unknown, batch: readonly CommitEntry[]): void {
		const failure = this.#hooks.failed(cause);
		this.#failure = failure;
		const waiters = [...batch, ...this.#waiting];
		this.#waiting = [];
		for (const waiter of waiters) waiter.failed(failure);
	}
}
