/**
 * Decodes Kubernetes' protobuf bodies into the JSON objects that they stand for. client-go (and with it kubectl from
 * 1.32 on) writes built-in kinds in this form; answers are JSON, which every client takes.
 *
 *   "k8s\0" Unknown{ typeMeta{apiVersion, kind}, raw }     raw is the object's own message
 *
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
 */
import { generatedResources } from "../../../apimachinery/schema/resources.ts";
import { type FieldSchema, type FieldType, typeSchema } from "../../../apimachinery/schema/schema.ts";
import { formatTime } from "../../../apimachinery/time.ts";
import { fieldNumbers } from "./field-numbers.ts";
import { readFields, readVarints, WireError, type WireValue } from "./wire-reader.ts";

const magic = Buffer.from("k8s\0", "latin1");

/** How one field number of a message reads. */
type Plan =
	| {
			readonly form: "field";
			readonly name: string;
			readonly type: FieldType;
			readonly keepZero: boolean;
			readonly union: Union | undefined;
	  }
	/** A message whose fields JSON has inline. */
	| { readonly form: "inline"; readonly fields: MessagePlan };
type MessagePlan = Map<number, Plan>;

/** JSON schemas that may be something simpler; the simpler form has its own field. */
type Union = "schemaOrBool" | "schemaOrArray" | "schemaOrStringArray";
const unionFields: Readonly<Record<string, Union>> = {
	"JSONSchemaProps.additionalItems": "schemaOrBool",
	"JSONSchemaProps.additionalProperties": "schemaOrBool",
	"JSONSchemaProps.items": "schemaOrArray",
	"JSONSchemaProps.dependencies": "schemaOrStringArray",
};

type MutableObject = Record<string, unknown>;

/** A kind that the schema table does not have. */
export class UnknownKindError extends Error {
	override readonly name = "UnknownKindError";
}

/** Whether bytes begin as Kubernetes' protobuf does. */
export function isProtobuf(bytes: Buffer): boolean {
	return bytes.subarray(0, magic.length).equals(magic);
}

/**
 * Decodes a body, envelope and all.
 * @throws WireError for bytes that are no message, UnknownKindError
 */
export function decodeProtobuf(body: Buffer): Readonly<Record<string, unknown>> {
	if (!isProtobuf(body)) throw new WireError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
	let apiVersion = "";
	let kind = "";
	let raw = Buffer.alloc(0);
	for (const { number, value } of readFields(body.subarray(magic.length))) {
		if (value.wire !== "bytes") continue;
		if (number === 1) ({ apiVersion, kind } = readTypeMeta(value.bytes));
		else if (number === 2) raw = Buffer.from(value.bytes);
	}
	return { kind, apiVersion, ...decodeType(typeNameOf(apiVersion, kind), raw) };
}

function readTypeMeta(bytes: Buffer): { apiVersion: string; kind: string } {
	const meta = { apiVersion: "", kind: "" };
	for (const { number, value } of readFields(bytes)) {
		if (value.wire !== "bytes") continue;
		if (number === 1) meta.apiVersion = value.bytes.toString("utf8");
		else if (number === 2) meta.kind = value.bytes.toString("utf8");
	}
	return meta;
}

function typeNameOf(apiVersion: string, kind: string): string {
	// Every group version has its own name for DeleteOptions; they are one type.
	if (kind === "DeleteOptions") return kind;
	const found =
		generatedResources.find(
			(candidate) => candidate.kind === kind && `${candidate.group === "" ? "" : `${candidate.group}/`}${candidate.version}` === apiVersion,
		) ?? borrowedKind(apiVersion, kind);
	if (found === undefined) throw new UnknownKindError(`no kind "${kind}" is registered for version "${apiVersion}"`);
	return found.type;
}

/** Scale, Eviction and TokenRequest are of other groups than the resources whose subresources they are. */
function borrowedKind(apiVersion: string, kind: string) {
	const borrowed = { Scale: "autoscaling/v1", Eviction: "policy/v1", TokenRequest: "authentication.k8s.io/v1" };
	const known = Object.entries(borrowed).some(([name, version]) => name === kind && version === apiVersion);
	return known ? generatedResources.find((candidate) => candidate.kind === kind) : undefined;
}

const plans = new Map<string, MessagePlan>();

function planOf(typeName: string): MessagePlan {
	const known = plans.get(typeName);
	if (known !== undefined) return known;
	const plan: MessagePlan = new Map();
	const schema = typeSchema(typeName);
	for (const entry of fieldNumbers[typeName]?.split(" ") ?? []) {
		const equals = entry.indexOf("=");
		const field = schema?.fields.get(entry.slice(0, equals));
		if (field !== undefined) addField(plan, typeName, field, entry.slice(equals + 1));
	}
	plans.set(typeName, plan);
	return plan;
}

/** @param path `2.1!`: the numbers on the way to the field, and whether its zero counts */
function addField(plan: MessagePlan, typeName: string, field: FieldSchema, path: string): void {
	const keepZero = path.endsWith("!");
	const numbers = path.replace("!", "").split(".").map(Number);
	const last = numbers.pop() ?? 0;
	let target = plan;
	for (const number of numbers) {
		const inner = target.get(number);
		if (inner?.form === "inline") {
			target = inner.fields;
			continue;
		}
		const fields: MessagePlan = new Map();
		target.set(number, { form: "inline", fields });
		target = fields;
	}
	target.set(last, { form: "field", name: field.name, type: field.type, keepZero, union: unionFields[`${typeName}.${field.name}`] });
}

function decodeType(typeName: string, bytes: Buffer): MutableObject {
	const object: MutableObject = {};
	decodeInto(object, planOf(typeName), bytes);
	return object;
}

function decodeInto(object: MutableObject, plan: MessagePlan, bytes: Buffer): void {
	for (const { number, value } of readFields(bytes)) {
		const field = plan.get(number);
		if (field === undefined) continue;
		if (field.form === "inline") {
			decodeInto(object, field.fields, bytesOf(value));
			continue;
		}
		setField(object, field, value);
	}
}

function setField(object: MutableObject, field: Extract<Plan, { form: "field" }>, value: WireValue): void {
	const { name, type, union } = field;
	if (type.form === "list") {
		object[name] ??= [];
		(object[name] as unknown[]).push(...decodeItems(type.items, value));
	} else if (type.form === "map" || union === "schemaOrStringArray") {
		object[name] ??= {};
		const [key, item] = decodeEntry(type, union, bytesOf(value));
		// Not an assignment: a key named __proto__ is a key like any other.
		Object.defineProperty(object[name], key, { value: item, enumerable: true, configurable: true, writable: true });
	} else {
		const decoded = union === undefined ? decodeValue(type, value) : decodeUnion(union, bytesOf(value));
		if (field.keepZero ? decoded !== undefined : !isZero(decoded)) object[name] = decoded;
	}
}

/** One item, or several if they are packed integers. */
function decodeItems(type: FieldType, value: WireValue): unknown[] {
	const isInteger = type.form === "scalar" && (type.scalar === "int32" || type.scalar === "int64");
	if (isInteger && value.wire === "bytes") return Array.from(readVarints(value.bytes), Number);
	return [decodeValue(type, value)];
}

function decodeEntry(type: FieldType, union: Union | undefined, bytes: Buffer): [key: string, value: unknown] {
	let key = "";
	const valueType: FieldType = type.form === "map" ? type.values : { form: "scalar", scalar: "any" };
	let value: unknown = zeroOf(valueType);
	for (const { number, value: wire } of readFields(bytes)) {
		if (number === 1) key = bytesOf(wire).toString("utf8");
		else if (number === 2) value = decodeEntryValue(valueType, union, wire);
	}
	return [key, value];
}

function decodeEntryValue(type: FieldType, union: Union | undefined, wire: WireValue): unknown {
	if (union !== undefined) return decodeUnion(union, bytesOf(wire));
	if (type.form !== "list") return decodeValue(type, wire);
	// A list in a map is a message with the items in field 1.
	return Array.from(readFields(bytesOf(wire))).flatMap(({ value }) => decodeItems(type.items, value));
}

/** What an entry without a value means: Go leaves out nothing, but other writers do. */
function zeroOf(type: FieldType): unknown {
	if (type.form === "list") return [];
	return type.form === "scalar" && (type.scalar === "string" || type.scalar === "bytes") ? "" : {};
}

function decodeValue(type: FieldType, value: WireValue): unknown {
	if (type.form === "object") return decodeType(type.type, bytesOf(value));
	if (type.form !== "scalar") throw new WireError(`proto: a ${type.form} cannot be an item`);
	switch (type.scalar) {
		case "string":
			return bytesOf(value).toString("utf8");
		case "bytes":
			return bytesOf(value).toString("base64");
		case "int32":
		case "int64":
			return Number(integerOf(value));
		case "boolean":
			return integerOf(value) !== 0n;
		case "double":
			if (value.wire !== "fixed64") throw new WireError("proto: wrong wireType for a double");
			return value.bytes.readDoubleLE();
		case "quantity":
			return firstBytes(value)?.toString("utf8") ?? "0";
		case "time":
		case "microtime":
			return decodeTime(type.scalar, bytesOf(value));
		case "intOrString":
			return decodeIntOrString(bytesOf(value));
		case "raw":
		case "fieldsV1":
		case "any":
			return decodeRaw(firstBytes(value));
		default:
			return type.scalar satisfies never;
	}
}

/** Seconds (1) and nanoseconds (2) since the epoch; the zero time, which has neither, is no time. */
function decodeTime(scalar: "time" | "microtime", bytes: Buffer): string | undefined {
	let seconds: number | undefined;
	let nanos = 0;
	for (const { number, value } of readFields(bytes)) {
		if (number === 1) seconds = Number(integerOf(value));
		else if (number === 2) nanos = Number(integerOf(value));
	}
	if (seconds === undefined) return undefined;
	const text = formatTime(seconds * 1000);
	if (scalar === "time") return text;
	return `${text.slice(0, -1)}.${String(Math.floor(nanos / 1000)).padStart(6, "0")}Z`;
}

/** Type (1): 0 is the integer (2), 1 the string (3). */
function decodeIntOrString(bytes: Buffer): number | string {
	let isText = false;
	let integer = 0;
	let text = "";
	for (const { number, value } of readFields(bytes)) {
		if (number === 1) isText = integerOf(value) === 1n;
		else if (number === 2) integer = Number(integerOf(value));
		else if (number === 3) text = bytesOf(value).toString("utf8");
	}
	return isText ? text : integer;
}

/** Free-form values travel as JSON. */
function decodeRaw(bytes: Buffer | undefined): unknown {
	if (bytes === undefined || bytes.length === 0) return {};
	try {
		return JSON.parse(bytes.toString("utf8")) as unknown;
	} catch {
		throw new WireError("a raw value is not JSON");
	}
}

function decodeUnion(union: Union, bytes: Buffer): unknown {
	const fields = Array.from(readFields(bytes));
	const schema = (number: number) => {
		const found = fields.find((field) => field.number === number);
		return found === undefined ? undefined : decodeType("JSONSchemaProps", bytesOf(found.value));
	};
	switch (union) {
		case "schemaOrBool":
			return schema(2) ?? fields.some(({ number, value }) => number === 1 && integerOf(value) !== 0n);
		case "schemaOrArray":
			return schema(1) ?? fields.filter(({ number }) => number === 2).map(({ value }) => decodeType("JSONSchemaProps", bytesOf(value)));
		case "schemaOrStringArray":
			return schema(1) ?? fields.filter(({ number }) => number === 2).map(({ value }) => bytesOf(value).toString("utf8"));
		default:
			return union satisfies never;
	}
}

/** Field 1 of a message that has no other: Quantity, RawExtension, FieldsV1, JSON. */
function firstBytes(value: WireValue): Buffer | undefined {
	for (const field of readFields(bytesOf(value))) {
		if (field.number === 1) return bytesOf(field.value);
	}
	return undefined;
}

function bytesOf(value: WireValue): Buffer {
	if (value.wire !== "bytes") throw new WireError("proto: wrong wireType");
	return value.bytes;
}

function integerOf(value: WireValue): bigint {
	if (value.wire !== "varint") throw new WireError("proto: wrong wireType");
	return value.value;
}

function isZero(value: unknown): boolean {
	return value === undefined || value === "" || value === 0 || value === false;
}
