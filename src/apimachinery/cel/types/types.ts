/**
 * Types of CEL, as the checker sees them. A message type carries its fields: who declares a variable of such a type gives
 * the whole of it, and no registry is needed to look it up.
 * Source: cel-spec, doc/langdef.md#types; the texts are those of github.com/google/cel-go/checker/format.go.
 */

export type SimpleKind = "dyn" | "error" | "bool" | "int" | "uint" | "double" | "string" | "bytes" | "null" | "timestamp" | "duration";

export interface ListType {
	readonly kind: "list";
	readonly element: CelType;
}

export interface MapType {
	readonly kind: "map";
	readonly key: CelType;
	readonly value: CelType;
}

/** A message: fields with types. Two of them are the same type if their names are. */
export interface ObjectType {
	readonly kind: "object";
	readonly name: string;
	/** By the name that an expression writes. May be a live view: fields are asked for one by one. */
	field(name: string): CelType | undefined;
}

/** A type without fields that only functions know: `optional_type(int)`, `net.IP`. */
export interface OpaqueType {
	readonly kind: "opaque";
	readonly name: string;
	readonly parameters: readonly CelType[];
}

/** The type of types; `type(int)` is the type of `int`. */
export interface TypeType {
	readonly kind: "type";
	readonly of: CelType | undefined;
}

/** A type that a call decides: `list(A)`. */
export interface ParamType {
	readonly kind: "param";
	readonly name: string;
}

export type CelType = { readonly kind: SimpleKind } | ListType | MapType | ObjectType | OpaqueType | TypeType | ParamType;

const simple = (kind: SimpleKind): CelType => ({ kind });

export const dynType = simple("dyn");
export const errorType = simple("error");
export const boolType = simple("bool");
export const intType = simple("int");
export const uintType = simple("uint");
export const doubleType = simple("double");
export const stringType = simple("string");
export const bytesType = simple("bytes");
export const nullType = simple("null");
export const timestampType = simple("timestamp");
export const durationType = simple("duration");

export const listType = (element: CelType): ListType => ({ kind: "list", element });
export const mapType = (key: CelType, value: CelType): MapType => ({ kind: "map", key, value });
export const typeType = (of?: CelType): TypeType => ({ kind: "type", of });
export const paramType = (name: string): ParamType => ({ kind: "param", name });
export const opaqueType = (name: string, ...parameters: readonly CelType[]): OpaqueType => ({ kind: "opaque", name, parameters });
export const optionalType = (of: CelType): OpaqueType => opaqueType("optional_type", of);

/** A message type whose fields are all known. */
export function objectType(name: string, fields: Readonly<Record<string, CelType>> = {}): ObjectType {
	return { kind: "object", name, field: (field) => (Object.hasOwn(fields, field) ? fields[field] : undefined) };
}

/** As error texts show a type: `map(string, list(int))`. */
export function formatType(type: CelType): string {
	switch (type.kind) {
		case "list":
			return `list(${formatType(type.element)})`;
		case "map":
			return `map(${formatType(type.key)}, ${formatType(type.value)})`;
		case "object":
			return type.name;
		case "opaque":
			return type.parameters.length === 0 ? type.name : `${type.name}(${type.parameters.map(formatType).join(", ")})`;
		case "type":
			return type.of === undefined ? "type" : `type(${formatType(type.of)})`;
		case "param":
			return type.name;
		case "error":
			return "!error!";
		default:
			return type.kind;
	}
}

/** Names of the types of values at run time, which texts of run-time errors show. */
export const runtimeNames: Readonly<Partial<Record<CelType["kind"], string>>> = {
	null: "null_type",
	timestamp: "google.protobuf.Timestamp",
	duration: "google.protobuf.Duration",
};

export function isExactly(a: CelType, b: CelType): boolean {
	if (a === b) return true;
	if (a.kind === "list" && b.kind === "list") return isExactly(a.element, b.element);
	if (a.kind === "map" && b.kind === "map") return isExactly(a.key, b.key) && isExactly(a.value, b.value);
	if (a.kind === "object" && b.kind === "object") return a.name === b.name;
	if (a.kind === "param" && b.kind === "param") return a.name === b.name;
	if (a.kind === "opaque" && b.kind === "opaque") {
		return (
			a.name === b.name &&
			a.parameters.length === b.parameters.length &&
			a.parameters.every((parameter, index) => isExactly(parameter, b.parameters[index] ?? errorType))
		);
	}
	if (a.kind === "type" && b.kind === "type") {
		return a.of === undefined || b.of === undefined ? a.of === b.of : isExactly(a.of, b.of);
	}
	return a.kind === b.kind && !["list", "map", "object", "param", "opaque", "type"].includes(a.kind);
}
