import { describe, expect, it } from "vitest";
import { markdown } from "./markdown.ts";
import { type Line, widthOf } from "./styled-text.ts";

const textOf = (line: Line) => line.map(({ text }) => text).join("");
const textsOf = (lines: readonly Line[]) => lines.map(textOf);

describe("markdown", () => {
	it("joins the lines of a paragraph, without a blank between Chinese ones", () => {
		expect(textsOf(markdown("one\ntwo\n\n第一行，\n第二行\n", 40))).toEqual(["one two", "", "第一行，第二行"]);
	});

	it("knows code, bold, lists and fences", () => {
		expect(markdown("run `kubectl get pods` **now**", 60)).toEqual([
			[{ text: "run " }, { text: "kubectl get pods", color: "cyan" }, { text: " " }, { text: "now", bold: true }],
		]);
		expect(textsOf(markdown("an unclosed ` and `` `one` `` and ** two", 60))).toEqual(["an unclosed ` and `one` and ** two"]);
		expect(textsOf(markdown("- a\n- b\n```\nkind: Pod\n  x\n```\nend", 20))).toEqual(["- a", "- b", "  kind: Pod", "    x", "end"]);
	});

	it("folds code instead of cutting it off, and sets what follows in", () => {
		expect(textsOf(markdown("```\nspec:\n  command: [sh, -c, sleep 1000]\n```", 20))).toEqual([
			"  spec:",
			"    command: [sh,",
			"      -c, sleep",
			"      1000]",
		]);
	});

	it("knows headings, quotes, lists in lists, nested emphasis and links", () => {
		expect(textsOf(markdown("## Why\n> as they\n> say\n\n- one\n  goes on\n  - two of `x`\n1. three", 14))).toEqual([
			"Why",
			"│ as they say",
			"",
			"- one goes on",
			"  - two of x",
			"1. three",
		]);
		expect(markdown("**all `of` it** *now*, [here](https://a.io) or <https://b.io>; a*b*c, 2 * 3 * 4, \\*", 99)).toEqual([
			[
				{ text: "all ", bold: true },
				{ text: "of", bold: true, color: "cyan" },
				{ text: " it", bold: true },
				{ text: " " },
				{ text: "now", bold: true },
				{ text: ", here" },
				{ text: " (https://a.io)", dim: true },
				{ text: " or https://b.io; a*b*c, 2 * 3 * 4, *" },
			],
		]);
	});

	it("keeps the backticks of code where there are no colours, and all marks where there are no styles", () => {
		expect(textsOf(markdown("run `ls` **now**", 40, "ticks"))).toEqual(["run `ls` now"]);
		expect(textsOf(markdown("run `ls` **now**", 40, "written"))).toEqual(["run `ls` **now**"]);
	});
});

describe("a table", () => {
	const table = "| Pod | 等级 | MiB |\n| --- | --- | ---: |\n| gold | Guaranteed | 1024 |\n| 铜 | `BestEffort` \\| 无 | 5 |\n\nend";

	it("has columns that are aligned, Chinese or not", () => {
		expect(textsOf(markdown(table, 80))).toEqual([
			"Pod   等级              MiB",
			"────  ───────────────  ────",
			"gold  Guaranteed       1024",
			"铜    BestEffort | 无     5",
			"",
			"end",
		]);
	});

	it("is folded within its columns where it is too wide, and told cell by cell where that will not do", () => {
		expect(textsOf(markdown(table, 22))).toEqual([
			"Pod   等级         MiB",
			"────  ──────────  ────",
			"gold  Guaranteed  1024",
			"铜    BestEffort     5",
			"      | 无",
			"",
			"end",
		]);
		expect(textsOf(markdown(table, 19)).slice(0, 4)).toEqual(["Pod: gold", "等级: Guaranteed", "MiB: 1024", ""]);
	});

	it("is no wider than asked for", () => {
		for (let width = 4; width < 60; width++)
			for (const line of markdown(`${table}\n- a list of \`code\`\n> a quote`, width))
				expect(widthOf(textOf(line))).toBeLessThanOrEqual(width);
	});
});
