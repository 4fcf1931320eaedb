/**
 * The OpenAPI 2 document as the protobuf message `openapi.v2.Document`, which is the only form that kubectl before 1.28
 * and client-go's OpenAPISchema() read.
 * Source: https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto (field numbers)
 */
import type { JsonSchema } from "./json-schema.ts";
import {
	booleanField,
	encodeMessage,
	encodeNamed,
	type FieldEncoder,
	lengthDelimited,
	messageField,
	messagesField,
	stringField,
	stringsField,
} from "./protobuf.ts";

type Entries = readonly (readonly [string, unknown])[];

/** Encodes a document that document-v2.ts has written. */
export function encodeV2(document: JsonSchema): Buffer {
	return encodeMessage(document, {
		swagger: stringField(1),
		info: messageField(2, (info) => encodeMessage(info, { title: stringField(1), version: stringField(2) })),
		paths: messageField(8, (paths) => encodeNamed(2, entriesOf(paths), encodePathItem)),
		definitions: messageField(9, (definitions) => encodeNamed(1, entriesOf(definitions), encodeSchema)),
		security: messagesField(12, (requirement) =>
			encodeNamed(1, entriesOf(requirement), (names) => encodeMessage({ names }, { names: stringsField(1) })),
		),
		securityDefinitions: messageField(13, (definitions) => encodeNamed(1, entriesOf(definitions), encodeSecurityDefinition)),
	});
}

/** `x-…` keys: NamedAny entries whose values are YAML, of which JSON is a part. */
function extensions(number: number): (entries: Entries) => Buffer {
	return (entries) => encodeNamed(number, entries, encodeAny);
}

function encodeAny(value: unknown): Buffer {
	return lengthDelimited(2, Buffer.from(`${JSON.stringify(value)}\n`, "utf8"));
}

function encodePathItem(value: unknown): Buffer {
	const operation = (number: number) => messageField(number, encodeOperation);
	return encodeMessage(value, {
		get: operation(2),
		put: operation(3),
		post: operation(4),
		delete: operation(5),
		options: operation(6),
		head: operation(7),
		patch: operation(8),
		parameters: messagesField(9, encodeParametersItem),
	});
}

function encodeOperation(value: unknown): Buffer {
	const fields = {
		tags: stringsField(1),
		description: stringField(3),
		operationId: stringField(5),
		produces: stringsField(6),
		consumes: stringsField(7),
		parameters: messagesField(8, encodeParametersItem),
		responses: messageField(9, (responses) => encodeNamed(1, entriesOf(responses), encodeResponseValue)),
		schemes: stringsField(10),
	};
	return encodeMessage(value, fields, extensions(13));
}

/** ParametersItem → Parameter → one of body, query and path, each in its own wrapper. */
function encodeParametersItem(value: unknown): Buffer {
	const { in: place } = value as { in?: unknown };
	if (place === "body") return lengthDelimited(1, lengthDelimited(1, encodeBodyParameter(value)));
	const nonBody = place === "query" ? lengthDelimited(3, encodeQueryParameter(value)) : lengthDelimited(4, encodePathParameter(value));
	return lengthDelimited(1, lengthDelimited(2, nonBody));
}

function encodeBodyParameter(value: unknown): Buffer {
	return encodeMessage(value, {
		description: stringField(1),
		name: stringField(2),
		in: stringField(3),
		required: booleanField(4),
		schema: messageField(5, encodeSchema),
	});
}

const parameterFields: Readonly<Record<string, FieldEncoder>> = {
	required: booleanField(1),
	in: stringField(2),
	description: stringField(3),
	name: stringField(4),
};

function encodeQueryParameter(value: unknown): Buffer {
	return encodeMessage(value, { ...parameterFields, type: stringField(6), uniqueItems: booleanField(20) });
}

function encodePathParameter(value: unknown): Buffer {
	return encodeMessage(value, { ...parameterFields, type: stringField(5), uniqueItems: booleanField(19) });
}

function encodeResponseValue(value: unknown): Buffer {
	const fields = { description: stringField(1), schema: messageField(2, (schema) => lengthDelimited(1, encodeSchema(schema))) };
	return lengthDelimited(1, encodeMessage(value, fields));
}

function encodeSchema(value: unknown): Buffer {
	const fields: Readonly<Record<string, FieldEncoder>> = {
		$ref: stringField(1),
		format: stringField(2),
		description: stringField(4),
		required: stringsField(19),
		additionalProperties: messageField(21, (schema) => lengthDelimited(1, encodeSchema(schema))),
		type: (type) => lengthDelimited(22, lengthDelimited(1, Buffer.from(String(type), "utf8"))),
		items: messageField(23, (schema) => lengthDelimited(1, encodeSchema(schema))),
		properties: messageField(25, (properties) => encodeNamed(1, entriesOf(properties), encodeSchema)),
	};
	return encodeMessage(value, fields, extensions(31));
}

function encodeSecurityDefinition(value: unknown): Buffer {
	const fields = { type: stringField(1), name: stringField(2), in: stringField(3), description: stringField(4) };
	// SecurityDefinitionsItem: basic authentication is 1, an API key 2.
	return lengthDelimited(2, encodeMessage(value, fields));
}

function entriesOf(value: unknown): Entries {
	return Object.entries(value as Readonly<Record<string, unknown>>);
}
