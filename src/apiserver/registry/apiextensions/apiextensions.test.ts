import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, defaulted, kindOf, nowMs, printed, problems } from "../testing/kind-probe.ts";
import { apiextensionsKinds } from "./index.ts";

const kind = kindOf(apiextensionsKinds, "customresourcedefinitions");
const version = { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } };
const spec = { group: "stable.example.com", scope: "Namespaced", names: { plural: "crontabs", kind: "CronTab" }, versions: [version] };
const crd = (fields: object, name = "crontabs.stable.example.com"): KubeObject =>
	({ metadata: { name, creationTimestamp: created }, spec: { ...spec, ...fields } }) as KubeObject;

describe("CustomResourceDefinition", () => {
	it("gets names, no conversion and the stored version", () => {
		const created = kind.prepareForCreate?.(defaulted(kind, crd({})), { nowMs });
		expect(created).toMatchObject({
			spec: {
				names: { plural: "crontabs", singular: "crontab", kind: "CronTab", listKind: "CronTabList" },
				conversion: { strategy: "None" },
			},
			status: { storedVersions: ["v1"], acceptedNames: { plural: "", kind: "" } },
		});
	});

	it("warns of formats that nobody checks, once, and not of those that it had", () => {
		const withFormats = (...formats: readonly object[]): KubeObject => {
			const properties = Object.fromEntries(formats.map((schema, index) => [`f${index}`, schema]));
			const inner = { type: "object", properties: { items: { type: "array", items: { type: "object", properties } } } };
			return crd({ versions: [{ ...version, schema: { openAPIV3Schema: inner } }] });
		};
		const text = (format: string): object => ({ type: "string", format });
		const old = withFormats(text("phone"), text("date-time"), { type: "integer", format: "int16" }, { format: "other" });
		const now = withFormats(text("phone"), text("colour"), { type: "object", additionalProperties: text("colour") });
		expect(kind.warnings?.(old)).toEqual(['unrecognized format "phone"']);
		expect(kind.warnings?.(now)).toEqual(['unrecognized format "phone"', 'unrecognized format "colour"']);
		expect(kind.warnings?.(now, old)).toEqual(['unrecognized format "colour"']);
	});

	it("prints when it was made", () => {
		expect(printed(kind, crd({}))).toBe("NAME | CREATED AT\ncrontabs.stable.example.com | 2026-01-01T00:00:00Z");
	});

	it("says what is wrong", () => {
		expect(problems(kind, crd({}))).toEqual([]);
		expect(problems(kind, crd({ versions: [{ ...version, schema: {} }], scope: "Everywhere" }, "crontab"))).toEqual([
			'metadata.name: Invalid value: "crontab": must be spec.names.plural+"."+spec.group',
			'spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"',
			"spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required",
		]);
		expect(problems(kind, crd({ group: "x.k8s.io" }, "crontabs.x.k8s.io"))).toEqual([
			'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
		]);
	});

	it("keeps every version that objects are stored in, and says so in its status", () => {
		const old = { ...crd({}), status: { storedVersions: ["v1"] } } as KubeObject;
		const changed = kind.prepareForUpdate?.(crd({ versions: [{ ...version, name: "v2" }] }), old, { nowMs });
		expect(changed).toMatchObject({ status: { storedVersions: ["v1", "v2"] } });
	});
});
