/**
 * The scheduler and the reference agree on random small clusters: which nodes a pod may go to, what each of them is worth, and that
 * it goes to one of the best. The scheduler decides twice: with every answer on record, and as it does in large clusters, where answers are
 * remembered from pod to pod; the latter must come to the same. Runs: SCHEDULER_RUNS, default 1,500.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import type { Affinity, Node, Pod, PodAffinityTerm, PodSpec } from "../../src/apimachinery/schema/generated/types.ts";
import { SchedulerCache } from "../../src/scheduler/cache/cache.ts";
import { createDefaultProfile } from "../../src/scheduler/default-profile.ts";
import { explainAttempt } from "../../src/scheduler/explanation.ts";
import { AttemptRecorder, recorded } from "../../src/scheduler/framework/attempt-recorder.ts";
import { Framework } from "../../src/scheduler/framework/framework.ts";
import { PodInfo } from "../../src/scheduler/framework/pod-info.ts";
import type { Profile } from "../../src/scheduler/framework/profile.ts";
import { type ScheduleContext, scheduleOne } from "../../src/scheduler/framework/schedule-one.ts";
import { createDefaultPreemption } from "../../src/scheduler/plugins/default-preemption.ts";
import { noDevices } from "../../src/scheduler/testing/devices.ts";
import { noVolumes } from "../../src/scheduler/testing/volumes.ts";
import { judge, type Placed } from "./reference-scheduler.ts";

const runs = Number(process.env.SCHEDULER_RUNS ?? 1_500);

const zones = fc.constantFrom("a", "b");
const apps = fc.constantFrom("web", "db");
const effects = fc.constantFrom("NoSchedule", "PreferNoSchedule", "NoExecute");

const anyNode = fc.record({
	cpu: fc.integer({ min: 1, max: 4 }),
	memory: fc.integer({ min: 1, max: 4 }),
	pods: fc.integer({ min: 1, max: 5 }),
	zone: fc.option(zones, { nil: undefined }),
	disk: fc.option(fc.constantFrom("ssd", "hdd"), { nil: undefined }),
	taints: fc.uniqueArray(fc.record({ key: fc.constantFrom("x", "y"), effect: effects }), { maxLength: 2, selector: ({ key }) => key }),
	unschedulable: fc.boolean().map((value) => value),
});

const term: fc.Arbitrary<PodAffinityTerm> = fc.record({
	topologyKey: fc.constantFrom("zone", "host"),
	labelSelector: apps.map((app) => ({ matchLabels: { app } })),
});
const weighted = fc.record({ weight: fc.integer({ min: 1, max: 100 }), podAffinityTerm: term });
const few = <T>(each: fc.Arbitrary<T>) =>
	fc.oneof({ arbitrary: fc.constant<readonly T[]>([]), weight: 3 }, fc.array(each, { minLength: 1, maxLength: 2 }));

const expression = fc.oneof(
	fc.record({
		key: fc.constant("disk"),
		operator: fc.constantFrom("In", "NotIn"),
		values: fc.constantFrom(["ssd"], ["hdd"], ["ssd", "hdd"]),
	}),
	fc.record({ key: fc.constantFrom("disk", "zone"), operator: fc.constantFrom("Exists", "DoesNotExist") }),
);
const nodeTerm = fc.array(expression, { minLength: 1, maxLength: 2 }).map((matchExpressions) => ({ matchExpressions }));

const anyPod = fc.record({
	app: apps,
	cpu: fc.integer({ min: 0, max: 2 }),
	memory: fc.integer({ min: 0, max: 2 }),
	port: fc.option(fc.constantFrom(80, 443), { nil: undefined, freq: 4 }),
	disk: fc.option(fc.constantFrom("ssd", "hdd"), { nil: undefined, freq: 4 }),
	tolerations: fc.array(
		fc.oneof(
			fc.record({ key: fc.constantFrom("x", "y"), operator: fc.constant("Exists") }),
			fc.record({ key: fc.constantFrom("x", "y"), operator: fc.constant("Exists"), effect: effects }),
		),
		{ maxLength: 2 },
	),
	wantedNodes: few(nodeTerm),
	preferredNodes: few(fc.record({ weight: fc.integer({ min: 1, max: 100 }), preference: nodeTerm })),
	wantedPods: few(term),
	unwantedPods: few(term),
	preferredPods: few(weighted),
	avoidedPods: few(weighted),
	spread: fc.uniqueArray(fc.record({ topologyKey: fc.constantFrom("zone", "host"), maxSkew: fc.integer({ min: 1, max: 2 }), app: apps }), {
		maxLength: 2,
		selector: ({ topologyKey }) => topologyKey,
	}),
	spreads: fc.boolean(),
	/** Leaves again when the next one has come. */
	leaves: fc.boolean(),
});

type NodeShape = typeof anyNode extends fc.Arbitrary<infer T> ? T : never;
type PodShape = typeof anyPod extends fc.Arbitrary<infer T> ? T : never;

function nodeOf({ cpu, memory, pods, zone, disk, taints, unschedulable }: NodeShape, index: number): Node {
	const name = `n${index}`;
	const labels = { host: name, ...(zone === undefined ? {} : { zone }), ...(disk === undefined ? {} : { disk }) };
	return {
		apiVersion: "v1",
		kind: "Node",
		metadata: { name, labels },
		spec: { taints, unschedulable: unschedulable && index % 3 === 0 },
		status: { allocatable: { cpu: String(cpu), memory: String(memory * 2 ** 30), pods: String(pods) } },
	};
}

function podOf(shape: PodShape, index: number): Pod {
	const { app, cpu, memory, port, disk, tolerations, spread, spreads } = shape;
	const nonEmpty = <K extends string, T>(key: K, list: readonly T[]) => (list.length === 0 ? {} : { [key]: list });
	const affinity: Affinity = {
		nodeAffinity: {
			...(shape.wantedNodes.length === 0
				? {}
				: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: shape.wantedNodes } }),
			...nonEmpty("preferredDuringSchedulingIgnoredDuringExecution", shape.preferredNodes),
		},
		podAffinity: {
			...nonEmpty("requiredDuringSchedulingIgnoredDuringExecution", shape.wantedPods),
			...nonEmpty("preferredDuringSchedulingIgnoredDuringExecution", shape.preferredPods),
		},
		podAntiAffinity: {
			...nonEmpty("requiredDuringSchedulingIgnoredDuringExecution", shape.unwantedPods),
			...nonEmpty("preferredDuringSchedulingIgnoredDuringExecution", shape.avoidedPods),
		},
	};
	const requests = { ...(cpu === 0 ? {} : { cpu: String(cpu) }), ...(memory === 0 ? {} : { memory: String(memory * 2 ** 30) }) };
	const spec: PodSpec = {
		containers: [
			{ name: "c", resources: { requests }, ...(port === undefined ? {} : { ports: [{ containerPort: port, hostPort: port }] }) },
		],
		tolerations,
		affinity,
		...(disk === undefined ? {} : { nodeSelector: { disk } }),
		topologySpreadConstraints: spreads
			? spread.map(({ topologyKey, maxSkew, app: selected }) => ({
					topologyKey,
					maxSkew,
					whenUnsatisfiable: "DoNotSchedule",
					labelSelector: { matchLabels: { app: selected } },
				}))
			: [],
	};
	const name = `p${index}`;
	return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default", uid: name, labels: { app } }, spec };
}

function contextOf(wrap: (profile: Profile) => Profile): ScheduleContext {
	const random = new SeededRandom("reference");
	const profile = createDefaultProfile({
		namespaceLabels: () => undefined,
		ownSelectors: () => [],
		volumes: noVolumes(),
		devices: noDevices(),
		binder: { name: "DefaultBinder", bind: async () => undefined },
		preemption: () => createDefaultPreemption({ random, disruptionBudgets: () => [], evict: () => undefined, isEvicting: () => false }),
	});
	return { framework: new Framework(wrap(profile), { isEmpty: true, forNode: () => [] }), random, startIndex: 0 };
}

function schedulerOf(nodes: readonly Node[]) {
	const recorder = new AttemptRecorder(1);
	const context = contextOf((profile) => recorder.wrap(profile));
	const remembering = contextOf((profile) => profile);
	const cache = new SchedulerCache();
	for (const node of nodes) cache.addNode(node);
	const attempt = (pod: Pod) => {
		const info = new PodInfo(pod);
		recorder.attempt(info, 0, nodes.length, () => scheduleOne(info, cache.snapshot(), context));
		const [record] = recorder.records();
		if (record === undefined) throw new Error("nothing was recorded");
		expect(recorded(scheduleOne(info, cache.snapshot(), remembering))).toEqual(record.outcome);
		return explainAttempt(record);
	};
	return { attempt, cache };
}

test("scheduler and reference agree", () => {
	let placements = 0;
	let refusals = 0;
	fc.assert(
		fc.property(
			fc.array(anyNode, { minLength: 1, maxLength: 6 }),
			fc.array(anyPod, { minLength: 1, maxLength: 10 }),
			// Of some clusters' pods the same few come again and again.
			fc.option(fc.array(fc.nat({ max: 9 }), { minLength: 4, maxLength: 12 }), { nil: undefined }),
			(nodeShapes, podShapes, repetitions) => {
				const nodes = nodeShapes.map(nodeOf);
				const { attempt, cache } = schedulerOf(nodes);
				let placed: readonly Placed[] = [];
				const coming = repetitions?.flatMap((index) => podShapes[index % Math.min(3, podShapes.length)] ?? []) ?? podShapes;
				for (const [index, shape] of coming.entries()) {
					const pod = podOf(shape, index);
					const { feasible, totals } = judge(pod, nodes, placed);
					const { nodeName, nodes: looked } = attempt(pod);
					expect(
						nodeName === ""
							? []
							: looked
									.filter(({ rejectedBy }) => rejectedBy === undefined)
									.map(({ name }) => name)
									.sort(),
					).toEqual([...feasible].sort());
					if (nodeName === "") {
						refusals++;
						continue;
					}
					placements++;
					if (feasible.length > 1) {
						const best = Math.max(...totals.values());
						expect(totals.get(nodeName)).toBe(best);
					}
					cache.assume(new PodInfo(pod), nodeName);
					placed = [...placed, { pod, node: nodeName }];
					const [first] = placed;
					if (!shape.leaves || first === undefined) continue;
					cache.removePod(first.pod);
					placed = placed.slice(1);
				}
			},
		),
		{ numRuns: runs },
	);
	// Clusters in which everything fits, or nothing does, would prove little.
	expect(placements).toBeGreaterThan(runs);
	expect(refusals).toBeGreaterThan(runs);
}, 600_000);
