/**
 * Short ways to write pods and nodes in the scheduler's tests.
 */
import type {
	Container,
	Node,
	NodeSpec,
	NodeStatus,
	ObjectMeta,
	Pod,
	PodSpec,
	PodStatus,
} from "../../apimachinery/schema/generated/types.ts";
import { SchedulerCache } from "../cache/cache.ts";
import { CycleState } from "../framework/cycle-state.ts";
import type { AnyPlugin } from "../framework/plugin.ts";
import { PodInfo } from "../framework/pod-info.ts";
import type { Snapshot } from "../framework/snapshot.ts";
import { Status } from "../framework/status.ts";

export type Resources = Readonly<Record<string, string>>;

export function container(requests: Resources = {}, rest: Partial<Container> = {}): Container {
	return { name: "main", image: "registry.k8s.io/pause:3.10", ...rest, resources: { requests } };
}

/** A pod of namespace default with one container without requests, unless `spec` says otherwise. */
export function pod(name: string, spec: Partial<PodSpec> = {}, metadata: ObjectMeta = {}, status: PodStatus = {}): Pod {
	return {
		apiVersion: "v1",
		kind: "Pod",
		metadata: { namespace: "default", uid: `uid-${name}`, ...metadata, name },
		spec: { schedulerName: "default-scheduler", ...spec, containers: spec.containers ?? [container()] },
		status,
	};
}

/** A pod that requests something. */
export function podWith(name: string, requests: Resources, spec: Partial<PodSpec> = {}, metadata: ObjectMeta = {}): Pod {
	return pod(name, { ...spec, containers: [container(requests)] }, metadata);
}

/** A node with 4 cores, 8 GiB and room for 110 pods, labelled with its own name. */
export function node(
	name: string,
	options: { labels?: Resources; spec?: NodeSpec; allocatable?: Resources; status?: NodeStatus } = {},
): Node {
	return {
		apiVersion: "v1",
		kind: "Node",
		metadata: { name, uid: `uid-${name}`, labels: { "kubernetes.io/hostname": name, ...options.labels } },
		spec: options.spec ?? {},
		status: { ...options.status, allocatable: { cpu: "4", memory: "8Gi", pods: "110", ...options.allocatable } },
	};
}

/** A snapshot of these nodes; a pod with spec.nodeName runs there. */
export function cluster(nodes: readonly Node[], pods: readonly Pod[] = []): Snapshot {
	const cache = new SchedulerCache();
	for (const each of nodes) cache.addNode(each);
	for (const each of pods) cache.addPod(each);
	return cache.snapshot();
}

/** What a plugin's PreFilter and Filter say of each node: "ok", or the code and the reasons. */
export function filterVerdicts(plugin: AnyPlugin, waiting: Pod, snapshot: Snapshot): Readonly<Record<string, string>> {
	const info = new PodInfo(waiting);
	const state = new CycleState();
	const answer = plugin.preFilter?.(state, info, snapshot);
	const skipped = answer instanceof Status && answer.code === "Skip";
	return Object.fromEntries(
		snapshot.nodes.map((each) => {
			if (answer instanceof Status && !skipped) return [each.name, `${answer.code}: ${answer.message}`];
			const verdict = skipped ? undefined : plugin.filter?.(state, info, each);
			return [each.name, verdict === undefined ? "ok" : `${verdict.code}: ${verdict.message}`];
		}),
	);
}

/** What a plugin scores each node, normalised; undefined if it skips the pod. */
export function scoresOf(plugin: AnyPlugin, waiting: Pod, snapshot: Snapshot): Readonly<Record<string, number>> | undefined {
	const info = new PodInfo(waiting);
	const state = new CycleState();
	if (plugin.preScore?.(state, info, snapshot.nodes, snapshot)?.code === "Skip") return undefined;
	const scores = Float64Array.from(snapshot.nodes, (each) => plugin.score?.(state, info, each, snapshot) ?? 0);
	plugin.normalizeScore?.(state, info, scores, snapshot.nodes);
	return Object.fromEntries(snapshot.nodes.map((each, index) => [each.name, scores[index] ?? 0]));
}
