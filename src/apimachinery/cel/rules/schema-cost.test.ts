/**
 * What rules are estimated to cost by the schema that they stand in, without limits of its own and with them: figures of upstream's own tests.
 * Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/compilation_test.go (TestCostEstimation).
 */
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../json.ts";
import type { JSONSchemaProps } from "../../schema/generated/types.ts";
import { estimateCost } from "../check/cost-estimate.ts";
import { compileExpression, kubernetesEnvironment } from "../kubernetes.ts";
import { schemaType, sizeOfPath } from "../schema/schema-type.ts";

/** A schema; with a limit, or, undefined, without one. */
type Shape = (max?: number) => JsonObject;

const limit = (name: "maxItems" | "maxProperties" | "maxLength", max: number | undefined) => (max === undefined ? {} : { [name]: max });
const list =
	(items: JsonObject): Shape =>
	(max) => ({ type: "array", items, ...limit("maxItems", max) });
const map =
	(additionalProperties: JsonObject): Shape =>
	(max) => ({ type: "object", additionalProperties, ...limit("maxProperties", max) });
const text: Shape = (max) => ({ type: "string", ...limit("maxLength", max) });
const bytes: Shape = (max) => ({ type: "string", format: "byte", ...limit("maxLength", max) });
const texts: Shape = (max) => list(text(max))(max);
const enumeration: Shape = (max) => ({ type: "string", enum: ["A", "B", "C", "LongValue"], ...limit("maxLength", max) });
const fields =
	(...names: readonly string[]): Shape =>
	(max) => ({ type: "object", properties: Object.fromEntries(names.map((name) => [name, text(max)])) });
const replacement: Shape = (max) => ({ type: "object", properties: { str: text(max), before: text(2), after: text(4) } });

const number: JsonObject = { type: "number" };
const string: JsonObject = { type: "string" };
const boolean: JsonObject = { type: "boolean" };
const integer: JsonObject = { type: "integer" };
const intOrString: JsonObject = { "x-kubernetes-int-or-string": true };
const duration: JsonObject = { type: "string", format: "duration" };
const date: JsonObject = { type: "string", format: "date" };
const dateTime: JsonObject = { type: "string", format: "date-time" };
const object: JsonObject = { type: "object", required: ["required"], properties: { required: string, optional: string } };

function costOf(schema: JsonObject, rule: string): number {
	const type = schemaType(schema as JSONSchemaProps, false, "selfType");
	if (type === undefined) throw new Error("a schema without a type");
	const compiled = compileExpression(rule, kubernetesEnvironment.extend({ variables: { self: type.type, oldSelf: type.type } }));
	if ("problem" in compiled) throw new Error(compiled.problem);
	return estimateCost(compiled.checked, ([, ...path]) => sizeOfPath(type, path)).max;
}

describe("a rule", () => {
	it.each<readonly [what: string, shape: Shape, rule: string, without: number, max: number, within: number]>([
		["a list of numbers", list(number), "self.all(x, true)", 4718591, 10, 32],
		["a list of texts", list(string), "self.all(x, true)", 3145727, 20, 62],
		["a list of booleans", list(boolean), "self.all(x, true)", 1887437, 5, 17],
		["a list of lists", list({ type: "array", items: number }), "self.all(x, true)", 3145727, 100, 302],
		["a list of objects", list(object), "self.all(x, true)", 555128, 50, 152],
		["a list of durations", list(duration), "self.all(x, true)", 2359295, 5, 17],
		["a list of dates", list(date), "self.all(x, true)", 725936, 15, 47],
		["a list of times", list(dateTime), "self.all(x, true)", 428963, 25, 77],
		["a list of integers or texts", list(intOrString), "self.all(x, true)", 4718591, 10, 32],
		["a list of maps", list({ type: "object", additionalProperties: number }), "self.all(x, x.y == 25.2)", 6291452, 12, 74],
		["a map of numbers", map(number), "self.all(x, true)", 1348169, 10, 32],
		["a map of texts", map(string), "self.all(x, true)", 1179647, 3, 11],
		["a map of booleans", map(boolean), "self.all(x, true)", 943718, 100, 302],
		["a map of integers or texts", map(intOrString), "self.all(x, true)", 1348169, 15, 47],
		["a map of objects", map(object), "self.all(x, true)", 428963, 20, 62],
		["a map of maps", map({ type: "object", additionalProperties: number }), "self.all(x, true)", 1179647, 10, 32],
		["a map of lists", map({ type: "array", items: number }), "self.all(x, true)", 1179647, 25, 77],
		["a map of durations", map(duration), "self.all(x, true)", 1048577, 5, 17],
		["a map of dates", map(date), "self.all(x, true)", 524288, 10, 32],
		["a map of times", map(dateTime), "self.all(x, true)", 349526, 25, 77],
		["a text", text, "self.contains('test')", 314574, 10, 5],
		["a text", text, "self.startsWith('test')", 2, 15, 2],
		["a text", text, "self.endsWith('test')", 2, 30, 2],
		["a text", text, 'size(self + "hello") > size("hello")', 314578, 4, 7],
		["a text", text, 'self.matches("x")', 314574, 50, 22],
		["a text", text, '"".matches("(((((((((())))))))))[0-9]")', 7, 10, 7],
		["a text", text, 'self.matches("")', 1, 100, 1],
		["a text", text, 'self == "x"', 2, 0, 1],
		["a text", text, "self.find('[0-9]+') == ''", 629147, 10, 11],
		["a text", text, "self.lowerAscii() == 'lower!'", 314575, 10, 6],
		["bytes", bytes, 'self == b"x"', 2, 0, 1],
		["an enumeration", enumeration, "self.contains('A')", 2, 1000, 401],
		["texts", texts, "self.join(' ') == 'aa bb'", 329853068905, 10, 43],
		["texts", texts, "self.isSorted() == true", 329854432052, 10, 52],
		["texts", fields("str", "separator"), "self.str.split(self.separator) == []", 629160, 10, 22],
		["a text", replacement, "self.str.replace(self.before, self.after) == 'does not matter'", 629154, 4, 12],
		["a list of numbers", list(number), "self[1] == 0.0", 2, 5000, 2],
		["a list of numbers", list(number), "self.all(x, x == 0.0)", 6291454, 3 * 1024 * 2048, 25165826],
		["a list of texts", list(string), "self[1] == self[1]", 314577, 8, 314577],
		["a list of integers or texts", list(intOrString), "self[0] == 5", 3, 10, 3],
		["a list of booleans", list(boolean), "self[0] == false", 2, 25, 2],
		["a list of objects", list(object), "self[0] == null", 2, 422, 2],
		["a list of lists", list({ type: "array", items: number }), "self[0][0] == -1.0", 3, 51, 3],
		["a list of maps", list({ type: "object", additionalProperties: number }), "self[0].x > 2.0", 4, 3000, 4],
		["a list of durations", list(duration), "self[0].getHours() == 2", 4, 525, 4],
		["a list of dates", list(date), "self[2].getDayOfMonth() == 13", 4, 42, 4],
		["a map of integers", map(integer), "oldSelf.size() == self.size()", 5, 10, 5],
		["a map of times", map(dateTime), 'self["a"] == self["b"]', 8, 7, 8],
		["a map of durations", map(duration), 'self["c"] == self["d"]', 8, 42, 8],
	])("of %s costs %#", (_, shape, rule, without, max, within) => {
		expect([costOf(shape(), rule), costOf(shape(max), rule)]).toEqual([without, within]);
	});

	it("grows by the power of its loops", () => {
		const nested = ["self.all(x, self.all(y, true))", "self.all(x, self.all(y, self.all(z, true)))"];
		expect(nested.map((rule) => costOf(list(number)(10), rule))).toEqual([352, 3552]);
		for (const rule of nested) expect(costOf(list(number)(), rule)).toBeGreaterThan(10_000_000);
	});
});
