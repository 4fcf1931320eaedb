/**
 * The Markdown that lessons are written in, laid out as lines: paragraphs, headings, lists (in lists, too), quotes, tables, code between
 * fences; `code`, **bold**, *emphasis* and [links](https://spec.commonmark.org). What is not known is shown as it stands.
 */
import { type Line, pad, plain, type Span, type Style, widthOf, wrap } from "./styled-text.ts";

/**
 * How code and emphasis within a line are told: "styled" by colour and weight alone; "ticks" with the backticks of code kept, for where
 * there are no colours; "written" as it stands, for where there are no styles at all.
 */
export type Marks = "styled" | "ticks" | "written";

/** @param width columns; no line is wider, unless a single character is */
export function markdown(text: string, width: number, marks: Marks = "styled"): Line[] {
	return blocksOf(text).flatMap((block) => linesOf(block, width, marks));
}

/** Text without blocks. */
export function inline(text: string, marks: Marks = "styled"): Line {
	return marks === "written" ? plain(text) : spansOf(text, {}, marks);
}

// ── Blocks ──

type Block =
	| { readonly kind: "text"; readonly text: string }
	| { readonly kind: "heading"; readonly text: string }
	| { readonly kind: "item"; readonly sign: string; readonly text: string }
	| { readonly kind: "quote"; readonly text: string }
	| { readonly kind: "code"; readonly line: string }
	| { readonly kind: "table"; readonly rows: readonly string[] };

const fence = /^\s*```/;
const item = /^(\s*(?:[-*+]|\d+[.)])\s+)(.*)$/;
const heading = /^#{1,6}\s+(.*?)\s*#*$/;
const quote = /^\s*>\s?(.*)$/;
const tableRule = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

function blocksOf(text: string): readonly Block[] {
	const blocks: Block[] = [];
	const lines = text.trimEnd().split("\n");
	let isCode = false;
	// Lines of one paragraph belong together: the screen decides where they break.
	let isOpen = false;
	for (let index = 0; index < lines.length; index++) {
		const line = lines[index] ?? "";
		if (fence.test(line)) {
			isCode = !isCode;
			isOpen = false;
		} else if (isCode) blocks.push({ kind: "code", line });
		else if (line.includes("|") && tableRule.test(lines[index + 1] ?? "")) {
			const end = lines.findIndex((each, place) => place > index && !each.includes("|"));
			const rows = lines.slice(index, end < 0 ? lines.length : end);
			blocks.push({ kind: "table", rows });
			index += rows.length - 1;
			isOpen = false;
		} else {
			const begun = begunBy(line);
			const last = blocks.at(-1);
			if (begun.kind === "text" && line.trim() !== "" && isOpen && last !== undefined && "text" in last)
				blocks[blocks.length - 1] = { ...last, text: joined(last.text, line) };
			else if (begun.kind === "quote" && isOpen && last?.kind === "quote")
				blocks[blocks.length - 1] = { ...last, text: joined(last.text, begun.text) };
			else blocks.push(begun);
			isOpen = line.trim() !== "" && begun.kind !== "heading";
		}
	}
	return blocks;
}

function begunBy(line: string): Exclude<Block, { readonly kind: "code" | "table" }> {
	const [, sign, ofItem] = item.exec(line) ?? [];
	if (sign !== undefined) return { kind: "item", sign, text: ofItem ?? "" };
	const ofHeading = heading.exec(line)?.[1];
	if (ofHeading !== undefined) return { kind: "heading", text: ofHeading };
	const ofQuote = quote.exec(line)?.[1];
	return ofQuote === undefined ? { kind: "text", text: line } : { kind: "quote", text: ofQuote };
}

/** Chinese has no blanks between words, nor between lines. */
function joined(before: string, after: string): string {
	const next = after.trimStart();
	const isChinese = widthOf(before.slice(-1)) > 1 || widthOf(next.slice(0, 1)) > 1;
	return `${before}${isChinese ? "" : " "}${next}`;
}

function linesOf(block: Block, width: number, marks: Marks): Line[] {
	switch (block.kind) {
		case "text":
			return block.text.trim() === "" ? [plain("")] : wrap(inline(block.text, marks), width);
		case "heading":
			return wrap(
				inline(block.text, marks).map((span) => ({ ...span, bold: true })),
				width,
			);
		case "item":
			return wrap([{ text: block.sign }, ...inline(block.text, marks)], width, widthOf(block.sign));
		case "quote":
			return wrap(inline(block.text, marks), Math.max(1, width - 2)).map((line) => [{ text: "│ ", dim: true }, ...line]);
		case "code": {
			const margin = 2 + (/^\s*/.exec(block.line)?.[0].length ?? 0);
			// Folded rather than cut off: it is there to be typed.
			return wrap(plain(`  ${block.line}`, { color: "cyan" }), width, margin + 2);
		}
		case "table":
			return tableLines(block.rows, width, marks);
		default: {
			const unknown: never = block;
			return unknown;
		}
	}
}

// ── Tables ──

const between = "  ";
/** A column is made no narrower than so many columns of the screen; a table that does not fit then is told cell by cell. */
const narrowest = 8;

type Align = "left" | "right" | "center";

function tableLines(rows: readonly string[], width: number, marks: Marks): Line[] {
	const [heads = [], rule = [], ...body] = rows.map(cellsOf);
	const aligns = heads.map((_, column) => alignOf(rule[column] ?? ""));
	const cells = [heads, ...body].map((row) => heads.map((_, column) => inline(row[column] ?? "", marks)));
	const sizes = columnSizes(
		heads.map((_, column) => Math.max(1, ...cells.map((row) => lineWidth(row[column] ?? [])))),
		width - between.length * (heads.length - 1),
	);
	if (sizes === undefined) return asRecords(cells, width);
	const laidOut = cells.map((row, place) => rowLines(place === 0 ? row.map(bold) : row, sizes, aligns));
	const [head = [], ...others] = laidOut;
	return [...head, plain(sizes.map((size) => "─".repeat(size)).join(between), { dim: true }), ...others.flat()];
}

/** A cell of several lines makes its row as high. */
function rowLines(row: readonly Line[], sizes: readonly number[], aligns: readonly Align[]): Line[] {
	const columns = row.map((cell, column) => wrap(cell, sizes[column] ?? 1));
	const height = Math.max(...columns.map((lines) => lines.length));
	return Array.from({ length: height }, (_, at) =>
		withoutTrailingBlank(
			columns.flatMap((lines, column) => [
				...(column === 0 ? [] : [{ text: between }]),
				...aligned(lines[at] ?? [], sizes[column] ?? 1, aligns[column] ?? "left"),
			]),
		),
	);
}

/** The widest gives way until all fit; undefined if they do not then. */
function columnSizes(natural: readonly number[], room: number): readonly number[] | undefined {
	const sizes = [...natural];
	for (let sum = sizes.reduce((total, size) => total + size, 0); sum > room; sum--) {
		const widest = Math.max(...sizes);
		if (widest <= narrowest) return undefined;
		sizes[sizes.lastIndexOf(widest)] = widest - 1;
	}
	return sizes;
}

/** Too many columns for the window: `head: cell`, a line each. */
function asRecords([heads = [], ...rows]: readonly (readonly Line[])[], width: number): Line[] {
	return rows.flatMap((row, place) => [
		...(place === 0 ? [] : [plain("")]),
		...row.flatMap((cell, column) => wrap([...bold(heads[column] ?? []), { text: ": " }, ...cell], width, 2)),
	]);
}

function cellsOf(row: string): readonly string[] {
	const inner = row
		.trim()
		.replace(/^\|/, "")
		.replace(/(?<!\\)\|$/, "");
	return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function alignOf(rule: string): Align {
	if (!rule.endsWith(":")) return "left";
	return rule.startsWith(":") ? "center" : "right";
}

function aligned(line: Line, width: number, align: Align): Line {
	const missing = Math.max(0, width - lineWidth(line));
	const left = align === "left" ? 0 : align === "right" ? missing : Math.floor(missing / 2);
	return [{ text: pad("", left) }, ...line, { text: pad("", missing - left) }];
}

const bold = (line: Line): Line => line.map((span) => ({ ...span, bold: true }));

function withoutTrailingBlank(line: Line): Line {
	const end = line.findLastIndex(({ text }) => text.trim() !== "");
	return line.slice(0, end + 1);
}

function lineWidth(line: Line): number {
	return line.reduce((sum, { text }) => sum + widthOf(text), 0);
}

// ── Within a line ──

/**
 * Code; bold; emphasis, which no letter or digit touches from outside (`*` in a file name is none); a link; an address in < >; a sign
 * that a backslash makes itself.
 */
const mark =
	/(?<code>``.+?``(?!`)|(?<!`)`[^`]+`(?!`))|\*\*(?<bold>(?:`[^`]*`|[^*`])+)\*\*|(?<![\w*])\*(?<em>[^\s*](?:[^*]*[^\s*])?)\*(?![\w*])|\[(?<text>[^\]]+)\]\((?<link>[^)\s]+)\)|<(?<url>https?:[^>\s]+)>|\\(?<sign>[\\`*_[\]|<>#])/gu;

function spansOf(text: string, style: Style, marks: Marks): Span[] {
	const spans: Span[] = [];
	let end = 0;
	const put = (part: string, own: Style = style) => {
		if (part !== "") spans.push({ text: part, ...own });
	};
	for (const found of text.matchAll(mark)) {
		put(text.slice(end, found.index));
		end = found.index + found[0].length;
		const { code, bold: strong, em, text: linked, link, url, sign } = found.groups ?? {};
		if (code !== undefined) put(marks === "ticks" ? code : codeIn(code), { ...style, color: "cyan" });
		else if (strong !== undefined || em !== undefined) spans.push(...spansOf(strong ?? em ?? "", { ...style, bold: true }, marks));
		else if (linked !== undefined && link !== undefined) {
			spans.push(...spansOf(linked, style, marks));
			if (linked !== link) put(` (${link})`, { ...style, dim: true });
		} else put(url ?? sign ?? "");
	}
	put(text.slice(end));
	return spans;
}

/** Two backticks hold one: `` `a` ``. */
function codeIn(code: string): string {
	const inner = code.startsWith("``") ? code.slice(2, -2) : code.slice(1, -1);
	return /^ .*[^ ].* $/.test(inner) ? inner.slice(1, -1) : inner;
}
