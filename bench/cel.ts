/** What the rules of a custom resource cost: a schema of 200 properties, ten rules on it, compiled once and run on every write. */
import { compileRules } from "../src/apimachinery/cel/index.ts";
import type { JsonObject } from "../src/apimachinery/json.ts";
import type { JSONSchemaProps } from "../src/apimachinery/schema/generated/types.ts";
import { type Measurement, repeat, timeMs } from "./measure.ts";

const properties = 200;
const validations = 2_000;

const rules = [
	"self.p0 <= self.p1",
	"self.p2 > 0 && self.p3 < 1000",
	"self.name.startsWith('web-') || self.name == 'web'",
	"self.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
	"has(self.p4) ? self.p4 >= 0 : true",
	"self.ports.all(p, p.number > 0 && p.number < 65536)",
	"self.ports.exists_one(p, p.name == 'http')",
	"self.ports.map(p, p.number).isSorted()",
	"size(self.labels) < 20 && self.labels.all(k, k.size() < 64)",
	"!has(oldSelf.name) || self.name == oldSelf.name",
];

const text = { type: "string", maxLength: 63 };
const port = { type: "object", properties: { name: text, number: { type: "integer" } } };

const spec = {
	type: "object",
	properties: {
		...Object.fromEntries(Array.from({ length: properties - 3 }, (_, index) => [`p${index}`, { type: "integer" }])),
		name: text,
		ports: { type: "array", maxItems: 20, items: port },
		labels: { type: "object", maxProperties: 20, additionalProperties: text },
	},
	"x-kubernetes-validations": rules.map((rule) => ({ rule })),
};
const schema = { type: "object", properties: { spec } } as JSONSchemaProps;

const object: JsonObject = {
	apiVersion: "example.com/v1",
	kind: "Thing",
	metadata: { name: "a" },
	spec: {
		...Object.fromEntries(Array.from({ length: properties - 3 }, (_, index) => [`p${index}`, index])),
		name: "web-1",
		ports: ["http", "https", "metrics"].map((name, index) => ({ name, number: 80 + index })),
		labels: { app: "web", tier: "front", version: "1" },
	},
};

export async function benchCel(runs: number): Promise<Measurement[]> {
	const { errors, validator } = compileRules(schema, { path: "spec.validation.openAPIV3Schema" });
	if (errors.length > 0 || validator === undefined) throw new Error(errors.map(String).join("\n"));
	const runRules = async () => {
		for (let count = 0; count < validations; count++) {
			const result = validator.validate(object, object);
			if (result.errors.length > 0) throw new Error(result.errors.map(String).join("\n"));
		}
	};
	await runRules();
	const perObject = await repeat(runs, async () => ((await timeMs(runRules)) * 1000) / validations);
	const compile = await repeat(runs, () => timeMs(async () => compileRules(schema, { path: "" })));
	return [
		{ name: "ten CEL rules on a custom resource of 200 properties", unit: "µs", values: perObject, promise: 200 },
		{ name: "… compiled, with their costs, once a definition", unit: "ms", values: compile },
	];
}
