import fc from "fast-check";
import { expect, test } from "vitest";
import { protobufTable } from "../schema/generated/protobuf.ts";
import { type FieldType, type ScalarType, typeSchema } from "../schema/schema.ts";
import { formatMicroTime, formatTime, parseTime } from "../time.ts";
import { readMessage } from "./messages.ts";
import { WireReader } from "./wire-reader.ts";

interface NumberedField {
	readonly name: string;
	readonly type: FieldType;
	readonly path: readonly number[];
	readonly zeroCounts: boolean;
	readonly variant: string;
}

function fieldsOf(typeName: string): NumberedField[] {
	return (protobufTable[typeName] ?? "").split(" ").flatMap((entry) => {
		const [, name = "", path = "", bang, variant = ""] = /^([^=]+)=([\d.]+)(!?)(?::(\w+))?$/.exec(entry) ?? [];
		const type = typeSchema(typeName)?.fields.get(name)?.type;
		return type === undefined ? [] : [{ name, type, path: path.split(".").map(Number), zeroCounts: bang === "!", variant }];
	});
}

/* What a value may be: everything that JSON has after Go wrote it, so no empty list or map, and no zero that Go leaves out. */

const maxDepth = 5;
const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 });

const scalarValues: Readonly<Record<ScalarType, fc.Arbitrary<unknown>>> = {
	string: fc.string({ unit: "binary", maxLength: 5 }),
	bytes: fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString("base64")),
	int32: fc.integer(),
	int64: fc.maxSafeInteger(),
	double: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value)),
	boolean: fc.boolean(),
	quantity: fc.constantFrom("0", "250m", "1Gi"),
	time: seconds.map((value) => formatTime(value * 1000)),
	microtime: fc
		.tuple(seconds, fc.integer({ min: 0, max: 999_999 }))
		.map(([value, micros]) => formatMicroTime(value * 1000).replace(".000000", `.${String(micros).padStart(6, "0")}`)),
	intOrString: fc.oneof(fc.integer(), fc.string({ unit: "binary", maxLength: 5 })),
	raw: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 })).map((value) => JSON.parse(JSON.stringify(value)) as unknown),
	fieldsV1: fc.constant({ "f:metadata": {} }),
	any: fc
		.jsonValue({ maxDepth: 1 })
		.map((value) => JSON.parse(JSON.stringify(value)) as unknown)
		.filter((value) => value !== null),
};

function jsonOf(type: FieldType, depth: number): fc.Arbitrary<unknown> {
	switch (type.form) {
		case "scalar":
			return scalarValues[type.scalar];
		case "object":
			return objectOf(type.type, depth + 1);
		case "list":
			return fc.array(jsonOf(type.items, depth), { maxLength: 3 });
		case "map":
			return fc.dictionary(fc.string({ unit: "binary", maxLength: 3 }), jsonOf(type.values, depth), { maxKeys: 3, noNullPrototype: true });
		default:
			return type satisfies never;
	}
}

function variantOf(variant: string, depth: number): fc.Arbitrary<unknown> {
	const schema = objectOf("JSONSchemaProps", depth + 1);
	switch (variant) {
		case "JSONSchemaPropsOrBool":
			return fc.oneof(schema, fc.boolean());
		case "JSONSchemaPropsOrArray":
			return fc.oneof(schema, fc.array(schema, { minLength: 1, maxLength: 2 }));
		case "JSONSchemaPropsOrStringArray":
			return fc.oneof(schema, fc.array(fc.string(), { minLength: 1, maxLength: 2 }));
		default:
			return fc.constant({});
	}
}

function objectOf(typeName: string, depth = 0): fc.Arbitrary<Record<string, unknown>> {
	if (depth > maxDepth) return fc.constant({});
	const all = fieldsOf(typeName);
	return fc.subarray(all, { maxLength: Math.min(all.length, depth === 0 ? 8 : 3) }).chain((chosen) =>
		fc.tuple(...chosen.map((field) => fieldValue(field, depth))).map((values) => {
			const entries = chosen.map(({ name }, index): [string, unknown] => [name, values[index]]);
			return Object.fromEntries(entries.filter(([name, value]) => !isLeftOut(chosen, name, value)));
		}),
	);
}

function fieldValue({ type, variant }: NumberedField, depth: number): fc.Arbitrary<unknown> {
	if (variant === "") return jsonOf(type, depth);
	if (type.form !== "map") return variantOf(variant, depth);
	return fc.dictionary(fc.string(), variantOf(variant, depth), { maxKeys: 2, noNullPrototype: true });
}

function isLeftOut(fields: readonly NumberedField[], name: string, value: unknown): boolean {
	const field = fields.find((candidate) => candidate.name === name);
	if (field === undefined) return false;
	if (field.type.form === "list" || field.type.form === "map") return Object.keys(value as object).length === 0;
	if (field.variant !== "") return false;
	const isPlain = field.type.form === "scalar" && !["intOrString", "any", "raw"].includes(field.type.scalar);
	return isPlain && !field.zeroCounts && (value === "" || value === 0 || value === false);
}

/* A second implementation of the wire format, as plain as can be. */

function varint(value: number | bigint): Buffer {
	const bytes: number[] = [];
	let rest = BigInt.asUintN(64, BigInt(value));
	for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
	return Buffer.from([...bytes, Number(rest)]);
}

const number = (field: number, value: number | bigint) => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field: number, value: Buffer | string) =>
	Buffer.concat([varint(field * 8 + 2), varint(Buffer.byteLength(value)), Buffer.from(value)]);

function encodeObject(typeName: string, object: Record<string, unknown>): Buffer {
	return encodeFields(
		fieldsOf(typeName).filter(({ name }) => Object.hasOwn(object, name)),
		object,
	);
}

function encodeFields(fields: readonly NumberedField[], object: Record<string, unknown>): Buffer {
	const parts = [...Map.groupBy(fields, ({ path }) => path[0] ?? 0)].map(([first, group]) => {
		const inner = group.filter(({ path }) => path.length > 1).map((field) => ({ ...field, path: field.path.slice(1) }));
		if (inner.length > 0) return bytes(first, encodeFields(inner, object));
		return Buffer.concat(group.map((field) => encodeField(first, field, object[field.name])));
	});
	return Buffer.concat(parts);
}

function encodeField(at: number, { type, variant }: NumberedField, value: unknown): Buffer {
	const encodeValue = (to: number, of: FieldType, item: unknown) =>
		variant === "" ? encode(to, of, item) : bytes(to, encodeVariant(variant, item));
	if (type.form === "list") return Buffer.concat((value as unknown[]).map((item) => encodeValue(at, type.items, item)));
	if (type.form !== "map") return encodeValue(at, type, value);
	const entries = Object.entries(value as object).map(([key, item]) =>
		bytes(at, Buffer.concat([bytes(1, key), encodeValue(2, type.values, item)])),
	);
	return Buffer.concat(entries);
}

function encodeVariant(variant: string, value: unknown): Buffer {
	const schema = (at: number, item: unknown) => bytes(at, encodeObject("JSONSchemaProps", item as Record<string, unknown>));
	if (Array.isArray(value)) return Buffer.concat(value.map((item) => (typeof item === "string" ? bytes(2, item) : schema(2, item))));
	if (typeof value === "boolean") return number(1, Number(value));
	if (variant === "CustomResourceSubresourceStatus") return Buffer.alloc(0);
	return schema(variant === "JSONSchemaPropsOrBool" ? 2 : 1, value);
}

function encode(at: number, type: FieldType, value: unknown): Buffer {
	switch (type.form) {
		case "scalar":
			return encodeScalar(at, type.scalar, value);
		case "object":
			return bytes(at, encodeObject(type.type, value as Record<string, unknown>));
		case "list":
			return bytes(at, Buffer.concat((value as unknown[]).map((item) => encode(1, type.items, item))));
		case "map":
			throw new Error("a map in a list or a map");
		default:
			return type satisfies never;
	}
}

function encodeScalar(at: number, scalar: ScalarType, value: unknown): Buffer {
	switch (scalar) {
		case "string":
			return bytes(at, String(value));
		case "bytes":
			return bytes(at, Buffer.from(String(value), "base64"));
		case "int32":
		case "int64":
		case "boolean":
			return number(at, Number(value));
		case "double": {
			const double = Buffer.alloc(8);
			double.writeDoubleLE(Number(value));
			return Buffer.concat([varint(at * 8 + 1), double]);
		}
		case "quantity":
			return bytes(at, bytes(1, String(value)));
		case "time":
		case "microtime": {
			const micros = Number(/\.(\d{6})Z/.exec(String(value))?.[1] ?? 0);
			return bytes(at, Buffer.concat([number(1, Math.floor(parseTime(String(value)) / 1000)), number(2, micros * 1000)]));
		}
		case "intOrString":
			return bytes(at, typeof value === "number" ? number(2, value) : Buffer.concat([number(1, 1), bytes(3, String(value))]));
		default:
			return bytes(at, bytes(1, JSON.stringify(value)));
	}
}

function assertRoundTrip(typeNames: readonly string[], numRuns: number): void {
	const objects = fc.constantFrom(...typeNames).chain((typeName) => objectOf(typeName).map((object) => ({ typeName, object })));
	fc.assert(
		fc.property(objects, ({ typeName, object }) => {
			expect(readMessage(typeName, new WireReader(encodeObject(typeName, object)))).toEqual(object);
		}),
		{ numRuns },
	);
}

test("every type: what is encoded is decoded as it was", () => {
	assertRoundTrip(Object.keys(protobufTable), 3000);
});

test("schemas of custom resources, whose fields may be of several types, are decoded as they were", () => {
	assertRoundTrip(["JSONSchemaProps", "CustomResourceSubresources"], 300);
});

test("packed and single numbers read alike", () => {
	const expected = { supplementalGroups: [1, -2, 300] };
	const single = Buffer.concat([number(4, 1), number(4, -2), number(4, 300)]);
	const packed = bytes(4, Buffer.concat([varint(1), varint(-2), varint(300)]));
	for (const encoded of [single, packed]) expect(readMessage("PodSecurityContext", new WireReader(encoded))).toEqual(expected);
});

test("zero: kept where Go has a pointer or writes it always, left out elsewhere", () => {
	const probe = Buffer.concat([number(2, 0), number(7, 0)]);
	expect(readMessage("Probe", new WireReader(probe))).toEqual({ terminationGracePeriodSeconds: 0 });
	expect(readMessage("EnvVar", new WireReader(Buffer.concat([bytes(1, ""), bytes(2, "")])))).toEqual({ name: "" });
	expect(readMessage("ServicePort", new WireReader(bytes(4, Buffer.concat([number(1, 0), number(2, 0)]))))).toEqual({ targetPort: 0 });
});

test("a message that comes in two parts is one", () => {
	const parts = Buffer.concat([bytes(1, bytes(1, "a")), bytes(1, bytes(3, "ns"))]);
	expect(readMessage("ConfigMap", new WireReader(parts))).toEqual({ metadata: { name: "a", namespace: "ns" } });
});

test("a map's key may be __proto__, and its value may be missing", () => {
	const data = Buffer.concat([bytes(2, Buffer.concat([bytes(1, "__proto__"), bytes(2, "x")])), bytes(2, bytes(1, "b"))]);
	expect(JSON.stringify(readMessage("ConfigMap", new WireReader(data)))).toBe('{"data":{"__proto__":"x","b":""}}');
});

test("a JSON null: absent as a field, kept in a list", () => {
	const nulls = Buffer.concat([bytes(8, bytes(1, "null")), bytes(20, ""), bytes(20, bytes(1, "null")), bytes(20, bytes(1, "1"))]);
	expect(readMessage("JSONSchemaProps", new WireReader(nulls))).toEqual({ enum: [null, null, 1] });
	expect(readMessage("ControllerRevision", new WireReader(bytes(2, "")))).toEqual({});
});
