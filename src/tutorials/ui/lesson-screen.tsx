/**
 * A lesson:
 *
 *   3.3.1 Introduction to Pods           12:00:07 ▶ 1x
 *   ┌ text of the step ────────┐┌ what is looked at ──┐
 *   │                          ││                     │
 *   └──────────────────────────┘└─────────────────────┘
 *   $ kubectl get pods
 *   what commands said
 *   $ the command line
 *   keys
 *
 * In a window narrower than 110 columns the text and the pane take turns.
 */
import { Box, type Key, usePaste, useWindowSize } from "ink";
import { type ReactNode, useSyncExternalStore } from "react";
import { type Marks, markdown } from "../text/markdown.ts";
import { clip, type Line, pad, plain, type Style, truncate, widthOf, wrap } from "../text/styled-text.ts";
import { useKeys } from "./keyboard.ts";
import { atSelection, type LessonModel, type LessonView } from "./lesson-model.ts";
import type { EditKey } from "./line-input.ts";
import { LineRow, Lines, useMarks } from "./lines.tsx";
import { clockTime } from "./panes/clock-time.ts";
import { panes } from "./panes/index.ts";
import { type Choices, stepLines } from "./step-lines.ts";
import type { ScreenWord } from "./words.ts";

export const smallest = { columns: 80, rows: 24 } as const;
/** From here on the text and the pane are side by side. */
const wideColumns = 110;

interface Sizes {
	readonly columns: number;
	readonly rows: number;
	readonly isNarrow: boolean;
	readonly textWidth: number;
	readonly paneWidth: number;
	/** Of the text and the pane, without their title. */
	readonly upperHeight: number;
	readonly consoleHeight: number;
}

function sizesFor(columns: number, rows: number): Sizes {
	const isNarrow = columns < wideColumns;
	const textWidth = isNarrow ? columns : Math.floor(columns * 0.56);
	const consoleHeight = Math.max(4, Math.floor(rows * 0.3));
	return {
		columns,
		rows,
		isNarrow,
		textWidth,
		paneWidth: isNarrow ? columns : columns - textWidth - 1,
		// Without the head, the title of the upper part, the rule above the console, the command line and the keys.
		upperHeight: Math.max(1, rows - consoleHeight - 5),
		consoleHeight,
	};
}

export function LessonScreen({
	model,
	nowMs,
	speed,
}: {
	readonly model: LessonModel;
	readonly nowMs: () => number;
	readonly speed: () => number;
}): ReactNode {
	const view = useSyncExternalStore(model.subscribe, () => model.view);
	const { columns, rows } = useWindowSize();
	const sizes = sizesFor(columns, rows);
	const { word, language } = model;
	const marks = useMarks();
	const { lines: text, choices } = stepLines(view.state, { language, word, selection: view.selection, width: sizes.textWidth - 1, marks });
	const most = Math.max(0, text.length - sizes.upperHeight);
	const isBig = view.front !== "step";
	const bigHeight = rows - 4;
	const big = isBig ? bigLines(view, model, columns, marks) : [];
	const shown = isBig ? { height: bigHeight, most: Math.max(0, big.length - bigHeight) } : { height: sizes.upperHeight, most };
	const asked = view.scroll[view.front];
	const above = Math.min(asked === atSelection ? aboveSelection(choices, sizes.upperHeight) : asked, shown.most);
	const window = { ...shown, above };
	useLessonKeys(model, sizes, window);
	if (columns < smallest.columns || rows < smallest.rows)
		return <Lines lines={wrap(plain(word("tooSmall")), columns)} width={columns} height={rows} />;
	return (
		<Box flexDirection="column" width={columns} height={rows}>
			<LineRow line={headLine(view, model, columns, { nowMs: nowMs(), speed: speed() })} />
			{isBig ? (
				<Lines lines={big.slice(above)} width={columns} height={bigHeight} />
			) : (
				<Upper view={view} model={model} sizes={sizes} text={text.slice(above)} />
			)}
			<LineRow line={rule(view, word, sizes, above < window.most)} />
			{!isBig && <Lines lines={consoleLines(view, model, sizes)} width={columns} height={sizes.consoleHeight} />}
			<LineRow line={commandLine(view, columns)} />
			<LineRow line={plain(truncate(keysOf(view, word), columns), { dim: true })} />
		</Box>
	);
}

/** So many lines are above the window that all choices are in it; if they are more than fit, the one that the cursor is at. */
function aboveSelection({ selected, end, start }: Choices, height: number): number {
	const bottom = end - start <= height ? end : selected.end;
	return Math.min(selected.start, Math.max(0, bottom - height));
}

/** All that commands said, or the help. */
function bigLines(view: LessonView, { word }: LessonModel, columns: number, marks: Marks): readonly Line[] {
	return view.front === "help" ? markdown(word("help"), columns - 1, marks) : outputLines(view, word, columns);
}

/** Between what is in front and the command line; it says what more there is. */
function rule({ front, console }: LessonView, word: LessonModel["word"], { columns, consoleHeight }: Sizes, isMoreBelow: boolean): Line {
	const more = [
		...(isMoreBelow ? [word("moreBelow")] : []),
		...(front === "step" && console.length > consoleHeight ? [word("outputKey")] : []),
	];
	const said = more.map((each) => `── ${each} `).join("");
	return plain(said + "─".repeat(Math.max(0, columns - widthOf(said))), { dim: true });
}

function Upper({
	view,
	model,
	sizes,
	text,
}: {
	readonly view: LessonView;
	readonly model: LessonModel;
	readonly sizes: Sizes;
	readonly text: readonly Line[];
}): ReactNode {
	const { isNarrow, textWidth, paneWidth, upperHeight } = sizes;
	const { word } = model;
	const isTextShown = !isNarrow || !view.isPaneInFront;
	const isPaneShown = !isNarrow || view.isPaneInFront;
	const titles = tabs(view, model, isNarrow, isNarrow ? textWidth : paneWidth);
	return (
		<Box flexDirection="row" height={upperHeight + 1}>
			{isTextShown && (
				<Box flexDirection="column" width={textWidth}>
					<LineRow line={isNarrow ? titles : plain(pad(word("lesson"), textWidth - 1), { bold: true })} />
					<Lines lines={text} width={textWidth - 1} height={upperHeight} />
				</Box>
			)}
			{!isNarrow && (
				<Lines lines={Array.from({ length: upperHeight + 1 }, () => plain("│", { dim: true }))} width={1} height={upperHeight + 1} />
			)}
			{isPaneShown && (
				<Box flexDirection="column" width={paneWidth}>
					<LineRow line={titles} />
					<Lines
						lines={view.layout?.(paneWidth, upperHeight) ?? [plain(word("busy"), { dim: true })]}
						width={paneWidth}
						height={upperHeight}
					/>
				</Box>
			)}
		</Box>
	);
}

/** The panes' names; the one that is shown stands out, in brackets as well. */
function tabs(view: LessonView, { word, language }: LessonModel, isNarrow: boolean, width: number): Line {
	const names = panes.map(({ title }, index) => ({
		name: title[language],
		isShown: index === view.pane && (!isNarrow || view.isPaneInFront),
	}));
	const all = isNarrow ? [{ name: word("lesson"), isShown: !view.isPaneInFront }, ...names] : names;
	// What is shown is in view, however many there are before it.
	let start = 0;
	const upTo = (end: number) => all.slice(start, end + 1).reduce((sum, { name }) => sum + widthOf(name) + 2, 0);
	while (upTo(all.findIndex(({ isShown }) => isShown)) > width - 2) start++;
	const spans = all
		.slice(start)
		.map(({ name, isShown }) => (isShown ? { text: `[${name}]`, bold: true } : { text: ` ${name} `, dim: true }));
	return clip(start > 0 ? [{ text: "‹", dim: true }, ...spans] : spans, width);
}

function headLine(
	{ state }: LessonView,
	{ language }: LessonModel,
	columns: number,
	time: { readonly nowMs: number; readonly speed: number },
): Line {
	const pace = `${clockTime(time.nowMs)} ${time.speed === 0 ? "⏸" : `▶ ${time.speed}x`}`;
	const { section, title, steps } = state.lesson;
	const over = Object.keys(state.outcomes).length;
	const marks = `${"●".repeat(over)}${"○".repeat(Math.max(0, steps.length - over))}`;
	const left = `${section} ${title[language]}  ${marks}`;
	return plain(`${pad(left, Math.max(0, columns - widthOf(pace) - 1))} ${pace}`, { inverse: true });
}

/** The end of what commands said. */
function consoleLines(view: LessonView, { word }: LessonModel, { columns, consoleHeight }: Sizes): readonly Line[] {
	return outputLines({ ...view, console: view.console.slice(-consoleHeight) }, word, columns).slice(-consoleHeight);
}

function outputLines({ console, state, queue }: LessonView, word: LessonModel["word"], columns: number): readonly Line[] {
	const command = (text: string, style: Style) =>
		wrap(
			[
				{ text: "$ ", color: "green" },
				{ text, ...style },
			],
			columns,
		);
	const lines = console.flatMap(({ text, isCommand }) => (isCommand ? command(text, { bold: true }) : wrapRaw(text, columns)));
	const { running } = state;
	if (running === undefined) return lines;
	const [first = ""] = running.split("\n");
	const waiting = queue.flatMap((line) => command(oneLine(line), { dim: true }));
	const [before, after] = [`… ${word("running")}${word("colon")}`, " (Ctrl-C)"];
	const said = `${before}${truncate(first, columns - widthOf(before) - after.length)}${after}`;
	return [...lines, plain(said, { dim: true }), ...waiting];
}

/** Several lines in one. */
function oneLine(text: string): string {
	return text.replaceAll("\n", "↵").replaceAll("\t", " ");
}

/** Tables keep their columns: what is too wide goes on in the next line. */
function wrapRaw(text: string, width: number): Line[] {
	const lines: Line[] = [];
	let rest = text;
	while (widthOf(rest) > width) {
		let end = Math.min(rest.length, width);
		while (end > 1 && widthOf(rest.slice(0, end)) > width) end--;
		lines.push(plain(rest.slice(0, end)));
		rest = rest.slice(end);
	}
	return [...lines, plain(rest)];
}

/** The end of what is typed is in view; the cursor is shown by its background. */
function commandLine({ input }: LessonView, columns: number): Line {
	const prompt = "$ ";
	const room = columns - prompt.length - 1;
	let start = 0;
	while (widthOf(oneLine(input.text.slice(start, input.cursor))) > room) start++;
	const before = input.text.slice(start, input.cursor);
	const [at = " "] = [...new Intl.Segmenter("zh").segment(input.text.slice(input.cursor))].map(({ segment }) => segment);
	const after = input.text.slice(input.cursor + (input.cursor < input.text.length ? at.length : 0));
	const spans = [{ text: before }, { text: at, inverse: true }, { text: after }].map((span) => ({ ...span, text: oneLine(span.text) }));
	return clip([{ text: prompt, color: "green" }, ...spans], columns);
}

function keysOf({ state: { phase, step }, front }: LessonView, word: (word: ScreenWord) => string): string {
	if (front !== "step") return word("bigKeys");
	if (phase === "finished") return word("finishedKeys");
	if (phase === "done") return word("doneKeys");
	switch (step.kind) {
		case "read":
			return word("readKeys");
		case "predict":
			return word("predictKeys");
		case "order":
			return word("orderKeys");
		default:
			return word("taskKeys");
	}
}

/** What Ctrl and a letter do to the command line, as in a shell. */
const controlKeys: Readonly<Record<string, EditKey>> = {
	a: "home",
	b: "left",
	e: "end",
	f: "right",
	h: "backspace",
	k: "killToEnd",
	n: "newer",
	p: "older",
	r: "search",
	u: "killLine",
	w: "killWord",
};

/** @param window of what is in front: how many lines are in it, and at most above it */
function useLessonKeys(
	model: LessonModel,
	sizes: Sizes,
	window: { readonly height: number; readonly above: number; readonly most: number },
): void {
	const page = Math.max(1, window.height - 2);
	const control = (letter: string): void => {
		const edit = controlKeys[letter];
		if (edit !== undefined) model.edit(edit);
		else if (letter === "c") model.interrupt();
		else if (letter === "d") model.endOfInput();
		else if (letter === "l") model.clear();
		else if (letter === "o") model.toggle("output");
	};
	const press = (typed: string, key: Key): void => {
		const isWord = key.ctrl || key.meta;
		if (key.return) model.submit(sizes.columns);
		else if (key.escape) model.backToStep();
		else if (key.tab) model.nextPane(-1, sizes.isNarrow);
		else if (key.pageUp) model.scrollBy(-page, window);
		else if (key.pageDown) model.scrollBy(page, window);
		else if (key.upArrow) model.edit("older");
		else if (key.downArrow) model.edit("newer");
		else if (key.leftArrow || (key.meta && typed === "b")) model.edit(isWord ? "wordLeft" : "left");
		else if (key.rightArrow || (key.meta && typed === "f")) model.edit(isWord ? "wordRight" : "right");
		else if (key.home) model.edit("home");
		else if (key.end) model.edit("end");
		else if (key.backspace) model.edit(isWord ? "killWord" : "backspace");
		else if (key.delete) model.edit("delete");
		else if (key.ctrl) control(typed);
		else if (!key.meta && typed !== "") model.type(typed);
	};
	usePaste((text) => model.afterTab(() => model.paste(text)));
	useKeys((typed, key) => {
		if (key.tab && !key.shift) model.tab(sizes);
		else if (key.ctrl && typed === "c") press(typed, key);
		else model.afterTab(() => press(typed, key));
		return true;
	});
}
