/**
 * Compares the generated schema with a Kubernetes OpenAPI v2 document and prints what differs, one line a difference:
 * types, fields, wire types, required flags, list and patch marks, descriptions, and the served resources with their
 * verbs. Exits with 1 if anything does.
 *
 *   node scripts/compare-openapi.ts [--write-descriptions] openapi-v2.json[.gz]
 *
 * With --write-descriptions it first writes schema-descriptions.txt from the document; run the generator after it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { descriptions } from "../src/apimachinery/schema/generated/descriptions.ts";
import { generatedResources } from "../src/apimachinery/schema/generated/resources.ts";
import { typeTable } from "../src/apimachinery/schema/generated/schema.ts";
import { type Description, descriptionsFile, formatDescriptionFacts } from "./schema-descriptions.ts";

interface Schema {
	readonly $ref?: string;
	readonly type?: string;
	readonly format?: string;
	readonly description?: string;
	readonly items?: Schema;
	readonly additionalProperties?: Schema;
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly required?: readonly string[];
	readonly "x-kubernetes-list-type"?: string;
	readonly "x-kubernetes-list-map-keys"?: readonly string[];
	readonly "x-kubernetes-map-type"?: string;
	readonly "x-kubernetes-patch-strategy"?: string;
	readonly "x-kubernetes-patch-merge-key"?: string;
	readonly "x-kubernetes-unions"?: unknown;
}

interface Operation {
	readonly "x-kubernetes-action"?: string;
	readonly "x-kubernetes-group-version-kind"?: { readonly group: string; readonly version: string; readonly kind: string };
}

interface OpenApi {
	readonly definitions: Readonly<Record<string, Schema>>;
	readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Definitions that our table writes as scalars. */
const scalarDefinitions: Readonly<Record<string, string>> = {
	"io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
	"io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
	"io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "microtime",
	"io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "fieldsV1",
	"io.k8s.apimachinery.pkg.runtime.RawExtension": "raw",
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString": "intOrString",
};
const apiextensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
const anyDefinitions = new Set(
	["JSON", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrStringArray", "CustomResourceSubresourceStatus"].map(
		(name) => `${apiextensions}.${name}`,
	),
);

const typeByDefinition = new Map(Object.entries(typeTable).map(([name, { definition }]) => [definition, name]));

function readDocument(file: string): OpenApi {
	const bytes = readFileSync(file);
	return JSON.parse((file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8"));
}

/** A property in the notation of the schema table. */
function fieldText(schema: Schema, required: boolean): string {
	const marks: string[] = [];
	const list = schema["x-kubernetes-list-type"];
	const keys = schema["x-kubernetes-list-map-keys"]?.join(",");
	if (list !== undefined) marks.push(`list=${list}${keys === undefined ? "" : `:${keys}`}`);
	const map = schema["x-kubernetes-map-type"];
	if (map !== undefined) marks.push(`map=${map}`);
	const strategy = schema["x-kubernetes-patch-strategy"];
	const mergeKey = schema["x-kubernetes-patch-merge-key"];
	if (strategy !== undefined) marks.push(`patch=${strategy}${mergeKey === undefined ? "" : `:${mergeKey}`}`);
	return [typeText(schema) + (required ? "!" : ""), ...marks.sort()].join(" ");
}

function typeText(schema: Schema): string {
	const reference = schema.$ref?.slice("#/definitions/".length);
	if (reference !== undefined) {
		if (anyDefinitions.has(reference)) return "any";
		return scalarDefinitions[reference] ?? `#${typeByDefinition.get(reference) ?? reference}`;
	}
	if (schema.type === "array") return `[]${typeText(schema.items ?? {})}`;
	if (schema.type === "object") return schema.additionalProperties === undefined ? "any" : `{}${typeText(schema.additionalProperties)}`;
	if (schema.type === "string") return schema.format === "byte" ? "bytes" : "string";
	if (schema.type === "integer") return schema.format ?? "int64";
	if (schema.type === "number") return schema.format ?? "double";
	return schema.type ?? "any";
}

function sortMarks(text: string): string {
	const [head = "", ...marks] = text.split(" ");
	return [head, ...marks.sort()].join(" ");
}

function compareTypes({ definitions }: OpenApi): string[] {
	const differences: string[] = [];
	for (const [name, { definition, fields, marks = "" }] of Object.entries(typeTable)) {
		const schema = definitions[definition];
		if (schema === undefined) {
			differences.push(`${name}: no definition ${definition}`);
			continue;
		}
		const properties = schema.properties ?? {};
		for (const field of new Set([...Object.keys(fields), ...Object.keys(properties)])) {
			const property = properties[field];
			const wanted = property === undefined ? "absent" : fieldText(property, schema.required?.includes(field) ?? false);
			const have = sortMarks((fields[field] ?? "absent").replace(/ default=\S+/, ""));
			if (have !== wanted) differences.push(`${name}.${field}: have ${have}, want ${wanted}`);
			differences.push(...compareDescription(`${name}.${field}`, descriptions[name]?.[field], property?.description));
		}
		differences.push(...compareDescription(name, descriptions[name]?.[""], schema.description));
		const mapType = schema["x-kubernetes-map-type"];
		const unions = schema["x-kubernetes-unions"];
		const wantedMarks = [
			...(mapType === undefined ? [] : [`map=${mapType}`]),
			...(unions === undefined ? [] : [`unions=${JSON.stringify(unions)}`]),
		].join(" ");
		if (marks !== wantedMarks) differences.push(`${name}: have marks "${marks}", want "${wantedMarks}"`);
	}
	return differences;
}

function compareDescription(where: string, have = "", want = ""): string[] {
	return have === want ? [] : [`${where}: description differs\n    have ${JSON.stringify(have)}\n    want ${JSON.stringify(want)}`];
}

const verbsByAction: Readonly<Record<string, string>> = {
	get: "get",
	list: "list",
	watch: "watch",
	watchlist: "watch",
	post: "create",
	put: "update",
	patch: "patch",
	delete: "delete",
	deletecollection: "deletecollection",
	connect: "connect",
};

/** `apps/v1/deployments/scale` → kind, scope and verbs. */
function readResources({ paths }: OpenApi): Map<string, { kind: string; namespaced: boolean; verbs: Set<string> }> {
	const resources = new Map<string, { kind: string; namespaced: boolean; verbs: Set<string> }>();
	for (const [path, methods] of Object.entries(paths)) {
		const parts =
			/^\/(?:api|apis\/([^/]+))\/([^/]+)\/(?:watch\/)?(namespaces\/\{namespace\}\/)?([a-z]+)(?:\/\{name\}(?:\/([a-z]+))?(?:\/\{path\})?)?$/.exec(
				path,
			);
		if (parts === null) continue;
		const [, group = "", version = "", namespace, resource = "", subresource = ""] = parts;
		const key = [group, version, resource, subresource].join("/");
		for (const [method, operation] of Object.entries(methods)) {
			const verb = verbsByAction[operation["x-kubernetes-action"] ?? ""];
			if (verb === undefined) continue;
			const entry = resources.get(key) ?? { kind: "", namespaced: false, verbs: new Set<string>() };
			if (namespace !== undefined) entry.namespaced = true;
			entry.kind = operation["x-kubernetes-group-version-kind"]?.kind ?? "";
			if (verb !== "connect") entry.verbs.add(verb);
			else if (method === "get") entry.verbs.add("get");
			else if (method === "post") entry.verbs.add("create");
			resources.set(key, entry);
		}
	}
	return resources;
}

function compareResources(document: OpenApi): string[] {
	const differences: string[] = [];
	const wanted = readResources(document);
	const served = new Set(generatedResources.map(({ group, version }) => `${group}/${version}`));
	const have = new Map(
		generatedResources.map((entry) => [[entry.group, entry.version, entry.resource, entry.subresource].join("/"), entry]),
	);
	for (const key of new Set([...have.keys(), ...wanted.keys()])) {
		const want = wanted.get(key);
		const entry = have.get(key);
		if (!served.has(key.split("/").slice(0, 2).join("/"))) continue;
		if (want === undefined || entry === undefined) {
			differences.push(`${key}: ${want === undefined ? "not in the document" : "not in the table"}`);
			continue;
		}
		const describe = (scope: boolean, kind: string, verbs: Iterable<string>) =>
			`${scope ? "namespaced" : "cluster"} ${kind} ${[...verbs].sort()}`;
		// Streams have no kind in the table: nobody decodes their options as an object.
		const haveText = describe(entry.namespaced, entry.kind === "" ? want.kind : entry.kind, entry.verbs);
		const wantText = describe(want.namespaced, want.kind, want.verbs);
		if (haveText !== wantText) differences.push(`${key}: have ${haveText}, want ${wantText}`);
	}
	return differences;
}

/** client-node's generator takes the description of the type that a field refers to, or none, for the field's own. */
function readDescriptions({ definitions }: OpenApi): Description[] {
	return Object.entries(typeTable).flatMap(([name, { definition, fields }]) => {
		const { description = "", properties = {} } = definitions[definition] ?? {};
		const ofFields = Object.keys(fields).map((field): Description => {
			const { $ref, description: text = "" } = properties[field] ?? {};
			return { where: `${name}.${field}`, text, isLost: $ref !== undefined && /^(?:#|microtime|intOrString|any)/.test(typeText({ $ref })) };
		});
		return [{ where: name, text: description, isLost: false }, ...ofFields];
	});
}

const { values: options, positionals } = parseArgs({ options: { "write-descriptions": { type: "boolean" } }, allowPositionals: true });
const [file] = positionals;
if (file === undefined) {
	console.error("usage: node scripts/compare-openapi.ts [--write-descriptions] openapi-v2.json[.gz]");
	process.exitCode = 2;
} else {
	const document = readDocument(file);
	if (options["write-descriptions"]) writeFileSync(descriptionsFile, formatDescriptionFacts(readDescriptions(document)));
	const differences = [...compareTypes(document), ...compareResources(document)];
	for (const difference of differences) console.log(difference);
	console.error(`${Object.keys(typeTable).length} types, ${generatedResources.length} resources, ${differences.length} differences`);
	process.exitCode = differences.length > 0 ? 1 : 0;
}
