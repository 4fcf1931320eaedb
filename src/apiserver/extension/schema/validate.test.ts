import { describe, expect, it, test } from "vitest";
import type { JsonValue } from "../../../apimachinery/json.ts";
import type { JSONSchemaProps } from "../../../apimachinery/schema/generated/types.ts";
import { SchemaTree } from "./schema-tree.ts";
import { validateValue } from "./validate.ts";

const field = (props: JSONSchemaProps): JSONSchemaProps => ({ type: "object", properties: { x: props } });
const errorsOf = (schema: JSONSchemaProps, value: JsonValue, old?: JsonValue) =>
	validateValue(value, new SchemaTree(schema, true), { old }).map(String);

const cases: readonly (readonly [what: string, schema: JSONSchemaProps, value: JsonValue, errors: readonly string[]])[] = [
	["type of a string", { type: "string" }, 1, ['x: Invalid value: "integer": x in body must be of type string: "integer"']],
	["type of an integer", { type: "integer" }, "1", ['x: Invalid value: "string": x in body must be of type integer: "string"']],
	["an integer with a fraction", { type: "integer" }, 1.5, ['x: Invalid value: "number": x in body must be of type integer: "number"']],
	["a whole number", { type: "number" }, 1, []],
	["type of a boolean", { type: "boolean" }, {}, ['x: Invalid value: "object": x in body must be of type boolean: "object"']],
	[
		"type of a list",
		{ type: "array", items: { type: "string" } },
		"a",
		['x: Invalid value: "string": x in body must be of type array: "string"'],
	],
	["null", { type: "string" }, null, ['x: Invalid value: "null": x in body must be of type string: "null"']],
	["null that is allowed", { type: "string", nullable: true }, null, []],
	["int or string", { "x-kubernetes-int-or-string": true }, "50%", []],
	[
		"neither int nor string",
		{ "x-kubernetes-int-or-string": true },
		true,
		['x: Invalid value: "boolean": x in body must be of type integer,string: "boolean"'],
	],
	["maximum", { type: "integer", maximum: 10 }, 11, ["x: Invalid value: 11: x in body should be less than or equal to 10"]],
	[
		"exclusive maximum",
		{ type: "integer", maximum: 10, exclusiveMaximum: true },
		10,
		["x: Invalid value: 10: x in body should be less than 10"],
	],
	["minimum", { type: "number", minimum: 0.5 }, 0, ["x: Invalid value: 0: x in body should be greater than or equal to 0.5"]],
	[
		"exclusive minimum",
		{ type: "integer", minimum: 0, exclusiveMinimum: true },
		0,
		["x: Invalid value: 0: x in body should be greater than 0"],
	],
	["multiple of", { type: "number", multipleOf: 0.1 }, 0.35, ["x: Invalid value: 0.35: x in body should be a multiple of 0.1"]],
	["a multiple", { type: "number", multipleOf: 0.1 }, 0.3, []],
	["length", { type: "string", maxLength: 2 }, "äöü", ["x: Too long: may not be more than 2 bytes"]],
	["shortness", { type: "string", minLength: 3 }, "äö", ['x: Invalid value: "äö": x in body should be at least 3 chars long']],
	["pattern", { type: "string", pattern: "^a+$" }, "ab", ["x: Invalid value: \"ab\": x in body should match '^a+$'"]],
	["enum", { type: "string", enum: ["b", "a"] }, "c", ['x: Unsupported value: "c": supported values: "b", "a"']],
	["enum of numbers", { type: "integer", enum: [1, 2] }, 3, ['x: Unsupported value: 3: supported values: "1", "2"']],
	["enum of objects", { type: "object", enum: [{ a: 1 }] }, { a: 1 }, []],
	["format", { type: "string", format: "ipv4" }, "1.2.3", ['x: Invalid value: "1.2.3": x in body must be of type ipv4: "1.2.3"']],
	["a format that nobody knows", { type: "string", format: "nope" }, "1.2.3", []],
	[
		"items",
		{ type: "array", items: { type: "integer", maximum: 1 } },
		[1, 2],
		["x[1]: Invalid value: 2: x[1] in body should be less than or equal to 1"],
	],
	["too many items", { type: "array", maxItems: 1 }, [1, 2], ["x: Too many: 2: must have at most 1 item"]],
	["too few items", { type: "array", minItems: 2 }, [1], ["x: Invalid value: 1: x in body should have at least 2 items"]],
	["too many properties", { type: "object", maxProperties: 1 }, { a: 1, b: 2 }, ["x: Too many: 2: must have at most 1 item"]],
	["too few properties", { type: "object", minProperties: 1 }, {}, ["x: Invalid value: 0: x in body should have at least 1 properties"]],
	["required", { type: "object", required: ["a", "b"] }, { b: 1 }, ["x.a: Required value"]],
	[
		"values of a map",
		{ type: "object", additionalProperties: { type: "string" } },
		{ a: 1 },
		['x.a: Invalid value: "integer": x.a in body must be of type string: "integer"'],
	],
	[
		"no more properties",
		{ type: "object", additionalProperties: false },
		{ a: 1 },
		['x: Invalid value: "a": x.a in body is a forbidden property'],
	],
	[
		"anyOf",
		{ type: "string", anyOf: [{ pattern: "^a" }, { maxLength: 1 }] },
		"bb",
		['<nil>: Invalid value: "": "x" must validate at least one schema (anyOf)', "x: Invalid value: \"bb\": x in body should match '^a'"],
	],
	["anyOf, one of them", { type: "string", anyOf: [{ pattern: "^a" }, { maxLength: 1 }] }, "b", []],
	[
		"oneOf, both of them",
		{ type: "string", oneOf: [{ pattern: "^a" }, { maxLength: 1 }] },
		"a",
		['<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
	],
	[
		"oneOf, none of them",
		{ type: "object", oneOf: [{ required: ["a"] }, { required: ["b"] }] },
		{},
		['<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found none valid', "x.a: Required value"],
	],
	[
		"allOf",
		{ type: "integer", allOf: [{ minimum: 1 }, { maximum: 2 }] },
		3,
		[
			"x: Invalid value: 3: x in body should be less than or equal to 2",
			'<nil>: Invalid value: "": "x" must validate all the schemas (allOf)',
		],
	],
	[
		"allOf, none of them",
		{ type: "integer", allOf: [{ minimum: 4 }] },
		3,
		[
			"x: Invalid value: 3: x in body should be greater than or equal to 4",
			'<nil>: Invalid value: "": "x" must validate all the schemas (allOf). None validated',
		],
	],
	["not", { type: "string", not: { pattern: "^a" } }, "ab", ['<nil>: Invalid value: "": "x" must not validate the schema (not)']],
];

test.each(cases)("%s", (_what, schema, value, errors) => {
	expect(errorsOf(field(schema), { x: value })).toEqual(errors);
});

it("names fields by their whole path and speaks of the path within the value", () => {
	const tree = new SchemaTree({ type: "object", properties: { replicas: { type: "integer" } }, oneOf: [{ required: ["a"] }] });
	expect(validateValue({ replicas: "1" }, tree, { path: "status" }).map(String)).toEqual([
		'status: Invalid value: "": "" must validate one and only one schema (oneOf). Found none valid',
		"status.a: Required value",
		'status.replicas: Invalid value: "string": replicas in body must be of type integer: "string"',
	]);
});

describe("in an update", () => {
	const schema = field({
		type: "object",
		properties: {
			a: { type: "string", maxLength: 1 },
			atomic: { type: "array", items: { type: "string", maxLength: 1 } },
			keyed: {
				type: "array",
				"x-kubernetes-list-type": "map",
				"x-kubernetes-list-map-keys": ["name"],
				items: { type: "object", properties: { name: { type: "string" }, v: { type: "integer", maximum: 1 } } },
			},
		},
	});
	const old = { x: { a: "long", atomic: ["long", "b"], keyed: [{ name: "p", v: 9 }] } };

	it("what was wrong may stay", () => {
		expect(errorsOf(schema, { x: { ...old.x, b: 1 } }, old)).toEqual([]);
		expect(errorsOf(schema, { x: { ...old.x, keyed: [{ name: "q", v: 1 }, ...old.x.keyed] } }, old)).toEqual([]);
	});

	it("what is changed has to be right", () => {
		expect(errorsOf(schema, { x: { ...old.x, a: "other" } }, old)).toEqual(["x.a: Too long: may not be more than 1 byte"]);
		expect(errorsOf(schema, { x: { ...old.x, atomic: ["long", "c"] } }, old)).toEqual([
			"x.atomic[0]: Too long: may not be more than 1 byte",
		]);
		expect(errorsOf(schema, { x: { ...old.x, keyed: [{ name: "q", v: 9 }] } }, old)).toEqual([
			"x.keyed[0].v: Invalid value: 9: x.keyed[0].v in body should be less than or equal to 1",
		]);
	});
});

describe("bounds", () => {
	it("alternatives within alternatives cost what they come to, and no more than is allowed", () => {
		let bomb: JSONSchemaProps = { required: ["a"] };
		for (let depth = 0; depth < 22; depth++) bomb = { anyOf: [bomb, bomb] };
		expect(errorsOf({ type: "object", ...bomb }, {})).toEqual([
			"<nil>: Internal error: checking the object against its schema takes more than 1000000 steps",
		]);
	});

	it("a pattern that has another state for every character has its limit", () => {
		let text = "";
		for (let index = 0, seed = 12_345; index < 100_000; index++) {
			seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
			text += seed > 2 ** 30 ? "x" : "a";
		}
		expect(errorsOf(field({ type: "string", pattern: "x.{990}y" }), { x: text })[0]).toMatch(
			/should match 'x\.\{990\}y', but that takes too long to find out$/,
		);
	});

	it("a pattern that others go back over for ever is matched at once", () => {
		const [error] = errorsOf(field({ type: "string", pattern: "^(a+)+$" }), { x: `${"a".repeat(5_000)}!` });
		expect(error).toMatch(/should match '\^\(a\+\)\+\$'$/);
	});
});
