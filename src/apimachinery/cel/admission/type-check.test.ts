import { describe, expect, it } from "vitest";
import type { NamedRuleWithOperations, ValidatingAdmissionPolicySpec } from "../../schema/generated/types.ts";
import { typeCheckPolicy } from "./type-check.ts";

const rule = (
	apiGroups: readonly string[],
	resources: readonly string[],
	apiVersions: readonly string[] = ["v1"],
): NamedRuleWithOperations => ({ apiGroups, apiVersions, resources, operations: ["*"] });

const warnings = (resourceRules: readonly NamedRuleWithOperations[], expression: string, spec: ValidatingAdmissionPolicySpec = {}) =>
	typeCheckPolicy({ spec: { matchConstraints: { resourceRules }, validations: [{ expression }], ...spec } });

describe("type checking of a policy", () => {
	const deployments = rule(["apps"], ["deployments"]);

	it("says for which kind an expression does not fit", () => {
		expect(warnings([deployments], "object.replicas > 1")).toEqual([
			{
				fieldRef: "spec.validations[0].expression",
				warning: "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n | object.replicas > 1\n | ......^",
			},
		]);
		expect(
			warnings([deployments], "object.spec.replicas > 1 && object.spec.template.spec.containers.all(c, c.image.startsWith('a'))"),
		).toEqual([]);
		expect(warnings([rule(["apps", ""], ["deployments", "pods"])], "object.spec.replicas > 1")).toEqual([
			{
				fieldRef: "spec.validations[0].expression",
				warning: "/v1, Kind=Pod: ERROR: <input>:1:12: undefined field 'replicas'\n | object.spec.replicas > 1\n | ...........^",
			},
		]);
	});

	it("says so for each of several kinds, as the documentation shows it", () => {
		expect(warnings([rule(["apps"], ["deployments", "replicasets"])], "object.replicas > 1")).toEqual([
			{
				fieldRef: "spec.validations[0].expression",
				warning:
					"apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n | object.replicas > 1\n | ......^\n" +
					"apps/v1, Kind=ReplicaSet: ERROR: <input>:1:7: undefined field 'replicas'\n | object.replicas > 1\n | ......^",
			},
		]);
	});

	it("does not know what a star means", () => {
		expect(warnings([rule(["*"], ["deployments"]), rule(["apps"], ["*"]), rule(["apps"], ["deployments"], ["*"])], "object.nope")).toEqual(
			[],
		);
	});

	it("knows the kind of the parameters, and variables", () => {
		const spec = { paramKind: { apiVersion: "v1", kind: "ConfigMap" }, variables: [{ name: "r", expression: "object.spec.replicas" }] };
		expect(warnings([deployments], "variables.r < int(params.data['max'])", spec)).toEqual([]);
		expect(warnings([deployments], "variables.r == 'a' || params.nope == 1", spec)[0]?.warning).toBe(
			"apps/v1, Kind=Deployment: ERROR: <input>:1:13: found no matching overload for '_==_' applied to '(int, string)'\n | variables.r == 'a' || params.nope == 1\n | ............^\n" +
				"ERROR: <input>:1:29: undefined field 'nope'\n | variables.r == 'a' || params.nope == 1\n | ............................^",
		);
	});
});
