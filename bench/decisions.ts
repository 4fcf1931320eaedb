/**
 * What a decision of the scheduler costs by itself, in processor time: the workloads of `scheduler`, without API server, queue and binding. It shows
 * in seconds what a change of a plugin does, and how the cost grows from 500 to 5,000 nodes.
 */
import { SeededRandom } from "../src/apimachinery/random.ts";
import type { LabelSelector, Namespace, Pod, Service } from "../src/apimachinery/schema/generated/types.ts";
import { SchedulerCache } from "../src/scheduler/cache/cache.ts";
import { createDefaultProfile } from "../src/scheduler/default-profile.ts";
import { Framework } from "../src/scheduler/framework/framework.ts";
import { PodInfo } from "../src/scheduler/framework/pod-info.ts";
import { scheduleOne } from "../src/scheduler/framework/schedule-one.ts";
import { createDefaultPreemption } from "../src/scheduler/plugins/default-preemption.ts";
import { noDevices } from "../src/scheduler/testing/devices.ts";
import { noVolumes } from "../src/scheduler/testing/volumes.ts";
import type { Measurement } from "./measure.ts";
import { type Workload, workloads } from "./scheduler-workloads.ts";

/** Pods decided on before the clock runs, and while it does. */
const warmUp = 300;
const counted = 1_500;

/** Microseconds of processor time. */
function costOf(workload: Workload): number {
	const random = new SeededRandom("bench");
	const profile = createDefaultProfile({
		...followed(workload),
		volumes: noVolumes(),
		devices: noDevices(),
		binder: { name: "DefaultBinder", bind: async () => undefined },
		preemption: () => createDefaultPreemption({ random, disruptionBudgets: () => [], evict: () => undefined, isEvicting: () => false }),
	});
	const context = { framework: new Framework(profile, { isEmpty: true, forNode: () => [] }), random, startIndex: 0 };
	const { nodes, initial = [], measured } = workload;
	const cache = new SchedulerCache();
	for (const node of nodes) cache.addNode(node);
	for (const [index, pod] of initial.entries()) cache.assume(new PodInfo(pod), nodes[index % nodes.length]?.metadata?.name ?? "");
	const decide = (pod: Pod) => {
		const info = new PodInfo(pod);
		const outcome = scheduleOne(info, cache.snapshot(), context);
		if (outcome.kind === "scheduled") cache.assume(info, outcome.nodeName);
	};
	const first = Math.min(warmUp, Math.trunc(measured.length / 2));
	for (const pod of measured.slice(0, first)) decide(pod);
	const rest = measured.slice(first, first + counted);
	const start = process.cpuUsage();
	for (const pod of rest) decide(pod);
	const { user, system } = process.cpuUsage(start);
	return (user + system) / rest.length;
}

/** What the plugins otherwise hear of namespaces and Services by their informers. */
function followed({ objects = [] }: Workload) {
	const ofResource = (resource: string) => objects.flatMap(({ ref, object }) => (ref.resource === resource ? [object] : []));
	const labels = new Map(ofResource("namespaces").map(({ metadata }: Namespace) => [metadata?.name ?? "", metadata?.labels]));
	const services: readonly Service[] = ofResource("services");
	return {
		namespaceLabels: (namespace: string) => labels.get(namespace),
		ownSelectors: ({ namespace }: PodInfo): readonly LabelSelector[] =>
			services.flatMap(({ metadata, spec }) =>
				metadata?.namespace === namespace && spec?.selector !== undefined ? [{ matchLabels: spec.selector }] : [],
			),
	};
}

/** @param wanted the workloads whose names contain it; default: all. Those with volumes are left out: who binds them is not here. */
export async function benchDecisions(runs: number, wanted = ""): Promise<Measurement[]> {
	const measurements: Measurement[] = [];
	for (const [name, make] of Object.entries(workloads)) {
		const workload = name.includes(wanted) && !name.includes("CSIPVs") ? make(name) : undefined;
		if (workload === undefined) continue;
		const values = Array.from({ length: runs }, () => costOf(workload));
		measurements.push({ name: `a decision: ${name}`, unit: "µs of CPU", values });
	}
	return measurements;
}
