import { expect, test } from "vitest";
import { changesBetween, describeChange } from "./object-changes.ts";

const rows: readonly (readonly [string, unknown, unknown, readonly string[]])[] = [
	["nothing", { a: { b: [1, 2] } }, { a: { b: [1, 2] } }, []],
	["a value, a new field and one that is gone", { a: 1, gone: true }, { a: 2, added: "x" }, ["a 1 → 2", '+added "x"', "-gone"]],
	["keys that are no names", { labels: { "a/b": "1" } }, { labels: { "a/b": "2" } }, ['labels["a/b"] "1" → "2"']],
	["a list by position", { args: ["a", "b"] }, { args: ["a", "c", "d"] }, ['args[1] "b" → "c"', '+args[2] "d"']],
	[
		"a list whose items have a key, in another order",
		{ conditions: [{ type: "Ready", status: "False" }] },
		{
			conditions: [
				{ type: "Available", status: "True" },
				{ type: "Ready", status: "True" },
			],
		},
		['+conditions[Available] {"type":"Available","status":"True"}', 'conditions[Ready].status "False" → "True"'],
	],
	["an item that is gone", { ports: [{ name: "a" }, { name: "b" }] }, { ports: [{ name: "b" }] }, ["-ports[a]"]],
	["another sort of value", { port: 80 }, { port: "http" }, ['port 80 → "http"']],
	[
		"not what changes with every write",
		{ metadata: { resourceVersion: "1", managedFields: [], name: "x" } },
		{ metadata: { resourceVersion: "2", managedFields: [{}], name: "x" } },
		[],
	],
	["a long value", { text: "" }, { text: "x".repeat(100) }, [`text "" → "${"x".repeat(58)}…`]],
];

test.each(rows)("%s", (_, before, after, changes) => {
	expect(changesBetween(before, after).map(describeChange)).toEqual(changes);
});
