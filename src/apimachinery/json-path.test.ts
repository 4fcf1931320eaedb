import { expect, test } from "vitest";
import type { JsonValue } from "./json.ts";
import { JsonPath } from "./json-path.ts";

const value: JsonValue = {
	metadata: { name: "a", annotations: { "example.com/x": "y" } },
	spec: { list: [{ n: 1 }, { n: 2 }, { n: 3 }], "odd'key": true },
	status: {
		conditions: [
			{ type: "Synced", status: "False" },
			{ type: "Ready", status: "True", count: 3 },
		],
	},
};

const cases: readonly (readonly [path: string, results: readonly JsonValue[]])[] = [
	[".metadata.name", ["a"]],
	["metadata.name", ["a"]],
	["$.metadata.name", ["a"]],
	[".metadata.annotations['example.com/x']", ["y"]],
	[".metadata.annotations.example\\.com/x", ["y"]],
	[".spec.list[0].n", [1]],
	[".spec.list[-1].n", [3]],
	[".spec.list[0:2].n", [1, 2]],
	[".spec.list[0,2].n", [1, 3]],
	[".spec.list[*].n", [1, 2, 3]],
	[".status.conditions[?(@.type=='Ready')].status", ["True"]],
	['.status.conditions[?(@.type == "Ready")].status', ["True"]],
	[".status.conditions[?(@.count > 2)].type", ["Ready"]],
	[".status.conditions[?(@.count)].type", ["Ready"]],
	["..n", [1, 2, 3]],
	[".nothing.there", []],
	[".metadata.name.deeper", []],
	[".spec.list[9]", []],
];

test.each(cases)("%s", (path, results) => {
	expect(new JsonPath(path).find(value)).toEqual(results);
});

test.each([".a[", ".a[x]", ".a[?(x)]", ".a}"])("not a path: %s", (path) => {
	expect(() => new JsonPath(path)).toThrow();
});
