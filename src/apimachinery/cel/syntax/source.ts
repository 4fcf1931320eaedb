/**
 * The text of an expression, and what is wrong with it, as cel-go shows it:
 *
 *     ERROR: <input>:1:5: undeclared reference to 'x' (in container '')
 *      | 1 + x
 *      | ....^
 *
 * Positions count code points, not UTF-16 units. Source: github.com/google/cel-go/common/{error,errors,source}.go.
 */

/** How many errors a text lists at most. */
const maxReportedIssues = 100;

export interface Issue {
	/** Offset in code points; undefined for the expression as a whole. */
	readonly at: number | undefined;
	readonly text: string;
}

export class Source {
	readonly text: string;
	/** Code points; expressions are short (at most 100,000), and error positions and the lexer count in them. */
	readonly points: readonly string[];
	/** Offset of each line's first code point, in order. */
	readonly #lineStarts: readonly number[];

	constructor(text: string) {
		this.text = text;
		this.points = Array.from(text);
		const starts = [0];
		for (let at = 0; at < this.points.length; at++) if (this.points[at] === "\n") starts.push(at + 1);
		this.#lineStarts = starts;
	}

	/** Line from 1, column from 0. */
	locate(at: number): { readonly line: number; readonly column: number } {
		let low = 0;
		let high = this.#lineStarts.length - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if ((this.#lineStarts[middle] ?? 0) <= at) low = middle;
			else high = middle - 1;
		}
		return { line: low + 1, column: at - (this.#lineStarts[low] ?? 0) };
	}

	#line(number: number): readonly string[] {
		const start = this.#lineStarts[number - 1] ?? 0;
		const next = this.#lineStarts[number];
		return this.points.slice(start, next === undefined ? undefined : next - 1);
	}

	/** The issues in order of their positions, as `Issues.String()` of cel-go. */
	format(issues: readonly Issue[]): string {
		const sorted = [...issues].sort((a, b) => (a.at ?? -1) - (b.at ?? -1));
		const shown = sorted.slice(0, maxReportedIssues).map((issue) => this.#formatIssue(issue));
		const more = sorted.length - shown.length;
		return [...shown, ...(more > 0 ? [`${more} more errors were truncated`] : [])].join("\n");
	}

	#formatIssue({ at, text }: Issue): string {
		if (at === undefined) return `ERROR: <input>:-1:0: ${text}`;
		const { line, column } = this.locate(at);
		const head = `ERROR: <input>:${line}:${column + 1}: ${text}`;
		const snippet = this.#line(line);
		const dots = snippet.slice(0, column).map((point) => (isWide(point) ? "．" : "."));
		const missing = Math.max(0, column - dots.length);
		const mark = isWide(snippet[column] ?? " ") ? "＾" : "^";
		return `${head}\n | ${snippet.map((point) => (point === "\t" ? " " : point)).join("")}\n | ${dots.join("")}${".".repeat(missing)}${mark}`;
	}
}

/** Characters of more than one byte take a wide dot, so that the mark stands below its place. */
const isWide = (point: string): boolean => (point.codePointAt(0) ?? 0) > 0x7f;
