/** Keeps a member's log from growing without end: what the engine has flushed is forgotten, but for what members a little behind may need. */
import { type Membership, membersOf, type SnapshotMetadata } from "../raft/index.ts";
import type { StateMachine } from "../state-machine.ts";
import type { DurableLog } from "./durable-log.ts";

/** How long the log grows before it is compacted. */
export interface LogLimits {
	/** The log is compacted when it has so many entries, or bytes, more than the engine needs … */
	readonly compactEntries: number;
	readonly compactBytes: number;
	/** The same for a member that is alone: nobody else needs what is applied, and the log is in memory, too. */
	readonly compactAloneBytes: number;
	/** … and so many stay for members that are a little behind. */
	readonly catchUpEntries: number;
}

/** etcd: --snapshot-count 10000, 5000 catch-up entries. */
export const usualLogLimits: LogLimits = {
	compactEntries: 10_000,
	compactBytes: 64 * 1024 * 1024,
	compactAloneBytes: 1024 * 1024,
	catchUpEntries: 5_000,
};

export interface LogCompactorOptions {
	readonly log: DurableLog;
	readonly limits: LogLimits;
	readonly machine: () => StateMachine;
	readonly membership: () => Membership;
	/** Why the member does nothing any more; undefined as long as it does. */
	readonly stopped: () => Error | undefined;
	/** Runs `work` when what was begun before it on the log is done, unless the member has stopped by then. */
	readonly onDisk: (work: () => Promise<void>) => Promise<void>;
	readonly failed: (error: unknown) => void;
}

export class LogCompactor {
	readonly #options: LogCompactorOptions;
	#isCompacting = false;

	constructor(options: LogCompactorOptions) {
		this.#options = options;
	}

	/** Begins to compact if the log is long enough. */
	consider(): void {
		const { log, limits, machine, stopped, failed } = this.#options;
		const { applied } = machine();
		if (applied === undefined || this.#isCompacting || stopped() !== undefined) return;
		const membership = this.#options.membership();
		const { compactEntries, catchUpEntries } = limits;
		const entries = applied.index + 1 - log.firstIndex();
		const isOnly = membersOf(membership).length === 1;
		const limit = isOnly ? compactEntries : compactEntries + catchUpEntries;
		const compactBytes = isOnly ? limits.compactAloneBytes : limits.compactBytes;
		if (entries <= limit && log.sizeBytes() <= compactBytes) return;
		this.#isCompacting = true;
		const keep = isOnly || log.sizeBytes() > compactBytes ? 0 : catchUpEntries;
		this.#compact({ ...applied, membership }, applied.index - keep)
			.catch(failed)
			.finally(() => {
				this.#isCompacting = false;
				// What came meanwhile may be too much, too, and the last for a long time.
				if ((machine().applied?.index ?? 0) > log.snapshotMetadata().index) this.consider();
			});
	}

	async #compact(metadata: SnapshotMetadata, index: number): Promise<void> {
		const { log, machine, onDisk } = this.#options;
		await machine().flush();
		await onDisk(async () => {
			// A snapshot from the leader may have overtaken it.
			if (metadata.index > log.snapshotMetadata().index) await log.compact(metadata, index);
		});
	}
}
