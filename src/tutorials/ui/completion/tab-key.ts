/**
 * Tab in the command line: the first one fills in what is certain, the next one lists what there is. Keys that follow at once wait for its answer,
 * as in a shell, but not for long: then they are typed, and what was asked is dropped.
 */
import type { Clock } from "../../../apimachinery/clock/clock.ts";
import { insert, type LineInput } from "../line-input.ts";
import { additionOf, type Completion } from "./completion.ts";

export interface TabKeyOptions {
	/** @param line up to the cursor. Does not reject. */
	readonly ask: (line: string, signal: AbortSignal) => Promise<Completion>;
	readonly fill: (input: LineInput) => void;
	readonly list: (candidates: readonly string[]) => void;
	/** The machine's time. */
	readonly clock: Clock;
}

/** How long an answer may take, real ms: a cluster that does not answer is no reason to wait. */
const patienceMs = 3_000;
/** How long other keys wait for it, real ms: kubectl takes a tenth of a second, and a busy machine three times as long. */
const keysWaitMs = 500;

interface Turn {
	/** The line that it is about, or, once it was filled in, has become. */
	input: LineInput;
	/** Tab was pressed before, or once more meanwhile. */
	isAgain: boolean;
	isOver: boolean;
	/** Other keys wait. */
	isAwaited: boolean;
	readonly stop: AbortController;
}

export class TabKey {
	readonly #options: TabKeyOptions;
	/** The last one, as long as nothing but Tab was pressed. */
	#turn: Turn | undefined;
	/** What other keys do, in their order; nothing unless the turn is awaited, or they are being seen to. */
	#waiting: (() => void)[] = [];

	constructor(options: TabKeyOptions) {
		this.#options = options;
	}

	/** Whether there are keys that wait: Tab, too, waits for its turn then. */
	get hasWaiting(): boolean {
		return this.#turn?.isAwaited === true && this.#waiting.length > 0;
	}

	/** Does what another key does, or keeps it until the answer is there. */
	whenAnswered(act: () => void): void {
		if (this.#turn?.isAwaited === true) this.#waiting.push(act);
		else act();
	}

	async press(input: LineInput): Promise<void> {
		const last = this.#turn?.input === input ? this.#turn : undefined;
		if (last?.isOver === false) {
			last.isAgain = true;
			return;
		}
		const turn: Turn = { input, isAgain: last !== undefined, isOver: false, isAwaited: true, stop: new AbortController() };
		this.#turn = turn;
		const timer = this.#options.clock.setTimeout(() => turn.stop.abort(), patienceMs);
		const keysTimer = this.#options.clock.setTimeout(() => this.#release(turn), keysWaitMs);
		const completion = await this.#options.ask(input.text.slice(0, input.cursor), turn.stop.signal);
		timer.cancel();
		keysTimer.cancel();
		turn.isOver = true;
		if (turn.stop.signal.aborted) return;
		this.#fill(turn, completion);
		this.#release(turn);
	}

	/** The line has changed, or is left: what was asked of another one is dropped. */
	lineIs(input: LineInput | undefined): void {
		if (this.#turn === undefined || this.#turn.input === input) return;
		this.#turn.stop.abort();
		// As after Ctrl-C in a terminal, what was typed ahead of it goes, too.
		if (this.#turn.isAwaited) this.#waiting = [];
		this.#turn = undefined;
	}

	#release(turn: Turn): void {
		turn.isAwaited = false;
		// One of them may be Tab: those behind it wait for that.
		while (this.#turn?.isAwaited !== true) {
			const act = this.#waiting.shift();
			if (act === undefined) break;
			act();
		}
	}

	#fill(turn: Turn, completion: Completion): void {
		const { input } = turn;
		const { candidates } = completion;
		const addition = additionOf(completion, input.text.slice(input.cursor));
		if (addition !== "") {
			turn.input = insert(input, addition);
			this.#options.fill(turn.input);
		}
		// What is next is another word.
		if (candidates.length === 1) this.#turn = undefined;
		else if (turn.isAgain && candidates.length > 1) this.#options.list(candidates);
	}
}
