import { expect, test } from "vitest";
import { formatTable } from "./table.ts";

const head = ["NAME", "STATE", "ADDS", "LAST ERROR"];
const rows = [
	["a-controller", "running", "12", ""],
	["b-controller", "stopped", "3", "default/web: it did not work"],
];

test("columns are as wide as their widest cell", () => {
	expect(formatTable(head, rows)).toBe(`NAME           STATE     ADDS   LAST ERROR
a-controller   running   12
b-controller   stopped   3      default/web: it did not work
`);
});

test("columns that find no room follow below, behind the first one", () => {
	expect(formatTable(head, rows, 29)).toBe(`NAME           STATE     ADDS
a-controller   running   12
b-controller   stopped   3

NAME           LAST ERROR
a-controller
b-controller   default/web: it did not work
`);
	expect(formatTable(head, rows, 28).split("\n\n")).toHaveLength(3);
});
