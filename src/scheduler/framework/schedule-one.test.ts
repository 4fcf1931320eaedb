import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { Node, Pod, PodDisruptionBudget, PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { SchedulerCache } from "../cache/cache.ts";
import { createDefaultProfile } from "../default-profile.ts";
import { createDefaultPreemption, type Preemption } from "../plugins/default-preemption.ts";
import { prioritySort } from "../plugins/priority-sort.ts";
import { node, pod, podWith } from "../testing/builders.ts";
import { noDevices } from "../testing/devices.ts";
import { noVolumes } from "../testing/volumes.ts";
import { AttemptRecorder } from "./attempt-recorder.ts";
import { Framework } from "./framework.ts";
import { PodInfo } from "./pod-info.ts";
import { createProfile } from "./profile.ts";
import { feasibleNodesToFind, type ScheduleOutcome, scheduleOne } from "./schedule-one.ts";

interface Setup {
	readonly nodes: readonly Node[];
	readonly pods?: readonly Pod[];
	readonly budgets?: readonly PodDisruptionBudget[];
	readonly nominated?: Readonly<Record<string, readonly Pod[]>>;
}

function setUp({ nodes, pods = [], budgets = [], nominated = {} }: Setup) {
	const random = new SeededRandom("schedule-one");
	const preemptions: Preemption[] = [];
	const profile = createDefaultProfile({
		namespaceLabels: () => undefined,
		ownSelectors: () => [],
		volumes: noVolumes(),
		devices: noDevices(),
		binder: { name: "DefaultBinder", bind: async () => undefined },
		preemption: () =>
			createDefaultPreemption({
				random,
				disruptionBudgets: () => budgets,
				evict: (preemption) => preemptions.push(preemption),
				isEvicting: () => false,
			}),
	});
	const recorder = new AttemptRecorder(10);
	const forNode = (name: string) => (nominated[name] ?? []).map((each) => new PodInfo(each));
	const context = { framework: new Framework(recorder.wrap(profile), { isEmpty: false, forNode }), random, startIndex: 0 };
	const cache = new SchedulerCache();
	for (const each of nodes) cache.addNode(each);
	for (const each of pods) cache.addPod(each);
	const schedule = (waiting: Pod): ScheduleOutcome => {
		const info = new PodInfo(waiting);
		return recorder.attempt(info, 0, nodes.length, () => scheduleOne(info, cache.snapshot(), context));
	};
	return { schedule, cache, preemptions, recorder, context };
}

function unreachable(): never {
	throw new Error("out of order");
}

function messageOf(outcome: ScheduleOutcome): string {
	if (outcome.kind === "scheduled") return `scheduled on ${outcome.nodeName}`;
	return outcome.kind === "failed" ? outcome.status.message : outcome.message;
}

const tainted = { taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }] };
const preemptNothing = (nodes: number) =>
	`no new claims to deallocate, preemption: 0/${nodes} nodes are available: ${nodes} Preemption is not helpful for scheduling.`;

describe("the message of a pod that fits nowhere", () => {
	it("says that there are no nodes", () => {
		expect(messageOf(setUp({ nodes: [] }).schedule(pod("p")))).toBe("no nodes available to schedule pods");
	});

	it("counts reasons, in order of their text, and says that preemption cannot help", () => {
		const nodes = [node("control-plane", { spec: tainted }), node("a"), node("b")];
		expect(messageOf(setUp({ nodes }).schedule(podWith("p", { cpu: "64" })))).toBe(
			`0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. ${preemptNothing(3)}`,
		);
	});

	it("says that there is nobody to preempt", () => {
		const full = ["a", "b"].map((name) => podWith(`on-${name}`, { cpu: "4" }, { nodeName: name }));
		const nodes = [node("control-plane", { spec: tainted }), node("a"), node("b")];
		expect(messageOf(setUp({ nodes, pods: full }).schedule(podWith("p", { cpu: "1" })))).toBe(
			"0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.",
		);
	});

	it("counts every reason of a node", () => {
		const waiting = podWith("p", { cpu: "64", memory: "64Gi" });
		expect(messageOf(setUp({ nodes: [node("a")] }).schedule(waiting))).toBe(
			`0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. ${preemptNothing(1)}`,
		);
	});

	it("speaks of the nodes that a field selector left out", () => {
		const matchFields = [{ key: "metadata.name", operator: "In", values: ["a"] }];
		const required = { nodeSelectorTerms: [{ matchFields }] };
		const waiting = podWith(
			"p",
			{ cpu: "64" },
			{ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } },
		);
		expect(messageOf(setUp({ nodes: [node("a"), node("b"), node("c")] }).schedule(waiting))).toBe(
			`0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. ${preemptNothing(3)}`,
		);
	});

	it("says it once if PreFilter turns the pod down for all nodes", () => {
		const waiting = pod("p", { resourceClaims: [{ name: "gpu", resourceClaimName: "gpu" }] });
		expect(messageOf(setUp({ nodes: [node("a"), node("b")] }).schedule(waiting))).toBe(
			'0/2 nodes are available: could not find ResourceClaim "default/gpu". no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
		);
	});

	it("says that the pod's policy forbids preemption", () => {
		const waiting = podWith("p", { cpu: "64" }, { preemptionPolicy: "Never" });
		expect(messageOf(setUp({ nodes: [node("a")] }).schedule(waiting))).toBe(
			"0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.",
		);
	});
});

describe("preemption", () => {
	const on = (nodeName: string, name: string, cpu: string, priority: number, startTime = "2026-01-01T00:00:00Z"): Pod => ({
		...podWith(name, { cpu }, { nodeName, priority }, { labels: { app: name } }),
		status: { startTime },
	});
	const vip = (cpu: string, priority = 1000) => podWith("vip", { cpu }, { priority });
	const plan = (setup: Setup, waiting: Pod) => {
		const { schedule, preemptions } = setUp(setup);
		const outcome = schedule(waiting);
		const [first] = preemptions;
		return { outcome, node: first?.nodeName, victims: first?.victims.map(({ name }) => name) };
	};

	it("evicts the fewest pods, the least important first, and keeps the node for the pod", () => {
		const pods = [on("a", "mid", "1", 5), on("a", "high", "2", 10), on("a", "low", "1", 1)];
		const { outcome, node: chosen, victims } = plan({ nodes: [node("a")], pods }, vip("2"));
		expect([chosen, victims]).toEqual(["a", ["mid", "low"]]);
		expect(outcome).toMatchObject({
			kind: "unschedulable",
			nominatedNodeName: "a",
			message: "0/1 nodes are available: 1 Insufficient cpu.",
		});
	});

	it("never evicts pods of equal or higher priority", () => {
		const { node: chosen, outcome } = plan({ nodes: [node("a")], pods: [on("a", "peer", "4", 1000)] }, vip("1"));
		expect([chosen, outcome.kind]).toEqual([undefined, "unschedulable"]);
	});

	it.each<[string, readonly Pod[]]>([
		["whose greatest victim is least important", [on("a", "a1", "4", 5), on("b", "b1", "2", 3), on("b", "b2", "2", 3)]],
		[
			"whose victims' priorities sum up to least",
			[on("a", "a1", "2", 5), on("a", "a2", "2", 4), on("b", "b1", "2", 5), on("b", "b2", "2", 1)],
		],
		["with fewer victims", [on("a", "a1", "2", 0), on("a", "a2", "2", 0), on("b", "b1", "4", 0)]],
		["whose victims started last", [on("a", "a1", "4", 0), on("b", "b1", "4", 0, "2026-01-01T01:00:00Z")]],
	])("takes the node %s", (_name, pods) => {
		expect(plan({ nodes: [node("a"), node("b")], pods }, vip("4")).node).toBe("b");
	});

	it("spares pods that a disruption budget protects, if it can", () => {
		const budget: PodDisruptionBudget = {
			metadata: { namespace: "default", name: "budget" },
			spec: { selector: { matchLabels: { app: "a1" } } },
			status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
		};
		const pods = [on("a", "a1", "4", 0), on("b", "b1", "4", 900)];
		expect(plan({ nodes: [node("a"), node("b")], pods, budgets: [budget] }, vip("4")).node).toBe("b");
		expect(plan({ nodes: [node("a")], pods: pods.slice(0, 1), budgets: [budget] }, vip("4")).node).toBe("a");
	});
});

describe("what is said when preemption does nothing", () => {
	const low = (name: string, cpu: string, rest: Partial<PodSpec> = {}, metadata = {}, status = {}): Pod => ({
		...podWith(name, { cpu }, { nodeName: "a", priority: 1, ...rest }, metadata),
		status,
	});
	const terminating = {
		conditions: [{ type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler" }],
	};
	const vip = (cpu: string, status = {}): Pod => ({ ...podWith("vip", { cpu }, { priority: 1000 }), status });
	const nominated = { nominatedNodeName: "a" };
	const gone = { deletionTimestamp: "2026-01-01T00:00:00Z" };

	it.each<[string, readonly Pod[], Pod, string]>([
		[
			"it would not fit even so",
			[low("there", "1"), low("peer", "3", { priority: 1000 })],
			vip("2"),
			"0/1 nodes are available: 1 Insufficient cpu.",
		],
		[
			"there is nobody of lower priority",
			[low("peer", "4", { priority: 1000 })],
			vip("1"),
			"0/1 nodes are available: 1 No preemption victims found for incoming pod.",
		],
		[
			"it asks for more than the node has",
			[low("there", "4")],
			vip("5"),
			"0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
		],
		[
			"victims are still on their way out",
			[low("there", "4", {}, gone, terminating)],
			vip("1", nominated),
			"not eligible due to a terminating pod on the nominated node.",
		],
	])("%s", (_what, pods, waiting, expected) => {
		const { schedule, preemptions } = setUp({ nodes: [node("a")], pods });
		const outcome = schedule(waiting);
		expect(messageOf(outcome)).toBe(`0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: ${expected}`);
		expect(preemptions).toEqual([]);
		// A node is kept in mind as long as its victims go; else there is none any more.
		expect(outcome.kind === "unschedulable" ? outcome.nominatedNodeName : undefined).toBe(
			expected.startsWith("not eligible") ? undefined : "",
		);
	});

	it("but a pod that goes for another reason is waited for by nobody", () => {
		const { schedule, preemptions } = setUp({ nodes: [node("a")], pods: [low("there", "4", {}, gone)] });
		expect(schedule(vip("1", nominated))).toMatchObject({ kind: "unschedulable", nominatedNodeName: "a" });
		expect(preemptions.map(({ nodeName }) => nodeName)).toEqual(["a"]);
	});
});

describe("scheduleOne", () => {
	it("looks at enough nodes, as documented", () => {
		expect([1, 99, 100, 125, 1000, 5000, 6000].map((nodes) => feasibleNodesToFind(nodes, 0))).toEqual([1, 99, 100, 100, 420, 500, 300]);
		expect([feasibleNodesToFind(1000, 20), feasibleNodesToFind(200, 20)]).toEqual([200, 100]);
	});

	it("starts each search where the last one ended", () => {
		const nodes = Array.from({ length: 150 }, (_, index) => node(`n${index}`));
		const { schedule, context } = setUp({ nodes });
		schedule(pod("p"));
		expect(context.startIndex).toBe(100);
		schedule(pod("q"));
		expect(context.startIndex).toBe(50);
	});

	it("leaves room for nominated pods of equal or higher priority, and takes it from lower ones", () => {
		const nominated = { a: [podWith("promised", { cpu: "4" }, { priority: 5 })] };
		const { schedule } = setUp({ nodes: [node("a")], nominated });
		expect(schedule(podWith("p", { cpu: "1" }, { priority: 5 })).kind).toBe("unschedulable");
		expect(schedule(podWith("q", { cpu: "1" }, { priority: 6 })).kind).toBe("scheduled");
	});

	it("takes the nominated node if it still fits, and looks further if not", () => {
		const waiting = (cpu: string): Pod => ({ ...podWith("p", { cpu }), status: { nominatedNodeName: "busy" } });
		const busy = podWith("there", { cpu: "2" }, { nodeName: "busy" });
		const { schedule } = setUp({ nodes: [node("idle"), node("busy")], pods: [busy] });
		expect(messageOf(schedule(waiting("1")))).toBe("scheduled on busy");
		expect(messageOf(schedule(waiting("3")))).toBe("scheduled on idle");
	});

	it("reports a plugin that throws as an error, not as a pod that does not fit", () => {
		const binder = { name: "DefaultBinder", bind: async () => undefined };
		const broken = { name: "Broken", filter: () => unreachable() };
		const profile = createProfile({ schedulerName: "s", plugins: [{ plugin: prioritySort }, { plugin: broken }, { plugin: binder }] });
		const cache = new SchedulerCache();
		cache.addNode(node("a"));
		const context = {
			framework: new Framework(profile, { isEmpty: true, forNode: () => [] }),
			random: new SeededRandom("s"),
			startIndex: 0,
		};
		const outcome = scheduleOne(new PodInfo(pod("p")), cache.snapshot(), context);
		expect(outcome).toMatchObject({ kind: "failed", status: { code: "Error", reasons: ["out of order"] } });
	});

	it("can be asked why: every verdict and score of an attempt is on record", () => {
		const { schedule, recorder } = setUp({ nodes: [node("cordoned", { spec: { unschedulable: true } }), node("a"), node("b")] });
		schedule(podWith("p", { cpu: "1" }));
		const [record] = recorder.records("default/p");
		expect(record?.filter.get("cordoned")).toEqual([
			{ plugin: "NodeUnschedulable", code: "UnschedulableAndUnresolvable", reasons: ["node(s) were unschedulable"] },
		]);
		expect(record?.filter.get("a")?.map(({ plugin, code }) => `${plugin} ${code}`)).toEqual([
			"NodeUnschedulable Success",
			"TaintToleration Success",
			"NodeResourcesFit Success",
		]);
		// One list for all nodes that pass alike, and for all attempts.
		expect(record?.filter.get("b")).toBe(record?.filter.get("a"));
		const scores = record?.score.map(({ plugin, weight, raw, normalized }) => [plugin, weight, [...raw], [...normalized]]);
		const both = (score: number) => ["a", "b"].map((name) => [name, score]);
		expect(scores).toEqual([
			["TaintToleration", 3, both(0), both(100)],
			["NodeResourcesFit", 1, both(86), both(86)],
			["NodeResourcesBalancedAllocation", 1, both(68), both(68)],
		]);
	});
});

/** The rules once more, as slow and plain as can be. */
function fitsByHand(waiting: Pod, target: Node, there: readonly Pod[]): boolean {
	const { taints = [], unschedulable = false } = target.spec ?? {};
	if (unschedulable) return false;
	const tolerated = (key: string) => waiting.spec?.tolerations?.some((toleration) => toleration.key === key) ?? false;
	if (taints.some(({ key, effect }) => effect === "NoSchedule" && !tolerated(key))) return false;
	for (const [key, value] of Object.entries(waiting.spec?.nodeSelector ?? {})) if (target.metadata?.labels?.[key] !== value) return false;
	const cores = (each: Pod) => Number(each.spec?.containers[0]?.resources?.requests?.cpu ?? 0);
	const free = Number(target.status?.allocatable?.cpu) - there.reduce((sum, each) => sum + cores(each), 0);
	const ports = (each: Pod) => each.spec?.containers[0]?.ports?.map(({ hostPort }) => hostPort) ?? [];
	if (there.some((each) => ports(each).some((port) => ports(waiting).includes(port)))) return false;
	return cores(waiting) <= free && there.length < Number(target.status?.allocatable?.pods);
}

describe("whatever the cluster", () => {
	const anyNode = fc.record({
		cpu: fc.integer({ min: 1, max: 4 }),
		pods: fc.integer({ min: 1, max: 4 }),
		disk: fc.constantFrom("ssd", "hdd"),
		taint: fc.boolean(),
		cordoned: fc.boolean(),
	});
	const anyPod = fc.record({
		cpu: fc.integer({ min: 0, max: 3 }),
		disk: fc.option(fc.constantFrom("ssd", "hdd"), { nil: undefined }),
		tolerates: fc.boolean(),
		port: fc.option(fc.constantFrom(80, 443), { nil: undefined }),
		/** Leave again after some others have come. */
		leaves: fc.boolean(),
	});

	it("places a pod exactly where the rules allow it, and never over-commits a node", () => {
		fc.assert(
			fc.property(fc.array(anyNode, { minLength: 1, maxLength: 6 }), fc.array(anyPod, { maxLength: 25 }), (nodeShapes, podShapes) => {
				const nodes = nodeShapes.map(({ cpu, pods, disk, taint, cordoned }, index) =>
					node(`n${index}`, {
						labels: { disk },
						allocatable: { cpu: String(cpu), pods: String(pods) },
						spec: { unschedulable: cordoned, taints: taint ? [{ key: "t", effect: "NoSchedule" }] : [] },
					}),
				);
				const { schedule, cache } = setUp({ nodes });
				const placed = new Map<string, Pod[]>(nodes.map(({ metadata }) => [metadata?.name ?? "", []]));
				for (const [index, { cpu, disk, tolerates, port, leaves }] of podShapes.entries()) {
					const spec: Partial<PodSpec> = {
						...(disk === undefined ? {} : { nodeSelector: { disk } }),
						...(tolerates ? { tolerations: [{ key: "t", operator: "Exists" }] } : {}),
					};
					const base = podWith(`p${index}`, cpu === 0 ? {} : { cpu: String(cpu) }, spec);
					const containers = (base.spec?.containers ?? []).map((each) => ({
						...each,
						ports: port === undefined ? [] : [{ containerPort: port, hostPort: port }],
					}));
					const waiting: Pod = { ...base, spec: { ...base.spec, containers } };
					const allowed = nodes.filter((each) => fitsByHand(waiting, each, placed.get(each.metadata?.name ?? "") ?? []));
					const outcome = schedule(waiting);
					if (outcome.kind !== "scheduled") {
						expect(allowed.map(({ metadata }) => metadata?.name)).toEqual([]);
						continue;
					}
					expect(allowed.map(({ metadata }) => metadata?.name)).toContain(outcome.nodeName);
					cache.assume(new PodInfo(waiting), outcome.nodeName);
					placed.get(outcome.nodeName)?.push(waiting);
					if (!leaves) continue;
					const [gone] = placed.get(outcome.nodeName)?.splice(0, 1) ?? [];
					if (gone !== undefined) cache.removePod(gone);
				}
			}),
			{ numRuns: 300 },
		);
	});
});
