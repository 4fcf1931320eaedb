/**
 * The proposals of one member that wait for their turn in the log, and those that wait for somebody to lead. In order of
 * their making, so that the oldest is the first whose time is up.
 */
import type { ResponseOf, WriteCommand } from "../mvcc/command.ts";

/** What waits: a command of the state machine, or a change of membership. */
export interface Waiting {
	/** Undefined for a change of membership. */
	readonly command: WriteCommand | undefined;
	/** Proposes it (again). Returns whether it was taken up. Rejects it by itself for what cannot be. */
	readonly propose: () => boolean;
	/** With the response. */
	readonly resolve: (response: ResponseOf<WriteCommand> | Promise<ResponseOf<WriteCommand>>) => void;
	readonly reject: (error: Error) => void;
	/** When it was made, ms. */
	readonly sinceMs: number;
}

export class ProposalTable {
	/** By sequence. */
	readonly #all = new Map<number, Waiting>();
	/** Not taken up yet, for want of a leader. Each is in `#all`. */
	readonly #unsent = new Set<number>();
	#sequence = 0;

	get size(): number {
		return this.#all.size;
	}

	/** @param make is told the proposal's sequence. */
	add(make: (sequence: number) => Waiting): void {
		const sequence = ++this.#sequence;
		const waiting = make(sequence);
		this.#all.set(sequence, waiting);
		if (!waiting.propose() && this.#all.has(sequence)) this.#unsent.add(sequence);
	}

	/** Its turn has come. Undefined if nobody waits any more. */
	take(sequence: number): Waiting | undefined {
		const waiting = this.#all.get(sequence);
		this.#all.delete(sequence);
		this.#unsent.delete(sequence);
		return waiting;
	}

	/** Somebody leads (again): what was not taken up may be now. */
	retry(): void {
		for (const sequence of [...this.#unsent]) {
			const waiting = this.#all.get(sequence);
			if (waiting === undefined || waiting.propose()) this.#unsent.delete(sequence);
		}
	}

	/** Takes out those made before `beforeMs`. */
	expire(beforeMs: number): readonly Waiting[] {
		const expired: Waiting[] = [];
		for (const [sequence, waiting] of this.#all) {
			if (waiting.sinceMs >= beforeMs) break;
			expired.push(waiting);
			this.take(sequence);
		}
		return expired;
	}

	rejectAll(error: Error): void {
		for (const [sequence, waiting] of [...this.#all]) {
			this.take(sequence);
			waiting.reject(error);
		}
	}
}
