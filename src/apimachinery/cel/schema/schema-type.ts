/**
 * What CEL sees of a definition's schema: types, and how large values can be, from the schema's limits or from what fits in a
 * request. What has no type that CEL knows is left out: fields that only preserve unknown content cannot be named in a rule.
 * Source: k8s.io/apiserver/pkg/cel/{common/schemas,types,limits}.go.
 */
import { isJsonObject } from "../../json.ts";
import type { JSONSchemaProps } from "../../schema/generated/types.ts";
import {
	boolType,
	bytesType,
	type CelType,
	doubleType,
	durationType,
	dynType,
	intType,
	listType,
	mapType,
	stringType,
	timestampType,
} from "../types/types.ts";
import { escapeProperty } from "./escaping.ts";

const maxRequestBytes = 3 * 1024 * 1024;
/** Lengths of values in JSON, quotes included. */
const minStringBytes = 2;
const minBoolBytes = 4;
const minNumberBytes = 1;
const minDurationBytes = 3;
const maxDurationBytes = 32;
const dateBytes = 12;
const minDateTimeBytes = 21;
const maxDateTimeBytes = 32;

/** A type with sizes. */
export interface SchemaType {
	readonly type: CelType;
	/** Characters, elements or entries at most; 0 for what has no size. */
	readonly maxElements: number;
	/** Bytes of the shortest value in JSON. */
	readonly minBytes: number;
	/** Of a list's elements or a map's values. */
	readonly element?: SchemaType;
	/** Of a map's keys. */
	readonly key?: SchemaType;
	/** By the names that rules write. */
	readonly fields?: ReadonlyMap<string, SchemaType>;
}

/** The schema of a list's items. */
export const itemsOf = ({ items }: JSONSchemaProps): JSONSchemaProps | undefined => asSchema(items);
/** The schema of a map's values. */
export const valuesOf = ({ additionalProperties }: JSONSchemaProps): JSONSchemaProps | undefined => asSchema(additionalProperties);

const asSchema = (value: unknown): JSONSchemaProps | undefined => (isJsonObject(value) ? (value as JSONSchemaProps) : undefined);

const isEmbedded = (schema: JSONSchemaProps): boolean => schema["x-kubernetes-embedded-resource"] === true;

const text: JSONSchemaProps = { type: "string" };
const resourceMeta: JSONSchemaProps = { type: "object", properties: { name: text, generateName: text } };

/** The schema of a resource: what every resource has is there, whether the schema says so or not. */
export function withResourceFields(schema: JSONSchemaProps): JSONSchemaProps {
	const { kind, apiVersion, metadata } = schema.properties ?? {};
	const isThere =
		kind?.type === "string" &&
		apiVersion?.type === "string" &&
		metadata?.type === "object" &&
		metadata.properties?.name?.type === "string" &&
		metadata.properties.generateName?.type === "string";
	return isThere ? schema : { ...schema, properties: { ...schema.properties, kind: text, apiVersion: text, metadata: resourceMeta } };
}

/**
 * @param isResource whether the schema is of a resource: the root, or an embedded one
 * @param name of the type, where it is of an object; its parts' names begin with it
 */
export function schemaType(schema: JSONSchemaProps, isResource: boolean, name: string): SchemaType | undefined {
	if (schema["x-kubernetes-int-or-string"] === true) {
		return { type: dynType, minBytes: 1, maxElements: schema.maxLength === undefined ? maxRequestBytes - 2 : maxBytes(schema.maxLength) };
	}
	const whole = isResource ? withResourceFields(schema) : schema;
	switch (whole.type) {
		case "array":
			return arrayType(whole, name);
		case "object":
			return valuesOf(whole) === undefined ? messageType(whole, name) : mapOf(whole, name);
		case "string":
			return textType(whole);
		case "boolean":
			return { type: boolType, minBytes: minBoolBytes, maxElements: 0 };
		case "number":
			return { type: doubleType, minBytes: minNumberBytes, maxElements: 0 };
		case "integer":
			return { type: intType, minBytes: minNumberBytes, maxElements: 0 };
		default:
			return undefined;
	}
}

function arrayType(schema: JSONSchemaProps, name: string): SchemaType | undefined {
	const items = itemsOf(schema);
	const element = items === undefined ? undefined : schemaType(items, isEmbedded(items), `${name}.@idx`);
	if (element === undefined) return undefined;
	const fitting = Math.floor((maxRequestBytes - 2) / (element.minBytes + 1));
	return { type: listType(element.type), minBytes: 2, maxElements: Math.max(schema.maxItems ?? fitting, 0), element };
}

const keyType: SchemaType = { type: stringType, minBytes: minStringBytes, maxElements: 0 };

function mapOf(schema: JSONSchemaProps, name: string): SchemaType | undefined {
	const values = valuesOf(schema);
	const element = values === undefined ? undefined : schemaType(values, isEmbedded(values), `${name}.@elem`);
	if (element === undefined) return undefined;
	const fitting = Math.floor((maxRequestBytes - 2) / (element.minBytes + 6));
	const maxElements = Math.max(schema.maxProperties ?? fitting, 0);
	return { type: mapType(stringType, element.type), minBytes: 2, maxElements, element, key: keyType };
}

function messageType(schema: JSONSchemaProps, name: string): SchemaType {
	const required = new Set(schema.required ?? []);
	const fields = new Map<string, SchemaType>();
	let minBytes = 2;
	for (const [property, propertySchema] of Object.entries(schema.properties ?? {})) {
		const escaped = escapeProperty(property);
		const type = schemaType(propertySchema, isEmbedded(propertySchema), `${name}.${escaped ?? property}`);
		if (type === undefined) continue;
		if (escaped !== undefined) fields.set(escaped, type);
		if (required.has(property) && propertySchema.default === undefined) minBytes += Buffer.byteLength(property) + type.minBytes + 4;
	}
	return { type: { kind: "object", name, field: (field) => fields.get(field)?.type }, minBytes, maxElements: 0, fields };
}

/** A character may take four bytes. */
const maxBytes = (maxLength: number): number => Math.max(maxLength, 0) * 4;

function textType({ format, maxLength, enum: values = [] }: JSONSchemaProps): SchemaType {
	switch (format) {
		case "byte":
			return {
				type: bytesType,
				minBytes: minStringBytes,
				maxElements: maxLength === undefined ? maxRequestBytes - 2 : Math.max(maxLength, 0),
			};
		case "duration":
			return { type: durationType, minBytes: minDurationBytes, maxElements: maxDurationBytes };
		case "date":
			return { type: timestampType, minBytes: dateBytes, maxElements: dateBytes };
		case "date-time":
			return { type: timestampType, minBytes: minDateTimeBytes, maxElements: maxDateTimeBytes };
		default:
			return { type: stringType, minBytes: minStringBytes, maxElements: maxTextLength(maxLength, values) };
	}
}

function maxTextLength(maxLength: number | undefined, values: readonly unknown[]): number {
	if (maxLength !== undefined) return maxBytes(maxLength);
	if (values.length === 0) return maxRequestBytes - 2;
	return values.reduce<number>((longest, value) => (typeof value === "string" ? Math.max(longest, Buffer.byteLength(value)) : longest), 0);
}

/** How often a rule runs at most, where a list or map around it has no limit: as often as its values fit in a request. */
export const fittingCount = (minBytes: number): number => Math.floor(maxRequestBytes / (minBytes + 1));

/** The size of what a path leads to from a value of this type; see EstimateSize. */
export function sizeOfPath(root: SchemaType, path: readonly string[]): { readonly min: number; readonly max: number } | undefined {
	let current: SchemaType | undefined = root;
	for (const name of path) {
		if (name === "@items" || name === "@values") current = current.element;
		else if (name === "@keys") current = current.key;
		else current = current.fields?.get(name);
		if (current === undefined) return undefined;
	}
	return { min: 0, max: current.maxElements };
}
