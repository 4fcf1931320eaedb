/** A step's solution, typed while the learner looks on, until the step is over by it. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { TaskStep } from "./lesson.ts";
import { SessionError } from "./session-error.ts";
import type { CommandRecord } from "./shell.ts";

/** Who types, and sees what comes of it. */
export interface Typist {
	/** Else something types that stands in for it, and does not know all. */
	readonly hasKubectl: boolean;
	/** The cluster's. */
	readonly clock: Clock;
	readonly type: (command: string) => Promise<CommandRecord>;
	/** Looks at the checks once more, so that what was just done counts. */
	readonly look: () => Promise<void>;
	readonly isDone: () => boolean;
	/** Resolves when the step is not under way any more. */
	readonly whenOver: () => Promise<unknown>;
}

/** How long what a solution began may take, cluster ms. */
const patienceMs = 5 * 60_000;

/**
 * Resolves to whether the step is done by it: where there is no kubectl, something in it may have been too much for the stand-in. Rejects with
 * SessionError if all of it was typed, and did not help.
 */
export async function typeSolution(step: TaskStep, typist: Typist): Promise<boolean> {
	let isComplete = true;
	for (const command of step.solution) {
		const { exitCode } = await typist.type(command);
		// What a kubectl of the learner's own refuses may be done already.
		isComplete &&= typist.hasKubectl || exitCode === 0;
	}
	await typist.look();
	if (isComplete && !typist.isDone()) await whenOverOrLate(typist);
	const isDone = typist.isDone();
	if (!isDone && isComplete)
		throw new SessionError({
			zh: "照现在的情况，答案不管用了：先用 :reset 回到本步开头",
			en: "the solution does not help as things are now: go back to the step's beginning first (:reset)",
		});
	return isDone;
}

function whenOverOrLate({ clock, whenOver }: Typist): Promise<void> {
	return new Promise((resolve) => {
		const timer = clock.setTimeout(resolve, patienceMs);
		void whenOver().then(() => {
			timer.cancel();
			resolve();
		});
	});
}
