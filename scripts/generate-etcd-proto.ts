/**
 * Writes src/store/etcd-api/generated/messages.ts: the messages and methods of etcd's gRPC API as TypeScript types and as
 * the table that the codec works from. They come from the .proto files of the dev dependency `etcd3`, and what those lack
 * from etcd-proto-additions.txt.
 *
 *     node scripts/generate-etcd-proto.ts
 *
 * Not every scalar is taken as it is: keys are strings of bytes as everywhere in the store, leases and ids are bigints,
 * other 64-bit numbers (revisions, counts) are numbers.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import protobuf from "protobufjs";

const here = import.meta.dirname;
const target = join(here, "../src/store/etcd-api/generated/messages.ts");
const protoDirectory = join(dirname(createRequire(import.meta.url).resolve("etcd3/package.json")), "proto");

/** Fields of type bytes that hold a key. */
const keyFields = new Set(["key", "rangeEnd", "keys"]);
/** Fields of type int64 that name a lease. */
const leaseFields = new Set(["lease", "ID"]);

/** What the codec calls a field's form, and its type in TypeScript. */
interface Form {
	readonly code: string;
	readonly type: string;
}

const scalarForms: Readonly<Record<string, Form>> = {
	bool: { code: "bool", type: "boolean" },
	bytes: { code: "bytes", type: "Uint8Array" },
	int32: { code: "int", type: "number" },
	int64: { code: "int", type: "number" },
	string: { code: "string", type: "string" },
	uint32: { code: "int", type: "number" },
	uint64: { code: "ulong", type: "bigint" },
};

function loadProtos(): protobuf.Root {
	const root = new protobuf.Root();
	root.resolvePath = (_origin, path) => join(protoDirectory, path.replace(/^\.\//, ""));
	root.loadSync("rpc.proto");
	for (const line of readFileSync(join(here, "etcd-proto-additions.txt"), "utf8").split("\n")) {
		if (line === "" || line.startsWith("#")) continue;
		const [message = "", type = "", name = "", number = ""] = line.split(" ");
		root.lookupType(`etcdserverpb.${message}`).add(
			new protobuf.Field(
				name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
				Number(number),
				type,
			),
		);
	}
	root.resolveAll();
	return root;
}

function formOf(field: protobuf.Field): Form {
	const { resolvedType } = field;
	if (resolvedType instanceof protobuf.Enum) return { code: "int", type: "number" };
	if (resolvedType !== null) return { code: resolvedType.name, type: resolvedType.name };
	if (field.type === "bytes" && keyFields.has(field.name)) return { code: "key", type: "string" };
	if (field.type === "int64" && leaseFields.has(field.name)) return { code: "long", type: "bigint" };
	const form = scalarForms[field.type];
	if (form === undefined) throw new Error(`${field.fullName}: no form for ${field.type}`);
	return form;
}

function isOptional(field: protobuf.Field): boolean {
	return field.partOf !== null || (field.resolvedType instanceof protobuf.Type && !field.repeated);
}

function renderInterface(message: protobuf.Type): string {
	const fields = message.fieldsArray.map((field) => {
		const { type } = formOf(field);
		return `\treadonly ${field.name}${isOptional(field) ? "?" : ""}: ${field.repeated ? `readonly ${type}[]` : type};`;
	});
	return fields.length === 0
		? `export type ${message.name} = Readonly<Record<never, never>>;`
		: `export interface ${message.name} {\n${fields.join("\n")}\n}`;
}

/** "1 key key, 2 kvs[] KeyValue, 3 version? int": `[]` is repeated, `?` may be absent. */
function renderRow(message: protobuf.Type): string {
	const fields = message.fieldsArray.map(
		(field) => `${field.id} ${field.name}${field.repeated ? "[]" : isOptional(field) ? "?" : ""} ${formOf(field).code}`,
	);
	return `\t${message.name}: ${JSON.stringify(fields.join(", "))},`;
}

/** Etcd writes its constants in capitals; the package does not. */
function renderEnum(definition: protobuf.Enum): string {
	const values = Object.entries(definition.values).map(([name, value]) => `${name.toUpperCase()}: ${value}`);
	return `export const ${definition.name} = { ${values.join(", ")} } as const;`;
}

function renderMethods(service: protobuf.Service): string[] {
	return service.methodsArray.map((method) => {
		const streams = `requestStream: ${method.requestStream === true}, responseStream: ${method.responseStream === true}`;
		return `\t"/etcdserverpb.${service.name}/${method.name}": { request: "${method.requestType}", response: "${method.responseType}", ${streams} },`;
	});
}

function collect(root: protobuf.Root) {
	const messages: protobuf.Type[] = [];
	const enums: protobuf.Enum[] = [];
	const services: protobuf.Service[] = [];
	const visit = (namespace: protobuf.NamespaceBase) => {
		for (const nested of namespace.nestedArray) {
			if (nested instanceof protobuf.Type) messages.push(nested);
			if (nested instanceof protobuf.Enum) enums.push(nested);
			if (nested instanceof protobuf.Service) services.push(nested);
			if (nested instanceof protobuf.Namespace) visit(nested);
		}
	};
	visit(root);
	return { messages, enums, services };
}

const { messages, enums, services } = collect(loadProtos());
const text = [
	"// Generated by scripts/generate-etcd-proto.ts from the .proto files of the package etcd3 (Apache-2.0). Not to be edited.",
	"",
	...messages.map(renderInterface),
	"",
	...enums.map(renderEnum),
	"",
	"export interface Messages {",
	...messages.map(({ name }) => `\t${name}: ${name};`),
	"}",
	"",
	"export const messageTable: Readonly<Record<keyof Messages, string>> = {",
	...messages.map(renderRow),
	"};",
	"",
	"export const methodTable = {",
	...services.flatMap(renderMethods),
	"} as const;",
	"",
].join("\n");
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, text);
