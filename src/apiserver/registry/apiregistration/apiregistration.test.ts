import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, kindOf, printed, problems } from "../testing/kind-probe.ts";
import { apiregistrationKinds } from "./index.ts";

const kind = kindOf(apiregistrationKinds, "apiservices");
const spec = { group: "metrics.k8s.io", version: "v1beta1", groupPriorityMinimum: 100, versionPriority: 100 };
const service = { namespace: "kube-system", name: "metrics-server" };
const apiService = (fields: object, status = {}, name = "v1beta1.metrics.k8s.io"): KubeObject =>
	({ metadata: { name, creationTimestamp: created }, spec: { ...spec, ...fields }, status }) as KubeObject;

describe("APIService", () => {
	it("prints who serves it and whether he does", () => {
		const row = (object: KubeObject) => printed(kind, object).split("\n")[1];
		const available = (status: string, reason: string) => ({ conditions: [{ type: "Available", status, reason }] });
		expect(printed(kind, apiService({})).split("\n")[0]).toBe("NAME | SERVICE | AVAILABLE | AGE");
		expect(row(apiService({}, available("True", "Local")))).toBe("v1beta1.metrics.k8s.io | Local | True | 5m");
		expect(row(apiService({ service }, available("False", "MissingEndpoints")))).toBe(
			"v1beta1.metrics.k8s.io | kube-system/metrics-server | False (MissingEndpoints) | 5m",
		);
		expect(row(apiService({ service }))).toMatch(/\| Unknown \| 5m$/);
	});

	it("says what is wrong", () => {
		expect(problems(kind, apiService({ service }))).toEqual([]);
		expect(problems(kind, apiService({ caBundle: "AAAA", versionPriority: 0 }, {}, "metrics"))).toEqual([
			'metadata.name: Invalid value: "metrics": must be `spec.version+"."+spec.group`: "v1beta1.metrics.k8s.io"',
			"spec.versionPriority: Invalid value: 0: must be positive and less than 1000",
			'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle',
		]);
	});
});
