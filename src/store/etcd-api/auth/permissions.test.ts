import { expect, test } from "vitest";
import { isCovered, type Permission } from "./permissions.ts";

const read = (key: string, rangeEnd = ""): Permission => ({ permType: 0, key, rangeEnd });
const write = (key: string, rangeEnd = ""): Permission => ({ permType: 1, key, rangeEnd });

test.each([
	["the key itself", [read("a")], { key: "a" }, true],
	["another key", [read("a")], { key: "b" }, false],
	["a key with more behind it", [read("a")], { key: "aa" }, false],
	["writing is not reading", [write("a")], { key: "a" }, false],
	["both", [{ permType: 2, key: "a", rangeEnd: "" }], { key: "a" }, true],
	["a part of a range", [read("a", "d")], { key: "b", rangeEnd: "c" }, true],
	["one key too many", [read("a", "d")], { key: "b", rangeEnd: "d\0" }, false],
	["two ranges that touch", [read("c", "e"), read("a", "c")], { key: "b", rangeEnd: "d" }, true],
	["two ranges with a key between", [read("a", "c"), read("c\0", "e")], { key: "b", rangeEnd: "d" }, false],
	["two ranges and the key between", [read("a", "c"), read("c"), read("c\0", "e")], { key: "b", rangeEnd: "d" }, true],
	["everything, by a part", [read("a", "z")], { key: "a", rangeEnd: "\0" }, false],
	["everything from a key on", [read("a", "\0")], { key: "b", rangeEnd: "\0" }, true],
	["nothing given", [], { key: "a" }, false],
])("%s", (_, permissions, range, expected) => {
	expect(isCovered(permissions, "read", range)).toBe(expected);
});
