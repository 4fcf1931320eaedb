/** The list of lessons, or a lesson. */
import { useApp, useInput } from "ink";
import { type ReactNode, useEffect, useMemo, useReducer, useState } from "react";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import type { Language } from "../engine/text.ts";
import { plain } from "../text/styled-text.ts";
import { CourseTree, type TreeLesson } from "./course-tree.tsx";
import { Keyboard, KeyboardContext } from "./keyboard.ts";
import type { LessonModel } from "./lesson-model.ts";
import { LessonScreen } from "./lesson-screen.tsx";
import { LineRow } from "./lines.tsx";
import { Preview, type PreviewProps } from "./preview.tsx";
import type { ScreenWord } from "./words.ts";

/** How often the clock on the screen is drawn anew, real ms. */
const tickMs = 1_000;

export interface OpenLesson {
	readonly model: LessonModel;
	/** Of the lesson's cluster. */
	readonly nowMs: () => number;
	readonly speed: () => number;
	/** Its time stands still until what it returns is called. */
	readonly hold: () => () => void;
	readonly close: () => Promise<void>;
}

export interface AppProps {
	readonly language: Language;
	readonly word: (word: ScreenWord) => string;
	readonly lessons: () => readonly TreeLesson[];
	/** To begin with; default the list. */
	readonly section: string | undefined;
	readonly open: (section: string, hooks: LessonHooks) => Promise<OpenLesson>;
	/** What kept a lesson from being opened, in words. */
	readonly explain: (error: unknown) => string;
	/** What there is to read before it is open; undefined if the lesson cannot be read. */
	/** Resolves when the process that was stopped goes on; the terminal is the shell's meanwhile. */
	readonly stop: () => Promise<void>;
	readonly preview: (section: string) => Pick<PreviewProps, "lesson" | "step"> | undefined;
}

export interface LessonHooks {
	readonly lendTerminal: (run: () => Promise<void>) => Promise<void>;
	readonly onQuit: () => void;
	readonly onFinished: () => void;
	readonly onProgress: (text: string) => void;
}

export function App(props: AppProps): ReactNode {
	const [keyboard] = useState(() => new Keyboard());
	return (
		<KeyboardContext value={keyboard}>
			<Screen {...props} keyboard={keyboard} />
		</KeyboardContext>
	);
}

function Screen({
	language,
	word,
	lessons,
	section,
	open,
	explain,
	stop,
	preview,
	keyboard,
}: AppProps & { readonly keyboard: Keyboard }): ReactNode {
	const { exit, suspendTerminal } = useApp();
	const [chosen, choose] = useState(section);
	const [last, setLast] = useState(section);
	const [isFromList, setIsFromList] = useState(false);
	const [problem, setProblem] = useState("");
	const [lesson, setLesson] = useState<OpenLesson>();
	const [progress, setProgress] = useState("");
	const [isClosing, setIsClosing] = useState(false);
	const [, redraw] = useReducer((count: number) => count + 1, 0);
	const suspend = async () => {
		const goOn = lesson?.hold();
		await suspendTerminal(stop);
		goOn?.();
	};
	useInput((typed, key) => {
		if (key.ctrl && typed === "z") suspend().catch(exit);
		else keyboard.press(typed, key);
	});
	useEffect(() => {
		if (chosen === undefined) return undefined;
		let isOver = false;
		let opened: OpenLesson | undefined;
		const leave = (then: () => void) => {
			isOver = true;
			setIsClosing(true);
			setLesson(undefined);
			void (opened?.close() ?? Promise.resolve()).then(() => {
				// Keys that were meant for the lesson are not for the list.
				keyboard.clear();
				setIsClosing(false);
				then();
			}, exit);
		};
		open(chosen, {
			lendTerminal: (run) => suspendTerminal(run),
			onQuit: () => leave(() => exit()),
			onFinished: () => leave(() => choose(undefined)),
			onProgress: setProgress,
		}).then(
			(ready) => {
				opened = ready;
				if (isOver) return void ready.close();
				setLesson(ready);
			},
			(error: unknown) => {
				if (!isFromList) return exit(error);
				// Keys that were meant for the lesson are not for the list.
				keyboard.clear();
				setProblem(explain(error));
				choose(undefined);
			},
		);
		setLast(chosen);
		return undefined;
	}, [chosen, isFromList, open, explain, exit, suspendTerminal, keyboard]);
	useEffect(() => {
		const timer = new WallClock().setInterval(redraw, tickMs);
		return () => timer.cancel();
	}, []);
	const isShut = lesson === undefined;
	// Before it is opened, and again while it is closed: then the step is another.
	const shown = useMemo(() => (chosen !== undefined && isShut ? preview(chosen) : undefined), [chosen, isShut, preview]);
	const chooseFromList = (wanted: string) => {
		setIsFromList(true);
		setProblem("");
		setProgress("");
		choose(wanted);
	};
	if (chosen === undefined) {
		const common = { language, word, problem, onChoose: chooseFromList, onQuit: () => exit() };
		return <CourseTree lessons={lessons()} section={last} {...common} />;
	}
	if (lesson === undefined) {
		const status = isClosing ? word("ending") : `${word("starting")} ${progress}`;
		if (shown === undefined) return <LineRow line={plain(status, { dim: true })} />;
		return <Preview {...shown} language={language} word={word} status={status} onQuit={() => exit()} />;
	}
	return <LessonScreen model={lesson.model} nowMs={lesson.nowMs} speed={lesson.speed} />;
}
