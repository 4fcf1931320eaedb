/** A JSON schema in OpenAPI's dialect of it. */
export type JsonSchema = Readonly<Record<string, unknown>>;
