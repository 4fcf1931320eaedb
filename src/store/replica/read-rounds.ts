/**
 * Linearizable reads of one member: those that wait share a round. A round asks the leader from which index on they may be
 * answered, and asks again, under another name, while no answer comes (a leader may have been lost with the question).
 *
 *     waiting ──(no round under way)──> asked ──answer──> applied as far ──> resolved
 *        ^                                │ retryTicks
 *        └── come meanwhile               └─> asked again
 *
 * Source: https://github.com/etcd-io/etcd/blob/main/server/etcdserver/v3_server.go, linearizableReadLoop.
 */
import type { ReadState } from "../raft/index.ts";

interface Reader {
	readonly resolve: () => void;
	readonly reject: (error: Error) => void;
	/** When it was asked, ms. */
	readonly sinceMs: number;
}

interface Round {
	readonly readers: readonly Reader[];
	/** All names that the question was asked under. */
	readonly contexts: Set<string>;
	/** Since it was asked last. */
	ticks: number;
	/** The leader's answer. */
	index: number | undefined;
}

/** Ticks after which a question without an answer is asked again: etcd's 500 ms. */
const retryTicks = 5;

export class ReadRounds {
	/** Puts the question to the leader, if there is one. */
	readonly #ask: (context: string) => void;
	/** Makes names that no other start of this member gives. */
	readonly #prefix: string;
	#waiting: Reader[] = [];
	#round: Round | undefined;
	#count = 0;

	constructor(prefix: string, ask: (context: string) => void) {
		this.#prefix = prefix;
		this.#ask = ask;
	}

	add(reader: Reader): void {
		this.#waiting.push(reader);
		if (this.#round === undefined) this.#begin();
	}

	answered({ context, index }: ReadState): void {
		if (this.#round?.contexts.has(context) === true) this.#round.index ??= index;
	}

	/** Answers the readers of the round if the state machine is far enough. */
	appliedTo(index: number): void {
		const round = this.#round;
		if (round?.index === undefined || round.index > index) return;
		this.#round = undefined;
		for (const reader of round.readers) reader.resolve();
		if (this.#waiting.length > 0) this.#begin();
	}

	/** Somebody else leads, or somebody again. */
	askAgain(): void {
		const round = this.#round;
		if (round === undefined || round.index !== undefined) return;
		round.ticks = 0;
		const context = `${this.#prefix}.${++this.#count}`;
		round.contexts.add(context);
		this.#ask(context);
	}

	/** @param beforeMs readers from before then are rejected with `error`. */
	tick(beforeMs: number, error: Error): void {
		const round = this.#round;
		if (round === undefined) return;
		if (++round.ticks >= retryTicks) this.askAgain();
		if ([...round.readers, ...this.#waiting].every(({ sinceMs }) => sinceMs >= beforeMs)) return;
		const [expired, left] = [round.readers, this.#waiting].map((readers) => Map.groupBy(readers, ({ sinceMs }) => sinceMs < beforeMs));
		for (const readers of [expired, left]) for (const reader of readers?.get(true) ?? []) reader.reject(error);
		this.#round = undefined;
		this.#waiting = [expired, left].flatMap((readers) => readers?.get(false) ?? []);
		if (this.#waiting.length > 0) this.#begin();
	}

	rejectAll(error: Error): void {
		const readers = [...(this.#round?.readers ?? []), ...this.#waiting];
		this.#round = undefined;
		this.#waiting = [];
		for (const reader of readers) reader.reject(error);
	}

	#begin(): void {
		this.#round = { readers: this.#waiting, contexts: new Set(), ticks: 0, index: undefined };
		this.#waiting = [];
		this.askAgain();
	}
}
