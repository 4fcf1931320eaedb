/**
 * ui/: lessons as screens in a terminal, by Ink. Loaded by who learns at a terminal, and by nobody else.
 *
 *   lesson-model.ts  what is shown and how keys change it; no React
 *   *.tsx            how it is drawn
 *   panes/           what one may look at beside the text: each reads the lesson's cluster and lays it out as lines
 *
 * Invariants: the terminal is as it was after any end; nothing is told by colour alone; whatever is typed is answered before the cluster is looked at.
 */
import { render } from "ink";
import type { Course } from "../engine/course.ts";
import type { Lesson } from "../engine/lesson.ts";
import { ProgressStore } from "../engine/progress.ts";
import { LessonSession, type SessionOptions } from "../engine/session.ts";
import type { Language } from "../engine/text.ts";
import { App, type LessonHooks, type OpenLesson } from "./app.tsx";
import type { TreeLesson } from "./course-tree.tsx";
import { LessonModel } from "./lesson-model.ts";
import { ColoursContext } from "./lines.tsx";
import { hasColours } from "./sgr.ts";
import { stopUntilContinued } from "./stop.ts";
import { screenWordsIn } from "./words.ts";

/**
 * In the alternate screen many terminals send arrows for the wheel, which would go through earlier commands. Kept, switched off, put back:
 * https://invisible-island.net/xterm/ctlseqs/ctlseqs.html (Alternate Scroll Mode, XTSAVE, XTRESTORE)
 */
const wheelOff = "\u001b[?1007s\u001b[?1007l";
const wheelBack = "\u001b[?1007r";

export interface ScreensOptions extends Omit<SessionOptions, "lesson" | "onProgress"> {
	readonly course: Course;
	/** To begin with; default the list of lessons. */
	readonly section: string | undefined;
	/** The same, read already. */
	readonly lesson?: Lesson | undefined;
	readonly language: Language;
	/** What kept a lesson that was chosen from the list from being opened, in words; the list is shown again. */
	readonly explain: (error: unknown) => string;
	/** What Ctrl-Z does; default it stops the process until the shell lets it go on. */
	readonly stop?: () => Promise<void>;
	readonly input: NodeJS.ReadStream;
	readonly output: NodeJS.WriteStream;
}

/** Resolves when the learner has left. Rejects with what kept the lesson that was asked for from being opened. */
export async function runScreens(options: ScreensOptions): Promise<void> {
	const { course, section, lesson, language, explain, stop = stopUntilContinued, input, output, ...session } = options;
	let current: OpenLesson | undefined;
	// Only the lesson that was asked for begins anew, and once: others are chosen from the list later.
	let fresh = session.isFresh === true ? section : undefined;
	// Read once for what is shown of it first and for opening it; anew when it is chosen another time, as teachers change theirs.
	let read = lesson === undefined || section === undefined ? undefined : { section, lesson };
	const lessonOf = (wanted: string): Lesson => {
		if (read?.section !== wanted) read = { section: wanted, lesson: course.lesson(wanted) };
		return read.lesson;
	};
	const open = async (wanted: string, hooks: LessonHooks): Promise<OpenLesson> => {
		const isFresh = wanted === fresh;
		const chosen = lessonOf(wanted);
		read = undefined;
		const opened = await LessonSession.open({ ...session, isFresh, lesson: chosen, onProgress: hooks.onProgress });
		if (isFresh) fresh = undefined;
		const lendTerminal = (run: () => Promise<void>) => hooks.lendTerminal(() => withoutReading(input, run));
		const model = new LessonModel({ session: opened, language, ...hooks, lendTerminal });
		current = {
			model,
			nowMs: () => opened.cluster.clock.now(),
			speed: () => opened.cluster.clock.speed,
			hold: () => {
				const { clock } = opened.cluster;
				const { speed } = clock;
				clock.setSpeed(0);
				return () => clock.setSpeed(speed);
			},
			close: async () => {
				model.close();
				await opened.close();
			},
		};
		return current;
	};
	const lessons = (): readonly TreeLesson[] =>
		course.heads().map(({ section: own, title, minutes }) => {
			const progress = new ProgressStore(session.stateDirectory, own).read();
			return { section: own, title, minutes, state: progress === undefined ? "-" : progress.isFinished ? "finished" : "started" };
		});
	const preview = (wanted: string) => {
		try {
			const chosen = lessonOf(wanted);
			const { step: kept } = new ProgressStore(session.stateDirectory, chosen.section).read() ?? {};
			const step = (wanted === fresh ? undefined : chosen.steps.find(({ id }) => id === kept)) ?? chosen.steps[0];
			return step === undefined ? undefined : { lesson: chosen, step };
		} catch {
			// Whoever opens it says what is wrong.
			return undefined;
		}
	};
	const stopWithUsualWheel = async () => {
		output.write(wheelBack);
		await stop();
		output.write(wheelOff);
	};
	output.write(wheelOff);
	const app = render(
		<ColoursContext value={hasColours(output, session.env)}>
			<App
				language={language}
				word={screenWordsIn(language)}
				lessons={lessons}
				section={section}
				open={open}
				explain={explain}
				stop={stopWithUsualWheel}
				preview={preview}
			/>
		</ColoursContext>,
		{
			stdin: input,
			stdout: output,
			exitOnCtrlC: false,
			alternateScreen: true,
			incrementalRendering: true,
			interactive: true,
			patchConsole: false,
			maxFps: 60,
		},
	);
	const onHangUp = () => app.unmount();
	process.on("SIGTERM", onHangUp).on("SIGHUP", onHangUp);
	input.on("end", onHangUp);
	try {
		await app.waitUntilExit();
	} finally {
		process.off("SIGTERM", onHangUp).off("SIGHUP", onHangUp);
		input.off("end", onHangUp);
		output.write(wheelBack);
		await current?.close();
	}
}

/**
 * Ink's listener stays while the terminal is lent, and the stream reads on: every other line would go to it. It reads no more once nobody
 * listens and it is paused after having flowed (https://nodejs.org/api/process.html#processstdin).
 */
async function withoutReading(input: NodeJS.ReadStream, run: () => Promise<void>): Promise<void> {
	const turn = () => new Promise((resolve) => setImmediate(resolve));
	const listeners = input.listeners("readable") as (() => void)[];
	input.removeAllListeners("readable");
	await turn();
	input.resume();
	input.pause();
	await turn();
	try {
		await run();
	} finally {
		for (const listener of listeners) input.on("readable", listener);
	}
}
