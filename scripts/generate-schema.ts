/**
 * Generates src/apimachinery/schema/generated/ from the dev dependency @kubernetes/client-node (Kubernetes 1.36) and
 * the facts that it lacks (schema-facts.txt, schema-descriptions.txt, protobuf-facts.txt). Run by `npm run generate` and by `prepare`; the output is not committed.
 *
 *   types.ts         wire types for our own code: read-only, times and quantities as strings
 *   schema.ts        every type's fields with types, required flags, list types and merge keys (compact JSON)
 *   descriptions.ts  every type's and field's description (loaded only when OpenAPI is asked for)
 *   resources.ts     every served resource with its kind, scope, verbs and subresources
 *   protobuf.ts      every type's field numbers in protobuf (loaded only when a protobuf body comes)
 *
 * The package is read as text, never imported: importing it costs more than a second and 300 MB.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readProtobufTable } from "./protobuf-facts.ts";
import { readDescriptionFacts } from "./schema-descriptions.ts";

/** Group versions that kube-apiserver 1.36 serves without any --runtime-config. Source: pkg/controlplane/instance.go, defaults. */
const servedVersions = new Set([
	"AdmissionregistrationV1",
	"ApiextensionsV1",
	"ApiregistrationV1",
	"AppsV1",
	"AuthenticationV1",
	"AuthorizationV1",
	"AutoscalingV1",
	"AutoscalingV2",
	"BatchV1",
	"CertificatesV1",
	"CoordinationV1",
	"CoreV1",
	"DiscoveryV1",
	"EventsV1",
	"FlowcontrolApiserverV1",
	"NetworkingV1",
	"NodeV1",
	"PolicyV1",
	"RbacAuthorizationV1",
	"ResourceV1",
	"SchedulingV1",
	"StorageV1",
]);

/** Group versions that are served only with a feature gate. Source: pkg/registry/scheduling/rest of Kubernetes 1.36. */
const gatedVersions = new Set(["SchedulingV1alpha2"]);

/** Types that no served resource refers to and that the API machinery itself speaks. */
const machineryModels = [
	"V1Status",
	"V1DeleteOptions",
	"V1WatchEvent",
	"V1APIGroup",
	"V1APIGroupList",
	"V1APIResourceList",
	"V1APIVersions",
	"VersionInfo",
	"V1Eviction",
	"V1Binding",
	"V1Scale",
	"AuthenticationV1TokenRequest",
	"V1PodTemplateSpec",
];

interface Field {
	name: string;
	type: string;
	required: boolean;
	description: string;
}
interface Model {
	model: string;
	name: string;
	definition: string;
	description: string;
	fields: Field[];
}
interface Facts {
	definitionsByModel: Map<string, string>;
	marks: Map<string, Map<string, string[]>>;
}

const here = dirname(fileURLToPath(import.meta.url));
const clientNode = join(dirname(createRequire(import.meta.url).resolve("@kubernetes/client-node")), "gen");
const output = join(here, "../src/apimachinery/schema/generated");

/** V1Pod -> Pod, V2HorizontalPodAutoscaler -> HorizontalPodAutoscalerV2, CoreV1Event -> CoreEvent. */
function typeName(model: string): string {
	const parts = /^([A-Z][a-z]+)?(V\d+(?:alpha\d+|beta\d+)?)([A-Z].*)$/.exec(model);
	if (!parts) return model;
	const [, group = "", version = "", kind = ""] = parts;
	return `${group}${kind}${version === "V1" ? "" : version}`;
}

function readFacts(): Facts {
	const definitions: string[] = [];
	const marks = new Map<string, Map<string, string[]>>();
	let heading = "";
	for (const line of readFileSync(join(here, "schema-facts.txt"), "utf8").split("\n")) {
		if (line.startsWith("#") || line === "") continue;
		if (!line.startsWith("  ")) {
			heading = line;
			continue;
		}
		const [keyword, subject = ""] = heading.split(" ");
		if (keyword === "package") {
			for (const type of line.trim().split(" ")) definitions.push(`${subject}.${type}`);
		} else {
			const [field = "", ...fieldMarks] = line.trim().split(" ");
			const ofType = marks.get(subject) ?? new Map<string, string[]>();
			marks.set(subject, ofType.set(field, fieldMarks));
		}
	}
	const byTail = Map.groupBy(definitions, (name) => name.split(".").slice(-2).join("."));
	const definitionsByModel = new Map<string, string>();
	for (const [tail, names] of byTail) {
		const [version = "", kind = ""] = tail.split(".");
		for (const name of names) {
			const model = upperFirst(version) + kind;
			const group = name.split(".").at(-3) ?? "";
			definitionsByModel.set(names.length === 1 ? model : upperFirst(group) + model, name);
		}
	}
	definitionsByModel.set("VersionInfo", "io.k8s.apimachinery.pkg.version.Info");
	return { definitionsByModel, marks };
}

function upperFirst(text: string): string {
	return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function unescapeDescription(comment: string): string {
	return comment
		.split("\n")
		.map((line) => line.replace(/^\s*\*? ?/, ""))
		.join("\n")
		.trim()
		.replaceAll("\\'", "'")
		.replaceAll('\\"', '"')
		.replaceAll("*\\/", "*/")
		.replaceAll("/_*", "/*")
		.replaceAll("*_/", "*/")
		.replaceAll("\\\\", "\\");
}

/** A field's wire type in the schema's own notation: `string`, `int32`, `#Container`, `[]#Container`, `{}string`. */
function fieldType(type: string, format: string, marks: readonly string[]): string {
	const array = /^Array<(.*)>$/.exec(type);
	if (array) return `[]${fieldType(array[1] ?? "", format, marks)}`;
	const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
	if (map) return `{}${fieldType(map[1] ?? "", format, marks)}`;
	if (type === "string") {
		if (marks.includes("quantity")) return "quantity";
		return format === "byte" ? "bytes" : "string";
	}
	if (type === "number") return format === "" ? "int64" : format;
	if (type === "boolean") return "boolean";
	if (type === "Date") return "time";
	if (type === "V1MicroTime") return "microtime";
	if (type === "IntOrString") return "intOrString";
	if (type === "any") return marks.find((mark) => ["raw", "fieldsV1"].includes(mark)) ?? "any";
	return `#${type}`;
}

function readModel(model: string, facts: Facts): Model | undefined {
	const declarations = readFileSync(join(clientNode, `models/${model}.d.ts`), "utf8");
	const code = readFileSync(join(clientNode, `models/${model}.js`), "utf8");
	const map = /\.attributeTypeMap = (\[[\s\S]*?\n\]);/.exec(code)?.[1];
	if (map === undefined) return undefined;
	const definition = facts.definitionsByModel.get(model);
	if (definition === undefined) return undefined;
	const marks = facts.marks.get(definition);
	const attributes: { name: string; baseName: string; type: string; format: string }[] = JSON.parse(map);
	const head = /\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\nexport declare class/.exec(declarations)?.[1] ?? "";
	const fields = attributes.map((attribute): Field => {
		const declared = new RegExp(
			`(?:/\\*\\*\\n((?:(?!\\*/)[\\s\\S])*?)\\s*\\*/\\n\\s*)?'${attribute.name.replace("$", "\\$")}'(\\??):`,
		).exec(declarations);
		return {
			name: attribute.baseName,
			type: fieldType(attribute.type, attribute.format, marks?.get(attribute.baseName) ?? []),
			required: declared?.[2] !== "?",
			description: unescapeDescription(declared?.[1] ?? ""),
		};
	});
	return { model, name: typeName(model), definition, description: unescapeDescription(head), fields };
}

function referencedModels(model: Model): string[] {
	return model.fields.flatMap((field) => /#(.*)$/.exec(field.type)?.[1] ?? []);
}

interface ResourceOperation {
	path: string;
	verb: string;
	model: string;
}

const methodVerbs: Readonly<Record<string, string>> = {
	create: "create",
	read: "get",
	list: "list",
	replace: "update",
	patch: "patch",
	delete: "delete",
	deleteCollection: "deletecollection",
	connectGet: "get",
	connectPost: "create",
};

function readOperations(apiClass: string): ResourceOperation[] {
	const code = readFileSync(join(clientNode, `apis/${apiClass}Api.js`), "utf8");
	const operations: ResourceOperation[] = [];
	for (const part of code.split(/\n {4}async /).slice(1)) {
		const name = /^(\w+)\(/.exec(part)?.[1] ?? "";
		const path = /localVarPath = '([^']+)'/.exec(part)?.[1];
		const action = /^(connectGet|connectPost|deleteCollection|create|read|list|replace|patch|delete)/.exec(name)?.[1];
		const verb = methodVerbs[action ?? ""];
		if (path === undefined || verb === undefined) continue;
		const response = new RegExp(`async ${name}WithHttpInfo\\(response\\)[\\s\\S]*?parse\\([^;]*?, "([^"]*)", ""\\)`).exec(code);
		operations.push({ path, verb, model: response?.[1] ?? "string" });
	}
	return operations;
}

interface ServedResource {
	group: string;
	version: string;
	resource: string;
	subresource: string;
	kind: string;
	type: string;
	namespaced: boolean;
	verbs: string[];
}

const verbOrder = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

function readResources(facts: Facts, apiClasses: ReadonlySet<string>): ServedResource[] {
	const resources = new Map<string, ServedResource>();
	for (const apiClass of apiClasses) {
		for (const { path, verb, model } of readOperations(apiClass)) {
			const parts =
				/^\/(?:api|apis\/([^/]+))\/([^/]+)\/(namespaces\/\{namespace\}\/)?([a-z]+)(?:\/\{name\}(?:\/([a-z]+))?(\/\{path\})?)?$/.exec(path);
			if (!parts || path.startsWith("/api/v1/watch")) continue;
			const [, group = "", version = "", namespaced, resource = "", subresource = ""] = parts;
			const key = [group, version, resource, subresource].join("/");
			const entry: ServedResource = resources.get(key) ?? {
				group,
				version,
				resource,
				subresource,
				kind: "",
				type: "",
				namespaced: namespaced !== undefined,
				verbs: [],
			};
			// `list` across namespaces has its own path, without the namespace: the scope is what the other paths say.
			if (namespaced !== undefined) entry.namespaced = true;
			if (!entry.verbs.includes(verb)) entry.verbs.push(verb);
			// Component statuses are made up when they are asked for: nothing to watch.
			if (verb === "list" && resource !== "componentstatuses" && !entry.verbs.includes("watch")) entry.verbs.push("watch");
			if (["get", "create", "update"].includes(verb) && model !== "string") {
				entry.type = typeName(model);
				entry.kind = (facts.definitionsByModel.get(model) ?? model).split(".").at(-1) ?? "";
			}
			resources.set(key, entry);
		}
	}
	for (const entry of resources.values()) entry.verbs.sort((a, b) => verbOrder.indexOf(a) - verbOrder.indexOf(b));
	return [...resources.values()];
}

function wireType(type: string): string {
	if (type.startsWith("[]")) return `readonly ${parenthesise(wireType(type.slice(2)))}[]`;
	if (type.startsWith("{}")) return `Readonly<Record<string, ${wireType(type.slice(2))}>>`;
	if (type.startsWith("#")) return typeName(type.slice(1));
	if (["string", "quantity", "bytes", "time", "microtime"].includes(type)) return "string";
	if (["int32", "int64", "double"].includes(type)) return "number";
	if (type === "boolean") return "boolean";
	if (type === "intOrString") return "number | string";
	return "JsonValue";
}

function parenthesise(type: string): string {
	return type.includes("|") || type.startsWith("readonly ") ? `(${type})` : type;
}

function firstSentence(description: string): string {
	const line = description.replaceAll("*/", "* /").replaceAll(/\s+/g, " ");
	return /^.*?[.!?](?= |$)/.exec(line)?.[0] ?? line;
}

function renderTypes(models: readonly Model[]): string {
	const lines = ['import type { JsonValue } from "../../json.ts";', ""];
	for (const model of models) {
		lines.push(`/** ${firstSentence(model.description) || model.definition} */`, `export interface ${model.name} {`);
		for (const field of model.fields) {
			const key = /^[A-Za-z_]\w*$/.test(field.name) ? field.name : JSON.stringify(field.name);
			lines.push(`\treadonly ${key}${field.required ? "" : "?"}: ${wireType(field.type)};`);
		}
		lines.push("}", "");
	}
	return lines.join("\n");
}

function renderSchema(models: readonly Model[], facts: Facts): object {
	const types: Record<string, object> = {};
	for (const model of models) {
		const marks = facts.marks.get(model.definition);
		const fields: Record<string, string> = {};
		for (const field of model.fields) {
			const reference = field.type.replace(/#(.*)$/, (_, target: string) => `#${typeName(target)}`);
			const own = (marks?.get(field.name) ?? []).filter((mark) => /^(list|map|patch|default)=/.test(mark));
			fields[field.name] = [reference + (field.required ? "!" : ""), ...own].join(" ");
		}
		const ownMarks = marks?.get("*") ?? [];
		types[model.name] = {
			definition: model.definition,
			fields,
			...(ownMarks.length > 0 ? { marks: ownMarks.join(" ") } : {}),
		};
	}
	return types;
}

function moduleOf(name: string, type: string, value: unknown): string {
	return `// Generated by scripts/generate-schema.ts.\n${type}export const ${name} = JSON.parse(${JSON.stringify(JSON.stringify(value))});\n`;
}

function main(): void {
	const facts = readFacts();
	const resources = readResources(facts, servedVersions);
	const gated = readResources(facts, gatedVersions);
	const wanted = new Map<string, Model>();
	const modelByTypeName = new Map(
		readdirSync(join(clientNode, "models"))
			.filter((file) => file.endsWith(".d.ts"))
			.map((file) => file.slice(0, -".d.ts".length))
			.map((model) => [typeName(model), model]),
	);
	const queue = [
		...machineryModels,
		...[...resources, ...gated].flatMap((resource) => [
			modelByTypeName.get(resource.type) ?? [],
			modelByTypeName.get(resource.type.replace(/(V\d.*)?$/, "List$1")) ?? [],
		]),
	].flat();
	for (let model = queue.pop(); model !== undefined; model = queue.pop()) {
		if (wanted.has(model)) continue;
		const read = readModel(model, facts);
		if (read === undefined) continue;
		wanted.set(model, read);
		queue.push(...referencedModels(read));
	}
	const models = [...wanted.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
	const restore = readDescriptionFacts();
	const descriptions = Object.fromEntries(
		models.map((model) => {
			const ofFields = model.fields.map(({ name, description }) => [name, restore(`${model.name}.${name}`, description)]);
			return [model.name, { "": restore(model.name, model.description), ...Object.fromEntries(ofFields) }];
		}),
	);
	mkdirSync(output, { recursive: true });
	const write = (file: string, text: string) => writeFileSync(join(output, file), text);
	write("types.ts", `// Generated by scripts/generate-schema.ts.\n${renderTypes(models)}`);
	write(
		"schema.ts",
		moduleOf(
			"typeTable: Readonly<Record<string, GeneratedType>>",
			'import type { GeneratedType } from "../schema.ts";\n',
			renderSchema(models, facts),
		),
	);
	write("descriptions.ts", moduleOf("descriptions: Readonly<Record<string, Readonly<Record<string, string>>>>", "", descriptions));
	write(
		"resources.ts",
		moduleOf("generatedResources: readonly GeneratedResource[]", 'import type { GeneratedResource } from "../resources.ts";\n', resources) +
			`export const gatedResources: readonly GeneratedResource[] = JSON.parse(${JSON.stringify(JSON.stringify(gated))});\n`,
	);
	write("protobuf.ts", moduleOf("protobufTable: Readonly<Record<string, string>>", "", readProtobufTable(models)));
	console.log(`schema: ${models.length} types, ${resources.length} resources and subresources`);
}

main();
