import { describe, expect, it } from "vitest";
import { clip, type Line, markdown, pad, plain, table, truncate, widthOf, wrap } from "./styled-text.ts";

const textOf = (line: Line) => line.map(({ text }) => text).join("");
const textsOf = (lines: readonly Line[]) => lines.map(textOf);

describe("wrap", () => {
	it("breaks at blanks, and never makes a line wider than asked for", () => {
		expect(textsOf(wrap(plain("a Pod is the smallest thing"), 10))).toEqual(["a Pod is", "the", "smallest", "thing"]);
		for (let width = 1; width < 30; width++) {
			for (const line of wrap(plain("Pod 是能创建、调度、删除的最小单位 https://kubernetes.io/docs/concepts/workloads/pods/"), width)) {
				// One wide character is two columns, however narrow the window.
				expect(widthOf(textOf(line))).toBeLessThanOrEqual(Math.max(2, width));
			}
		}
	});

	it("breaks Chinese anywhere, but begins no line with a closing mark", () => {
		expect(textsOf(wrap(plain("容器总是一起放到同一个节点上，一起开始，一起结束。"), 12))).toEqual([
			"容器总是一起",
			"放到同一个节",
			"点上，一起开",
			"始，一起结",
			"束。",
		]);
	});

	it("cuts what is longer than a line, and keeps each span's style", () => {
		const lines = wrap([{ text: "see ", bold: true }, { text: "abcdefghij" }], 6);
		expect(lines).toEqual([[{ text: "see ", bold: true }, { text: "ab" }], [{ text: "cdefgh" }], [{ text: "ij" }]]);
	});

	it("sets lines after the first in", () => {
		expect(textsOf(wrap(plain("- shared network and volumes"), 14, 2))).toEqual(["- shared", "  network and", "  volumes"]);
	});
});

describe("columns", () => {
	it("are counted as terminals do: a Chinese character takes two", () => {
		expect(truncate("节点一二三", 6)).toBe("节点…");
		expect(widthOf(pad("节点一", 9))).toBe(9);
		expect(textOf(clip([{ text: "节点" }, { text: "abcdef", bold: true }], 7))).toBe("节点ab…");
		expect(textsOf(table(["名字", "N"], [["a", "1"]], 20))).toEqual(["名字  N", "a     1"]);
	});
});

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
});
