/**
 * Schemas of API types for OpenAPI documents, from the schema table. A document asks for references; what it refers to,
 * and what that refers to, becomes its definitions.
 */
import type { GroupVersion, GroupVersionKind } from "../../apimachinery/meta.ts";
import { allResources, type GeneratedResource } from "../../apimachinery/schema/resources.ts";
import { type FieldSchema, type FieldType, typeNames, typeSchema } from "../../apimachinery/schema/schema.ts";
import type { DefinitionContext } from "./custom-definitions.ts";
import type { JsonSchema } from "./json-schema.ts";
import { type ScalarDefinition, scalarDefinitions } from "./scalar-definitions.ts";
import { unions } from "./unions.ts";

export type Dialect = "v2" | "v3";
/** Descriptions by type name, then by field name; "" is the type itself. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

const metaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";
export const deleteOptionsDefinition = `${metaPackage}.DeleteOptions`;
export const statusDefinition = `${metaPackage}.Status`;
export const watchEventDefinition = `${metaPackage}.WatchEvent`;
const listMetaDefinition = `${metaPackage}.ListMeta`;

/** Kinds of the API machinery that have no metadata. */
const machineryKinds = new Set(["APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "Status"]);

/** Fields whose type is one of several: the schema table calls them "any". */
const unionFields: Readonly<Record<string, ScalarDefinition>> = {
	"JSONSchemaProps.additionalItems": scalarDefinitions.schemaOrBool,
	"JSONSchemaProps.additionalProperties": scalarDefinitions.schemaOrBool,
	"JSONSchemaProps.items": scalarDefinitions.schemaOrArray,
	"JSONSchemaProps.dependencies": scalarDefinitions.schemaOrStringArray,
	"CustomResourceSubresources.status": scalarDefinitions.subresourceStatus,
};

const typesByDefinition = new Map<string, string>();
for (const name of typeNames()) typesByDefinition.set(typeSchema(name)?.definition ?? "", name);

/** `io.k8s.api.rbac.v1` → rbac.authorization.k8s.io/v1. */
const groupsByPackage = new Map<string, GroupVersion>();
for (const { group, version, subresource, type } of allResources) {
	const definition = typeSchema(type)?.definition;
	if (subresource === "" && definition !== undefined) groupsByPackage.set(packageOf(definition), { group, version });
}

/** OpenAPI's name of the kind that an endpoint takes; undefined for streams. */
export function definitionOf(resource: GeneratedResource): string | undefined {
	return isCustomType(resource) ? resource.type : typeSchema(resource.type)?.definition;
}

/** The type of a custom resource is named by its definition. */
export function isCustomType({ type }: GeneratedResource): boolean {
	return type.includes(".");
}

/** How the definitions of custom resources are written, by their names. */
export type CustomDefinitions = ReadonlyMap<string, (context: DefinitionContext) => JsonSchema>;

export class SchemaWriter {
	readonly #dialect: Dialect;
	readonly #descriptions: Descriptions;
	/** Group versions that DeleteOptions and WatchEvent belong to. */
	readonly #groupVersions: readonly GroupVersion[];
	readonly #done = new Map<string, JsonSchema>();
	readonly #custom: CustomDefinitions;
	readonly #wanted: string[] = [];

	constructor(dialect: Dialect, descriptions: Descriptions, groupVersions: readonly GroupVersion[], custom: CustomDefinitions = new Map()) {
		this.#custom = custom;
		this.#dialect = dialect;
		this.#descriptions = descriptions;
		this.#groupVersions = groupVersions;
	}

	/** A reference to a definition, which the document then has to have. */
	ref(definition: string): JsonSchema {
		this.#wanted.push(definition);
		return { $ref: `${this.#dialect === "v2" ? "#/definitions/" : "#/components/schemas/"}${definition}` };
	}

	/** Everything that was referred to, by name. */
	definitions(): Record<string, JsonSchema> {
		for (let definition = this.#wanted.pop(); definition !== undefined; definition = this.#wanted.pop()) {
			if (!this.#done.has(definition)) this.#done.set(definition, this.#define(definition));
		}
		return Object.fromEntries([...this.#done].sort(([a], [b]) => (a < b ? -1 : 1)));
	}

	#define(definition: string): JsonSchema {
		const custom = this.#custom.get(definition);
		if (custom !== undefined) {
			const { apiVersion = "", kind = "" } = this.#descriptions.PodList ?? {};
			return custom({ dialect: this.#dialect, ref: (name) => this.ref(name), typeMeta: { apiVersion, kind } });
		}
		const name = typesByDefinition.get(definition);
		if (name !== undefined) return this.#defineType(name, definition);
		const scalar: ScalarDefinition | undefined = Object.values(scalarDefinitions).find((candidate) => candidate.definition === definition);
		if (scalar !== undefined)
			return { description: scalar.description, ...(this.#dialect === "v3" ? (scalar.v3 ?? scalar.v2) : scalar.v2) };
		return this.#defineList(definition);
	}

	#defineType(name: string, definition: string): JsonSchema {
		const schema = typeSchema(name);
		const texts = this.#descriptions[name] ?? {};
		const fields = [...(schema?.fields.values() ?? [])];
		const required = fields.filter((field) => field.required).map((field) => field.name);
		const properties = fields.map((field) => [field.name, this.#field(name, field, texts[field.name])]);
		const kinds = this.#kindsOf(definition, schema?.fields);
		return {
			...(texts[""] ? { description: texts[""] } : {}),
			...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
			...(required.length === 0 ? {} : { required }),
			type: "object",
			...(kinds.length === 0 ? {} : { "x-kubernetes-group-version-kind": kinds }),
			...(schema?.mapType === undefined ? {} : { "x-kubernetes-map-type": schema.mapType }),
			...(unions[definition] === undefined ? {} : { "x-kubernetes-unions": unions[definition] }),
		};
	}

	/** A list type that the table lacks: every list of objects has the same four fields. */
	#defineList(definition: string): JsonSchema {
		const { apiVersion = "", kind = "" } = this.#descriptions.PodList ?? {};
		return {
			description: `${definition.split(".").at(-1)} is a list of ${definition.split(".").at(-1)?.slice(0, -"List".length)}`,
			properties: {
				apiVersion: { description: apiVersion, type: "string" },
				items: { items: this.ref(definition.slice(0, -"List".length)), type: "array" },
				kind: { description: kind, type: "string" },
				metadata: this.ref(listMetaDefinition),
			},
			required: ["items"],
			type: "object",
			"x-kubernetes-group-version-kind": this.#ownKind(definition),
		};
	}

	#field(typeName: string, field: FieldSchema, description: string | undefined): JsonSchema {
		const union = unionFields[`${typeName}.${field.name}`];
		const type = union === undefined ? this.#type(field.type) : this.#unionType(field.type, union);
		const notes = {
			...(description ? { description } : {}),
			...(field.default === undefined || this.#dialect === "v2" ? {} : { default: field.default }),
			...(field.listMapKeys.length === 0 ? {} : { "x-kubernetes-list-map-keys": field.listMapKeys }),
			...(field.listType === undefined ? {} : { "x-kubernetes-list-type": field.listType }),
			...(field.mapType === undefined ? {} : { "x-kubernetes-map-type": field.mapType }),
			...(field.patchMergeKey === undefined ? {} : { "x-kubernetes-patch-merge-key": field.patchMergeKey }),
			...(field.patchStrategy.length === 0 ? {} : { "x-kubernetes-patch-strategy": field.patchStrategy.join(",") }),
		};
		if ("$ref" in type && this.#dialect === "v3" && Object.keys(notes).length > 0) {
			// Beside a $ref nothing counts in OpenAPI 3, so the reference is wrapped.
			return { allOf: [type], ...notes };
		}
		return { ...type, ...notes };
	}

	#unionType(type: FieldType, union: ScalarDefinition): JsonSchema {
		return type.form === "map" ? { additionalProperties: this.ref(union.definition), type: "object" } : this.ref(union.definition);
	}

	#type(type: FieldType): JsonSchema {
		switch (type.form) {
			case "scalar":
				return this.#scalar(type.scalar);
			case "object":
				return this.ref(typeSchema(type.type)?.definition ?? "");
			case "list":
				return { items: this.#type(type.items), type: "array" };
			case "map":
				return { additionalProperties: this.#type(type.values), type: "object" };
			default:
				return type satisfies never;
		}
	}

	#scalar(scalar: Extract<FieldType, { form: "scalar" }>["scalar"]): JsonSchema {
		switch (scalar) {
			case "string":
			case "boolean":
				return { type: scalar };
			case "bytes":
				return { format: "byte", type: "string" };
			case "int32":
			case "int64":
				return { format: scalar, type: "integer" };
			case "double":
				return { format: "double", type: "number" };
			default:
				return this.ref(scalarDefinitions[scalar].definition);
		}
	}

	#kindsOf(definition: string, fields: ReadonlyMap<string, FieldSchema> | undefined): readonly GroupVersionKind[] {
		const kind = definition.split(".").at(-1) ?? "";
		if (definition === deleteOptionsDefinition || definition === watchEventDefinition) {
			return this.#groupVersions.map(({ group, version }) => ({ group, kind, version }));
		}
		if (definition.startsWith(metaPackage)) return machineryKinds.has(kind) ? [{ group: "", kind, version: "v1" }] : [];
		const isObject = ["apiVersion", "kind", "metadata"].every((name) => fields?.has(name));
		return isObject ? this.#ownKind(definition) : [];
	}

	#ownKind(definition: string): readonly GroupVersionKind[] {
		const groupVersion = groupsByPackage.get(packageOf(definition));
		const kind = definition.split(".").at(-1) ?? "";
		return groupVersion === undefined ? [] : [{ group: groupVersion.group, kind, version: groupVersion.version }];
	}
}

function packageOf(definition: string): string {
	return definition.slice(0, definition.lastIndexOf("."));
}
