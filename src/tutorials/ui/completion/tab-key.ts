/**
 * Tab in the command line: the first one fills in what is certain, the next one lists what there is. It holds nothing up: who goes on typing
 * has gone on, and what was asked is dropped.
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

interface Turn {
	/** The line that it is about, or, once it was filled in, has become. */
	input: LineInput;
	/** Tab was pressed before, or once more meanwhile. */
	isAgain: boolean;
	isOver: boolean;
	readonly stop: AbortController;
}

export class TabKey {
	readonly #options: TabKeyOptions;
	/** The last one, as long as nothing but Tab was pressed. */
	#turn: Turn | undefined;

	constructor(options: TabKeyOptions) {
		this.#options = options;
	}

	async press(input: LineInput): Promise<void> {
		const last = this.#turn?.input === input ? this.#turn : undefined;
		if (last?.isOver === false) {
			last.isAgain = true;
			return;
		}
		const turn: Turn = { input, isAgain: last !== undefined, isOver: false, stop: new AbortController() };
		this.#turn = turn;
		const timer = this.#options.clock.setTimeout(() => turn.stop.abort(), patienceMs);
		const completion = await this.#options.ask(input.text.slice(0, input.cursor), turn.stop.signal);
		timer.cancel();
		turn.isOver = true;
		if (!turn.stop.signal.aborted) this.#fill(turn, completion);
	}

	/** The line has changed, or is left: what was asked of another one is dropped. */
	lineIs(input: LineInput | undefined): void {
		if (this.#turn === undefined || this.#turn.input === input) return;
		this.#turn.stop.abort();
		this.#turn = undefined;
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
