/** All lessons, by chapters, with how far one is in each. */
import { Box, useWindowSize } from "ink";
import { type ReactNode, useReducer, useRef } from "react";
import type { Language, Text } from "../engine/text.ts";
import { type Line, pad, plain, truncate, wrap } from "../text/styled-text.ts";
import { useKeys } from "./keyboard.ts";
import { LineRow, Lines } from "./lines.tsx";
import type { ScreenWord } from "./words.ts";

export interface TreeLesson {
	readonly section: string;
	readonly title: Text;
	readonly minutes: number;
	readonly state: "-" | "started" | "finished";
}

export interface CourseTreeProps {
	readonly lessons: readonly TreeLesson[];
	/** Where the cursor is at first. */
	readonly section: string | undefined;
	readonly language: Language;
	readonly word: (word: ScreenWord) => string;
	/** What kept the lesson that was chosen last from being opened; empty: nothing. */
	readonly problem: string;
	readonly onChoose: (section: string) => void;
	readonly onQuit: () => void;
}

export function CourseTree({ lessons, section, language, word, problem, onChoose, onQuit }: CourseTreeProps): ReactNode {
	const { columns, rows } = useWindowSize();
	const said = problemLines(problem, word, columns).slice(0, Math.floor(rows / 2));
	const height = Math.max(1, rows - 2 - said.length);
	const first = lessons.findIndex((lesson) => lesson.section === section);
	// Several keys may come before the next frame.
	const { current: cursor } = useRef({ at: Math.max(0, first), hasChosen: false });
	const [, redraw] = useReducer((count: number) => count + 1, 0);
	const moveTo = (at: number) => {
		cursor.at = Math.max(0, Math.min(lessons.length - 1, at));
		redraw();
	};
	useKeys((typed, key) => {
		if (cursor.hasChosen) return false;
		if (key.upArrow) moveTo(cursor.at - 1);
		else if (key.downArrow) moveTo(cursor.at + 1);
		else if (key.pageUp) moveTo(cursor.at - height);
		else if (key.pageDown) moveTo(cursor.at + height);
		else if (key.home) moveTo(0);
		else if (key.end) moveTo(lessons.length - 1);
		else if (key.return) {
			cursor.hasChosen = true;
			onChoose(lessons[cursor.at]?.section ?? "");
		} else if (typed === "q" || key.escape || (key.ctrl && typed === "c")) onQuit();
		// Keys that come at once come as one text.
		else for (const letter of typed) moveTo(cursor.at + (letter === "j" ? 1 : letter === "k" ? -1 : 0));
		return true;
	});
	const lines = treeLines({ lessons, at: cursor.at, language, word, width: columns });
	const row = lines.findIndex(({ isCursor }) => isCursor);
	const start = Math.max(0, Math.min(lines.length - height, row - Math.floor(height / 2)));
	const finished = lessons.filter(({ state }) => state === "finished").length;
	return (
		<Box flexDirection="column" width={columns} height={rows}>
			<LineRow
				line={plain(pad(`kubesim learn · ${word("course")}  ${finished}/${lessons.length} ${word("finished")}`, columns), {
					inverse: true,
				})}
			/>
			<Lines lines={lines.slice(start).map(({ line }) => line)} width={columns} height={height} />
			{said.length > 0 && <Lines lines={said} width={columns} height={said.length} />}
			<LineRow line={plain(truncate(word("treeKeys"), columns), { dim: true })} />
		</Box>
	);
}

function problemLines(problem: string, word: CourseTreeProps["word"], columns: number): readonly Line[] {
	if (problem === "") return [];
	const lines = `${word("notOpened")}\n${problem}`.split("\n");
	return lines.flatMap((line, index) => wrap(plain(line, index === 0 ? { bold: true, color: "red" } : {}), columns));
}

interface TreeLine {
	readonly line: Line;
	readonly isCursor: boolean;
}

function treeLines({
	lessons,
	at,
	language,
	word,
	width,
}: Pick<CourseTreeProps, "lessons" | "language" | "word"> & { readonly at: number; readonly width: number }): readonly TreeLine[] {
	const lines: TreeLine[] = [];
	let chapter = "";
	for (const [index, { section, title, minutes, state }] of lessons.entries()) {
		const own = section.split(".")[0] ?? "";
		if (own !== chapter) {
			chapter = own;
			const name = /^\d+$/.test(own) ? (language === "zh" ? `第 ${own} 章` : `${word("chapter")} ${own}`) : own;
			lines.push({ line: plain(name, { bold: true, color: "cyan" }), isCursor: false });
		}
		const isCursor = index === at;
		const sign = state === "finished" ? "✓" : state === "started" ? "◐" : " ";
		const said = state === "finished" ? word("finished") : state === "started" ? word("started") : "";
		const text = `${isCursor ? "›" : " "} ${sign} ${pad(section, 8)} ${title[language]}  ${minutes} ${word("minutes")}${said === "" ? "" : `  ${said}`}`;
		lines.push({ line: plain(truncate(text, width), isCursor ? { inverse: true } : {}), isCursor });
	}
	return lines;
}
