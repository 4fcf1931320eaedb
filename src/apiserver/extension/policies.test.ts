/** Admission policies about custom resources, and with custom resources as their parameters. */
import { beforeEach, expect, it } from "vitest";
import { type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";
import { type CustomObject, definitionOf, install, version } from "./testing.ts";

const spec = {
	type: "object",
	properties: {
		replicas: { type: "integer" },
		ports: {
			type: "array",
			items: { type: "object", required: ["name"], properties: { name: { type: "string" }, port: { type: "integer", default: 80 } } },
			"x-kubernetes-list-type": "map",
			"x-kubernetes-list-map-keys": ["name"],
		},
	},
} as const;
const matchConstraints = {
	resourceRules: [{ operations: ["CREATE"], apiGroups: ["stable.example.com"], apiVersions: ["v1"], resources: ["webs"] }],
};

let fixture: ServerFixture;
let webs: ResourceDriver;
const policyDriver = (resource: string) => fixture.clusterResource("admissionregistration.k8s.io", "v1", resource);
const web = (fields: object): CustomObject => ({
	apiVersion: "stable.example.com/v1",
	kind: "Web",
	metadata: { name: "a" },
	spec: { ...fields },
});

beforeEach(async () => {
	fixture = await startServer();
	webs = fixture.resource("stable.example.com", "v1", "webs");
	await install(fixture, definitionOf("Web", [version("v1", spec)]));
});

it("judges them by what a custom resource says", async () => {
	await install(fixture, definitionOf("Limit", [version("v1", { type: "object", properties: { max: { type: "integer" } } })]));
	const limit = { apiVersion: "stable.example.com/v1", kind: "Limit", metadata: { name: "small" }, spec: { max: 3 } };
	await fixture.resource("stable.example.com", "v1", "limits").send("create", { body: limit });
	const policy = {
		paramKind: { apiVersion: "stable.example.com/v1", kind: "Limit" },
		matchConstraints,
		validations: [{ expression: "object.spec.replicas <= params.spec.max", message: "too many" }],
	};
	const binding = { policyName: "p", validationActions: ["Deny"], paramRef: { name: "small", parameterNotFoundAction: "Deny" } };
	await policyDriver("validatingadmissionpolicies").send("create", { body: { metadata: { name: "p" }, spec: policy } });
	await policyDriver("validatingadmissionpolicybindings").send("create", { body: { metadata: { name: "b" }, spec: binding } });
	expect(await webs.failure("create", { body: web({ replicas: 4 }) })).toMatch(/denied request: too many$/);
	expect((await webs.send("create", { body: web({ replicas: 3 }) })).metadata?.name).toBe("a");
});

it("changes them by their schema: lists are maps, what is missing is filled in", async () => {
	const expression = 'Object{spec: Object.spec{ports: [Object.spec.ports{name: "metrics"}]}}';
	const policy = {
		matchConstraints,
		failurePolicy: "Fail",
		reinvocationPolicy: "Never",
		mutations: [{ patchType: "ApplyConfiguration", applyConfiguration: { expression } }],
	};
	await policyDriver("mutatingadmissionpolicies").send("create", { body: { metadata: { name: "p" }, spec: policy } });
	await policyDriver("mutatingadmissionpolicybindings").send("create", { body: { metadata: { name: "b" }, spec: { policyName: "p" } } });
	const created = (await webs.send("create", { body: web({ ports: [{ name: "http", port: 8080 }] }) })) as CustomObject;
	expect(created.spec?.ports).toEqual([
		{ name: "http", port: 8080 },
		{ name: "metrics", port: 80 },
	]);
});

it("does not write into them what their schema does not know", async () => {
	const expression = '[JSONPatch{op: "add", path: "/spec/unknown", value: 1}]';
	const policy = {
		matchConstraints,
		failurePolicy: "Fail",
		reinvocationPolicy: "Never",
		mutations: [{ patchType: "JSONPatch", jsonPatch: { expression } }],
	};
	await policyDriver("mutatingadmissionpolicies").send("create", { body: { metadata: { name: "p" }, spec: policy } });
	await policyDriver("mutatingadmissionpolicybindings").send("create", { body: { metadata: { name: "b" }, spec: { policyName: "p" } } });
	expect(await webs.failure("create", { body: web({ replicas: 1 }) })).toMatch(/unknown field "spec\.unknown"/);
});
