/**
 * The schema of Kubernetes 1.36: for every type its fields with wire type, required flag, list type and merge key.
 * Descriptions are kept apart, in descriptions.ts, because only OpenAPI needs them and they weigh 600 KB.
 */
import { typeTable } from "./generated/schema.ts";

/** A type as the generator writes it: each field is `TYPE[!] [MARK…]`, e.g. `[]#Container! list=map:name patch=merge:name`. */
export interface GeneratedType {
	/** Name in OpenAPI: `io.k8s.api.core.v1.Container`. */
	readonly definition: string;
	readonly fields: Readonly<Record<string, string>>;
	readonly marks?: string;
}

export type ScalarType =
	| "string"
	| "int32"
	| "int64"
	| "double"
	| "boolean"
	| "time"
	| "microtime"
	| "bytes"
	| "quantity"
	| "intOrString"
	/** An object of any shape: runtime.RawExtension. */
	| "raw"
	| "fieldsV1"
	/** Any JSON value. */
	| "any";

export type FieldType =
	| { readonly form: "scalar"; readonly scalar: ScalarType }
	| { readonly form: "object"; readonly type: string }
	| { readonly form: "list"; readonly items: FieldType }
	| { readonly form: "map"; readonly values: FieldType };

export interface FieldSchema {
	readonly name: string;
	readonly type: FieldType;
	readonly required: boolean;
	/** x-kubernetes-list-type; absent is atomic. */
	readonly listType?: "atomic" | "set" | "map";
	readonly listMapKeys: readonly string[];
	readonly mapType?: "atomic" | "granular";
	/** x-kubernetes-patch-strategy: any of merge, replace, retainKeys. */
	readonly patchStrategy: readonly string[];
	readonly patchMergeKey?: string;
	readonly default?: unknown;
}

export interface TypeSchema {
	readonly name: string;
	readonly definition: string;
	readonly fields: ReadonlyMap<string, FieldSchema>;
	readonly mapType?: "atomic" | "granular";
}

const cache = new Map<string, TypeSchema>();

/** The schema of a type by its name in generated/types.ts (`Pod`, `HorizontalPodAutoscalerV2`); undefined if there is none. */
export function typeSchema(name: string): TypeSchema | undefined {
	const known = cache.get(name);
	if (known !== undefined) return known;
	const generated = typeTable[name];
	if (generated === undefined) return undefined;
	const fields = new Map<string, FieldSchema>();
	for (const [field, text] of Object.entries(generated.fields)) fields.set(field, parseField(field, text));
	const schema: TypeSchema = {
		name,
		definition: generated.definition,
		fields,
		...(generated.marks?.includes("map=atomic") ? { mapType: "atomic" as const } : {}),
	};
	cache.set(name, schema);
	return schema;
}

/** Names of all types of the table. */
export function typeNames(): readonly string[] {
	return Object.keys(typeTable);
}

function parseField(name: string, text: string): FieldSchema {
	const [head = "", ...marks] = text.split(" ");
	const mark = (key: string) => marks.find((candidate) => candidate.startsWith(`${key}=`))?.slice(key.length + 1);
	const [listType, listKeys] = mark("list")?.split(":") ?? [];
	const [strategy, mergeKey] = mark("patch")?.split(":") ?? [];
	const mapType = mark("map");
	const fallback = mark("default");
	return {
		name,
		type: parseType(head.endsWith("!") ? head.slice(0, -1) : head),
		required: head.endsWith("!"),
		...(listType === undefined ? {} : { listType: listType as "atomic" | "set" | "map" }),
		listMapKeys: listKeys?.split(",") ?? [],
		...(mapType === undefined ? {} : { mapType: mapType as "atomic" | "granular" }),
		patchStrategy: strategy?.split(",") ?? [],
		...(mergeKey === undefined ? {} : { patchMergeKey: mergeKey }),
		...(fallback === undefined ? {} : { default: JSON.parse(fallback) as unknown }),
	};
}

function parseType(text: string): FieldType {
	if (text.startsWith("[]")) return { form: "list", items: parseType(text.slice(2)) };
	if (text.startsWith("{}")) return { form: "map", values: parseType(text.slice(2)) };
	if (text.startsWith("#")) return { form: "object", type: text.slice(1) };
	return { form: "scalar", scalar: text as ScalarType };
}
