/**
 * Fields of CustomResourceDefinitions whose JSON may be of several types: their messages have one field for each.
 * Source: generated.proto and the types of k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.
 */
import { readEach } from "./scalars.ts";
import { type WireReader, wireTypes } from "./wire-reader.ts";

const variants = [
	"JSONSchemaPropsOrBool",
	"JSONSchemaPropsOrArray",
	"JSONSchemaPropsOrStringArray",
	"CustomResourceSubresourceStatus",
] as const;

/** Go's name of such a message. */
export type Variant = (typeof variants)[number];

export function isVariant(name: string): name is Variant {
	return variants.some((variant) => variant === name);
}

/**
 * Reads the message that comes next.
 * @param readSchema reads one JSONSchemaProps
 */
export function readVariant(variant: Variant, reader: WireReader, readSchema: () => unknown): unknown {
	switch (variant) {
		case "JSONSchemaPropsOrBool":
			return readSchemaOrBool(reader, readSchema);
		case "JSONSchemaPropsOrArray":
			return readSchemaOrList(variant, reader, readSchema, readSchema);
		case "JSONSchemaPropsOrStringArray":
			return readSchemaOrList(variant, reader, readSchema, () => reader.readString());
		case "CustomResourceSubresourceStatus":
			readEach(variant, reader, () => false);
			return {};
		default:
			return variant satisfies never;
	}
}

/** Allows (1), unless there is a schema (2). */
function readSchemaOrBool(reader: WireReader, readSchema: () => unknown): unknown {
	let allows = false;
	let schema: unknown;
	readEach("JSONSchemaPropsOrBool", reader, (number) => {
		switch (number) {
			case 1:
				reader.expect(wireTypes.varint, "allows");
				allows = reader.readVarint() !== 0;
				return true;
			case 2:
				reader.expect(wireTypes.bytes, "schema");
				schema = readSchema();
				return true;
			default:
				return false;
		}
	});
	return schema ?? allows;
}

/** A schema (1), unless there are items (2); undefined if there is neither. */
function readSchemaOrList(variant: Variant, reader: WireReader, readSchema: () => unknown, readItem: () => unknown): unknown {
	let schema: unknown;
	const items: unknown[] = [];
	readEach(variant, reader, (number) => {
		if (number !== 1 && number !== 2) return false;
		reader.expect(wireTypes.bytes, number === 1 ? "schema" : "items");
		if (number === 1) schema = readSchema();
		else items.push(readItem());
		return true;
	});
	return items.length > 0 ? items : schema;
}
