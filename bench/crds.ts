/** What CustomResourceDefinitions cost: many of them at rest, and a large schema on every write. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject, JsonValue } from "../src/apimachinery/json.ts";
import type { CustomResourceDefinition, JSONSchemaProps } from "../src/apimachinery/schema/generated/types.ts";
import { withSchemaDefaults } from "../src/apiserver/extension/schema/defaults.ts";
import { pruned } from "../src/apiserver/extension/schema/prune.ts";
import { SchemaTree } from "../src/apiserver/extension/schema/schema-tree.ts";
import { validateValue } from "../src/apiserver/extension/schema/validate.ts";
import { type Home, kubesim, makeHome, residentMiB, startServer } from "./kubesim-process.ts";
import { type Measurement, repeat, timeMs } from "./measure.ts";

const definitions = 500;
const properties = 200;
const objects = 2_000;

/** Of every sort that schemas in use are made of: texts, numbers, enums, patterns, objects, lists, maps. */
function property(index: number): { readonly schema: JSONSchemaProps; readonly value: JsonValue } {
	const sorts: readonly { readonly schema: JSONSchemaProps; readonly value: JsonValue }[] = [
		{ schema: { type: "string", maxLength: 253, description: `The ${index}th field.` }, value: `value-${index}` },
		{ schema: { type: "integer", minimum: 0, maximum: 65_535 }, value: index },
		{ schema: { type: "string", enum: ["Always", "Never", "IfNotPresent"], default: "Always" }, value: "Never" },
		{ schema: { type: "string", pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" }, value: `name-${index}` },
		{
			schema: { type: "object", properties: { a: { type: "string" }, b: { type: "boolean" } }, required: ["a"] },
			value: { a: "x", b: true },
		},
		{ schema: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" } as JSONSchemaProps, value: ["a", "b"] },
		{ schema: { type: "object", additionalProperties: { type: "string" } } as JSONSchemaProps, value: { k: "v" } },
		{ schema: { "x-kubernetes-int-or-string": true }, value: "50%" },
	];
	return sorts[index % sorts.length] ?? { schema: { type: "string" }, value: "" };
}

function largeSchema(): { readonly schema: JSONSchemaProps; readonly object: JsonObject } {
	const parts = Array.from({ length: properties }, (_, index) => [`field${index}`, property(index)] as const);
	const spec: JSONSchemaProps = { type: "object", properties: Object.fromEntries(parts.map(([name, { schema }]) => [name, schema])) };
	return {
		schema: { type: "object", properties: { spec } },
		object: { apiVersion: "example.com/v1", kind: "Large", spec: Object.fromEntries(parts.map(([name, { value }]) => [name, value])) },
	};
}

/** Microseconds an object: what the schema does to a write. */
async function validation(): Promise<number> {
	const { schema, object } = largeSchema();
	const tree = new SchemaTree(schema, true);
	const write = () => validateValue(withSchemaDefaults(pruned(object, tree), tree), tree);
	for (let index = 0; index < objects; index++) write();
	const errors = write();
	if (errors.length > 0) throw new Error(`the object should be right: ${errors.join(", ")}`);
	const all = await timeMs(async () => {
		for (let index = 0; index < objects; index++) write();
	});
	return (all * 1000) / objects;
}

function definition(index: number): CustomResourceDefinition {
	const { schema } = largeSchema();
	const [group, plural] = [`group${index % 50}.example.com`, `things${index}`];
	return {
		apiVersion: "apiextensions.k8s.io/v1",
		kind: "CustomResourceDefinition",
		metadata: { name: `${plural}.${group}` },
		spec: {
			group,
			scope: "Namespaced",
			names: { plural, kind: `Thing${index}` },
			versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema }, subresources: { status: {} } }],
		},
	};
}

async function install(home: Home): Promise<void> {
	const { Client, HttpTransport, loadKubeconfig, resources } = await import("../src/client/index.ts");
	const client = new Client(new HttpTransport(loadKubeconfig(join(home.directory, "kubeconfig"))));
	const crds = client.resource(resources.customResourceDefinitions);
	for (let index = 0; index < definitions; index++) await crds.create(definition(index));
}

export async function benchCrds(runs: number): Promise<Measurement[]> {
	const micros = await repeat(runs, validation);
	const memory: number[] = [];
	const starts = await repeat(runs, async () => {
		const home = makeHome();
		await startServer(home);
		await install(home);
		kubesim(home, "stop");
		const start = await timeMs(() => startServer(home));
		await new Promise((resolve) => setTimeout(resolve, 5000));
		memory.push(residentMiB(home));
		kubesim(home, "delete");
		rmSync(home.directory, { recursive: true, force: true });
		return start;
	});
	return [
		{ name: `a custom resource of ${properties} fields pruned, filled in and checked`, unit: "µs", values: micros, promise: 200 },
		{
			name: `start with ${definitions} CustomResourceDefinitions of ${properties} fields, to 3 Ready nodes`,
			unit: "ms",
			values: starts,
			promise: 2000,
		},
		{ name: "… resident memory 5 s after the start", unit: "MiB", values: memory, promise: 300 },
	];
}
