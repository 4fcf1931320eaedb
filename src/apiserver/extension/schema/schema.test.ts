import { describe, expect, it, test } from "vitest";
import type { JsonObject, JsonValue } from "../../../apimachinery/json.ts";
import type { JSONSchemaProps } from "../../../apimachinery/schema/generated/types.ts";
import { validateDefaults } from "./default-validation.ts";
import { withSchemaDefaults } from "./defaults.ts";
import { validateEmbedded } from "./embedded.ts";
import { validateKeyedLists } from "./list-types.ts";
import { pruned } from "./prune.ts";
import { SchemaTree } from "./schema-tree.ts";

const text = { type: "string" } as const;
/** Items and values of maps are JSON of any shape to the types. */
type Schema = JSONSchemaProps & JsonObject;
const object = (properties: Readonly<Record<string, JSONSchemaProps>>, more: JSONSchemaProps = {}): Schema =>
	({ type: "object", properties, ...more }) as Schema;

describe("pruning", () => {
	const prune = (schema: JSONSchemaProps, value: JsonValue) => {
		const unknown: string[] = [];
		return { value: pruned(value, new SchemaTree(schema, true), unknown), unknown };
	};
	const cases: readonly (readonly [string, JSONSchemaProps, JsonObject, JsonObject, readonly string[]])[] = [
		["keeps what is known", object({ a: text }), { a: "x", metadata: { x: 1 }, kind: "K" }, { a: "x", metadata: { x: 1 }, kind: "K" }, []],
		[
			"takes out what is not, at any depth",
			object({ l: { type: "array", items: object({ a: text }) } }),
			{ l: [{ a: "", b: 1 }], c: 1 },
			{ l: [{ a: "" }] },
			["l[0].b", "c"],
		],
		[
			"of values of maps",
			object({ m: { type: "object", additionalProperties: object({ a: text }) } }),
			{ m: { k: { a: "", b: 1 } } },
			{ m: { k: { a: "" } } },
			["m.k.b"],
		],
		[
			"not where unknown fields are kept",
			object({ p: object({ a: object({ b: text }) }, { "x-kubernetes-preserve-unknown-fields": true }) }),
			{ p: { x: { y: 1 }, a: { z: 1 } } },
			{ p: { x: { y: 1 }, a: {} } },
			["p.a.z"],
		],
		[
			"but within a value of any kind",
			object({ m: { type: "object", additionalProperties: true } }),
			{ m: { k: { a: 1 }, s: 1 } },
			{ m: { k: {}, s: 1 } },
			["m.k.a"],
		],
		[
			"keeps what makes a resource of a part",
			object({ r: object({ spec: object({ a: text }) }, { "x-kubernetes-embedded-resource": true }) }),
			{ r: { kind: "K", apiVersion: "v1", metadata: { name: "x" }, spec: { b: 1 }, x: 1 } },
			{ r: { kind: "K", apiVersion: "v1", metadata: { name: "x" }, spec: {} } },
			["r.spec.b", "r.x"],
		],
		[
			"drops nulls that may not be",
			object({ a: text, b: { ...text, nullable: true }, c: { ...text, default: "x" } }),
			{ a: null, b: null, c: null },
			{ b: null, c: null },
			[],
		],
	];
	test.each(cases)("%s", (_what, schema, value, kept, unknown) => {
		expect(prune(schema, value)).toEqual({ value: kept, unknown });
	});

	it("gives the same object where nothing goes", () => {
		const value = { a: "x" };
		expect(prune(object({ a: text }), value).value).toBe(value);
	});
});

describe("defaults", () => {
	const cases: readonly (readonly [string, JSONSchemaProps, JsonObject, JsonObject])[] = [
		["of what is absent", object({ a: { ...text, default: "x" }, b: text }), {}, { a: "x" }],
		[
			"of a null",
			object({ a: { ...text, default: "x" }, n: { ...text, nullable: true, default: "y" } }),
			{ a: null, n: null },
			{ a: "x", n: null },
		],
		["not where something is", object({ a: { ...text, default: "x" } }), { a: "" }, { a: "" }],
		["within a default", object({ o: object({ a: { ...text, default: "x" } }, { default: {} }) }), {}, { o: { a: "x" } }],
		["not within what is absent", object({ o: object({ a: { ...text, default: "x" } }) }), {}, {}],
		[
			"of items and of values",
			object({
				l: { type: "array", items: object({ a: { ...text, default: "x" } }) },
				m: { type: "object", additionalProperties: object({ a: { ...text, default: "y" } }) },
			}),
			{ l: [{}], m: { k: {} } },
			{ l: [{ a: "x" }], m: { k: { a: "y" } } },
		],
		["without what the schema does not know", object({ o: object({ a: text }, { default: { a: "x", b: "y" } }) }), {}, { o: { a: "x" } }],
	];
	test.each(cases)("%s", (_what, schema, value, filled) => {
		expect(withSchemaDefaults(value, new SchemaTree(schema, true))).toEqual(filled);
	});
});

describe("lists whose items differ", () => {
	const set: JSONSchemaProps = { type: "array", "x-kubernetes-list-type": "set", items: text };
	const map = (keys: readonly string[]): JSONSchemaProps => ({
		type: "array",
		"x-kubernetes-list-type": "map",
		"x-kubernetes-list-map-keys": keys,
		items: { type: "object" },
	});
	const cases: readonly (readonly [string, JSONSchemaProps, JsonValue, readonly string[]])[] = [
		["a set", set, ["a", "b", "a", "a"], ['l[2]: Duplicate value: "a"']],
		["a map", map(["name"]), [{ name: "a" }, { name: "b" }, { name: "a", x: 1 }], ['l[2]: Duplicate value: {"name":"a"}']],
		[
			"a map of two keys",
			map(["a", "b"]),
			[
				{ a: 1, b: 1 },
				{ a: 1, b: 2 },
				{ b: 1, a: 1 },
			],
			['l[2]: Duplicate value: {"a":1,"b":1}'],
		],
		["a map without keys", map(["a"]), [{}, {}], ["l[1]: Duplicate value: {}"]],
		["a map of what has no keys", map(["a"]), ["x"], ['l[0]: Invalid value: "x": must be an object for an array of list-type map']],
	];
	test.each(cases)("%s", (_what, schema, list, errors) => {
		expect(validateKeyedLists({ l: list }, new SchemaTree(object({ l: schema }), true)).map(String)).toEqual(errors);
	});
});

it("checks resources within resources", () => {
	const embedded = object({}, { "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true });
	const tree = new SchemaTree(object({ l: { type: "array", items: embedded } }), true);
	const errors = validateEmbedded({ l: [{}, { apiVersion: "a/b/c", kind: "K_", metadata: { labels: { "a b": "" } } }] }, tree, "", true);
	expect(errors.map(String)).toEqual([
		"l[0].apiVersion: Required value",
		"l[0].kind: Required value",
		'l[1].apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
		expect.stringMatching(/^l\[1\]\.kind: Invalid value: "K_": may have mixed case, but should otherwise match: /),
		expect.stringMatching(/^l\[1\]\.metadata\.labels: Invalid value: "a b": /),
	]);
});

describe("defaults of a definition", () => {
	const cases: readonly (readonly [string, JSONSchemaProps, readonly string[]])[] = [
		["are right", object({ a: { ...text, default: "x" } }), []],
		[
			"are of another type",
			object({ a: { type: "integer", default: "x" } }),
			['root.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"'],
		],
		[
			"lack what is required",
			object({ o: object({ a: text }, { required: ["a"], default: {} }) }),
			["root.properties[o].default.a: Required value"],
		],
		[
			"know more than the schema",
			object({ o: object({ a: text }, { default: { b: 1 } }) }),
			['root.properties[o].default: Invalid value: {"b":1}: must not have unknown fields'],
		],
		[
			"make no resource",
			object({ r: object({ kind: { ...text, default: "K_" } }, { "x-kubernetes-embedded-resource": true }) }),
			[
				expect.stringMatching(
					/^root\.properties\[r\]\.properties\[kind\]\.default: Invalid value: "K_": must result in valid metadata: kind: /,
				) as string,
			],
		],
	];
	test.each(cases)("%s", (_what, schema, errors) => {
		expect(validateDefaults(schema, "root").map(String)).toEqual(errors);
	});
});
