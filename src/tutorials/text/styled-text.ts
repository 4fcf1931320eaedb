/**
 * Text as it is laid out on a screen: lines of spans, wrapped by the columns that characters take (Chinese takes two). What is said by
 * colour is always said by a word or a sign as well.
 */
import stringWidth from "string-width";

export interface Style {
	readonly color?: "cyan" | "green" | "yellow" | "red" | "magenta";
	readonly bold?: boolean;
	readonly dim?: boolean;
	readonly inverse?: boolean;
}

export interface Span extends Style {
	readonly text: string;
}

export type Line = readonly Span[];

/** Columns that a text takes on the screen. */
export const widthOf = (text: string): number => (/^[ -~]*$/.test(text) ? text.length : stringWidth(text));

export function plain(text: string, style: Style = {}): Line {
	return [{ text, ...style }];
}

/** What may not begin a line, and not end one: https://www.w3.org/TR/clreq/#prohibition_rules_for_line_start_end */
const mayNotBegin = /^[，。、；：？！）」』】》〉”’,.;:?!)\]}]/u;
const mayNotEnd = /[（「『【《〈“‘([{]$/u;
const graphemes = new Intl.Segmenter("zh", { granularity: "grapheme" });

/** What stays on one line: a word, a wide character, a blank; with the marks around it, whatever their style. */
type Piece = readonly Span[];

/** Where a line may end: at blanks, and between wide characters. */
function piecesOf(line: Line): readonly Piece[] {
	const found: Span[][] = [];
	let before = " ";
	for (const { text, ...style } of line) {
		for (const { segment } of graphemes.segment(text)) {
			const piece = found.at(-1);
			const last = piece?.at(-1);
			if (piece === undefined || last === undefined || mayBreak(before, segment)) found.push([{ ...style, text: segment }]);
			else if (sameStyle(last, style)) piece[piece.length - 1] = { ...last, text: last.text + segment };
			else piece.push({ ...style, text: segment });
			before = segment;
		}
	}
	return found;
}

function mayBreak(before: string, next: string): boolean {
	if (before === " " || next === " ") return true;
	if (mayNotBegin.test(next) || mayNotEnd.test(before)) return false;
	return widthOf(before) > 1 || widthOf(next) > 1;
}

/** Breaks a line where it is wider than `width`. @param indent of the lines after the first, columns */
export function wrap(line: Line, width: number, indent = 0): Line[] {
	const limit = Math.max(1, width);
	const margin = Math.min(indent, limit - 1);
	const lines: Span[][] = [[]];
	let used = 0;
	const begin = () => {
		lines.push(margin > 0 ? [{ text: " ".repeat(margin) }] : []);
		used = margin;
	};
	const put = ({ text, ...style }: Span) => {
		const row = lines.at(-1) ?? [];
		const last = row.at(-1);
		if (last !== undefined && sameStyle(last, style)) row[row.length - 1] = { ...last, text: last.text + text };
		else row.push({ ...style, text });
		used += widthOf(text);
	};
	for (const piece of piecesOf(line)) {
		const size = piece.reduce((sum, { text }) => sum + widthOf(text), 0);
		const isBlank = piece[0]?.text === " ";
		if (used + size > limit && (isBlank || size <= limit - margin)) begin();
		if (used + size <= limit) {
			if (!isBlank || used > margin || lines.length === 1) for (const span of piece) put(span);
			continue;
		}
		// Longer than a line: a URL, a hash.
		for (const { text, ...style } of piece) {
			for (const { segment } of graphemes.segment(text)) {
				if (used + widthOf(segment) > limit) begin();
				put({ ...style, text: segment });
			}
		}
	}
	return lines.map(withoutLastBlank);
}

function withoutLastBlank(line: Line): Line {
	const last = line.at(-1);
	const isMargin = line.length === 1 && last?.text.trim() === "";
	return last === undefined || isMargin ? line : [...line.slice(0, -1), { ...last, text: last.text.trimEnd() }];
}

function sameStyle({ color, bold, dim, inverse }: Style, other: Style): boolean {
	return color === other.color && bold === other.bold && dim === other.dim && inverse === other.inverse;
}

/** At most so many columns; what is cut off is said by "…". */
export function truncate(text: string, width: number): string {
	if (widthOf(text) <= width) return text;
	let kept = "";
	let used = 0;
	for (const { segment } of graphemes.segment(text)) {
		used += widthOf(segment);
		if (used > width - 1) break;
		kept += segment;
	}
	return width <= 0 ? "" : `${kept}…`;
}

/** Exactly so many columns. */
export function pad(text: string, width: number): string {
	const cut = truncate(text, width);
	return cut + " ".repeat(Math.max(0, width - widthOf(cut)));
}

/** At most so many columns of a line. */
export function clip(line: Line, width: number): Line {
	const kept: Span[] = [];
	let left = width;
	for (const span of line) {
		const size = widthOf(span.text);
		if (size > left) {
			if (left > 0) kept.push({ ...span, text: truncate(span.text, left) });
			break;
		}
		kept.push(span);
		left -= size;
	}
	return kept;
}

/** Rows under a heading, each column as wide as it needs to be. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], width: number): Line[] {
	const sizes = heads.map((head, column) => Math.max(widthOf(head), ...rows.map((row) => widthOf(row[column] ?? ""))));
	const lineOf = (cells: readonly string[]) =>
		cells.map((cell, column) => (column === heads.length - 1 ? cell : pad(cell, sizes[column] ?? 0))).join("  ");
	return [plain(truncate(lineOf(heads), width), { bold: true }), ...rows.map((row) => plain(truncate(lineOf(row), width)))];
}
