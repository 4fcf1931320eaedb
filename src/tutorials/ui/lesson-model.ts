/**
 * What the lesson's screen shows and how keys change it, apart from how it is drawn: one immutable view, a new one whenever something
 * changes. It looks at the cluster for the pane that is open when something happens there, at most ten times a second.
 */

import type { Timer } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import type { LessonSession } from "../engine/session.ts";
import { SessionError } from "../engine/session-error.ts";
import type { SessionState } from "../engine/session-state.ts";
import type { Language } from "../engine/text.ts";
import { wantsTerminal } from "../engine/wants-terminal.ts";
import { clockText } from "../plain/words.ts";
import { plain, truncate } from "../text/styled-text.ts";
import { type Completion, completionOf, inColumns } from "./completion/completion.ts";
import { TabKey } from "./completion/tab-key.ts";
import { type ConsoleLine, ConsoleLog } from "./console-log.ts";
import { type EditKey, edit, emptyInput, enter, insert, type LineInput } from "./line-input.ts";
import { panes } from "./panes/index.ts";
import type { Layout } from "./panes/pane.ts";
import type { Selection } from "./step-lines.ts";
import { type ScreenWord, screenWordsIn } from "./words.ts";

export type Front = "step" | "output" | "help";

const atEnd = Number.MAX_SAFE_INTEGER;
/** Of the step: what the cursor is at is in view. */
export const atSelection = -1;
const unscrolled: LessonView["scroll"] = { step: 0, output: atEnd, help: 0 };

export interface LessonView {
	readonly state: SessionState;
	readonly input: LineInput;
	readonly console: readonly ConsoleLine[];
	readonly selection: Selection;
	/** Lines that were entered while a command ran: they are next. */
	readonly queue: readonly string[];
	/** What has the most of the screen: the step with a pane, or all that commands said, or the help. */
	readonly front: Front;
	/** Of each, lines that are above the window; `atEnd`: its end is shown, also when it grows; `atSelection`. */
	readonly scroll: Readonly<Record<Front, number>>;
	/** Index in `panes`. */
	readonly pane: number;
	readonly layout: Layout | undefined;
	/** In a narrow window either the text or the pane is shown. */
	readonly isPaneInFront: boolean;
}

export interface LessonModelOptions {
	readonly session: LessonSession;
	readonly language: Language;
	/** Gives the terminal to a command, and takes it back. */
	readonly lendTerminal: (run: () => Promise<void>) => Promise<void>;
	readonly onQuit: () => void;
	readonly onFinished: () => void;
}

/** Real ms between two looks at the cluster. */
const lookEveryMs = 100;
const maxSpeed = 1_000;

export class LessonModel {
	readonly word: (word: ScreenWord) => string;
	readonly #options: LessonModelOptions;
	readonly #console = new ConsoleLog();
	readonly #clock = new WallClock();
	readonly #stops: (() => void)[];
	/** What is for the lesson itself, by what is typed. */
	readonly #commands: Readonly<Record<string, (argument: string) => unknown>> = {
		":hint": () => this.#hint(),
		":check": async () => {
			await this.#options.session.look();
			this.#showEnd();
		},
		":show": () => this.#options.session.showMe(),
		":skip": () => this.#options.session.skip(),
		":reset": async () => {
			await this.#options.session.reset();
			this.#say(this.word("resetDone"));
		},
		":help": () => this.toggle("help"),
		":quit": () => this.#options.onQuit(),
		":q": () => this.#options.onQuit(),
		":pause": () => this.#pause(),
		":step": async () => {
			await this.#options.session.cluster.clock.step();
			this.#lookSoon();
		},
		":speed": (argument) => this.#speed(argument),
		":pane": (argument) => this.#showPane(argument),
	};
	readonly #tab = new TabKey({
		ask: (line, signal) => this.#completionOf(line, signal),
		fill: (input) => this.#set({ input }),
		list: (candidates) => this.#list(candidates),
		clock: this.#clock,
	});
	/** Of the console, as the screen last said. */
	#columns = 0;
	#view: LessonView;
	#listeners = new Set<() => void>();
	#timer: Timer | undefined;
	#pausedSpeed = 1;
	/** How many lines are being seen to. */
	#acting = 0;
	/** Ctrl-D was pressed, and nothing since. */
	#isLeaving = false;
	#isClosed = false;
	/** Whether the learner was told that the cluster's clock is another one than kubectl's. */
	#knowsOfClock = false;

	constructor(options: LessonModelOptions) {
		this.#options = options;
		this.word = screenWordsIn(options.language);
		const { state } = options.session;
		this.#view = {
			state,
			input: emptyInput,
			console: [],
			selection: selectionOf(state),
			queue: [],
			front: "step",
			scroll: unscrolled,
			pane: 0,
			layout: undefined,
			isPaneInFront: false,
		};
		this.#stops = [
			options.session.subscribe((event) => {
				if (event.type === "typing") this.#console.command(event.command);
				else if (event.type === "output") this.#console.output(event.text);
				this.#refresh();
			}),
			options.session.cluster.subscribe(() => this.#lookSoon()),
		];
		if (!state.hasKubectl) this.#say(this.word("noKubectl"));
		this.#say(`${this.word("secondTerminal")} ${state.secondTerminal}`);
		this.#lookSoon();
	}

	get view(): LessonView {
		return this.#view;
	}

	get language(): Language {
		return this.#options.language;
	}

	/** For React's useSyncExternalStore. */
	readonly subscribe = (listener: () => void): (() => void) => {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	};

	close(): void {
		this.#isClosed = true;
		this.#timer?.cancel();
		this.#tab.lineIs(undefined);
		for (const stop of this.#stops) stop();
	}

	// ── Keys ──

	type(text: string): void {
		this.#isLeaving = false;
		const { state, selection } = this.#view;
		if (/^ +$/.test(text) && this.#isOrdering()) {
			// Keys that come at once come as one text.
			this.#set({ selection: { ...selection, isHeld: selection.isHeld !== (text.length % 2 === 1) } });
			return;
		}
		if (state.step.kind === "predict" && state.phase === "open" && this.#view.input.text === "" && /^[1-9]$/.test(text)) {
			const at = Number(text) - 1;
			if (at < state.step.options.length) {
				this.#set({ selection: { ...selection, at } });
				return;
			}
		}
		this.#set({ input: insert(this.#view.input, text) });
	}

	/** Several lines stay several: a script, a here-document. */
	paste(text: string): void {
		this.type(text.replaceAll(/\r\n?/g, "\n").replace(/\n+$/, ""));
	}

	edit(key: EditKey): void {
		this.#isLeaving = false;
		if ((key === "older" || key === "newer") && this.#choose(key === "older" ? -1 : 1)) return;
		this.#set({ input: edit(this.#view.input, key) });
	}

	/** @param lines how far; negative: up. @param window lines of what is in front that are above it, and how many can be */
	scrollBy(lines: number, { above, most }: { readonly above: number; readonly most: number }): void {
		const { scroll, front } = this.#view;
		// Keys that come at once are each from where the one before led.
		const from = scroll[front] === atSelection ? above : Math.min(most, scroll[front]);
		const at = Math.max(0, from + lines);
		this.#set({ scroll: { ...scroll, [front]: at >= most ? atEnd : at } });
	}

	/** Puts it in front, or the step if it was there. */
	toggle(front: Exclude<Front, "step">): void {
		const { front: before, scroll } = this.#view;
		this.#set({ front: before === front ? "step" : front, scroll: { ...scroll, [front]: unscrolled[front] } });
	}

	backToStep(): void {
		this.#set({ front: "step" });
	}

	/** Tab: goes on with the word at the cursor, as a shell does; on an empty line to the next pane. @param columns of the console */
	tab({ isNarrow, columns }: { readonly isNarrow: boolean; readonly columns: number }): void {
		if (this.#tab.hasWaiting) {
			this.#tab.whenAnswered(() => this.tab({ isNarrow, columns }));
			return;
		}
		this.#isLeaving = false;
		const { input } = this.#view;
		this.#columns = columns;
		if (input.text.trim() === "") this.nextPane(1, isNarrow);
		else void this.#tab.press(input);
	}

	/** Does what a key does once Tab has done what it does. */
	afterTab(act: () => void): void {
		this.#tab.whenAnswered(act);
	}

	/** What hides the panes goes away first. */
	nextPane(by: 1 | -1, isNarrow: boolean): void {
		const { pane, isPaneInFront, front } = this.#view;
		if (front !== "step") {
			this.backToStep();
			return;
		}
		if (isNarrow) {
			// In a narrow window the text is one of what Tab goes through.
			const places = panes.length + 1;
			const place = ((isPaneInFront ? pane + 1 : 0) + by + places) % places;
			this.#set({ isPaneInFront: place > 0, pane: Math.max(0, place - 1), layout: undefined });
		} else this.#set({ pane: (pane + by + panes.length) % panes.length, layout: undefined });
		this.#lookSoon();
	}

	clear(): void {
		this.#console.clear();
		this.#refresh();
	}

	/** Ctrl-C: what runs is interrupted, and what was to follow is dropped; or a line that was typed is; else it is said how to end. */
	interrupt(): void {
		this.#isLeaving = false;
		const { state, input, queue } = this.#view;
		if (queue.length > 0) this.#set({ queue: [] });
		if (state.running !== undefined) this.#options.session.interrupt();
		else if (input.text !== "") this.#set({ input: { ...input, text: "", cursor: 0 } });
		else this.#say(this.word("howToLeave"));
	}

	/** Ctrl-D: deletes, as in a shell; on an empty line it leaves, when it is pressed twice. */
	endOfInput(): void {
		const { state, input } = this.#view;
		if (input.text !== "") this.edit("delete");
		else if (this.#isLeaving) this.#options.onQuit();
		else if (state.running === undefined) {
			this.#isLeaving = true;
			this.#say(this.word("leaveOnceMore"));
		}
	}

	/** Enter. What is for the lesson itself (`:hint`) is seen to at once, commands one after the other. @param columns of the console */
	submit(columns: number): void {
		this.#isLeaving = false;
		this.#columns = columns;
		const { input, queue, front, state } = this.#view;
		const line = input.text.trim();
		this.#set({ input: enter(input), ...(front === "help" ? { front: "step" } : {}) });
		if (line.startsWith(":") || (queue.length === 0 && !this.#mustWait(line))) void this.#seeTo(line);
		// A step may be over, or read, while its last command is about to end; an Enter too many goes on nowhere.
		else if (line !== "" || (mayGoOn(state) && !queue.includes(""))) this.#set({ queue: [...queue, line] });
	}

	async #seeTo(line: string): Promise<void> {
		this.#acting++;
		try {
			if (line === "") await this.#goOn();
			else if (line.startsWith(":")) await this.#take(line);
			else if (isAnswer(line, this.#options.session.state)) this.#options.session.answer(Number(line) - 1);
			else await this.#run(line);
		} catch (error) {
			if (!(error instanceof SessionError)) throw error;
			this.#say(error.text[this.#options.language]);
		} finally {
			this.#acting--;
			this.#seeToNext();
		}
	}

	#seeToNext(): void {
		const [line, ...queue] = this.#view.queue;
		if (line === undefined || this.#isClosed || this.#mustWait(line)) return;
		this.#set({ queue });
		void this.#seeTo(line);
	}

	#mustWait(line: string): boolean {
		const { state } = this.#options.session;
		return this.#acting > 0 || state.running !== undefined || (state.phase === "preparing" && isAnswer(line, state));
	}

	/** Enter on an empty line. */
	async #goOn(): Promise<void> {
		const { session, onFinished } = this.#options;
		const { phase, step } = session.state;
		const { at, order } = this.#view.selection;
		if (phase === "finished") onFinished();
		else if (mayGoOn(session.state)) await session.next();
		else if (phase === "open" && step.kind === "predict") session.answer(at);
		else if (phase === "open" && step.kind === "order" && !session.order(order))
			this.#say(`${session.state.lastOrder?.inPlace ?? 0} ${this.word("inPlace")}`);
	}

	async #run(line: string): Promise<void> {
		const { session, lendTerminal } = this.#options;
		this.#console.command(line);
		this.#refresh();
		const run = async (hasTerminal: boolean) => {
			// What a program lays out for a screen is for this one.
			const env = hasTerminal ? {} : { COLUMNS: String(this.#columns) };
			const { exitCode } = await session.run(line, { hasTerminal, env });
			if (exitCode !== 0) this.#say(`(${this.word("exited")} ${exitCode})`);
			this.#tellOfClock();
		};
		if (wantsTerminal(line)) await lendTerminal(() => run(true));
		else await run(false);
	}

	/** Once is enough. */
	#tellOfClock(): void {
		const { session, language } = this.#options;
		const { clockAheadMs } = session.state;
		if (clockAheadMs === 0 || this.#knowsOfClock) return;
		this.#knowsOfClock = true;
		this.#say(clockText(clockAheadMs, language));
	}

	async #take(line: string): Promise<void> {
		const [command = "", argument = ""] = line.split(/\s+/, 2);
		const take = this.#commands[command];
		if (take === undefined) this.#say(`${this.word("noCommand")} ${command}`);
		else await take(argument);
	}

	#hint(): void {
		const { session } = this.#options;
		if (session.state.hintsLeft === 0) this.#say(this.word("noHints"));
		session.hint();
		this.#showEnd();
	}

	#pause(): void {
		const { clock } = this.#options.session.cluster;
		if (clock.speed > 0) this.#pausedSpeed = clock.speed;
		clock.setSpeed(clock.speed > 0 ? 0 : this.#pausedSpeed);
		this.#lookSoon();
	}

	#speed(argument: string): void {
		const speed = Number(argument.replace(/x$/, ""));
		if (argument === "" || !(speed >= 0 && speed <= maxSpeed)) this.#say(`${this.word("badSpeed")} ${argument}`);
		else {
			this.#options.session.cluster.clock.setSpeed(speed);
			this.#lookSoon();
		}
	}

	#showPane(argument: string): void {
		const pane = panes.findIndex(({ id }) => id === argument);
		if (pane < 0) this.#say(`${this.word("noPane")} ${argument}`);
		else {
			this.#set({ pane, layout: undefined, isPaneInFront: true, front: "step" });
			this.#lookSoon();
		}
	}

	/** Arrows in a list of options or items. Resolves to whether there is one. */
	#choose(by: 1 | -1): boolean {
		const { state, selection, input } = this.#view;
		const { step, phase } = state;
		if (phase !== "open" || input.text !== "") return false;
		const count = step.kind === "predict" ? step.options.length : step.kind === "order" ? step.items.length : 0;
		if (count === 0) return false;
		const at = Math.max(0, Math.min(count - 1, selection.at + by));
		const order = selection.isHeld && at !== selection.at ? swapped(selection.order, selection.at, at) : selection.order;
		this.#set({ selection: { ...selection, at, order }, scroll: { ...this.#view.scroll, step: atSelection } });
		return true;
	}

	#isOrdering(): boolean {
		const { state, input } = this.#view;
		return state.step.kind === "order" && state.phase === "open" && input.text === "";
	}

	/** Scrolls to what has just been added to the text. */
	#showEnd(): void {
		this.#set({ front: "step", scroll: { ...this.#view.scroll, step: atEnd } });
	}

	#completionOf(line: string, signal: AbortSignal): Promise<Completion> {
		const { env, workDirectory } = this.#options.session;
		const words = Object.fromEntries(Object.keys(this.#commands).map((command) => [command, argumentsOf(command)]));
		return completionOf(line, words, { env, directory: workDirectory, signal });
	}

	/** Where it is seen: not behind the help. */
	#list(candidates: readonly string[]): void {
		if (this.#view.front === "help") this.backToStep();
		this.#say(inColumns(candidates, this.#columns).join("\n"));
	}

	#say(text: string): void {
		this.#console.output(`${text}\n`);
		this.#refresh();
	}

	#refresh(): void {
		const { state } = this.#options.session;
		const { state: before, scroll } = this.#view;
		const isNewStep = state.step !== before.step || (state.phase === "open" && before.phase === "preparing");
		const hasEnded = state.phase === "done" && before.phase === "open";
		this.#set({
			state,
			console: this.#console.lines,
			...(isNewStep ? { selection: selectionOf(state), front: "step", scroll: { ...scroll, step: 0 }, isPaneInFront: false } : {}),
			...(hasEnded ? { front: "step", scroll: { ...scroll, step: atEnd }, isPaneInFront: false } : {}),
		});
		this.#seeToNext();
	}

	#lookSoon(): void {
		if (this.#timer !== undefined || this.#isClosed) return;
		this.#timer = this.#clock.setTimeout(() => {
			this.#timer = undefined;
			void this.#look();
		}, lookEveryMs);
	}

	async #look(): Promise<void> {
		const { pane } = this.#view;
		const { session } = this.#options;
		try {
			const layout = await panes[pane]?.read({ session, word: this.word });
			if (layout !== undefined && this.#view.pane === pane) this.#set({ layout });
		} catch (error) {
			// While the cluster is taken back there is nothing to look at: it is looked at when it is there.
			if (session.state.phase === "preparing" || session.state.phase === "closed") return;
			this.#set({ layout: (width) => [plain(truncate(String(error), width), { color: "red" })] });
		}
	}

	#set(change: Partial<LessonView>): void {
		if (this.#isClosed) return;
		this.#view = { ...this.#view, ...change };
		this.#tab.lineIs(this.#view.input);
		for (const listener of this.#listeners) listener();
	}
}

/** What may follow one of the lesson's own commands. */
function argumentsOf(command: string): readonly string[] {
	return command === ":pane" ? panes.map(({ id }) => id) : [];
}

/** The number of an option, whether there is one or not, entered as a line. */
function isAnswer(line: string, { step, phase }: SessionState): boolean {
	return step.kind === "predict" && (phase === "open" || phase === "preparing") && /^\d+$/.test(line);
}

/** Whether Enter leads to the next step. */
function mayGoOn({ phase, step }: SessionState): boolean {
	return phase === "done" || (phase === "open" && step.kind === "read");
}

function selectionOf({ shuffled }: SessionState): Selection {
	return { at: 0, order: shuffled.map((_, index) => index), isHeld: false };
}

function swapped(order: readonly number[], a: number, b: number): readonly number[] {
	return order.map((place, index) => (index === a ? (order[b] ?? place) : index === b ? (order[a] ?? place) : place));
}
