/**
 * What would become of a workload, without touching the cluster: its pods go through the API server's own defaults and admission
 * as a dry run, and then through the scheduler's profiles on a copy of what is there.
 */
import type { KubeObject } from "../apimachinery/meta.ts";
import type { DaemonSet, Job, Node, Pod, PodTemplateSpec, ReplicaSet } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { nodes as nodesRef, pods as podsRef } from "../client/resources.ts";
import { placementOf, templateFor } from "../controllers/daemonset/placement.ts";
import { type AttemptExplanation, explainAttempt } from "../scheduler/index.ts";
import type { Cluster } from "./cluster.ts";

export interface SimulationOptions {
	/** Nodes to imagine besides those that are there. */
	readonly nodes?: readonly Node[];
}

export interface SimulationResult {
	/** In the order in which the scheduler would take them: by priority, then as they stand. */
	readonly placements: readonly Placement[];
}

export interface Placement {
	/** "namespace/name". */
	readonly pod: string;
	/** "" if it fits nowhere. */
	readonly nodeName: string;
	/** Pods that would have to go for it, "namespace/name". */
	readonly preempts: readonly string[];
	/** Why it fits nowhere, or is not let in at all; "" if it fits. */
	readonly message: string;
	/** Absent: the API server does not let the pod in, or nobody schedules it. */
	readonly attempt?: AttemptExplanation;
}

/** An object that no pods come from. */
export class SimulationError extends Error {
	override readonly name = "SimulationError";
}

/**
 * Places pods, and the pods of Deployments, ReplicaSets, ReplicationControllers, StatefulSets, Jobs and DaemonSets; Nodes among
 * the objects are imagined. Rejects with SimulationError for any other object, and with a StatusError for a node that is none.
 */
export async function simulatePlacement(
	cluster: Pick<Cluster, "client" | "scheduler">,
	objects: readonly KubeObject[],
	{ nodes = [] }: SimulationOptions = {},
): Promise<SimulationResult> {
	const { client, scheduler } = cluster;
	const dryRun = scheduler.dryRun();
	const isNode = (object: KubeObject) => object.apiVersion === "v1" && object.kind === "Node";
	const imagined = [...nodes, ...(objects.filter(isNode) as readonly Node[])];
	for (const node of imagined) {
		const { status, ...rest } = node;
		const made = await client.resource(nodesRef).create(rest, { options: { dryRun: true } });
		// Admission takes it for not ready yet; what it is imagined with, it has.
		const { taints: _, ...spec } = made.spec ?? {};
		const taints = node.spec?.taints;
		dryRun.addNode({
			...made,
			spec: { ...spec, ...(taints === undefined ? {} : { taints }) },
			...(status === undefined ? {} : { status }),
		});
	}
	const present = await client.resource(nodesRef).list();
	const all = [...present.items, ...imagined];
	const wanted = objects.filter((object) => !isNode(object)).flatMap((object) => podsOf(object, all));
	const placements: Placement[] = [];
	const admitted: Pod[] = [];
	for (const pod of wanted) {
		try {
			const made = await client.resource(podsRef).create(pod, { options: { dryRun: true } });
			// A dry run gives no two pods a name of their own each time, nor an id that anybody keeps.
			admitted.push({ ...made, metadata: { ...made.metadata, uid: `simulated-${admitted.length}` } });
		} catch (error) {
			if (!isStatusError(error)) throw error;
			placements.push({ pod: keyOf(pod), nodeName: "", preempts: [], message: error.message });
		}
	}
	const inOrder = admitted.toSorted((a, b) => (b.spec?.priority ?? 0) - (a.spec?.priority ?? 0));
	for (const pod of inOrder) {
		const gate = dryRun.gate(pod);
		const record = gate === undefined ? await dryRun.place(pod) : undefined;
		if (record === undefined) {
			const message = gate === undefined ? `no scheduler of this cluster is named "${pod.spec?.schedulerName ?? ""}"` : gate.message;
			placements.push({ pod: keyOf(pod), nodeName: "", preempts: [], message });
			continue;
		}
		const attempt = explainAttempt(record);
		const victims = attempt.preemption.find(({ nodeName }) => nodeName === attempt.nodeName)?.victims ?? [];
		if (victims.length > 0) dryRun.preempt(pod, record);
		const fits = attempt.result === "Scheduled" || victims.length > 0;
		placements.push({
			pod: keyOf(pod),
			nodeName: fits ? attempt.nodeName : "",
			preempts: victims,
			message: fits ? "" : attempt.message,
			attempt,
		});
	}
	return { placements };
}

/** More nodes like the first that there is, Ready and with nothing on them. */
export async function imaginedNodes({ client }: Pick<Cluster, "client">, count: number): Promise<readonly Node[]> {
	const { items } = await client.resource(nodesRef).list();
	const [model] = items;
	const names = new Set(items.map(({ metadata }) => metadata?.name));
	const free = (index: number): string => (names.has(`imagined-${index}`) ? free(index + count) : `imagined-${index}`);
	return Array.from({ length: count }, (_, index): Node => {
		const name = free(index + 1);
		const labels = { ...model?.metadata?.labels, "kubernetes.io/hostname": name };
		const { capacity = usualNode, allocatable = usualNode } = model?.status ?? {};
		return { apiVersion: "v1", kind: "Node", metadata: { name, labels }, status: { capacity, allocatable } };
	});
}

const usualNode = { cpu: "4", memory: "8Gi", pods: "110" };

function keyOf({ metadata }: KubeObject): string {
	return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
}

/** The pods that an object stands for, with names that tell them apart. */
function podsOf(object: KubeObject, nodes: readonly Node[]): readonly Pod[] {
	const namespace = object.metadata?.namespace ?? "default";
	const name = object.metadata?.name ?? "";
	const made = (template: PodTemplateSpec | undefined, count: number): readonly Pod[] =>
		Array.from({ length: count }, (_, index) => ({
			apiVersion: "v1",
			kind: "Pod",
			metadata: { ...template?.metadata, namespace, name: `${name}-${index}` },
			...(template?.spec === undefined ? {} : { spec: template.spec }),
		}));
	switch (`${object.apiVersion}/${object.kind}`) {
		case "v1/Pod":
			return [{ ...(object as Pod), metadata: { ...object.metadata, namespace } }];
		case "apps/v1/Deployment":
		case "apps/v1/ReplicaSet":
		case "apps/v1/StatefulSet":
		case "v1/ReplicationController": {
			const { spec } = object as ReplicaSet;
			return made(spec?.template, spec?.replicas ?? 1);
		}
		case "batch/v1/Job": {
			const { spec } = object as Job;
			return made(spec?.template, Math.min(spec?.parallelism ?? 1, spec?.completions ?? Number.POSITIVE_INFINITY));
		}
		case "apps/v1/DaemonSet": {
			const set = object as DaemonSet;
			const place = placementOf(set);
			const chosen = nodes.filter((node) => place(node).shouldRun).map(({ metadata }) => metadata?.name ?? "");
			return chosen.flatMap((nodeName, index) =>
				made(templateFor(set, nodeName, ""), 1).map((pod) => ({ ...pod, metadata: { ...pod.metadata, name: `${name}-${index}` } })),
			);
		}
		default:
			throw new SimulationError(`no pods come from a ${object.kind} of ${object.apiVersion}`);
	}
}
