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

describe("validating policies", () => {
	const rule = (apiGroups: readonly string[], resources: readonly string[]) => ({
		resourceRules: [{ apiGroups, apiVersions: ["*"], operations: ["CREATE", "UPDATE"], resources }],
	});
	const bind = (policyName: string, more: object = {}) =>
		write("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", "demo-binding-test.example.com", {
			policyName,
			validationActions: ["Deny"],
			...more,
		});
	const define = (name: string, spec: object) => write("validatingadmissionpolicies", "ValidatingAdmissionPolicy", name, spec);
	const deployment = (name: string, replicas: number, image = "nginx") => ({
		apiVersion: "apps/v1",
		kind: "Deployment",
		metadata: { name },
		spec: {
			replicas,
			selector: { matchLabels: { app: name } },
			template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "nginx", image }] } },
		},
	});
	const failure = (body: KubeObject) => fixture.resource("apps", "v1", "deployments").failure("create", { body });

	it("say what a parameter of a kind of one's own allows", async () => {
		const limits = definitionOf(
			"ReplicaLimit",
			[{ ...version("v1", {}), schema: { openAPIV3Schema: { type: "object", properties: { maxReplicas: { type: "integer" } } } } }],
			{ group: "rules.example.com" },
		);
		await install(fixture, limits);
		const limit = { apiVersion: "rules.example.com/v1", kind: "ReplicaLimit", metadata: { name: "replica-limit-test.example.com" } };
		await fixture.resource("rules.example.com", "v1", "replicalimits").send("create", { body: { ...limit, maxReplicas: 3 } as KubeObject });
		await define("deploy-replica-policy.example.com", {
			failurePolicy: "Fail",
			paramKind: { apiVersion: "rules.example.com/v1", kind: "ReplicaLimit" },
			matchConstraints: rule(["apps"], ["deployments"]),
			validations: [
				{
					expression: "object.spec.replicas <= params.maxReplicas",
					messageExpression: "'object.spec.replicas must be no greater than ' + string(params.maxReplicas)",
					reason: "Invalid",
				},
			],
		});
		const paramRef = { name: "replica-limit-test.example.com", namespace: "default", parameterNotFoundAction: "Deny" };
		await bind("deploy-replica-policy.example.com", { paramRef });
		expect(await failure(deployment("nginx", 5))).toBe(
			"422 Invalid: deployments.apps \"nginx\" is forbidden: ValidatingAdmissionPolicy 'deploy-replica-policy.example.com' with binding 'demo-binding-test.example.com' denied request: object.spec.replicas must be no greater than 3",
		);
		await fixture.resource("apps", "v1", "deployments").send("create", { body: deployment("nginx", 3) });
	});

	it("compose variables", async () => {
		await define("image-matches-namespace-environment.policy.example.com", {
			failurePolicy: "Fail",
			matchConstraints: rule(["apps"], ["deployments"]),
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
					expression: "variables.exempt || variables.containersToCheck.all(c, c.image.startsWith(variables.environment + '.'))",
					messageExpression: "'only ' + variables.environment + ' images are allowed in namespace ' + namespaceObject.metadata.name",
				},
			],
		});
		await bind("image-matches-namespace-environment.policy.example.com");
		const invalid = deployment("invalid", 1, "dev.example.com/nginx");
		expect(await failure(invalid)).toContain("denied request: only prod images are allowed in namespace default");
		const exempt = { ...invalid, metadata: { ...invalid.metadata, labels: { exempt: "true" } } };
		for (const body of [exempt, deployment("valid", 1, "prod.example.com/nginx")]) {
			await fixture.resource("apps", "v1", "deployments").send("create", { body });
		}
	});

	it("leave out what their conditions say", async () => {
		await define("demo-policy.example.com", {
			failurePolicy: "Fail",
			matchConstraints: rule(["*"], ["*"]),
			matchConditions: [
				{
					name: "exclude-leases",
					expression: '!(request.resource.group == "coordination.k8s.io" && request.resource.resource == "leases")',
				},
				{ name: "exclude-kubelet-requests", expression: '!("system:nodes" in request.userInfo.groups)' },
				{ name: "rbac", expression: 'request.resource.group != "rbac.authorization.k8s.io"' },
			],
			validations: [{ expression: "!object.metadata.name.contains('demo') || object.metadata.namespace == 'demo'" }],
		});
		await bind("demo-policy.example.com");
		const body = (apiVersion: string, kind: string) => ({ apiVersion, kind, metadata: { name: "demo" } });
		await fixture.resource("coordination.k8s.io", "v1", "leases").send("create", { body: body("coordination.k8s.io/v1", "Lease") });
		const roles = fixture.resource("rbac.authorization.k8s.io", "v1", "roles");
		await roles.send("create", { body: body("rbac.authorization.k8s.io/v1", "Role") });
		expect(await fixture.resource("", "v1", "configmaps").failure("create", { body: body("v1", "ConfigMap") })).toContain(
			"denied request: failed expression: !object.metadata.name.contains('demo') || object.metadata.namespace == 'demo'",
		);
	});
});
