/**
 * Policies of Kubernetes' documentation in a whole API server.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/ and
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 */
import { beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { Pod } from "../../../apimachinery/schema/generated/types.ts";
import { definitionOf, install, version } from "../../extension/testing.ts";
import { type ServerFixture, startServer } from "../../testing.ts";

let fixture: ServerFixture;
beforeEach(async () => {
	fixture = await startServer();
});

const group = "admissionregistration.k8s.io";
const write = (resource: string, kind: string, name: string, spec: unknown) =>
	fixture.clusterResource(group, "v1", resource).send("create", {
		body: { apiVersion: `${group}/v1`, kind, metadata: { name }, spec } as KubeObject,
	});

describe("the sidecar", () => {
	const applyConfiguration = `
- patchType: ApplyConfiguration
  applyConfiguration:
    expression: >
      Object{
        spec: Object.spec{
          initContainers: [
            Object.spec.initContainers{ name: "mesh-proxy", image: "mesh/proxy:v1.0.0", restartPolicy: "Always" }
          ]
        }
      }`;
	const jsonPatch = `
- patchType: JSONPatch
  jsonPatch:
    expression: >
      [
        JSONPatch{
          op: "add", path: "/spec/initContainers/-",
          value: Object.spec.initContainers{ name: "mesh-proxy", image: "mesh-proxy/v1.0.0", restartPolicy: "Always" }
        }
      ]`;
	const spec = (mutations: string, expression: string) => ({
		paramKind: { kind: "Sidecar", apiVersion: "mutations.example.com/v1" },
		matchConstraints: { resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }] },
		matchConditions: [{ name: "does-not-already-have-sidecar", expression }],
		failurePolicy: "Fail",
		reinvocationPolicy: "IfNeeded",
		mutations: parse(mutations) as unknown,
	});
	const condition = '!object.spec.initContainers.exists(ic, ic.name == "mesh-proxy")';
	const pod = (name: string, spec: object = {}) =>
		({
			apiVersion: "v1",
			kind: "Pod",
			metadata: { name },
			spec: { containers: [{ name: "app", image: "example/app:v1" }], ...spec },
		}) as Pod & KubeObject;
	const initializer = { initContainers: [{ name: "myapp-initializer", image: "example/initializer:v1.0.0" }] };
	const create = (body: KubeObject) => fixture.resource("", "v1", "pods").send("create", { body }) as Promise<Pod & KubeObject>;
	const initContainersOf = ({ spec }: Pod) => spec?.initContainers?.map(({ name, image, restartPolicy }) => [name, image, restartPolicy]);

	beforeEach(async () => {
		await install(fixture, definitionOf("Sidecar", [version("v1", { type: "object" })], { group: "mutations.example.com" }));
		const binding = { policyName: "sidecar-policy.example.com" };
		await write("mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", "sidecar-binding.example.com", binding);
	});

	it.each([
		["an apply configuration", applyConfiguration, "mesh/proxy:v1.0.0"],
		["a JSON patch", jsonPatch, "mesh-proxy/v1.0.0"],
	])("comes by %s, once", async (_, mutations, image) => {
		await write("mutatingadmissionpolicies", "MutatingAdmissionPolicy", "sidecar-policy.example.com", spec(mutations, condition));
		const added = ["mesh-proxy", image, "Always"];
		const own = ["myapp-initializer", "example/initializer:v1.0.0", undefined];
		const got = initContainersOf(await create(pod("myapp", initializer))) ?? [];
		expect(got).toHaveLength(2);
		expect(got).toEqual(expect.arrayContaining([added, own]));
		expect(initContainersOf(await create(pod("has", { initContainers: [{ name: "mesh-proxy", image: "mine" }] })))).toEqual([
			["mesh-proxy", "mine", undefined],
		]);
	});

	it("may not come with arguments, which the page's own has: lists that are one value are not laid over each other", async () => {
		const mutations = applyConfiguration.replace("restartPolicy:", 'args: ["proxy", "sidecar"], restartPolicy:');
		await write("mutatingadmissionpolicies", "MutatingAdmissionPolicy", "sidecar-policy.example.com", spec(mutations, condition));
		await expect(create(pod("myapp", initializer))).rejects.toThrow(
			"invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.initContainers[0].args",
		);
	});

	it("is no help to Pods without any init container: the condition cannot be computed", async () => {
		await write("mutatingadmissionpolicies", "MutatingAdmissionPolicy", "sidecar-policy.example.com", spec(jsonPatch, condition));
		await expect(create(pod("plain"))).rejects.toThrow("no such key: initContainers");
	});

	it.each([
		[
			"a key with a slash",
			'JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.com/environment"), value: "test"}',
		],
		["a value of a type", 'JSONPatch{op: "add", path: "/metadata/labels", value: Object.metadata.labels{environment: "test"}}'],
		[
			"a test before it",
			'JSONPatch{op: "test", path: "/spec/nodeName", value: "red"}, JSONPatch{op: "replace", path: "/spec/nodeName", value: "green"}',
		],
	])("may have %s", async (what, operations) => {
		const mutations = `[{ patchType: JSONPatch, jsonPatch: { expression: '[${operations}]' } }]`;
		await write("mutatingadmissionpolicies", "MutatingAdmissionPolicy", "sidecar-policy.example.com", spec(mutations, "true"));
		const body = pod("labelled", { nodeName: "red" });
		const { metadata, spec: made } = await create({ ...body, metadata: { ...body.metadata, labels: { a: "b" } } });
		expect([metadata?.labels, made?.nodeName]).toEqual(
			{
				"a key with a slash": [{ a: "b", "example.com/environment": "test" }, "red"],
				"a value of a type": [{ environment: "test" }, "red"],
				"a test before it": [{ a: "b" }, "green"],
			}[what],
		);
	});
});
