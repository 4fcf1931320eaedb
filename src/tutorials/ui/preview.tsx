/** A lesson whose cluster is still starting, or ends: what can be read is there at once. */
import { Box, useWindowSize } from "ink";
import type { ReactNode } from "react";
import type { Lesson, Step } from "../engine/lesson.ts";
import type { Language } from "../engine/text.ts";
import { markdown } from "../text/markdown.ts";
import { pad, plain, truncate, wrap } from "../text/styled-text.ts";
import { useKeys } from "./keyboard.ts";
import { LineRow, Lines, useMarks } from "./lines.tsx";
import type { ScreenWord } from "./words.ts";

export interface PreviewProps {
	readonly lesson: Lesson;
	/** Where the learner goes on. */
	readonly step: Step;
	readonly language: Language;
	readonly word: (word: ScreenWord) => string;
	/** What is being done just now. */
	readonly status: string;
	readonly onQuit: () => void;
}

export function Preview({ lesson, step, language, word, status, onQuit }: PreviewProps): ReactNode {
	const { columns, rows } = useWindowSize();
	useKeys((typed, key) => {
		const isInterrupt = key.ctrl && typed === "c";
		if (isInterrupt) onQuit();
		// The rest is for the lesson.
		return isInterrupt;
	});
	const head = `${word("step")} ${lesson.steps.indexOf(step) + 1}/${lesson.steps.length} · ${word(step.kind)}${word("colon")}${step.title[language]}`;
	const width = Math.max(1, columns - 1);
	const lines = [
		...wrap(plain(head, { bold: true, color: "cyan" }), width),
		plain(""),
		...markdown(step.text[language], width, useMarks()),
	];
	const height = Math.max(1, rows - 2);
	return (
		<Box flexDirection="column" width={columns} height={rows}>
			<LineRow line={plain(pad(`${lesson.section} ${lesson.title[language]}`, columns), { inverse: true })} />
			<Lines lines={lines} width={columns} height={height} />
			<LineRow line={plain(truncate(status, columns), { dim: true })} />
		</Box>
	);
}
