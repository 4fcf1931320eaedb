/** Somebody sits down at a terminal and learns, in a test. */

import { onTestFinished } from "vitest";
import { sleep } from "../../../apimachinery/clock/clock.ts";
import { WallClock } from "../../../apimachinery/clock/wall-clock.ts";
import { SeededRandom } from "../../../apimachinery/random.ts";
import { Course } from "../../engine/course.ts";
import { noSurroundings } from "../../engine/surroundings.ts";
import type { Language } from "../../engine/text.ts";
import { runScreens } from "../index.tsx";
import { VirtualTerminal } from "./virtual-terminal.ts";

export interface SittingOptions {
	/** The folder of the course. */
	readonly course: string;
	/** Where what is learnt is kept. */
	readonly state: string;
	readonly language: Language;
	readonly section?: string;
	readonly terminal?: VirtualTerminal;
	readonly isFresh?: boolean;
	/** What Ctrl-Z does. */
	readonly stop?: () => Promise<void>;
	/** Over the process's own. */
	readonly env?: NodeJS.ProcessEnv;
}

export interface Sitting {
	readonly terminal: VirtualTerminal;
	/** Resolves to what the screen shows once it shows that. */
	readonly shows: (pattern: RegExp) => Promise<string>;
	/** Resolves when the learner has left. */
	readonly ended: Promise<void>;
}

/** A test that fails leaves nothing that goes on beside the next one. */
export function sitDown({
	course,
	state,
	language,
	section,
	terminal = new VirtualTerminal(),
	isFresh = false,
	stop,
	env,
}: SittingOptions): Sitting {
	const clock = new WallClock();
	const ended = runScreens({
		course: new Course(course),
		section,
		language,
		explain: String,
		...(stop === undefined ? {} : { stop }),
		isFresh,
		stateDirectory: state,
		env: { ...process.env, NO_COLOR: "", SHELL: "/bin/sh", ...env },
		random: new SeededRandom("screens"),
		surroundings: noSurroundings,
		input: terminal.input,
		output: terminal.output,
	});
	onTestFinished(async () => {
		terminal.hangUp();
		await ended;
	});
	const shows = async (pattern: RegExp): Promise<string> => {
		for (let turn = 0; turn < 1_000; turn++) {
			const frame = terminal.rows().join("\n");
			if (pattern.test(frame)) return frame;
			await sleep(clock, 10);
		}
		throw new Error(`${pattern} is not in\n${terminal.rows().join("\n")}`);
	};
	return { terminal, shows, ended };
}
