import { describe, expect, it } from "vitest";
import { clip, type Line, pad, plain, table, truncate, widthOf, wrap } from "./styled-text.ts";

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

	it("keeps marks with what they stand at, whatever the style on either side", () => {
		const code = (text: string) => ({ text, color: "cyan" }) as const;
		expect(textsOf(wrap([{ text: "先看看（" }, code("kubectl get"), { text: "），然后" }, code("apply"), { text: "，就好" }], 16))).toEqual(
			["先看看（kubectl", "get），然后", "apply，就好"],
		);
		expect(textsOf(wrap([{ text: "look at it (" }, code("kubelet"), { text: "). " }, code("pod"), { text: "s too" }], 18))).toEqual([
			"look at it",
			"(kubelet). pods",
			"too",
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
