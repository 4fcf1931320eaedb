import { describe, expect, it, test } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { Pod, ResourceQuota, ResourceQuotaSpec } from "../../../apimachinery/schema/generated/types.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { attributesFor } from "../testing/attributes.ts";
import { resourceQuotaAdmission } from "./resource-quota.ts";

type List = Readonly<Record<string, string>>;

function quota(hard: List, used: List, spec: Partial<ResourceQuotaSpec> = {}): ResourceQuota {
	return {
		kind: "ResourceQuota",
		apiVersion: "v1",
		metadata: { name: "q", namespace: "default", resourceVersion: "7" },
		spec: { hard, ...spec },
		status: { hard, used },
	};
}

/** What the write would leave in the quotas' status.used; throws what the plugin throws. */
function charge(object: KubeObject, quotas: readonly ResourceQuota[], given: Partial<AdmissionAttributes> = {}): readonly List[] {
	const plugin = resourceQuotaAdmission((namespace, name) => `/registry/resourcequotas/${namespace}/${name}`);
	const attributes = attributesFor({ operation: "CREATE", resource: "pods", ...given }, { "/resourcequotas": quotas });
	expect(plugin.handles(attributes)).toBe(true);
	plugin.validate?.(object, attributes);
	return attributes.joined.flatMap(({ compare, operations, settled }) => {
		settled();
		expect(compare).toEqual(
			quotas.slice(0, compare.length).map(() => ({ key: "/registry/resourcequotas/default/q", target: "mod", result: "=", value: 7 })),
		);
		return operations.map((operation) => {
			if (operation.type !== "put") throw new Error("a quota is put");
			return (JSON.parse(Buffer.from(operation.request.value).toString()) as ResourceQuota).status?.used ?? {};
		});
	});
}

const pod = (requests: List = {}, limits: List = {}, rest: Partial<Pod> = {}): Pod => ({
	metadata: { name: "a", namespace: "default" },
	spec: { containers: [{ name: "c", resources: { requests, limits } }] },
	status: { qosClass: "Burstable" },
	...rest,
});

describe("the texts of a refusal", () => {
	test.each<[string, ResourceQuota, KubeObject, string]>([
		["too many", quota({ pods: "2" }, { pods: "2" }), pod(), "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"],
		[
			"several, in the order of names, and only those that are exceeded",
			quota({ pods: "9", "requests.cpu": "1", "limits.memory": "1Gi" }, { pods: "1", "requests.cpu": "800m", "limits.memory": "900Mi" }),
			pod({ cpu: "300m" }, { memory: "200Mi" }),
			"exceeded quota: q, requested: limits.memory=200Mi,requests.cpu=300m, used: limits.memory=900Mi,requests.cpu=800m, limited: limits.memory=1Gi,requests.cpu=1",
		],
		["not said", quota({ cpu: "1", "limits.memory": "1Gi" }, {}), pod(), "failed quota: q: must specify cpu for: c; limits.memory for: c"],
		["not counted yet", quota({ pods: "1" }, {}), pod(), "status unknown for quota: q, resources: pods"],
		[
			"negative",
			quota({ "requests.cpu": "1" }, { "requests.cpu": "0" }),
			pod({ cpu: "-1" }),
			"quota usage is negative for resource(s): cpu,requests.cpu",
		],
	])("%s", (_name, limit, object, text) => {
		expect(() => charge(object, [limit])).toThrow(`pods "a" is forbidden: ${text}`);
	});
});

describe("what pods use", () => {
	test.each<[string, List, Pod, List]>([
		["themselves", { pods: "9", "count/pods": "9" }, pod(), { "count/pods": "1", pods: "1" }],
		[
			"requests under both names, and limits",
			{ cpu: "9", "requests.cpu": "9", "limits.cpu": "9", "requests.ephemeral-storage": "9Gi" },
			pod({ cpu: "500m", "ephemeral-storage": "1Gi" }, { cpu: "1" }),
			{ cpu: "500m", "requests.cpu": "500m", "limits.cpu": "1", "requests.ephemeral-storage": "1Gi" },
		],
		[
			"devices and huge pages",
			{ "requests.nvidia.com/gpu": "4", "hugepages-2Mi": "8Mi" },
			pod({ "nvidia.com/gpu": "2", "hugepages-2Mi": "4Mi" }),
			{ "hugepages-2Mi": "4Mi", "requests.nvidia.com/gpu": "2" },
		],
		[
			"nothing but their place once they have ended",
			{ pods: "9", "count/pods": "9" },
			pod({}, {}, { status: { phase: "Succeeded" } }),
			{ "count/pods": "1", pods: "0" },
		],
		[
			"the overhead of their runtime class",
			{ "requests.cpu": "9" },
			pod({}, {}, { spec: { overhead: { cpu: "100m" }, containers: [{ name: "c", resources: { requests: { cpu: "1" } } }] } }),
			{ "requests.cpu": "1100m" },
		],
	])("%s", (_name, hard, object, used) => {
		const zero = Object.fromEntries(Object.keys(hard).map((name) => [name, "0"]));
		expect(charge(object, [quota(hard, zero)])).toEqual([used]);
	});
});

describe("scopes", () => {
	const hard = { pods: "9" };
	const guarded = (spec: Partial<ResourceQuotaSpec>, object: Pod) => charge(object, [quota(hard, { pods: "0" }, spec)]).length === 1;
	const withSpec = (spec: object, status: object = { qosClass: "Burstable" }): Pod => ({
		metadata: { name: "a" },
		spec: { containers: [], ...spec },
		status,
	});
	const selector = (operator: string, values?: readonly string[]) => ({
		scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator, ...(values === undefined ? {} : { values }) }] },
	});
	const crossNamespace = {
		affinity: {
			podAntiAffinity: {
				preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: "x", namespaces: ["b"] } }],
			},
		},
	};
	test.each<[Partial<ResourceQuotaSpec>, Pod, boolean]>([
		[{ scopes: ["Terminating"] }, withSpec({ activeDeadlineSeconds: 5 }), true],
		[{ scopes: ["Terminating"] }, withSpec({}), false],
		[{ scopes: ["NotTerminating"] }, withSpec({}), true],
		[{ scopes: ["BestEffort"] }, withSpec({}, { qosClass: "BestEffort" }), true],
		[{ scopes: ["BestEffort"] }, withSpec({}), false],
		[{ scopes: ["NotBestEffort", "Terminating"] }, withSpec({}), false],
		[selector("Exists"), withSpec({ priorityClassName: "high" }), true],
		[selector("Exists"), withSpec({}), false],
		[selector("DoesNotExist"), withSpec({}), true],
		[selector("In", ["high"]), withSpec({ priorityClassName: "high" }), true],
		[selector("In", ["high"]), withSpec({ priorityClassName: "low" }), false],
		[selector("NotIn", ["high"]), withSpec({}), true],
		[{ scopes: ["CrossNamespacePodAffinity"] }, withSpec(crossNamespace), true],
		[{ scopes: ["CrossNamespacePodAffinity"] }, withSpec({ affinity: { podAffinity: {} } }), false],
	])("%j", (spec, object, isGuarded) => expect(guarded(spec, object)).toBe(isGuarded));
});

describe("other resources", () => {
	const service = (spec: object): KubeObject =>
		({ metadata: { name: "a" }, spec: { ports: [{ port: 80 }, { port: 81 }], ...spec } }) as KubeObject;
	const claim = (storage: string, storageClassName?: string): KubeObject =>
		({
			metadata: { name: "a" },
			spec: { resources: { requests: { storage } }, ...(storageClassName === undefined ? {} : { storageClassName }) },
		}) as KubeObject;
	const services = { resource: "services" };
	const claims = { resource: "persistentvolumeclaims" };
	test.each<[string, Partial<AdmissionAttributes>, KubeObject, List]>([
		[
			"a plain service",
			services,
			service({ type: "ClusterIP" }),
			{ services: "1", "services.nodeports": "0", "services.loadbalancers": "0" },
		],
		["node ports", services, service({ type: "NodePort" }), { services: "1", "services.nodeports": "2", "services.loadbalancers": "0" }],
		[
			"a load balancer",
			services,
			service({ type: "LoadBalancer" }),
			{ services: "1", "services.nodeports": "2", "services.loadbalancers": "1" },
		],
		[
			"a load balancer without node ports",
			services,
			service({ type: "LoadBalancer", allocateLoadBalancerNodePorts: false }),
			{ services: "1", "services.nodeports": "0", "services.loadbalancers": "1" },
		],
		[
			"a claim, in whole bytes",
			claims,
			claim("1500m"),
			{ "requests.storage": "2", "gold.storageclass.storage.k8s.io/requests.storage": "0" },
		],
		[
			"a claim of a class",
			claims,
			claim("1Gi", "gold"),
			{ "requests.storage": "1Gi", "gold.storageclass.storage.k8s.io/requests.storage": "1Gi" },
		],
		["a secret under both names", { resource: "secrets" }, { metadata: { name: "a" } }, { secrets: "1", "count/secrets": "1" }],
		["anything by its group", { group: "apps", resource: "deployments" }, { metadata: { name: "a" } }, { "count/deployments.apps": "1" }],
	])("%s", (_name, given, object, used) => {
		const hard = Object.fromEntries(Object.keys(used).map((name) => [name, "9Ti"]));
		const zero = Object.fromEntries(Object.keys(used).map((name) => [name, "0"]));
		expect(charge(object, [quota(hard, zero)], given)).toEqual([used]);
	});

	it("an update is charged for what it adds, and given nothing back for what it leaves", () => {
		const limit = quota({ "services.nodeports": "3" }, { "services.nodeports": "2" });
		const [plain, ported] = [service({ type: "ClusterIP" }), service({ type: "NodePort" })];
		const three = service({ type: "NodePort", ports: [{ port: 80 }, { port: 81 }, { port: 82 }] });
		const update = (oldObject: KubeObject) => ({ ...services, operation: "UPDATE", oldObject }) as const;
		expect(charge(three, [limit], update(ported))).toEqual([{ "services.nodeports": "3" }]);
		expect(charge(plain, [limit], update(ported))).toEqual([]);
		expect(() => charge(ported, [limit], update(plain))).toThrow("exceeded quota: q, requested: services.nodeports=2");
	});
});

it("a dry run is refused like any other, and charged nothing", () => {
	expect(charge(pod(), [quota({ pods: "2" }, { pods: "1" })], { dryRun: true })).toEqual([]);
	expect(() => charge(pod(), [quota({ pods: "2" }, { pods: "2" })], { dryRun: true })).toThrow("exceeded quota");
});

it("a quota that nobody has counted for yet is touched, so that whoever counts begins anew", () => {
	expect(charge(pod(), [{ ...quota({ pods: "2" }, {}), status: {} }])).toEqual([{}]);
});

it("writes take turns, and the next one sees what the one before has left", async () => {
	const plugin = resourceQuotaAdmission((_namespace, name) => name);
	let used = "0";
	const request = () => {
		const attributes = attributesFor({ operation: "CREATE", resource: "pods" });
		return { ...attributes, lookup: { find: () => undefined, list: () => [quota({ pods: "1" }, { pods: used })] } };
	};
	const first = request();
	expect(plugin.validate?.(pod(), first)).toBeUndefined();
	const second = plugin.validate?.(pod(), request());
	expect(second).toBeInstanceOf(Promise);
	used = "1";
	first.joined[0]?.settled();
	await expect(second).rejects.toThrow("exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1");
	// The one that was refused has given its turn back.
	used = "0";
	expect(plugin.validate?.(pod(), request())).toBeUndefined();
});
