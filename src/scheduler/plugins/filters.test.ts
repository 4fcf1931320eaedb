import { describe, expect, it } from "vitest";
import type { PodSpec, Taint, Toleration } from "../../apimachinery/schema/generated/types.ts";
import { CycleState } from "../framework/cycle-state.ts";
import { PodInfo } from "../framework/pod-info.ts";
import { cluster, container, filterVerdicts, node, pod, podWith, type Resources, scoresOf } from "../testing/builders.ts";
import { nodeResourcesBalancedAllocation } from "./balanced-allocation.ts";
import { imageLocality } from "./image-locality.ts";
import { createNodeAffinity, nodeAffinity } from "./node-affinity.ts";
import { nodeName } from "./node-name.ts";
import { nodePorts } from "./node-ports.ts";
import { createNodeResourcesFit, nodeResourcesFit } from "./node-resources-fit.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { schedulingGates } from "./scheduling-gates.ts";
import { taintToleration } from "./taint-toleration.ts";

describe("SchedulingGates", () => {
	it("holds a pod back while it has gates", () => {
		const verdict = schedulingGates.preEnqueue(pod("p", { schedulingGates: [{ name: "a" }, { name: "b" }] }));
		expect(verdict?.message).toBe("waiting for scheduling gates: [a b]");
		expect(schedulingGates.preEnqueue(pod("p", { schedulingGates: [] }))).toBeUndefined();
	});
});

describe("NodeName", () => {
	it("lets a pod onto the node it names only", () => {
		expect(filterVerdicts(nodeName, pod("p", { nodeName: "a" }), cluster([node("a"), node("b")]))).toEqual({
			a: "ok",
			b: "UnschedulableAndUnresolvable: node(s) didn't match the requested node name",
		});
	});
});

describe("NodeUnschedulable", () => {
	const nodes = [node("cordoned", { spec: { unschedulable: true } }), node("open")];

	it("keeps pods off cordoned nodes", () => {
		expect(filterVerdicts(nodeUnschedulable, pod("p"), cluster(nodes))).toEqual({
			cordoned: "UnschedulableAndUnresolvable: node(s) were unschedulable",
			open: "ok",
		});
	});

	it("lets those on that tolerate the taint of cordoned nodes", () => {
		const tolerations = [{ key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" }];
		expect(filterVerdicts(nodeUnschedulable, pod("p", { tolerations }), cluster(nodes))).toEqual({ cordoned: "ok", open: "ok" });
	});
});

describe("TaintToleration", () => {
	const taint = (effect: string, value?: string): Taint => ({ key: "k", effect, ...(value === undefined ? {} : { value }) });
	it.each<[string, Taint, readonly Toleration[] | undefined, boolean]>([
		["no toleration", taint("NoSchedule", "v"), undefined, false],
		["NoExecute too", taint("NoExecute", "v"), [], false],
		["PreferNoSchedule does not block", taint("PreferNoSchedule", "v"), [], true],
		["equal", taint("NoSchedule", "v"), [{ key: "k", operator: "Equal", value: "v", effect: "NoSchedule" }], true],
		["operator defaults to Equal", taint("NoSchedule", "v"), [{ key: "k", value: "v" }], true],
		["other value", taint("NoSchedule", "v"), [{ key: "k", value: "w" }], false],
		["other effect", taint("NoSchedule", "v"), [{ key: "k", value: "v", effect: "NoExecute" }], false],
		["exists", taint("NoSchedule", "v"), [{ key: "k", operator: "Exists" }], true],
		["exists without key tolerates all", taint("NoExecute", "v"), [{ operator: "Exists" }], true],
		["less than", taint("NoSchedule", "5"), [{ key: "k", operator: "Lt", value: "6" }], true],
		["not greater than", taint("NoSchedule", "5"), [{ key: "k", operator: "Gt", value: "6" }], false],
		["not a number", taint("NoSchedule", "five"), [{ key: "k", operator: "Lt", value: "6" }], false],
	])("%s", (_name, nodeTaint, tolerations, admitted) => {
		const snapshot = cluster([node("n", { spec: { taints: [nodeTaint] } })]);
		const waiting = pod("p", tolerations === undefined ? {} : { tolerations });
		const expected = admitted ? "ok" : "UnschedulableAndUnresolvable: node(s) had untolerated taint(s)";
		expect(filterVerdicts(taintToleration, waiting, snapshot)).toEqual({ n: expected });
	});

	it("prefers nodes with fewer soft taints that the pod does not tolerate", () => {
		const soft = (key: string): Taint => ({ key, effect: "PreferNoSchedule" });
		const nodes = [
			node("none"),
			node("one", { spec: { taints: [soft("a"), soft("ok")] } }),
			node("two", { spec: { taints: [soft("a"), soft("b")] } }),
		];
		const waiting = pod("p", { tolerations: [{ key: "ok", operator: "Exists", effect: "PreferNoSchedule" }] });
		expect(scoresOf(taintToleration, waiting, cluster(nodes))).toEqual({ none: 100, one: 50, two: 0 });
	});
});

describe("NodeAffinity", () => {
	const mismatch = "UnschedulableAndUnresolvable: node(s) didn't match Pod's node affinity/selector";
	const snapshot = cluster([node("a", { labels: { zone: "x", cores: "8" } }), node("b", { labels: { zone: "y" } }), node("c")]);
	const expression = (key: string, operator: string, values?: readonly string[]) => ({
		key,
		operator,
		...(values === undefined ? {} : { values }),
	});
	const requires = (...terms: readonly object[]): Partial<PodSpec> =>
		({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } } }) as Partial<PodSpec>;
	const expressions = (...matchExpressions: readonly object[]) => requires({ matchExpressions });

	it.each<[string, Partial<PodSpec>, string]>([
		["nothing", {}, "abc"],
		["nodeSelector", { nodeSelector: { zone: "x" } }, "a"],
		["In", expressions(expression("zone", "In", ["x", "y"])), "ab"],
		["NotIn counts nodes without the label", expressions(expression("zone", "NotIn", ["x"])), "bc"],
		["Exists", expressions(expression("zone", "Exists")), "ab"],
		["DoesNotExist", expressions(expression("zone", "DoesNotExist")), "c"],
		["Gt", expressions(expression("cores", "Gt", ["7"])), "a"],
		["Lt", expressions(expression("cores", "Lt", ["8"])), ""],
		["all expressions of a term", expressions(expression("zone", "Exists"), expression("cores", "Exists")), "a"],
		[
			"any term",
			requires({ matchExpressions: [expression("zone", "In", ["y"])] }, { matchExpressions: [expression("cores", "Exists")] }),
			"ab",
		],
		["an empty term matches nothing", requires({}), ""],
		["selector and affinity", { nodeSelector: { zone: "y" }, ...expressions(expression("cores", "Exists")) }, ""],
		["a field that is not to have a value", requires({ matchFields: [expression("metadata.name", "NotIn", ["a"])] }), "bc"],
	])("%s", (_name, spec, admitted) => {
		const expected = Object.fromEntries(["a", "b", "c"].map((name) => [name, admitted.includes(name) ? "ok" : mismatch]));
		expect(filterVerdicts(nodeAffinity, pod("p", spec), snapshot)).toEqual(expected);
	});

	it.each<[string, readonly object[], string]>([
		["one node by name", [{ matchFields: [expression("metadata.name", "In", ["a"])] }], "a"],
		[
			"nodes of any term",
			[{ matchFields: [expression("metadata.name", "In", ["a"])] }, { matchFields: [expression("metadata.name", "In", ["c"])] }],
			"ac",
		],
		[
			"a name and a label",
			[{ matchFields: [expression("metadata.name", "In", ["b"])], matchExpressions: [expression("cores", "Exists")] }],
			"",
		],
	])("looks at no other nodes than those that fields name: %s", (_name, terms, admitted) => {
		const info = new PodInfo(pod("p", requires(...terms)));
		const state = new CycleState();
		const answer = nodeAffinity.preFilter(state, info, snapshot);
		const named = answer !== undefined && "nodeNames" in answer ? [...answer.nodeNames] : [];
		const fits = snapshot.nodes
			.filter(({ name }) => named.includes(name))
			.filter((each) => nodeAffinity.filter(state, info, each) === undefined);
		expect(fits.map(({ name }) => name).join("")).toBe(admitted);
		expect(named.length).toBe(terms.length);
	});

	it("turns a pod down whose fields contradict each other", () => {
		const both = [expression("metadata.name", "In", ["a"]), expression("metadata.name", "In", ["b"])];
		const verdict = "UnschedulableAndUnresolvable: pod affinity terms conflict";
		expect(filterVerdicts(nodeAffinity, pod("p", requires({ matchFields: both })), snapshot)).toEqual({
			a: verdict,
			b: verdict,
			c: verdict,
		});
	});

	it("asks of nodes what the profile asks of them, too (addedAffinity)", () => {
		const added = createNodeAffinity({
			requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [expression("zone", "Exists")] }] },
			preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, preference: { matchExpressions: [expression("cores", "Exists")] } }],
		});
		expect(filterVerdicts(added, pod("p", { nodeSelector: { zone: "y" } }), snapshot)).toEqual({
			a: mismatch,
			b: "ok",
			c: "UnschedulableAndUnresolvable: node(s) didn't match scheduler-enforced node affinity",
		});
		expect(scoresOf(added, pod("p"), snapshot)).toEqual({ a: 100, b: 0, c: 0 });
	});

	it("prefers nodes by the sum of the weights of what they match", () => {
		const preferredDuringSchedulingIgnoredDuringExecution = [
			{ weight: 20, preference: { matchExpressions: [expression("zone", "Exists")] } },
			{ weight: 60, preference: { matchExpressions: [expression("cores", "Exists")] } },
		];
		const waiting = pod("p", { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution } } });
		expect(scoresOf(nodeAffinity, waiting, snapshot)).toEqual({ a: 100, b: 25, c: 0 });
		expect(scoresOf(nodeAffinity, pod("p"), snapshot)).toBeUndefined();
	});
});

describe("NodePorts", () => {
	const port = (hostPort: number, rest = {}) => ({ containerPort: 1, hostPort, ...rest });
	const withPorts = (name: string, ports: ReturnType<typeof port>[], spec: Partial<PodSpec> = {}) =>
		pod(name, { ...spec, containers: [container({}, { ports })] });
	it.each([
		["same port", port(80), false],
		["other port", port(81), true],
		["other protocol", port(80, { protocol: "UDP" }), true],
		["one address against all", port(80, { hostIP: "127.0.0.1" }), false],
		["two addresses", port(90, { hostIP: "10.0.0.2" }), true],
		["same address", port(90, { hostIP: "10.0.0.1" }), false],
	])("%s", (_name, wanted, admitted) => {
		const there = withPorts("there", [port(80), port(90, { hostIP: "10.0.0.1" })], { nodeName: "n" });
		const expected = admitted ? "ok" : "Unschedulable: node(s) didn't have free ports for the requested pod ports";
		expect(filterVerdicts(nodePorts, withPorts("p", [wanted]), cluster([node("n")], [there]))).toEqual({ n: expected });
	});
});

describe("NodeResourcesFit", () => {
	const there = podWith("there", { cpu: "3", memory: "6Gi", "example.com/gpu": "1" }, { nodeName: "n" });
	const snapshot = cluster([node("n", { allocatable: { "example.com/gpu": "2", "ephemeral-storage": "10Gi" } })], [there]);
	it.each<[string, Resources, string]>([
		["what is left", { cpu: "1", memory: "2Gi" }, "ok"],
		["nothing at all", {}, "ok"],
		["too much cpu", { cpu: "1001m" }, "Unschedulable: Insufficient cpu"],
		["too much memory", { memory: "3Gi" }, "Unschedulable: Insufficient memory"],
		["both", { cpu: "2", memory: "3Gi" }, "Unschedulable: Insufficient cpu, Insufficient memory"],
		["an extended resource", { "example.com/gpu": "2" }, "Unschedulable: Insufficient example.com/gpu"],
		["more than the empty node has", { cpu: "5" }, "UnschedulableAndUnresolvable: Insufficient cpu"],
		["a resource that the node does not have", { "example.com/fpga": "1" }, "UnschedulableAndUnresolvable: Insufficient example.com/fpga"],
		["ephemeral storage", { "ephemeral-storage": "11Gi" }, "UnschedulableAndUnresolvable: Insufficient ephemeral-storage"],
	])("%s", (_name, requests, expected) => {
		expect(filterVerdicts(nodeResourcesFit, podWith("p", requests), snapshot)).toEqual({ n: expected });
	});

	it("does not ask nodes for resources that the profile ignores", () => {
		const ignoring = createNodeResourcesFit({ ignoredResources: ["example.com/fpga"], ignoredResourceGroups: ["vendor.com"] });
		const wanted = { "example.com/fpga": "1", "vendor.com/x": "1", cpu: "1" };
		expect(filterVerdicts(ignoring, podWith("p", wanted), snapshot)).toEqual({ n: "ok" });
		expect(filterVerdicts(ignoring, podWith("p", { ...wanted, "other.com/x": "1" }), snapshot)).toEqual({
			n: "UnschedulableAndUnresolvable: Insufficient other.com/x",
		});
	});

	it("counts the greatest init container, and sidecars beside all that starts after them", () => {
		const one = (requests: Resources, restartPolicy?: string) => container(requests, restartPolicy === undefined ? {} : { restartPolicy });
		const free = cluster([node("n")]);
		const verdict = (spec: Partial<PodSpec>) => filterVerdicts(nodeResourcesFit, pod("p", spec), free).n;
		expect(verdict({ initContainers: [one({ cpu: "4" }), one({ cpu: "3" })], containers: [one({ cpu: "2" }), one({ cpu: "2" })] })).toBe(
			"ok",
		);
		expect(verdict({ initContainers: [one({ cpu: "2" }, "Always")], containers: [one({ cpu: "2" })] })).toBe("ok");
		expect(verdict({ initContainers: [one({ cpu: "2" }, "Always"), one({ cpu: "3" })], containers: [one({ cpu: "1" })] })).toContain(
			"Insufficient cpu",
		);
		expect(verdict({ overhead: { cpu: "1" }, containers: [one({ cpu: "4" })] })).toContain("Insufficient cpu");
	});

	it("counts pods", () => {
		const full = cluster([node("n", { allocatable: { pods: "1" } })], [there]);
		expect(filterVerdicts(nodeResourcesFit, podWith("p", { cpu: "2" }), full)).toEqual({
			n: "Unschedulable: Too many pods, Insufficient cpu",
		});
	});

	it("scores the mean share that stays free", () => {
		const two = cluster([node("busy"), node("idle")], [podWith("there", { cpu: "2", memory: "4Gi" }, { nodeName: "busy" })]);
		// busy: cpu (4 - 3) / 4 = 25 %, memory (8 - 6) / 8 = 25 %; idle: 75 % and 75 %.
		expect(scoresOf(nodeResourcesFit, podWith("p", { cpu: "1", memory: "2Gi" }), two)).toEqual({ busy: 25, idle: 75 });
	});
});

describe("NodeResourcesBalancedAllocation", () => {
	it("prefers the node that the pod brings into balance", () => {
		const snapshot = cluster([node("even"), node("skewed")], [podWith("there", { memory: "4Gi" }, { nodeName: "skewed" })]);
		// even: 100 before, 75 after: 50 + (50 - 25) / 2; skewed: 75 before, 100 after: 50 + (50 + 25) / 2.
		expect(scoresOf(nodeResourcesBalancedAllocation, podWith("p", { cpu: "2" }), snapshot)).toEqual({ even: 62, skewed: 87 });
		expect(scoresOf(nodeResourcesBalancedAllocation, pod("p"), snapshot)).toBeUndefined();
	});
});

describe("ImageLocality", () => {
	it("counts an image by its size and the share of nodes that hold it", () => {
		const images = [{ names: ["nginx:latest", "docker.io/library/nginx:latest"], sizeBytes: 600 * 1024 * 1024 }];
		const snapshot = cluster([node("has", { status: { images } }), node("lacks")]);
		const waiting = pod("p", { containers: [container({}, { image: "nginx" })] });
		// 600 MB on half of the nodes: (300 - 23) / (1000 - 23).
		expect(scoresOf(imageLocality, waiting, snapshot)).toEqual({ has: 28, lacks: 0 });
		expect(scoresOf(imageLocality, pod("p"), snapshot)).toBeUndefined();
	});

	it.each([
		["less than 23 MiB is nothing", 20, 1, 0],
		["1000 MiB a container are all", 2_000, 1, 100],
		["of two containers' images one is there", 1_000, 2, 49],
	])("%s", (_what, mebibytes, containers, expected) => {
		const images = [{ names: ["nginx:latest"], sizeBytes: mebibytes * 1024 * 1024 }];
		const others = Array.from({ length: containers - 1 }, (_, index) => container({}, { image: `other-${index}` }));
		const waiting = pod("p", { containers: [container({}, { image: "nginx" }), ...others] });
		expect(scoresOf(imageLocality, waiting, cluster([node("has", { status: { images } })]))).toEqual({ has: expected });
	});
});
