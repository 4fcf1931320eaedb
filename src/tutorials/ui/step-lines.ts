/** A step of a lesson as lines: its text, what is asked for and how that stands, and in the end what is to be said of it. */

import type { SessionState } from "../engine/session-state.ts";
import type { Language } from "../engine/text.ts";
import { inline, type Marks, markdown } from "../text/markdown.ts";
import { type Line, plain, type Span, wrap } from "../text/styled-text.ts";
import type { ScreenWord } from "./words.ts";

/** Where the learner is in a list that he goes through by arrows. */
export interface Selection {
	/** From 0. */
	readonly at: number;
	/** Of an order step: the places of its items, as the learner has put them. */
	readonly order: readonly number[];
	/** Whether the item at `at` moves along. */
	readonly isHeld: boolean;
}

export interface StepLinesOptions {
	readonly language: Language;
	readonly word: (word: ScreenWord) => string;
	readonly selection: Selection;
	readonly width: number;
	readonly marks: Marks;
}

/** Lines from `start` up to, not including, `end`. */
export interface LineRange {
	readonly start: number;
	readonly end: number;
}

/** Where the options or items are, and the one that the cursor is at. */
export interface Choices extends LineRange {
	readonly selected: LineRange;
}

const blank: Line = [{ text: "" }];

export function stepLines(state: SessionState, options: StepLinesOptions): { readonly lines: readonly Line[]; readonly choices: Choices } {
	const { language, word, width, marks } = options;
	const { step, stepIndex, lesson, phase } = state;
	const head = `${word("step")} ${stepIndex + 1}/${lesson.steps.length} · ${word(step.kind)}${word("colon")}${step.title[language]}`;
	const lines: Line[] = [
		...wrap(plain(head, { bold: true, color: "cyan" }), width),
		blank,
		...markdown(step.text[language], width, marks),
		blank,
	];
	const start = lines.length;
	let selected: LineRange = { start, end: start };
	for (const [index, choice] of choiceLines(state, options).entries()) {
		if (index === options.selection.at) selected = { start: lines.length, end: lines.length + choice.length };
		lines.push(...choice);
	}
	const choices = { start, end: lines.length, selected };
	for (const { isMet, expected, saw } of state.checks) {
		lines.push(
			...wrap([{ text: isMet ? "[x] " : "[ ] ", color: isMet ? "green" : "yellow" }, ...inline(expected[language], marks)], width, 4),
		);
		if (!isMet) lines.push(...wrap(plain(`    ${word("saw")}${word("colon")}${saw[language]}`, { dim: true }), width, 4));
	}
	for (const hint of state.hints) lines.push(blank, ...marked(word("hint"), hint[language], { width, marks, word }));
	if (phase === "done" || phase === "finished") lines.push(blank, ...ending(state, options));
	if (phase === "finished") lines.push(blank, ...wrap(plain(`★ ${word("lessonDone")}`, { bold: true, color: "green" }), width));
	if (phase === "preparing") lines.push(blank, plain(word("busy"), { dim: true }));
	return { lines, choices };
}

/** Of each option or item. */
function choiceLines(state: SessionState, { language, selection, width, marks }: StepLinesOptions): readonly (readonly Line[])[] {
	const { step, phase, shuffled, chosen } = state;
	if (step.kind === "predict") {
		return step.options.map(({ text, isRight }, index) => {
			const isHere = phase === "open" && selection.at === index;
			const isOver = phase !== "open" && phase !== "preparing";
			const sign = isOver ? (isRight ? "✓" : index === chosen ? "✗" : " ") : isHere ? "›" : " ";
			const style: Omit<Span, "text"> =
				isOver && isRight ? { color: "green" } : isOver && index === chosen ? { color: "red" } : isHere ? { bold: true } : {};
			return wrap([{ text: `${sign} ${index + 1}. `, ...style }, ...inStyle(inline(text[language], marks), style)], width, 5);
		});
	}
	if (step.kind !== "order") return [];
	const order = phase === "open" ? selection.order : shuffled.map((_, index) => shuffled.indexOf(index));
	return order.map((place, index) => {
		const isHere = phase === "open" && selection.at === index;
		const sign = isHere ? (selection.isHeld ? "↕" : "›") : " ";
		const style: Omit<Span, "text"> = isHere ? (selection.isHeld ? { inverse: true } : { bold: true }) : {};
		const item = step.items[shuffled[place] ?? 0];
		return wrap([{ text: `${sign} ${index + 1}. `, ...style }, ...inStyle(inline(item?.[language] ?? "", marks), style)], width, 5);
	});
}

/** What is said when a step is over: what came of it, and why. */
function ending({ step, chosen, outcomes }: SessionState, { language, word, width, marks }: StepLinesOptions): Line[] {
	if (step.kind === "read") return [];
	if (step.kind === "predict") {
		const right = step.options.find(({ isRight }) => isRight);
		const own = chosen === undefined ? undefined : step.options[chosen];
		const lines: Line[] = [];
		if (own !== undefined)
			lines.push(
				...marked(word(own.isRight ? "right" : "notRight"), own.why[language], { width, marks, word }, own.isRight ? "green" : "red"),
			);
		if (right !== undefined && own !== right)
			lines.push(
				...marked(`${bare(word("rightOneIs"))} ${step.options.indexOf(right) + 1}`, right.why[language], { width, marks, word }, "green"),
			);
		return lines;
	}
	const outcome = outcomes[step.id] ?? "done";
	const { why } = step;
	return [
		plain(`✓ ${word(outcome)}`, { bold: true, color: "green" }),
		...(why === undefined ? [] : [blank, ...markdown(why[language], width, marks)]),
	];
}

function marked(
	mark: string,
	text: string,
	{ width, marks, word }: Pick<StepLinesOptions, "width" | "marks" | "word">,
	color: NonNullable<Span["color"]> = "yellow",
): Line[] {
	const [first = "", ...rest] = text.trim().split(/\n{2,}/);
	// It goes on behind the mark.
	const [head = [], ...more] = markdown(first, Number.MAX_SAFE_INTEGER, marks);
	return [
		...wrap([{ text: `${bare(mark)}${word("colon")}`, bold: true, color }, ...head], width, 2),
		...more.flatMap((line) => wrap(line, width, 2)),
		...(rest.length === 0 ? [] : [blank, ...markdown(rest.join("\n\n"), width, marks)]),
	];
}

/** Without the mark at its end. */
function bare(text: string): string {
	return text.replace(/[:：。.]$/, "");
}

/** A style over what the text says of itself. */
function inStyle(line: Line, style: Omit<Span, "text">): Line {
	return line.map((span) => ({ ...span, ...style }));
}
