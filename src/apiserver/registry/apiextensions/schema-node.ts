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
export function propertiesOf({ properties }: JSONSchemaProps): readonly (readonly [name: string, schema: JSONSchemaProps])[] {
	return Object.entries(properties ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}
