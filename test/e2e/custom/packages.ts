/**
 * CustomResourceDefinitions that others wrote and npm carries: as YAML (`crdtoapi` has those of Forklift, the migration toolkit), and
 * as the schemas that kubernetes-models makes of a project's definitions for its validator.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/apimachinery/json.ts";
import type {
	CustomResourceDefinition,
	CustomResourceDefinitionVersion,
	JSONSchemaProps,
} from "../../../src/apimachinery/schema/generated/types.ts";
import { compareVersions } from "../../../src/apiserver/discovery/group-order.ts";

/** Where npm put a package; its main file need not be one that can be imported. */
export const packageFolder = (name: string): string => fileURLToPath(new URL(`../../../node_modules/${name}`, import.meta.url));

/** The definitions of a folder with one YAML file each. */
export const readDefinitions = (folder: string): readonly CustomResourceDefinition[] =>
	readdirSync(folder)
		.filter((file) => file.endsWith(".yaml"))
		.sort()
		.map((file) => parse(readFileSync(join(folder, file), "utf8")) as CustomResourceDefinition);

/**
 * The definitions that a package of kubernetes-models was made of, as far as it keeps them: `<group>/<version>/<Kind>.js` holds the schema of a
 * version without its descriptions and rules, as a JSON value. What its generator changed for its validator is changed back. Scope and
 * plural are not kept: a kind is of the cluster if its name says so.
 */
export function readModels(folder: string): readonly CustomResourceDefinition[] {
	const kinds = new Map<string, { group: string; kind: string; schemas: Map<string, JSONSchemaProps> }>();
	for (const group of folders(folder).filter((name) => name.includes("."))) {
		for (const version of folders(join(folder, group))) {
			for (const file of readdirSync(join(folder, group, version)).sort()) {
				const schema = /^[A-Z]\w+\.js$/.test(file) && readSchema(join(folder, group, version, file));
				if (!schema) continue;
				const kind = file.replace(".js", "");
				const entry = kinds.get(`${kind}.${group}`) ?? { group, kind, schemas: new Map() };
				kinds.set(`${kind}.${group}`, entry);
				entry.schemas.set(version, schema);
			}
		}
	}
	return [...kinds.values()].map(({ group, kind, schemas }) => definition(group, kind, schemas));
}

function definition(group: string, kind: string, schemas: ReadonlyMap<string, JSONSchemaProps>): CustomResourceDefinition {
	const plural = kind
		.toLowerCase()
		.replace(/s$/, "se")
		.replace(/([^aeiou])y$/, "$1ie")
		.concat("s");
	const newestFirst = [...schemas].sort(([a], [b]) => compareVersions(a, b));
	const versions = newestFirst.map(([name, openAPIV3Schema], index): CustomResourceDefinitionVersion => {
		const subresources = openAPIV3Schema.properties?.status === undefined ? {} : { subresources: { status: {} } };
		return { name, served: true, storage: index === 0, schema: { openAPIV3Schema }, ...subresources };
	});
	return {
		apiVersion: "apiextensions.k8s.io/v1",
		kind: "CustomResourceDefinition",
		metadata: {
			name: `${plural}.${group}`,
			// Groups under k8s.io are protected: their definitions say who approved them.
			...(group.endsWith(".k8s.io") ? { annotations: { "api-approved.kubernetes.io": "https://example.com/api-review/1" } } : {}),
		},
		spec: { group, scope: /^Cluster|Class$/.test(kind) ? "Cluster" : "Namespaced", names: { kind, plural }, versions },
	};
}

function readSchema(file: string): JSONSchemaProps | undefined {
	const [, text] = /^const schema = (\{$.*?^\});$/ms.exec(readFileSync(file, "utf8")) ?? [];
	if (text === undefined) return undefined;
	const { properties, ...schema } = restored(JSON.parse(text) as JsonValue) as JsonObject;
	const own = { apiVersion: { type: "string" }, kind: { type: "string" }, metadata: { type: "object" } };
	return { ...schema, properties: { ...(properties as JsonObject), ...own } } as JSONSchemaProps;
}

/**
 * A schema as the definition had it: the generator lets every optional field be null too, and writes an object of any shape as a schema without
 * anything in it.
 */
function restored(value: JsonValue | undefined): JsonValue | undefined {
	if (Array.isArray(value)) return value.map((item) => restored(item) ?? null);
	if (!isJsonObject(value)) return value;
	const [first, second] = Array.isArray(value.oneOf) ? value.oneOf : [];
	if (isJsonObject(second) && second.type === "null" && first !== undefined) return restored(first);
	if (Object.keys(value).length === 0) return { "x-kubernetes-preserve-unknown-fields": true };
	const fields = Object.entries(value).filter(([name]) => name !== "nullable");
	const isIntOrString = Array.isArray(value.anyOf) && value.anyOf.every((branch) => isJsonObject(branch) && "type" in branch);
	return {
		...Object.fromEntries(fields.map(([name, field]) => [name, restoredField(name, field)])),
		...(isIntOrString ? { "x-kubernetes-int-or-string": true } : {}),
	};
}

function restoredField(name: string, value: JsonValue | undefined): JsonValue | undefined {
	if (name === "properties" && isJsonObject(value)) {
		return Object.fromEntries(Object.entries(value).map(([property, schema]) => [property, restored(schema)]));
	}
	return name === "default" || name === "enum" ? value : restored(value);
}

const folders = (folder: string): readonly string[] =>
	readdirSync(folder)
		.filter((name) => statSync(join(folder, name)).isDirectory())
		.sort();
