import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { Pod } from "../../../apimachinery/schema/generated/types.ts";
import { StatusError } from "../../../apimachinery/status-error.ts";
import { AdmissionChain, type AdmissionPlugin } from "../admission.ts";
import { attributesFor, type OtherObjects } from "../testing/attributes.ts";
import { createPolicyPlugins } from "./policy-plugins.ts";

const [plugin] = createPolicyPlugins({
	authorize: () => ({ allowed: true, reason: "", error: "" }),
	findKind: (_group, _version, kind) => {
		const withDefault = (object: KubeObject) => ({ ...object, spec: { restartPolicy: "Always", ...(object as Pod).spec } }) as KubeObject;
		if (kind === "Pod") return { resource: "pods", isNamespaced: true, type: "Pod", setDefaults: withDefault };
		return kind === "ConfigMap" ? { resource: "configmaps", isNamespaced: true, type: "", setDefaults: (object) => object } : undefined;
	},
});

const resourceRules = [{ operations: ["CREATE", "UPDATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }];

type Patch = "jsonPatch" | "applyConfiguration";

const policy = (mutations: readonly (readonly [kind: Patch, expression: string])[], spec: object = {}, name = "demo"): KubeObject =>
	({
		metadata: { name },
		spec: {
			failurePolicy: "Fail",
			reinvocationPolicy: "Never",
			matchConstraints: { resourceRules },
			mutations: mutations.map(([kind, expression]) => ({
				patchType: kind === "jsonPatch" ? "JSONPatch" : "ApplyConfiguration",
				[kind]: { expression },
			})),
			...spec,
		},
	}) as KubeObject;

const binding = (spec: object = {}, name = "demo-binding"): KubeObject =>
	({ metadata: { name }, spec: { policyName: "demo", ...spec } }) as KubeObject;

const pod = {
	apiVersion: "v1",
	kind: "Pod",
	metadata: { name: "web", namespace: "default", labels: { app: "web" } },
	spec: { containers: [{ name: "app", image: "nginx" }] },
} as Pod & KubeObject;

/** @param after what plugins behind it do, as webhooks are; it is called in both passes */
async function mutate(
	policies: readonly KubeObject[],
	bindings: readonly KubeObject[],
	others: OtherObjects = {},
	after: AdmissionPlugin["mutate"] = (object) => object,
): Promise<Pod> {
	const objects = {
		"admissionregistration.k8s.io/mutatingadmissionpolicies": policies,
		"admissionregistration.k8s.io/mutatingadmissionpolicybindings": bindings,
		...others,
	};
	const given = { operation: "CREATE", resource: "pods", name: "web", kind: { group: "", version: "v1", kind: "Pod" } } as const;
	const attributes = attributesFor(given, objects);
	let isAsked = false;
	Object.assign(attributes, {
		askForReinvocation: () => {
			isAsked = true;
		},
		beginReinvocation: () => Object.assign(attributes, { isReinvocation: isAsked }).isReinvocation,
	});
	const chain = new AdmissionChain([...(plugin === undefined ? [] : [plugin]), { name: "After", handles: () => true, mutate: after }]);
	return (await chain.mutate(pod, attributes)) as Pod;
}

const refused = async (policies: readonly KubeObject[]): Promise<string> => {
	try {
		await mutate(policies, [binding()]);
	} catch (error) {
		if (error instanceof StatusError) return `${error.code} ${error.message}`;
		throw error;
	}
	return "";
};

const sidecar = `Object{ spec: Object.spec{ containers: [Object.spec.containers{ name: "mesh", image: "mesh/proxy:" + object.metadata.labels["app"] }] } }`;

describe("an apply configuration", () => {
	it("is merged by the keys of lists, and what is new gets its defaults", async () => {
		const changed = await mutate([policy([["applyConfiguration", sidecar]])], [binding()]);
		expect(changed.spec).toEqual({
			containers: [
				{ name: "app", image: "nginx" },
				{ name: "mesh", image: "mesh/proxy:web" },
			],
			restartPolicy: "Always",
		});
		expect(changed.metadata).toEqual(pod.metadata);
	});

	it("changes parts of what is there", async () => {
		const expression = `Object{ metadata: Object.metadata{ labels: {"tier": "front"} }, spec: Object.spec{ containers: [Object.spec.containers{ name: "app", image: "httpd" }] } }`;
		const changed = await mutate([policy([["applyConfiguration", expression]])], [binding()]);
		expect(changed.metadata?.labels).toEqual({ app: "web", tier: "front" });
		expect(changed.spec?.containers).toEqual([{ name: "app", image: "httpd" }]);
	});

	it.each([
		[
			`Object{ spec: Object.spec{ containers: [Object.spec.containers{ name: "app", args: ["a"] }] } }`,
			"error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.containers[0].args",
		],
		[
			`Object{ spec: Object.wrong{ nodeName: "a" } }`,
			'type mismatch: unexpected type name "Object.wrong", expected "Object.spec", which matches field name path from root Object type',
		],
		[
			"Object{ spec: Object.spec{ nodeName: object.nope } }",
			"expression 'Object{ spec: Object.spec{ nodeName: object.nope } }' resulted in error: no such key: nope",
		],
	])("%s is refused", async (expression, text) => {
		expect(await refused([policy([["applyConfiguration", expression]])])).toBe(
			`422 policy 'demo' with binding 'demo-binding' denied request: ${text}`,
		);
	});

	it("is of the object's type", async () => {
		const expression = `Object{ spec: Object.spec{ nope: 1 } }`;
		expect(await refused([policy([["applyConfiguration", expression]])])).toContain(
			"failed to convert patch object to typed object: .spec.nope: field not declared in schema",
		);
	});
});

describe("a JSON patch", () => {
	it("is applied operation by operation", async () => {
		const expression = `[
			JSONPatch{op: "test", path: "/spec/containers/0/image", value: "nginx"},
			JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.com/env"), value: "prod"},
			JSONPatch{op: "add", path: "/spec/containers/-", value: Object.spec.containers{name: "b", image: "c"}},
			JSONPatch{op: "copy", from: "/metadata/labels/app", path: "/metadata/labels/copy"}
		] + (has(object.spec.nodeName) ? [] : [JSONPatch{op: "add", path: "/spec/nodeName", value: "node-1"}])`;
		const changed = await mutate([policy([["jsonPatch", expression]])], [binding()]);
		expect(changed.metadata?.labels).toEqual({ app: "web", "example.com/env": "prod", copy: "web" });
		expect(changed.spec).toEqual({
			containers: [
				{ name: "app", image: "nginx" },
				{ name: "b", image: "c" },
			],
			nodeName: "node-1",
			restartPolicy: "Always",
		});
	});

	it("changes nothing when its test fails", async () => {
		const expression = `[JSONPatch{op: "test", path: "/metadata/labels/app", value: "api"}, JSONPatch{op: "remove", path: "/metadata/labels"}]`;
		expect(await mutate([policy([["jsonPatch", expression]])], [binding()])).toBe(pod);
	});

	it("that does not apply refuses, unless failures are ignored", async () => {
		const expression = `[JSONPatch{op: "remove", path: "/metadata/annotations/a"}]`;
		expect(await refused([policy([["jsonPatch", expression]])])).toMatch(
			/^422 policy 'demo' with binding 'demo-binding' denied request: JSONPath: remove operation does not apply: /,
		);
		expect(await mutate([policy([["jsonPatch", expression]], { failurePolicy: "Ignore" })], [binding()])).toBe(pod);
	});
});

describe("several policies", () => {
	const label = (key: string, value: string) =>
		[["jsonPatch", `[JSONPatch{op: "add", path: "/metadata/labels/${key}", value: ${value}}]`]] as const;
	const count = "string(object.metadata.labels.size())";

	it("see what those before them did, with variables, conditions and parameters", async () => {
		const first = policy(label("a", "variables.twice"), {
			variables: [{ name: "twice", expression: "object.metadata.name + object.metadata.name" }],
			matchConditions: [{ name: "c", expression: "object.metadata.name == 'web'" }],
		});
		const skipped = policy(label("b", "'x'"), { matchConditions: [{ name: "c", expression: "false" }] }, "skipped");
		const second = policy(
			label("c", "params.data.x + object.metadata.labels.a"),
			{ paramKind: { apiVersion: "v1", kind: "ConfigMap" } },
			"second",
		);
		const config = { metadata: { name: "p", namespace: "default" }, data: { x: "1" } } as unknown as KubeObject;
		const paramRef = { name: "p", parameterNotFoundAction: "Deny" };
		const bindings = [binding(), binding({ policyName: "skipped" }, "s"), binding({ policyName: "second", paramRef }, "t")];
		const changed = await mutate([first, skipped, second], bindings, { "/configmaps": [config] });
		expect(changed.metadata?.labels).toEqual({ app: "web", a: "webweb", c: "1webweb" });
	});

	it("run again where they ask for it and another has changed the object after them", async () => {
		const bindings = [binding(), binding({ policyName: "second" }, "b")];
		const labels = async (reinvocationPolicy: string) =>
			(await mutate([policy(label("count", count), { reinvocationPolicy }), policy(label("z", "'z'"), {}, "second")], bindings)).metadata
				?.labels;
		expect(await labels("Never")).toEqual({ app: "web", count: "1", z: "z" });
		expect(await labels("IfNeeded")).toEqual({ app: "web", count: "3", z: "z" });
	});

	it("run again after plugins behind them, but only those that ran, and once", async () => {
		const seen: (string | undefined)[] = [];
		const injected = (object: KubeObject): KubeObject => {
			seen.push(object.metadata?.labels?.count);
			return { ...object, metadata: { ...object.metadata, labels: { ...object.metadata?.labels, injected: "yes" } } };
		};
		const spec = { reinvocationPolicy: "IfNeeded" };
		const late = policy(
			label("late", "'x'"),
			{ ...spec, matchConditions: [{ name: "c", expression: "'injected' in object.metadata.labels" }] },
			"late",
		);
		const bindings = [binding(), binding({ policyName: "late" }, "b")];
		const changed = await mutate([policy(label("count", count), spec), late], bindings, {}, injected);
		expect(changed.metadata?.labels).toEqual({ app: "web", count: "3", injected: "yes" });
		expect(seen).toEqual(["1", "3"]);
	});
});
