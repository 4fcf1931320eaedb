import { describe, expect, it } from "vitest";
import type { Pod, PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { podRequests, type ResourceAmounts, resourceAmounts } from "../pod-worker/footprint.ts";
import { type AdmittedPod, type AdmittingNode, admit } from "./admission.ts";
import { choosePreempted } from "./preemption.ts";

const node: AdmittingNode = {
	name: "n1",
	labels: { "kubernetes.io/os": "linux", disk: "ssd" },
	taints: [],
	allocatable: resourceAmounts({ cpu: "4", memory: "8Gi", "ephemeral-storage": "100Gi", pods: "3", "example.com/dongle": "2" }),
	pressures: [],
	isShuttingDown: false,
};

type Requests = Readonly<Record<string, string>>;

function pod(requests: Requests = {}, spec: Partial<PodSpec> = {}, more: Partial<Pod> = {}): Pod {
	return {
		spec: { containers: [{ name: "c", image: "nginx", resources: { requests } }], ...spec },
		status: { qosClass: "BestEffort" },
		...more,
	};
}

function requestsOf(of: Pod): ResourceAmounts {
	return podRequests(of, (name) => of.spec?.containers.find((container) => container.name === name)?.resources);
}

const existing = (requests: Requests, spec: Partial<PodSpec> = {}, more: Partial<Pod> = {}): AdmittedPod => {
	const of = pod(requests, spec, more);
	return { pod: of, requests: requestsOf(of) };
};

const judge = (of: Pod, others: readonly AdmittedPod[] = [], at: Partial<AdmittingNode> = {}) => {
	const verdict = admit(of, requestsOf(of), { ...node, ...at }, others);
	return verdict.type === "rejected" ? `${verdict.rejection.reason}: ${verdict.rejection.message}` : verdict.type;
};

const lacks = (resource: string, requested: number, used: number, capacity: number) =>
	`OutOf${resource}: Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
const port = (hostPort: number, more: object = {}): Partial<PodSpec> => ({
	containers: [{ name: "c", image: "nginx", ports: [{ containerPort: 80, hostPort, ...more }] }],
});
const critical = { priority: 2_000_001_000 };

describe("a pod that is bound past the scheduler", () => {
	it.each<[string, Pod, readonly AdmittedPod[], string]>([
		["fits", pod({ cpu: "4", memory: "8Gi" }), [], "admitted"],
		["asks for more cpu than is free", pod({ cpu: "3" }), [existing({ cpu: "1500m" })], lacks("cpu", 3000, 1500, 4000)],
		["asks for more memory than there is", pod({ memory: "9Gi" }), [], lacks("memory", 9 * 2 ** 30, 0, 8 * 2 ** 30)],
		["asks for more disk", pod({ "ephemeral-storage": "101Gi" }), [], lacks("ephemeral-storage", 101 * 2 ** 30, 0, 100 * 2 ** 30)],
		["is one too many", pod(), [existing({}), existing({}), existing({})], lacks("pods", 1, 3, 3)],
		["lacks cpu and is one too many", pod({ cpu: "5" }), [existing({}), existing({}), existing({})], lacks("pods", 1, 3, 3)],
		[
			"wants devices that are taken",
			pod({ "example.com/dongle": "1" }),
			[existing({ "example.com/dongle": "2" })],
			lacks("example.com/dongle", 1, 2, 2),
		],
		["wants what no node has", pod({ "example.com/unknown": "1" }), [], "admitted"],
		["asks for pages that there are none of", pod({ "hugepages-2Mi": "4Mi" }), [], lacks("hugepages-2Mi", 4 * 2 ** 20, 0, 0)],
		[
			"selects other nodes",
			pod({}, { nodeSelector: { disk: "hdd" } }),
			[],
			"NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
		],
		["selects this node", pod({}, { nodeSelector: { disk: "ssd" } }), [], "admitted"],
		[
			"wants a port that is taken",
			pod({}, port(80)),
			[existing({}, port(80, { hostIP: "127.0.0.1" }))],
			"NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
		],
		["wants another protocol's port", pod({}, port(80, { protocol: "UDP" })), [existing({}, port(80))], "admitted"],
		[
			"is for another system",
			pod({}, { os: { name: "windows" } }),
			[],
			"PodOSNotSupported: Failed to admit pod as the OS field doesn't match node OS",
		],
		[
			"is labelled for another system",
			pod({}, {}, { metadata: { labels: { "kubernetes.io/os": "windows" } } }),
			[],
			"PodOSSelectorNodeLabelDoesNotMatch: Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
		],
		[
			"sets a kernel parameter that is everybody's",
			pod({}, { securityContext: { sysctls: [{ name: "kernel/msgmax", value: "1" }] } }),
			[],
			'SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted',
		],
		["sets a safe one", pod({}, { securityContext: { sysctls: [{ name: "net.ipv4.tcp_syncookies", value: "1" }] } }), [], "admitted"],
		["is critical, and lacks room", pod({ cpu: "5" }, critical), [], "preempts"],
		[
			"is critical, and lacks more than room",
			pod({ cpu: "5" }, { ...critical, nodeSelector: { disk: "hdd" } }),
			[],
			"NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
		],
	])("%s", (_, of, others, expected) => {
		expect(judge(of, others)).toBe(expected);
	});
});

const drives = { key: "gone", effect: "NoExecute" };

describe("a node", () => {
	it.each<[string, Pod, Partial<AdmittingNode>, string]>([
		[
			"that drives pods away",
			pod(),
			{ taints: [drives] },
			"TaintToleration: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
		],
		["with a taint that is tolerated", pod({}, { tolerations: [{ key: "gone", operator: "Exists" }] }), { taints: [drives] }, "admitted"],
		["that the scheduler alone is to spare", pod(), { taints: [{ key: "gone", effect: "NoSchedule" }] }, "admitted"],
		["that shuts down", pod(), { isShuttingDown: true }, "NodeShutdown: Pod was rejected as the node is shutting down."],
		[
			"short of memory, for a pod that promises nothing",
			pod(),
			{ pressures: ["MemoryPressure"] },
			"Evicted: The node had condition: [MemoryPressure]. ",
		],
		[
			"short of memory, for one that tolerates that",
			pod({}, { tolerations: [{ key: "node.kubernetes.io/memory-pressure", operator: "Exists" }] }),
			{ pressures: ["MemoryPressure"] },
			"admitted",
		],
		[
			"short of memory, for one that asks for some",
			pod({ cpu: "1" }, {}, { status: { qosClass: "Burstable" } }),
			{ pressures: ["MemoryPressure"] },
			"admitted",
		],
		[
			"short of disk, whoever comes",
			pod({ cpu: "1" }, {}, { status: { qosClass: "Guaranteed" } }),
			{ pressures: ["DiskPressure"] },
			"Evicted: The node had condition: [DiskPressure]. ",
		],
		["short of disk, for a critical pod", pod({}, critical), { pressures: ["DiskPressure"] }, "admitted"],
	])("%s", (_, of, at, expected) => {
		expect(judge(of, [], at)).toBe(expected);
	});
});

describe("who makes room for a critical pod", () => {
	const named = (name: string, qosClass: string, cpu: string, spec: Partial<PodSpec> = {}) =>
		existing(cpu === "" ? {} : { cpu }, spec, { metadata: { name }, status: { qosClass } });
	const choose = (others: readonly AdmittedPod[], requested: number) => {
		const choice = choosePreempted(pod({}, critical), others, [{ resource: "cpu", requested, used: 4000, capacity: 4000 }]);
		return choice.type === "victims" ? choice.victims.map((each) => each.pod.metadata?.name) : choice.message;
	};

	it.each<[string, readonly AdmittedPod[], number, readonly string[] | string]>([
		[
			"the nearest one",
			[named("large", "Burstable", "3"), named("small", "Burstable", "1"), named("right", "Burstable", "2")],
			2000,
			["right"],
		],
		["the lower class", [named("g", "Guaranteed", "1"), named("b", "Burstable", "1")], 1000, ["b"]],
		["both classes if need be", [named("g", "Guaranteed", "1"), named("b", "Burstable", "1")], 2000, ["b", "g"]],
		[
			"nobody who is critical, too",
			[named("other", "Burstable", "4", { priority: 2_000_001_000 })],
			500,
			"no set of running pods found to reclaim resources: [(res: cpu, q: 500), ]",
		],
	])("%s", (_, others, requested, expected) => {
		expect(choose(others, requested)).toEqual(expected);
	});
});
