/**
 * Variants of the scheduler with one defect each, and the property that has to notice (scheduler-life.ts). There is one for every kind of
 * rule, for every kind of event, and for every way in which a pod in the queue gets lost.
 */
import type { Mutation } from "../tools/mutated-modules.ts";

export interface Mutant extends Mutation {
	/** The property that does not hold any more. */
	readonly breaks: RegExp;
	/** Lives until it is noticed, at most. Default 400. */
	readonly runs?: number;
}

export const mutants: readonly Mutant[] = [
	{
		name: "what other pods have asked for is not subtracted",
		file: "scheduler/plugins/node-resources-fit.ts",
		from: "requests.milliCpu <= allocatable.milliCpu - requested.milliCpu",
		to: "requests.milliCpu <= allocatable.milliCpu",
		breaks: /^allowed: .*resources/,
	},
	{
		name: "pods on their way to a node do not count",
		file: "scheduler/cache/cache.ts",
		from: "this.#put({ podInfo, nodeName, assumed: true });",
		to: "this.#pods.set(podInfo.uid, { podInfo, nodeName, assumed: true });",
		// One that is not counted when it comes is not given back when it goes, either: which shows first depends on the life.
		breaks: /^(allowed: .*(resources|host ports|affinity|spread)|placed)/,
	},
	{
		name: "nodes that run out of pods are overlooked",
		file: "scheduler/plugins/node-resources-fit.ts",
		from: "pods.length < allocatable.pods &&",
		to: "",
		breaks: /^allowed: .*resources/,
	},
	{
		name: "one port serves two",
		file: "scheduler/framework/node-info.ts",
		from: "for (const port of pod.hostPorts) this.usedPorts.push(port);",
		to: "",
		breaks: /^allowed: .*host ports/,
	},
	{
		name: "a taint that would evict pods lets new ones come",
		file: "scheduler/framework/node-info.ts",
		from: 'effect === "NoSchedule" || effect === "NoExecute"',
		to: 'effect === "NoSchedule"',
		breaks: /^allowed: .*taints/,
	},
	{
		name: "those who are there are not asked whom they avoid",
		file: "scheduler/plugins/inter-pod-affinity.ts",
		from: "for (const term of other.affinity.requiredAntiAffinity) {",
		to: "for (const term of other.affinity.requiredAntiAffinity.slice(2)) {",
		breaks: /^allowed: .*others' anti-affinity/,
	},
	{
		name: "pods stand one closer than they may",
		file: "scheduler/plugins/pod-topology-spread.ts",
		from: "counted.skewIn(domain) > counted.constraint.maxSkew",
		to: "counted.skewIn(domain) > counted.constraint.maxSkew + 1",
		breaks: /^allowed: .*topology spread/,
	},
	{
		name: "volumes are within everybody's reach",
		file: "scheduler/plugins/volume-choice.ts",
		from: "if (!isReachable(volume, node)) return [reasons.nodeConflict];",
		to: "",
		breaks: /^allowed: .*volumes/,
	},
	{
		name: "a claim of one pod alone is shared",
		file: "scheduler/plugins/volume-restrictions.ts",
		from: 'includes("ReadWriteOncePod")',
		to: 'includes("ReadWriteOnceNode")',
		breaks: /^allowed: .*volumes of one pod/,
		runs: 1_000,
	},
	{
		name: "a pod that leaves its node wakes nobody",
		file: "scheduler/cluster-watch.ts",
		from: "			tell(assignedPodDelete, pod, undefined);\n		}",
		to: "		}",
		breaks: /^placed/,
	},
	{
		name: "a node that is uncordoned, or loses a taint, wakes nobody",
		file: "scheduler/framework/cluster-event.ts",
		from: 'add(ActionType.updateNodeTaint, "NodeTaintChange");',
		to: "void 0;",
		breaks: /^placed/,
	},
	{
		name: "a node that grows wakes nobody",
		file: "scheduler/framework/cluster-event.ts",
		from: 'add(ActionType.updateNodeAllocatable, "NodeAllocatableChange");',
		to: "void 0;",
		breaks: /^placed/,
	},
	{
		name: "a node that is labelled wakes nobody",
		file: "scheduler/framework/cluster-event.ts",
		from: 'add(ActionType.updateNodeLabel, "NodeLabelChange");',
		to: "void 0;",
		breaks: /^placed/,
	},
	{
		name: "a namespace that is labelled wakes nobody",
		file: "scheduler/plugins/inter-pod-affinity.ts",
		from: "hint: namespaceHelps }",
		to: 'hint: () => "Skip" }',
		breaks: /^placed/,
	},
	{
		name: "a claim that is made, or bound, wakes nobody",
		file: "scheduler/plugins/volume-binding.ts",
		from: 'hint: (pod, _old, claim) => (claim !== undefined && usesClaim(pod, claim) ? "Queue" : "Skip"),',
		to: 'hint: () => "Skip",',
		breaks: /^placed/,
	},
	{
		name: "a volume that is made wakes nobody",
		file: "scheduler/plugins/volume-binding.ts",
		from: '{ resource: "PersistentVolume", action: ActionType.add | ActionType.update },',
		to: "",
		breaks: /^placed/,
	},
	{
		name: "what a failed binding held is not given back",
		file: "scheduler/binding-cycle.ts",
		from: "cache.forget(podInfo.uid);\n		failures.failed(queued, why, startMs, nodeName);\n		const gone",
		to: "failures.failed(queued, why, startMs, nodeName);\n		const gone",
		breaks: /^placed/,
	},
	{
		name: "a victim that did not go is taken for gone",
		file: "scheduler/evictor.ts",
		from: 'if (!isStatusError(error, "NotFound")) throw error;',
		to: 'if (!isStatusError(error, "NotFound", "Conflict")) throw error;',
		breaks: /^placed: .*preempt/,
		runs: 1_000,
	},
	{
		name: "pods of equal priority are evicted",
		file: "scheduler/plugins/preemption-victims.ts",
		from: "original.pods.filter(({ priority }) => priority < pod.priority)",
		to: "original.pods.filter(({ priority }) => priority <= pod.priority)",
		breaks: /^preemption/,
	},
	{
		name: "who may not preempt does",
		file: "scheduler/plugins/default-preemption.ts",
		from: 'preemptionPolicy === "Never"',
		to: 'preemptionPolicy === "never"',
		breaks: /^preemption/,
	},
	{
		name: "a coin of its own decides between equal nodes",
		file: "scheduler/framework/schedule-one.ts",
		from: "context.random.int(count)",
		to: "Math.trunc(Number(process.hrtime.bigint() % BigInt(count)))",
		breaks: /^repeatable/,
	},
];
