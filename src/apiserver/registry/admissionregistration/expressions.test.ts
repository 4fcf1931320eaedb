import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { kindOf } from "../testing/kind-probe.ts";
import { admissionregistrationKinds } from "./index.ts";

async function problems(resource: string, fields: object, old?: object): Promise<readonly string[]> {
	const kind = kindOf(admissionregistrationKinds, resource);
	const object = (each: object): KubeObject => ({ metadata: { name: "a" }, ...each }) as KubeObject;
	const errors = await kind.validateExpressions?.(object(fields), old === undefined ? undefined : object(old), []);
	return (errors ?? []).map(String);
}

const failed = (path: string, expression: string, problem: string) =>
	`${path}: Invalid value: ${JSON.stringify(expression)}: compilation failed: ERROR: <input>:${problem}`;

describe("ValidatingAdmissionPolicy", () => {
	const policy = (spec: object) => problems("validatingadmissionpolicies", { spec });

	it("compiles what the documentation shows", async () => {
		const spec = {
			paramKind: { apiVersion: "rules.example.com/v1", kind: "ReplicaLimit" },
			matchConditions: [
				{
					name: "exclude-leases",
					expression: '!(request.resource.group == "coordination.k8s.io" && request.resource.resource == "leases")',
				},
				{ name: "exclude-kubelet-requests", expression: '!("system:nodes" in request.userInfo.groups)' },
				{
					name: "breakglass",
					expression:
						"!authorizer.group('admissionregistration.k8s.io').resource('validatingwebhookconfigurations').name('my-webhook').check('breakglass').allowed()",
				},
			],
			variables: [
				{
					name: "environment",
					expression: "'environment' in namespaceObject.metadata.labels ? namespaceObject.metadata.labels['environment'] : 'prod'",
				},
				{
					name: "exempt",
					expression: "has(object.metadata.labels) && 'exempt' in object.metadata.labels && object.metadata.labels['exempt'] == 'true'",
				},
				{ name: "containers", expression: "object.spec.template.spec.containers" },
				{ name: "containersToCheck", expression: "variables.containers.filter(c, c.image.contains('example.com/'))" },
			],
			validations: [
				{
					expression: "object.spec.replicas <= params.maxReplicas",
					messageExpression: "'object.spec.replicas must be no greater than ' + string(params.maxReplicas)",
				},
				{ expression: "variables.exempt || variables.containersToCheck.all(c, c.image.startsWith(variables.environment + '.'))" },
				{ expression: "authorizer.requestResource.check('delete').allowed()" },
				{ expression: "oldObject == null || request.operation == 'CREATE' || request.dryRun" },
			],
			auditAnnotations: [
				{
					key: "high",
					valueExpression: "'Deployment spec.replicas set to ' + string(object.spec.replicas)",
				},
			],
		};
		expect(await policy(spec)).toEqual([]);
	});

	it("says where and why an expression does not compile", async () => {
		expect(await policy({ validations: [{ expression: "object.x == nope", messageExpression: "1 +" }] })).toEqual([
			failed(
				"spec.validations[0].expression",
				"object.x == nope",
				"1:13: undeclared reference to 'nope' (in container '')\n | object.x == nope\n | ............^",
			),
			expect.stringContaining(
				"spec.validations[0].messageExpression: Invalid value: \"1 +\": compilation failed: ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>'",
			),
		]);
		expect(await policy({ matchConditions: [{ name: "a", expression: " request.nope == 1 " }], validations: [] })).toEqual([
			failed("spec.matchConditions[0].expression", "request.nope == 1", "1:8: undefined field 'nope'\n | request.nope == 1\n | .......^"),
		]);
	});

	it("wants the right type", async () => {
		expect(
			await policy({
				validations: [{ expression: "1", messageExpression: "true" }],
				auditAnnotations: [{ key: "a", valueExpression: "1" }],
				matchConditions: [{ name: "a", expression: "'x'" }],
			}),
		).toEqual([
			"spec.matchConditions[0].expression: Invalid value: \"'x'\": must evaluate to bool but got string",
			'spec.validations[0].expression: Invalid value: "1": must evaluate to bool but got int',
			'spec.validations[0].messageExpression: Invalid value: "true": must evaluate to string but got bool',
			'spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of [string null_type] but got int',
		]);
	});

	it("shows each expression what it may see", async () => {
		const expression = "params.x == 1";
		expect(await policy({ validations: [{ expression }] })).toEqual([
			failed(
				"spec.validations[0].expression",
				expression,
				`1:1: undeclared reference to 'params' (in container '')\n | ${expression}\n | ^`,
			),
		]);
		expect(await policy({ paramKind: { apiVersion: "v1", kind: "ConfigMap" }, validations: [{ expression }] })).toEqual([]);
		expect(
			await policy({ validations: [{ expression: "true", messageExpression: "authorizer.path('/x').check('get').reason()" }] }),
		).toHaveLength(1);
		const later = [
			{ name: "a", expression: "variables.b" },
			{ name: "b", expression: "1" },
		];
		expect(await policy({ variables: later, validations: [{ expression: "variables.b == 1" }] })).toEqual([
			failed("spec.variables[0].expression", "variables.b", "1:10: undefined field 'b'\n | variables.b\n | .........^"),
		]);
		expect(await policy({ variables: later.slice(1), matchConditions: [{ name: "a", expression: "variables.b == 1" }] })).toHaveLength(1);
	});
});

describe("MutatingAdmissionPolicy", () => {
	const policy = (spec: object) => problems("mutatingadmissionpolicies", { spec });

	it("compiles what the documentation shows", async () => {
		const applyConfiguration = {
			expression: `Object{
				spec: Object.spec{
					initContainers: [
						Object.spec.initContainers{
							name: "mesh-proxy",
							image: "mesh/proxy:v1.0.0",
							args: ["proxy", "sidecar"],
							restartPolicy: "Always"
						}
					]
				}
			}`,
		};
		const jsonPatch = {
			expression: `[
				JSONPatch{op: "test", path: "/spec/example", value: "Red"},
				JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.com/environment"), value: "prod"},
				JSONPatch{op: "replace", path: "/spec/selector", value: Object.spec.selector{matchLabels: {"environment": "test"}}}
			]`,
		};
		const mutations = [
			{ patchType: "ApplyConfiguration", applyConfiguration },
			{ patchType: "JSONPatch", jsonPatch },
		];
		expect(await policy({ mutations })).toEqual([]);
	});

	it("wants the right type", async () => {
		const mutations = [
			{ patchType: "ApplyConfiguration", applyConfiguration: { expression: "true" } },
			{ patchType: "JSONPatch", jsonPatch: { expression: "JSONPatch{op: 'add', nope: 1}" } },
			{ patchType: "JSONPatch", jsonPatch: { expression: "[Object{}]" } },
		];
		expect(await policy({ mutations })).toEqual([
			'spec.mutations[0].applyConfiguration.expression: Invalid value: "true": must evaluate to Object but got bool',
			failed(
				"spec.mutations[1].jsonPatch.expression",
				"JSONPatch{op: 'add', nope: 1}",
				"1:26: undefined field 'nope'\n | JSONPatch{op: 'add', nope: 1}\n | .........................^",
			),
			'spec.mutations[2].jsonPatch.expression: Invalid value: "[Object{}]": must evaluate to list(JSONPatch) but got list(Object)',
		]);
	});
});

describe("webhooks", () => {
	const broken = { webhooks: [{ name: "a.b.c", matchConditions: [{ name: "x", expression: "nope" }] }] };
	const problem = failed(
		"webhooks[0].matchConditions[0].expression",
		"nope",
		"1:1: undeclared reference to 'nope' (in container '')\n | nope\n | ^",
	);

	it.each(["validatingwebhookconfigurations", "mutatingwebhookconfigurations"])(
		"%s have conditions that compile, unless they were there before",
		async (resource) => {
			expect(await problems(resource, broken)).toEqual([problem]);
			expect(await problems(resource, broken, broken)).toEqual([]);
			expect(await problems(resource, { webhooks: [{ name: "a.b.c" }] })).toEqual([]);
		},
	);
});
