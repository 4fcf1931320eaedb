/**
 * Reading a CustomResourceDefinition's schema, where some fields are a schema or something else on the wire.
 */
import { isJsonObject } from "../../../apimachinery/json.ts";
import type { JSONSchemaProps } from "../../../apimachinery/schema/generated/types.ts";

/** The schema of a list's items; undefined for none, and for several, which Kubernetes refuses. */
export const itemsOf = ({ items }: JSONSchemaProps): JSONSchemaProps | undefined => asSchema(items);

/** The schema of a map's values; undefined where any value may be, or none. */
export const valuesOf = ({ additionalProperties }: JSONSchemaProps): JSONSchemaProps | undefined => asSchema(additionalProperties);

export function asSchema(value: unknown): JSONSchemaProps | undefined {
	return isJsonObject(value) ? (value as JSONSchemaProps) : undefined;
}

/** Properties by name, in order of their names. */
export const propertiesOf = ({ properties }: JSONSchemaProps): readonly Named[] => byName(properties);

type Named = readonly [name: string, schema: JSONSchemaProps];

/** Schemas by name, in order of their names; what is none is left out. */
export function byName(map: Readonly<Record<string, unknown>> | undefined): readonly Named[] {
	return Object.entries(map ?? {})
		.flatMap(([name, value]): Named[] => {
			const schema = asSchema(value);
			return schema === undefined ? [] : [[name, schema]];
		})
		.sort(([a], [b]) => (a < b ? -1 : 1));
}

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const isThere = (value: unknown): boolean => value !== undefined && value !== null;
const isFilled = (value: unknown): boolean => isJsonObject(value) && Object.keys(value).length > 0;

/** Fields of OpenAPI that Kubernetes does without, with when they count as set. */
export const unsupportedFields: readonly (readonly [field: keyof JSONSchemaProps, isSet: (value: unknown) => boolean])[] = [
	["id", isText],
	["additionalItems", isThere],
	["patternProperties", isFilled],
	["definitions", isFilled],
	["dependencies", isThere],
	["$ref", isThere],
];

/** Whether Kubernetes can read a schema as a structural one, to say more about it. */
export function isReadable(schema: JSONSchemaProps): boolean {
	const { items, not, allOf = [], anyOf = [], oneOf = [] } = schema;
	const inner = [
		not,
		itemsOf(schema),
		valuesOf(schema),
		...allOf,
		...anyOf,
		...oneOf,
		...propertiesOf(schema).map(([, property]) => property),
	];
	return (
		!isText(schema.$schema) &&
		!(Array.isArray(items) && items.length > 0) &&
		schema["x-kubernetes-preserve-unknown-fields"] !== false &&
		!unsupportedFields.some(([field, isSet]) => isSet(schema[field])) &&
		inner.every((part) => part === undefined || isReadable(part))
	);
}
