/** What a lesson under way looks like from outside: one immutable value, a new one whenever something changes. */
import type { CheckState } from "./check.ts";
import type { Lesson, Step } from "./lesson.ts";
import type { StepOutcome } from "./progress.ts";
import type { CommandRecord } from "./shell.ts";
import type { Text } from "./text.ts";

/**
 *   preparing ─▶ open ─▶ done ─next▶ preparing … ─▶ finished
 *                 ▲ └─ reset, show me, skip ─┘
 *
 * preparing: a step begins, or is taken back to its beginning. open: it is the learner's turn. done: the step is over; what is to be
 * said of it is said. finished: the lesson is.
 */
export type Phase = "preparing" | "open" | "done" | "finished" | "closed";

export interface SessionState {
	readonly lesson: Lesson;
	readonly phase: Phase;
	/** From 0; the last one once it is finished. */
	readonly stepIndex: number;
	readonly step: Step;
	/** Of the steps that are over, by their ids. */
	readonly outcomes: Readonly<Record<string, StepOutcome>>;
	/** Of the present step's checks, in their order; empty where it has none. */
	readonly checks: readonly CheckState[];
	/** Those of the step that were asked for. */
	readonly hints: readonly Text[];
	readonly hintsLeft: number;
	/** Of a predict step that was answered: which option. */
	readonly chosen: number | undefined;
	/** Of an order step: the places of its items in the right order, as they are shown. */
	readonly shuffled: readonly number[];
	/** Of an order step: the last try that was wrong, as places in `shuffled`, and how many of it stand right. */
	readonly lastOrder: { readonly order: readonly number[]; readonly inPlace: number } | undefined;
	/** What runs in the lesson's own command line. */
	readonly running: string | undefined;
	/** Whether what runs is the solution, which the engine types. */
	readonly isShowing: boolean;
	/** Commands that ran to their end, oldest first. */
	readonly journal: readonly CommandRecord[];
	/** The kubeconfig no longer leads to the lesson's cluster: what the learner typed last changed it. A reset puts it back. */
	readonly isKubeconfigBroken: boolean;
	/** See client-ages.ts, of the command that ran last, ms. */
	readonly clockAheadMs: number;
	/** Whether there is a kubectl to type. */
	readonly hasKubectl: boolean;
	/** What to type in a second terminal, so that it is in the lesson, too. */
	readonly secondTerminal: string;
}

export type SessionEvent =
	/** `state` is another one. */
	| { readonly type: "state" }
	/** The engine types a command of the solution. */
	| { readonly type: "typing"; readonly command: string }
	/** What the command that runs says. */
	| { readonly type: "output"; readonly text: string };
