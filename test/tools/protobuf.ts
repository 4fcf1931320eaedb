/**
 * Writes Kubernetes' protobuf bodies, as client-go does: the inverse of what the server reads. What is not in the object is
 * not on the wire.
 */
import { protobufTable } from "../../src/apimachinery/schema/generated/protobuf.ts";
import { type FieldType, type ScalarType, typeSchema } from "../../src/apimachinery/schema/schema.ts";

const [varint, fixed64, bytes] = [0, 1, 2] as const;

/** @param typeName the object's type in the schema table */
export function encodeProtobuf(object: { readonly apiVersion: string; readonly kind: string }, typeName: string): Buffer {
	const typeMeta = Buffer.concat([field(1, text(object.apiVersion)), field(2, text(object.kind))]);
	return Buffer.concat([Buffer.from("k8s\0"), field(1, typeMeta), field(2, message(typeName, object))]);
}

/** A tree of messages: those by which JSON has the fields of an inner message inline. */
interface Layer {
	readonly fields: Buffer[];
	readonly inner: Map<number, Layer>;
}

const newLayer = (): Layer => ({ fields: [], inner: new Map() });

function message(typeName: string, object: object): Buffer {
	const schema = typeSchema(typeName);
	const root = newLayer();
	for (const entry of (protobufTable[typeName] ?? "").split(" ").filter((part) => part !== "")) {
		const [, name = "", numbers = "", , variant] = /^([^=]+)=([\d.]+)(!?)(?::(\w+))?$/.exec(entry) ?? [];
		const value = (object as Record<string, unknown>)[name];
		const type = schema?.fields.get(name)?.type;
		if (value === undefined || type === undefined) continue;
		if (variant !== undefined) throw new Error(`${typeName}.${name} is written in a way of its own`);
		const path = numbers.split(".").map(Number);
		const number = path.pop() ?? 0;
		const layer = path.reduce((outer, step) => {
			const known = outer.inner.get(step) ?? newLayer();
			outer.inner.set(step, known);
			return known;
		}, root);
		layer.fields.push(...encodeField(number, value, type));
	}
	return join(root);
}

function join({ fields, inner }: Layer): Buffer {
	return Buffer.concat([...fields, ...[...inner].map(([number, layer]) => field(number, join(layer)))]);
}

function encodeField(number: number, value: unknown, type: FieldType): Buffer[] {
	if (type.form === "list") return (value as unknown[]).map((item) => encodeValue(number, item, type.items));
	if (type.form !== "map") return [encodeValue(number, value, type)];
	return Object.entries(value as object).map(([key, item]) => {
		const entry = isList(type.values) ? field(2, Buffer.concat(encodeField(1, item, type.values))) : encodeValue(2, item, type.values);
		return field(number, Buffer.concat([field(1, text(key)), entry]));
	});
}

const isList = ({ form }: FieldType) => form === "list";

function encodeValue(number: number, value: unknown, type: FieldType): Buffer {
	if (type.form === "object") return field(number, message(type.type, value as object));
	if (type.form !== "scalar") throw new Error(`a ${type.form} in a list`);
	return encodeScalar(number, value, type.scalar);
}

function encodeScalar(number: number, value: unknown, scalar: ScalarType): Buffer {
	switch (scalar) {
		case "string":
			return field(number, text(value));
		case "bytes":
			return field(number, Buffer.from(String(value), "base64"));
		case "int32":
		case "int64":
		case "boolean":
			return Buffer.concat([tag(number, varint), number64(Number(value))]);
		case "double": {
			const double = Buffer.alloc(8);
			double.writeDoubleLE(Number(value));
			return Buffer.concat([tag(number, fixed64), double]);
		}
		case "quantity":
			return field(number, field(1, text(value)));
		case "time":
		case "microtime": {
			const milliseconds = Date.parse(String(value));
			const [, fraction = ""] = /\.(\d+)/.exec(String(value)) ?? [];
			const seconds = Buffer.concat([tag(1, varint), number64(Math.floor(milliseconds / 1000))]);
			return field(number, Buffer.concat([seconds, tag(2, varint), number64(Number(fraction.padEnd(9, "0")))]));
		}
		case "intOrString": {
			const isText = typeof value === "string";
			const kind = Buffer.concat([tag(1, varint), number64(isText ? 1 : 0), tag(2, varint), number64(isText ? 0 : Number(value))]);
			return field(number, Buffer.concat([kind, field(3, text(isText ? value : ""))]));
		}
		case "raw":
		case "fieldsV1":
		case "any":
			return field(number, field(1, text(JSON.stringify(value))));
		default:
			return scalar satisfies never;
	}
}

const text = (value: unknown) => Buffer.from(String(value));

const tag = (number: number, wireType: number) => number64((number << 3) | wireType);

function field(number: number, content: Buffer): Buffer {
	return Buffer.concat([tag(number, bytes), number64(content.length), content]);
}

/** A negative number has ten bytes: its 64 bits in two's complement. */
function number64(value: number): Buffer {
	const result: number[] = [];
	let rest = BigInt.asUintN(64, BigInt(value));
	while (rest > 0x7fn) {
		result.push(Number(rest & 0x7fn) | 0x80);
		rest >>= 7n;
	}
	return Buffer.from([...result, Number(rest)]);
}
