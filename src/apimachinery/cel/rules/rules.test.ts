import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../../json.ts";
import type { JSONSchemaProps, ValidationRule } from "../../schema/generated/types.ts";
import type { FieldError } from "../../validation/field-error.ts";
import { compileRules } from "./compile-rules.ts";

const path = "spec.validation.openAPIV3Schema";

/** A schema whose `spec` is this, with rules on it. */
function withSpec(spec: JsonObject, ...rules: readonly (string | Partial<ValidationRule>)[]): JsonObject {
	const validations = rules.map((rule): JsonObject => (typeof rule === "string" ? { rule } : { ...rule }));
	return { type: "object", properties: { spec: { ...spec, "x-kubernetes-validations": validations } } };
}

const compile = (schema: JsonObject, schemaErrors: readonly FieldError[] = []) =>
	compileRules(schema as JSONSchemaProps, { path, schemaErrors });

const problems = (schema: JsonObject): readonly string[] => compile(schema).errors.map(String);

function validate(schema: JsonObject, spec: JsonValue, oldSpec?: JsonValue, budget?: number) {
	const { errors, validator } = compile(schema);
	expect(errors.map(String)).toEqual([]);
	if (validator === undefined) throw new Error("no rules");
	const object = (value: JsonValue): JsonObject => ({ apiVersion: "example.com/v1", kind: "Thing", metadata: { name: "a" }, spec: value });
	const result = validator.validate(object(spec), oldSpec === undefined ? undefined : object(oldSpec), budget);
	return { ...result, errors: result.errors.map(String) };
}

const integer: JsonObject = { type: "integer" };
const text: JsonObject = { type: "string", maxLength: 64 };
const sizes: JsonObject = { type: "object", properties: { min: integer, max: integer, name: text } };

describe("what is wrong with rules", () => {
	const at = `${path}.properties[spec].x-kubernetes-validations[0]`;
	const shown = (rule: string) =>
		JSON.stringify({ Rule: rule, Message: "", MessageExpression: "", Reason: null, FieldPath: "", OptionalOldSelf: null });

	it("is told with the text of the compiler", () => {
		expect(problems(withSpec(sizes, "self.nope > 1"))).toEqual([
			`${at}.rule: Invalid value: ${shown("self.nope > 1")}: compilation failed: ERROR: <input>:1:5: undefined field 'nope'\n | self.nope > 1\n | ....^`,
		]);
		expect(problems(withSpec(sizes, "self.min"))).toEqual([
			`${at}.rule: Invalid value: ${shown("self.min")}: cel expression must evaluate to a bool`,
		]);
		expect(problems(withSpec(sizes, { rule: "true", messageExpression: "self.min" }))[0]).toContain(
			"messageExpression must evaluate to a string",
		);
		expect(problems(withSpec(sizes, { rule: "true", messageExpression: "nope" }))[0]).toContain(
			"messageExpression compilation failed: ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')",
		);
	});

	it("is not told for a part of the schema that has errors otherwise", () => {
		const schema = withSpec(sizes, "self.nope > 1");
		const [error] = compile(schema).errors;
		if (error === undefined) throw new Error("no error");
		expect(compile(schema, [error]).errors).toEqual([]);
	});

	it("includes oldSelf where old values cannot be found", () => {
		const list = (listType: string): JsonObject => ({
			type: "array",
			maxItems: 5,
			"x-kubernetes-list-type": listType,
			items: { type: "string", maxLength: 9, "x-kubernetes-validations": [{ rule: "self == oldSelf" }] },
		});
		expect(problems({ type: "object", properties: { a: list("atomic") } })).toEqual([
			`${path}.properties[a].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${path}.properties[a]`,
		]);
		expect(problems(withSpec(sizes, { rule: "true", optionalOldSelf: true }))).toEqual([
			`${at}.optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule`,
		]);
	});

	it("includes what they may cost", () => {
		const advice =
			"(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)";
		const strings = (maxItems?: number): JsonObject => ({
			type: "array",
			items: { type: "string", maxLength: 10 },
			...(maxItems === undefined ? {} : { maxItems }),
		});
		const nested = "self.all(x, self.all(y, x != y || x == y))";
		expect(problems(withSpec(strings(), nested))[0]).toBe(
			`${at}.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${advice}`,
		);
		expect(problems(withSpec(strings(100), nested))).toEqual([]);
		expect(problems(withSpec(strings(1_500), nested))[0]).toMatch(
			/^\S+ Forbidden: estimated rule cost exceeds budget by factor of \d\.\dx /,
		);
	});

	it("includes what all of them may cost together", () => {
		const list: JsonObject = { type: "array", maxItems: 900, items: { type: "string", maxLength: 1 } };
		const rules = Array.from({ length: 40 }, () => "self.all(x, self.all(y, x != y))");
		const found = problems(withSpec(list, ...rules));
		expect(found.at(-1)).toMatch(
			/^spec\.validation\.openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule & messageExpression cost total for entire OpenAPIv3 schema exceeds budget by factor of \d\.\d+x /,
		);
		expect(found).toHaveLength(5);
		expect(found[0]).toContain(
			"Forbidden: contributed to estimated rule & messageExpression cost total exceeding cost limit for entire OpenAPIv3 schema",
		);
	});

	it("counts how often values can be there", () => {
		const inner: JsonObject = {
			type: "array",
			items: {
				type: "object",
				properties: { s: { type: "string" } },
				"x-kubernetes-validations": [{ rule: "self.s.contains('aaaaaaaaaaaaaaaaaaaaaaaaaaaaa')" }],
			},
		};
		expect(problems({ type: "object", properties: { a: inner } })[0]).toContain(
			"estimated rule cost exceeds budget by factor of more than 100x",
		);
		expect(problems({ type: "object", properties: { a: { ...inner, maxItems: 2 } } })).toEqual([]);
	});
});

describe("rules", () => {
	it("name the rule, or have their own message", () => {
		const schema = withSpec(
			sizes,
			"self.min <= self.max",
			{ rule: "self.min > 0", message: " min must be positive " },
			{ rule: "self.max < 10", messageExpression: "'max is %d'.format([self.max])" },
			{ rule: "self.max < 10", messageExpression: "'a\\nb'", message: "the fixed one" },
			{ rule: "self.max < 10", messageExpression: "string(1 / (self.max - self.max))" },
		);
		expect(validate(schema, { min: 0, max: -1 }).errors).toEqual([
			'spec: Invalid value: "object": failed rule: self.min <= self.max',
			'spec: Invalid value: "object": min must be positive',
		]);
		expect(validate(schema, { min: 1, max: 10 }).errors).toEqual([
			'spec: Invalid value: "object": max is 10',
			'spec: Invalid value: "object": the fixed one',
			'spec: Invalid value: "object": failed rule: self.max < 10',
		]);
	});

	it("have a reason and a place", () => {
		const rule = "self.min <= self.max";
		const schema = withSpec(
			sizes,
			{ rule, reason: "FieldValueForbidden", fieldPath: ".min" },
			{ rule, reason: "FieldValueRequired", fieldPath: "['max']" },
			{ rule, reason: "FieldValueDuplicate" },
		);
		expect(validate(schema, { min: 2, max: 1 }).errors).toEqual([
			`spec.min: Forbidden: failed rule: ${rule}`,
			`spec.max: Required value: failed rule: ${rule}`,
			'spec: Duplicate value: "object"',
		]);
	});

	it("tell what failed while they ran", () => {
		expect(validate(withSpec(sizes, "self.min <= self.max"), { min: 1 }).errors).toEqual([
			'spec: Invalid value: "object": no such key: max evaluating rule: self.min <= self.max',
		]);
		const union: JsonObject = { type: "object", properties: { port: { "x-kubernetes-int-or-string": true } } };
		expect(validate(withSpec(union, "self.port > 0"), { port: "http" }).errors).toEqual([
			`spec: Invalid value: "object": 'no such overload': call arguments did not match a supported operator, function or macro signature for rule: self.port > 0`,
		]);
		expect(validate(withSpec(union, "type(self.port) == string ? self.port == 'http' : self.port == 80"), { port: 80 }).errors).toEqual([]);
	});

	it("stand at the root, too, with what every resource has", () => {
		const schema: JsonObject = {
			type: "object",
			"x-kubernetes-validations": [{ rule: "self.metadata.name == 'b' && self.kind == 'Thing'" }],
		};
		expect(validate(schema, {}).errors).toEqual([
			`<nil>: Invalid value: "object": failed rule: self.metadata.name == 'b' && self.kind == 'Thing'`,
		]);
	});

	it("run for each item and each value", () => {
		const items = { ...integer, "x-kubernetes-validations": [{ rule: "self > 0" }] };
		const schema: JsonObject = {
			type: "object",
			properties: {
				spec: {
					type: "object",
					properties: {
						list: { type: "array", items: items },
						map: { type: "object", additionalProperties: items },
					},
				},
			},
		};
		expect(validate(schema, { list: [1, 0], map: { a: 1, "b.c": 0 } }).errors).toEqual([
			'spec.list[1]: Invalid value: "integer": failed rule: self > 0',
			'spec.map[b.c]: Invalid value: "integer": failed rule: self > 0',
		]);
	});

	it("do not run for null", () => {
		const nullable: JsonObject = { ...integer, nullable: true, "x-kubernetes-validations": [{ rule: "self > 5" }] };
		const schema: JsonObject = { type: "object", properties: { spec: { type: "object", properties: { a: nullable } } } };
		expect(validate(schema, { a: null }).errors).toEqual([]);
		expect(
			validate(withSpec({ type: "object", properties: { a: { ...integer, nullable: true } } }, "has(self.a)"), { a: null }).errors,
		).toEqual([]);
	});

	it("run in allOf", () => {
		const schema: JsonObject = {
			type: "object",
			properties: { spec: { ...sizes, allOf: [{ "x-kubernetes-validations": [{ rule: "self.min < self.max" }] }] } },
		};
		expect(validate(schema, { min: 2, max: 1 }).errors).toEqual(['spec: Invalid value: "object": failed rule: self.min < self.max']);
	});

	it("see names that are no identifiers", () => {
		const names = ["a.b", "c-d", "e/f", "g__h", "namespace", "_x"];
		const schema = withSpec(
			{ type: "object", properties: Object.fromEntries(names.map((name) => [name, integer])) },
			"self.a__dot__b + self.c__dash__d + self.e__slash__f + self.g__underscores__h + self.__namespace__ + self._x == 6",
		);
		expect(validate(schema, Object.fromEntries(names.map((name) => [name, 1]))).errors).toEqual([]);
	});

	it("see texts of a format as what they stand for", () => {
		const schema = withSpec(
			{
				type: "object",
				properties: {
					at: { type: "string", format: "date-time" },
					day: { type: "string", format: "date" },
					wait: { type: "string", format: "duration" },
					raw: { type: "string", format: "byte" },
				},
			},
			"self.at.getHours() == 5 && self.day.getFullYear() == 2026 && self.wait == duration('90s') && self.raw == b'hi'",
		);
		expect(validate(schema, { at: "2026-01-01T05:00:00Z", day: "2026-02-03", wait: "1m30s", raw: "aGk=" }).errors).toEqual([]);
	});

	it("compare and add lists by their type", () => {
		const list = (listType: string, items: JsonObject): JsonObject => ({
			type: "array",
			maxItems: 5,
			"x-kubernetes-list-type": listType,
			...(listType === "map" ? { "x-kubernetes-list-map-keys": ["k"] } : {}),
			items: items,
		});
		const entry: JsonObject = { type: "object", required: ["k"], properties: { k: text, v: integer } };
		const schema = withSpec(
			{ type: "object", properties: { a: list("set", text), b: list("set", text), m: list("map", entry) } },
			"self.a == self.b",
			"(self.a + ['x', 'y', 'z']).size() == 3",
			"self.m == oldSelf.m",
			"(self.m + oldSelf.m).size() == 2",
		);
		const m = [
			{ k: "1", v: 1 },
			{ k: "2", v: 2 },
		];
		const old = { a: [], b: [], m: [...m].reverse() };
		expect(validate(schema, { a: ["x", "y"], b: ["y", "x"], m }, old).errors).toEqual([]);
		expect(validate(schema, { a: ["x", "y"], b: ["y", "z"], m: [{ k: "2", v: 3 }] }, old).errors).toEqual([
			'spec: Invalid value: "object": failed rule: self.a == self.b',
			'spec: Invalid value: "object": failed rule: self.m == oldSelf.m',
		]);
	});

	it("see an embedded resource's name", () => {
		const embedded: JsonObject = {
			type: "object",
			"x-kubernetes-embedded-resource": true,
			"x-kubernetes-preserve-unknown-fields": true,
		};
		const schema = withSpec(
			{ type: "object", properties: { inner: embedded } },
			"self.inner.metadata.name.startsWith('a') && self.inner.kind == 'Pod'",
		);
		expect(validate(schema, { inner: { apiVersion: "v1", kind: "Pod", metadata: { name: "ab" }, spec: {} } }).errors).toEqual([]);
	});
});

describe("rules with oldSelf", () => {
	const keeps = "self.min == oldSelf.min";

	it("run on updates only", () => {
		expect(validate(withSpec(sizes, keeps), { min: 1 }).errors).toEqual([]);
		expect(validate(withSpec(sizes, keeps), { min: 1 }, { min: 2 }).errors).toEqual([
			`spec: Invalid value: "object": failed rule: ${keeps}`,
		]);
		expect(validate(withSpec(sizes, keeps), { min: 1 }, { min: 1 }).errors).toEqual([]);
	});

	it("run always where it is optional", () => {
		const rule = { rule: "oldSelf.hasValue() ? oldSelf.value().min <= self.min : self.min == 0", optionalOldSelf: true };
		expect(validate(withSpec(sizes, rule), { min: 0 }).errors).toEqual([]);
		expect(validate(withSpec(sizes, rule), { min: 1 }).errors).toHaveLength(1);
		expect(validate(withSpec(sizes, rule), { min: 1 }, { min: 2 }).errors).toHaveLength(1);
		expect(validate(withSpec(sizes, rule), { min: 3 }, { min: 2 }).errors).toEqual([]);
	});

	it("find items of a map list by their keys", () => {
		const list: JsonObject = {
			type: "array",
			maxItems: 5,
			"x-kubernetes-list-type": "map",
			"x-kubernetes-list-map-keys": ["k"],
			items: {
				type: "object",
				required: ["k"],
				properties: { k: text, v: integer },
				"x-kubernetes-validations": [{ rule: "self.v >= oldSelf.v" }],
			},
		};
		const schema: JsonObject = { type: "object", properties: { spec: { type: "object", properties: { list } } } };
		const old = {
			list: [
				{ k: "a", v: 5 },
				{ k: "b", v: 1 },
			],
		};
		const moved = {
			list: [
				{ k: "b", v: 2 },
				{ k: "c", v: 0 },
				{ k: "a", v: 4 },
			],
		};
		expect(validate(schema, moved, old).errors).toEqual(['spec.list[2]: Invalid value: "object": failed rule: self.v >= oldSelf.v']);
	});
});

describe("ratcheting", () => {
	const schema = withSpec(
		{ type: "object", properties: { old: { ...integer, "x-kubernetes-validations": [{ rule: "self > 0" }] }, other: integer } },
		"self.other < 5",
	);

	it("only warns of what an update left as it was", () => {
		const unchanged = validate(schema, { old: -1, other: 1 }, { old: -1, other: 2 });
		expect(unchanged.errors).toEqual([]);
		expect(unchanged.warnings).toEqual(['spec.old: Invalid value: "integer": failed rule: self > 0']);
		expect(validate(schema, { old: -2, other: 1 }, { old: -1, other: 1 }).errors).toHaveLength(1);
		expect(validate(schema, { old: -1, other: 9 }, { old: -1, other: 1 }).errors).toEqual([
			'spec: Invalid value: "object": failed rule: self.other < 5',
		]);
		expect(validate(schema, { old: -1, other: 1 }).errors).toHaveLength(1);
	});
});

describe("costs at run time", () => {
	const list: JsonObject = { type: "array", maxItems: 100, items: integer };
	const rule = "self.all(x, self.all(y, x + y >= 0))";

	it("end the rules of an object when its budget does", () => {
		const spec = Array.from({ length: 50 }, (_, index) => index);
		const used = 10_000_000 - validate(withSpec(list, rule), spec).remainingBudget;
		expect(used).toBeGreaterThan(50 * 50);
		const { errors, remainingBudget } = validate(withSpec(list, rule, "true"), spec, undefined, used - 1);
		expect(errors).toEqual([
			'spec: Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run',
		]);
		expect(remainingBudget).toBeLessThan(0);
	});

	it("end a rule that takes more than its share", () => {
		// Within what the estimate allows: the old value of the list was longer.
		const huge = Array.from({ length: 2_000 }, (_, index) => index);
		expect(validate(withSpec(list, rule, "true"), huge).errors).toEqual([
			`spec: Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${rule}`,
		]);
	});
});
