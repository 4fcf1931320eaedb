/**
 * What server-side apply knows of a type: which values are one field and which have parts with owners of their own.
 * Made from the schema table once a type; lazily, as types refer to themselves.
 *
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
 */
import type { FieldSchema, FieldType, ScalarType } from "../schema/schema.ts";
import { typeSchema } from "../schema/schema.ts";
import { fieldElement } from "./path-element.ts";
import { isZeroStruct } from "./zero-structs.ts";

export type ScalarClass = "string" | "numeric" | "boolean" | "untyped";

export type MergeNode =
	| { readonly form: "scalar"; readonly scalar: ScalarClass }
	/** Any JSON value, owned as one. */
	| { readonly form: "any" }
	| StructNode
	| { readonly form: "map"; readonly isAtomic: boolean; readonly values: MergeNode }
	| ListNode
	/** A value without a schema: objects have parts, lists have none. */
	| { readonly form: "deduced" };

export interface StructNode {
	readonly form: "struct";
	readonly isAtomic: boolean;
	/** Undefined for a name that the type does not have. */
	field(name: string): StructField | undefined;
}

export interface StructField {
	/** `f:<name>` */
	readonly element: string;
	readonly node: MergeNode;
	/** What stands for the field in an object that does not have it; undefined for nothing. */
	readonly zero: unknown;
}

export interface ListNode {
	readonly form: "list";
	readonly relation: "atomic" | "set" | "map";
	/** In the order of their names; `fallback` stands for a key that an item leaves out, unless it is undefined. */
	readonly keys: readonly { readonly name: string; readonly fallback: unknown }[];
	readonly items: MergeNode;
}

/** Nodes by type; a pure memo, as the schema table never changes. */
const nodes = new Map<string, MergeNode>();

const any: MergeNode = { form: "any" };
const deduced: MergeNode = { form: "deduced" };

/** The node of a type of the schema table; of any other type, one that deduces from the value. */
export function mergeNodeOf(typeName: string): MergeNode {
	const known = nodes.get(typeName);
	if (known !== undefined) return known;
	const schema = typeSchema(typeName);
	const node = schema === undefined ? deduced : structNode(typeName, schema.fields, schema.mapType === "atomic");
	nodes.set(typeName, node);
	return node;
}

function structNode(typeName: string, schemas: ReadonlyMap<string, FieldSchema>, isAtomic: boolean): StructNode {
	const fields = new Map<string, StructField>();
	const compile = (name: string): StructField | undefined => {
		const schema = schemas.get(name);
		if (schema === undefined) return undefined;
		const node = fieldNode(schema);
		const field = { element: fieldElement(name), node, zero: zeroOf(typeName, schema) };
		fields.set(name, field);
		return field;
	};
	return { form: "struct", isAtomic, field: (name) => fields.get(name) ?? compile(name) };
}

/** Lists and maps that Go always writes are there, as null, before anybody set them; structs without a pointer are, too. */
function zeroOf(typeName: string, { name, type, required }: FieldSchema): unknown {
	if (type.form === "object") return isZeroStruct(typeName, name) ? {} : undefined;
	if (!required) return undefined;
	return type.form === "scalar" ? zeroScalar(type.scalar) : null;
}

/** The value of a required field that nobody set; undefined for types whose zero value is no JSON scalar. */
function zeroScalar(scalar: ScalarType): unknown {
	switch (scalarClass(scalar)) {
		case "string":
			return scalar === "time" || scalar === "microtime" ? undefined : "";
		case "numeric":
			return 0;
		case "boolean":
			return false;
		default:
			return undefined;
	}
}

function fieldNode(schema: FieldSchema): MergeNode {
	const { type, listType, mapType } = schema;
	if (type.form === "list" && (listType === "set" || listType === "map")) {
		return {
			form: "list",
			relation: listType,
			keys: keysOf(type.items, schema.listMapKeys),
			items: typeNode(type.items),
		};
	}
	const node = typeNode(type);
	if (mapType === undefined || (node.form !== "map" && node.form !== "struct")) return node;
	return { ...node, isAtomic: mapType === "atomic" };
}

function typeNode(type: FieldType): MergeNode {
	switch (type.form) {
		case "scalar": {
			const scalar = scalarClass(type.scalar);
			return scalar === undefined ? any : { form: "scalar", scalar };
		}
		case "object":
			return mergeNodeOf(type.type);
		case "list":
			return { form: "list", relation: "atomic", keys: [], items: typeNode(type.items) };
		case "map":
			return { form: "map", isAtomic: false, values: typeNode(type.values) };
		default:
			return type satisfies never;
	}
}

/** Undefined for values of any shape. */
function scalarClass(scalar: ScalarType): ScalarClass | undefined {
	switch (scalar) {
		case "int32":
		case "int64":
		case "double":
			return "numeric";
		case "boolean":
			return "boolean";
		case "string":
		case "time":
		case "microtime":
		case "bytes":
			return "string";
		case "quantity":
		case "intOrString":
			return "untyped";
		default:
			return undefined;
	}
}

/** Key fields with defaults that are not their type's zero value. Source: the `+default` marks of k8s.io/api. */
const keyDefaults: ReadonlyMap<string, unknown> = new Map(
	Object.entries({ "ContainerPort.protocol": "TCP", "ServicePort.protocol": "TCP" }),
);
/** Optional key fields whose default is the empty string. */
const emptyByDefault: ReadonlySet<string> = new Set(["LocalObjectReference.name"]);

function keysOf(items: FieldType, names: readonly string[]): ListNode["keys"] {
	const typeName = items.form === "object" ? items.type : "";
	const fields = typeSchema(typeName)?.fields;
	return [...names].sort().map((name) => {
		const schema = fields?.get(name);
		const field = `${typeName}.${name}`;
		const required = schema?.required === true && schema.type.form === "scalar" ? zeroScalar(schema.type.scalar) : undefined;
		return { name, fallback: keyDefaults.get(field) ?? (emptyByDefault.has(field) ? "" : required) };
	});
}
