import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { kindOf } from "../testing/kind-probe.ts";
import { apiextensionsKinds } from "./index.ts";

const kind = kindOf(apiextensionsKinds, "customresourcedefinitions");

const schemaWith = (rule: string, items: object = { type: "string" }) => ({
	openAPIV3Schema: {
		type: "object",
		properties: {
			spec: {
				type: "object",
				properties: { replicas: { type: "integer" }, names: { type: "array", items } },
				"x-kubernetes-validations": [{ rule }],
			},
		},
	},
});

const definition = (...schemas: readonly object[]): KubeObject =>
	({
		metadata: { name: "a" },
		spec: { versions: schemas.map((schema, index) => ({ name: `v${index + 1}`, served: true, storage: index === 0, schema })) },
	}) as KubeObject;

const nested = "self.names.all(a, self.names.all(b, a != b))";

describe("rules of a CustomResourceDefinition", () => {
	it("are not looked for where there are none", () => {
		expect(kind.validateExpressions?.(definition({ openAPIV3Schema: { type: "object" } }), undefined, [])).toBeUndefined();
	});

	it("compile once for what versions share, and for each version otherwise", async () => {
		const problem = (path: string, rule: string, text: string) =>
			`${path}.properties[spec].x-kubernetes-validations[0].rule: Invalid value: ${JSON.stringify({ Rule: rule, Message: "", MessageExpression: "", Reason: null, FieldPath: "", OptionalOldSelf: null })}: compilation failed: ERROR: <input>:${text}`;
		const shared = schemaWith("self.nope == 1");
		const text = "1:5: undefined field 'nope'\n | self.nope == 1\n | ....^";
		expect((await kind.validateExpressions?.(definition(shared, shared), undefined, []))?.map(String)).toEqual([
			problem("spec.validation.openAPIV3Schema", "self.nope == 1", text),
		]);
		expect((await kind.validateExpressions?.(definition(schemaWith("self.replicas > 0"), shared), undefined, []))?.map(String)).toEqual([
			problem("spec.versions[1].schema.openAPIV3Schema", "self.nope == 1", text),
		]);
	});

	it("are left alone where the schema has errors otherwise", async () => {
		const error = fieldInvalid("spec.validation.openAPIV3Schema.properties[spec].type", "x", "");
		expect(await kind.validateExpressions?.(definition(schemaWith("self.nope == 1")), undefined, [error])).toEqual([]);
	});

	it("may cost what stored ones cost already", async () => {
		const costly = definition(schemaWith(nested));
		expect((await kind.validateExpressions?.(costly, undefined, []))?.[0]?.detail).toContain(
			"estimated rule cost exceeds budget by factor of more than 100x",
		);
		expect(await kind.validateExpressions?.(costly, costly, [])).toEqual([]);
		expect(await kind.validateExpressions?.(costly, definition(schemaWith("true")), [])).not.toEqual([]);
	});
});
