/**
 * Definitions of custom resources for OpenAPI: the schema that the user wrote, with Kubernetes' own apiVersion, kind and
 * metadata, and a list of it.
 * Source: k8s.io/apiextensions-apiserver/pkg/controller/openapi of Kubernetes 1.36.
 */
import { isJsonObject } from "../../apimachinery/json.ts";
import type { GroupVersionKind } from "../../apimachinery/meta.ts";
import type { JSONSchemaProps } from "../../apimachinery/schema/generated/types.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { KindDefinition } from "../registry/kind.ts";
import type { JsonSchema } from "./json-schema.ts";

const metaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";
const objectMeta = `${metaPackage}.ObjectMeta`;
const listMeta = `${metaPackage}.ListMeta`;
const moreInfo = "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md";
const metadataDescription = `Standard object's metadata. ${moreInfo}#metadata`;
const listMetadataDescription = `Standard list metadata. ${moreInfo}#types-kinds`;
const embeddedApiVersion = `apiVersion defines the versioned schema of this representation of an object. ${moreInfo}#resources`;
const embeddedKind = `kind is a string value representing the type of this object. In CamelCase. ${moreInfo}#types-kinds`;

type Dialect = "v2" | "v3";

/** A custom kind in one version. */
export interface CustomDefinition {
	readonly resource: GeneratedResource;
	readonly kind: KindDefinition;
}

/** What a definition needs of the document that it goes into. */
export interface DefinitionContext {
	readonly dialect: Dialect;
	/** Refers to another definition. */
	ref(definition: string): JsonSchema;
	/** Of the fields that every kind has. */
	readonly typeMeta: { readonly apiVersion: string; readonly kind: string };
}

/** Custom kinds by the names of their definitions, and of those of their lists. */
export function customDefinitions(
	resources: readonly GeneratedResource[],
	kinds: readonly KindDefinition[],
): ReadonlyMap<string, (context: DefinitionContext) => JsonSchema> {
	const byName = new Map(
		kinds
			.filter(({ isCustom }) => isCustom === true)
			.flatMap((kind) => kind.versions.map((version) => [keyOf({ ...kind, version }), kind])),
	);
	const made = new Map<string, (context: DefinitionContext) => JsonSchema>();
	for (const resource of resources) {
		const kind = resource.subresource === "" ? byName.get(keyOf(resource)) : undefined;
		if (kind === undefined) continue;
		made.set(resource.type, (context) => defineKind({ resource, kind }, context));
		made.set(`${resource.type}List`, (context) => defineList({ resource, kind }, context));
	}
	return made;
}

function keyOf({ group, version, resource }: Pick<GeneratedResource, "group" | "version" | "resource">): string {
	return `${group}/${version}/${resource}`;
}

function gvk({ group, version }: GeneratedResource, kind: string): readonly GroupVersionKind[] {
	return [{ group, version, kind }];
}

function reference(context: DefinitionContext, definition: string, description: string): JsonSchema {
	const ref = context.ref(definition);
	// Beside a $ref nothing counts in OpenAPI 3, so the reference is wrapped.
	return context.dialect === "v2" ? { description, ...ref } : { description, allOf: [ref] };
}

function defineKind({ resource, kind }: CustomDefinition, context: DefinitionContext): JsonSchema {
	const { publishedSchema: schema } = kind;
	const ownKind = { "x-kubernetes-group-version-kind": gvk(resource, resource.kind) };
	const isFree = schema === undefined || (context.dialect === "v2" && schema["x-kubernetes-preserve-unknown-fields"] === true);
	// With properties, kubectl would take every other field for a mistake.
	if (isFree) return { type: "object", ...ownKind };
	const published = publish(schema, context);
	const properties = isJsonObject(published.properties) ? published.properties : {};
	return {
		...published,
		properties: {
			...properties,
			apiVersion: { description: context.typeMeta.apiVersion, type: "string" },
			kind: { description: context.typeMeta.kind, type: "string" },
			metadata: reference(context, objectMeta, metadataDescription),
		},
		...ownKind,
	};
}

function defineList({ resource, kind }: CustomDefinition, context: DefinitionContext): JsonSchema {
	const listKind = kind.listKind ?? `${kind.kind}List`;
	return {
		description: `${listKind} is a list of ${kind.kind}`,
		type: "object",
		required: ["items"],
		properties: {
			apiVersion: { description: context.typeMeta.apiVersion, type: "string" },
			items: { description: `List of ${resource.resource}. ${moreInfo}`, type: "array", items: context.ref(resource.type) },
			kind: { description: context.typeMeta.kind, type: "string" },
			metadata: reference(context, listMeta, listMetadataDescription),
		},
		"x-kubernetes-group-version-kind": gvk(resource, listKind),
	};
}

/** Values of a map of schemas. */
function publishEach(map: Readonly<Record<string, JSONSchemaProps>>, context: DefinitionContext): JsonSchema {
	return Object.fromEntries(Object.entries(map).map(([name, schema]) => [name, publish(schema, context)]));
}

function publish(schema: JSONSchemaProps, context: DefinitionContext): JsonSchema {
	const { properties, items, additionalProperties, ...own } = context.dialect === "v2" ? forSwagger(schema) : schema;
	const isIntOrString = schema["x-kubernetes-int-or-string"] === true && context.dialect === "v3" && schema.anyOf === undefined;
	const published: JsonSchema = {
		...own,
		...(isIntOrString ? { anyOf: [{ type: "integer" }, { type: "string" }] } : {}),
		...(properties === undefined ? {} : { properties: publishEach(properties, context) }),
		...(isJsonObject(items) ? { items: publish(items as JSONSchemaProps, context) } : {}),
		...(additionalProperties === undefined
			? {}
			: {
					additionalProperties: isJsonObject(additionalProperties)
						? publish(additionalProperties as JSONSchemaProps, context)
						: additionalProperties,
				}),
	};
	const isOpen = context.dialect === "v2" && schema["x-kubernetes-preserve-unknown-fields"] === true;
	return schema["x-kubernetes-embedded-resource"] === true && !isOpen ? withTypeMeta(published, schema, context) : published;
}

/** A resource within a resource is one, too. */
function withTypeMeta(published: JsonSchema, { required = [] }: JSONSchemaProps, context: DefinitionContext): JsonSchema {
	const properties = isJsonObject(published.properties) ? published.properties : {};
	return {
		...published,
		properties: {
			...properties,
			apiVersion: { description: embeddedApiVersion, type: "string" },
			kind: { description: embeddedKind, type: "string" },
			metadata: reference(context, objectMeta, metadataDescription),
		},
		required: [...required, ...["kind", "apiVersion"].filter((name) => !required.includes(name))],
	};
}

/** What OpenAPI 2 cannot say is left out: kubectl refuses objects by what it reads there. */
function forSwagger(schema: JSONSchemaProps): JSONSchemaProps {
	const {
		oneOf: _o,
		anyOf: _a,
		allOf: _l,
		not: _n,
		nullable,
		default: _d,
		properties,
		items,
		type,
		additionalProperties,
		...rest
	} = schema;
	const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true;
	if (nullable === true) return rest;
	const isAny = schema["x-kubernetes-int-or-string"] === true;
	return {
		...rest,
		...(type === undefined || isAny ? {} : { type }),
		...(isOpen || properties === undefined ? {} : { properties }),
		...(isOpen || items === undefined ? {} : { items }),
		...(additionalProperties === undefined ? {} : { additionalProperties }),
	};
}
