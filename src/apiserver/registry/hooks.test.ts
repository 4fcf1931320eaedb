/**
 * What holds for the hooks of every kind, whatever the object: clients leave out required fields, and the decoder lets
 * them. Objects are made from the schema, each field there or not.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { allResources, generatedResources } from "../../apimachinery/schema/resources.ts";
import { type FieldSchema, type FieldType, type ScalarType, typeSchema } from "../../apimachinery/schema/schema.ts";
import { gatedKinds } from "./gated-kinds.ts";
import type { KindDefinition } from "./kind.ts";
import { builtinKinds as kinds } from "./kinds.ts";

const maxDepth = 7;
const context = { nowMs: Date.UTC(2026, 0, 1), user: { name: "alice", groups: ["dev"] } };

const scalars: Readonly<Record<ScalarType, fc.Arbitrary<unknown>>> = {
	string: fc.constantFrom(
		"",
		"a",
		"example.com/x",
		"10.0.0.1",
		"Approved",
		"Exempt",
		"Limited",
		"Queue",
		"Namespace",
		"JSONPatch",
		"Webhook",
		"In",
		"ClusterIP",
		"LoadBalancer",
		"Local",
		"ClientIP",
		"RequireDualStack",
		"None",
		"fd00::/64",
		"10.0.0.1/8",
		"iqn.2001-04.com.example:a",
		"Container",
		"PersistentVolumeClaim",
		"All",
		"..",
	),
	int32: fc.integer({ min: -5, max: 50_000 }),
	int64: fc.integer({ min: -5, max: 50_000 }),
	double: fc.double({ noNaN: true }),
	boolean: fc.boolean(),
	time: fc.constant("2026-01-01T00:00:00Z"),
	microtime: fc.constant("2026-01-01T00:00:00.000000Z"),
	bytes: fc.constantFrom("", "AAAA"),
	quantity: fc.constantFrom("1", "-1Gi", "100m"),
	intOrString: fc.constantFrom<unknown>(0, 80, "http", "25%"),
	raw: fc.constant({}),
	fieldsV1: fc.constant({}),
	any: fc.constant(true),
};

function anyValue(type: FieldType, depth: number): fc.Arbitrary<unknown> {
	switch (type.form) {
		case "scalar":
			return scalars[type.scalar];
		case "object":
			return anyObject(type.type, depth);
		case "list":
			return fc.array(anyValue(type.items, depth), { maxLength: 2 });
		case "map":
			return fc.dictionary(fc.constantFrom("a", "b/c", ""), anyValue(type.values, depth), { maxKeys: 2 });
	}
}

/** An object of a type with any of its fields left out. */
function anyObject(type: string, depth = 0): fc.Arbitrary<unknown> {
	// A volume's spec stands in VolumeAttachments, too, where nobody looks into it.
	const isInline = type === "PersistentVolumeSpec" && depth > 1;
	if (depth > maxDepth || type === "ObjectMeta" || isInline) return fc.constant({ name: "a" });
	const fields = [...(typeSchema(type)?.fields.values() ?? [])].filter(({ name }) => name !== "apiVersion" && name !== "kind");
	const entry = (field: FieldSchema) => [field.name, anyValue(field.type, depth + 1)] as const;
	return fc.record(Object.fromEntries(fields.map(entry)), {
		requiredKeys: ["metadata"].filter((key) => fields.some(({ name }) => name === key)),
	});
}

function deepFreeze<T>(value: T): T {
	if (typeof value === "object" && value !== null) {
		Object.freeze(value);
		for (const inner of Object.values(value)) deepFreeze(inner);
	}
	return value;
}

/** The type of a kind's objects on the wire. */
function wireType({ group, resource }: KindDefinition): string {
	return allResources.find((entry) => entry.group === group && entry.resource === resource && entry.subresource === "")?.type ?? "";
}

describe.each([...kinds, ...gatedKinds].map((kind) => [`${kind.resource}.${kind.group}`, kind] as const))("%s", (_name, kind) => {
	const objects = (anyObject(wireType(kind)) as fc.Arbitrary<KubeObject>).map(
		(object) => kind.toStorage?.(object, kind.storageVersion) ?? object,
	);

	it("takes any object through every hook without failing or changing what it was given", () => {
		fc.assert(
			fc.property(objects, objects, (object, old) => {
				deepFreeze(object);
				deepFreeze(old);
				const defaulted = kind.setDefaults?.(object) ?? object;
				const prepared = [
					kind.prepareForCreate?.(defaulted, context),
					kind.prepareForUpdate?.(defaulted, old, context),
					kind.prepareForStatusUpdate?.(defaulted, old, context),
				];
				for (const candidate of [object, defaulted, ...prepared]) {
					if (candidate === undefined) continue;
					const errors = kind.validate?.(candidate) ?? [];
					kind.validate?.(candidate, old);
					kind.validateUpdate?.(candidate, old);
					kind.validateStatusUpdate?.(candidate, old);
					kind.warnings?.(candidate);
					kind.selectableFields?.(candidate);
					// A selector prints only if it means something; such an object would never get into the store.
					if (errors.some(({ field }) => field.includes("matchExpressions"))) continue;
					for (const column of kind.columns) column.cell(candidate, context);
				}
			}),
			{ numRuns: 60, seed: 7 },
		);
	});

	it("defaults once: a second time changes nothing, not even the value's identity", () => {
		fc.assert(
			fc.property(objects, (object) => {
				const once = kind.setDefaults?.(object) ?? object;
				expect(kind.setDefaults?.(once) ?? once).toBe(once);
			}),
			{ numRuns: 60, seed: 7 },
		);
	});
});

it("defines every resource of these groups, once", () => {
	const groups = new Set(kinds.map(({ group }) => group));
	const served = generatedResources.filter(({ group, subresource }) => groups.has(group) && subresource === "");
	expect(kinds.map(({ group, resource }) => `${resource}.${group}`).sort()).toEqual(
		[...new Set(served.map(({ group, resource }) => `${resource}.${group}`))].sort(),
	);
	for (const entry of served)
		expect(kinds.find(({ group, resource }) => group === entry.group && resource === entry.resource)?.kind).toBe(entry.kind);
});
