/** A lesson whose cluster is still starting: what can be read is there at once. */
import { Box, useInput, useWindowSize } from "ink";
import type { ReactNode } from "react";
import type { Lesson, Step } from "../engine/lesson.ts";
import type { Language } from "../engine/text.ts";
import { LineRow, Lines } from "./lines.tsx";
import { markdown, pad, plain, truncate, wrap } from "./styled-text.ts";
import type { ScreenWord } from "./words.ts";

export interface PreviewProps {
	readonly lesson: Lesson;
	/** Where the learner goes on. */
	readonly step: Step;
	readonly language: Language;
	readonly word: (word: ScreenWord) => string;
	/** What is being done just now. */
	readonly progress: string;
	readonly onQuit: () => void;
	/** Told what is typed meanwhile; "\r" is Enter. */
	readonly onType: (typed: string) => void;
}

export function Preview({ lesson, step, language, word, progress, onQuit, onType }: PreviewProps): ReactNode {
	const { columns, rows } = useWindowSize();
	useInput((typed, key) => {
		if (key.ctrl && typed === "c") onQuit();
		else if (key.return) onType("\r");
		else if (!key.ctrl && !key.meta && !key.escape) onType(typed);
	});
	const head = `${word("step")} ${lesson.steps.indexOf(step) + 1}/${lesson.steps.length} · ${word(step.kind)}: ${step.title[language]}`;
	const width = Math.max(1, columns - 1);
	const lines = [...wrap(plain(head, { bold: true, color: "cyan" }), width), plain(""), ...markdown(step.text[language], width)];
	const height = Math.max(1, rows - 2);
	return (
		<Box flexDirection="column" width={columns} height={rows}>
			<LineRow line={plain(pad(`${lesson.section} ${lesson.title[language]}`, columns), { inverse: true })} />
			<Lines lines={lines} width={columns} height={height} />
			<LineRow line={plain(truncate(`${word("starting")} ${progress}`, columns), { dim: true })} />
		</Box>
	);
}
