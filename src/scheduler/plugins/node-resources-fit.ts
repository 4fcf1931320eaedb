/**
 * NodeResourcesFit: a pod fits if what it requests is free on the node; how full the node would be is its score. A pod that asks for more than the node has when empty does not fit
 * there however many pods are preempted.
 * Source: https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins and
 * https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-requests-are-scheduled
 */
import type { Node, Pod } from "../../apimachinery/schema/generated/types.ts";
import { ActionType } from "../framework/cluster-event.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { FilterPlugin, PreFilterPlugin, ScorePlugin } from "../framework/plugin.ts";
import { computePodRequests } from "../framework/pod-requests.ts";
import { ResourceVector } from "../framework/resource-vector.ts";
import { type Status, unresolvable, unschedulable, type Verdict } from "../framework/status.ts";
import { cpuAndMemory, resourceScorer, type ScoringStrategy } from "./resource-scoring.ts";

const name = "NodeResourcesFit";
const builtInResources: readonly string[] = ["cpu", "memory", "ephemeral-storage"];
const tooManyPods = "Too many pods";
/** Verdicts remembered; one more forgets them all. */
const maxVerdicts = 256;

/** Verdicts on nodes that lack one thing, as most do that lack any: thousands of full nodes are refused with one and the same object. */
class Verdicts {
	readonly #now = new Map<string, Status>();
	readonly #ever = new Map<string, Status>();

	/** @param hopeless however many pods are preempted */
	of(lacking: readonly string[], hopeless: boolean): Status {
		const [first = ""] = lacking;
		if (lacking.length > 1) return create(lacking, hopeless);
		const known = hopeless ? this.#ever : this.#now;
		let verdict = known.get(first);
		if (verdict === undefined) {
			verdict = create(lacking, hopeless);
			if (known.size >= maxVerdicts) known.clear();
			known.set(first, verdict);
		}
		return verdict;
	}
}

function create(lacking: readonly string[], hopeless: boolean): Status {
	const reasons = lacking.map((what) => (what === tooManyPods ? what : `Insufficient ${what}`));
	return hopeless ? unresolvable(name, ...reasons) : unschedulable(name, ...reasons);
}

/** NodeResourcesFitArgs. */
export interface NodeResourcesFitOptions {
	/** Extended resources that no node need have: by name, and by the domain before the slash. */
	readonly ignoredResources?: readonly string[];
	readonly ignoredResourceGroups?: readonly string[];
	/** Whether devices may stand for the resource on nodes that do not have it: then it is DynamicResources' business there. */
	readonly isOfDevices?: (resource: string) => boolean;
	/** Default: LeastAllocated over cpu and memory. */
	readonly scoringStrategy?: ScoringStrategy;
}

export function createNodeResourcesFit({
	ignoredResources = [],
	ignoredResourceGroups = [],
	isOfDevices = () => false,
	scoringStrategy = { type: "LeastAllocated", resources: cpuAndMemory },
}: NodeResourcesFitOptions = {}): PreFilterPlugin & FilterPlugin & ScorePlugin {
	const score = resourceScorer(scoringStrategy);
	const groups = new Set(ignoredResourceGroups);
	const names = new Set(ignoredResources);
	const isIgnored = (resource: string) => names.has(resource) || groups.has(resource.slice(0, Math.max(0, resource.indexOf("/"))));
	const ignoresSome = names.size + groups.size > 0;
	const verdicts = new Verdicts();
	/** What the pod asks nodes for. */
	const wantedBy = (requests: ResourceVector): ResourceVector => {
		if (!ignoresSome || requests.scalars === undefined) return requests;
		const wanted = requests.clone();
		wanted.scalars = new Map([...requests.scalars].filter(([resource]) => !isIgnored(resource)));
		return wanted;
	};
	/** DeviceClasses come and go while nodes stay as they are. */
	const ofDevices = ({ scalars }: ResourceVector) => (scalars === undefined ? [] : [...scalars.keys()].filter(isOfDevices));
	return {
		name,
		preFilter: () => undefined,
		filter(_state, pod, node) {
			const wanted = wantedBy(pod.requests);
			if (fits(wanted, node, isOfDevices)) return undefined;
			return explain(wanted, node.allocatable, node.requested, node.pods.length, verdicts, isOfDevices);
		},
		score: (_state, pod, node) => score(pod, node),
		signPod: ({ requests, nonZeroMilliCpu, nonZeroMemoryBytes }) => [requests, nonZeroMilliCpu, nonZeroMemoryBytes, ofDevices(requests)],
		eventsToRegister: () => [
			{
				resource: "AssignedPod",
				action: ActionType.delete | ActionType.updatePodScaleDown,
				hint: (pod, old, changed) => (podChangeHelps(pod, old, changed) ? "Queue" : "Skip"),
			},
			{ resource: "TargetPod", action: ActionType.updatePodScaleDown },
			{
				resource: "Node",
				action: ActionType.add | ActionType.updateNodeAllocatable,
				hint: (pod, old, node) => (nodeChangeHelps(wantedBy(computePodRequests(pod).requests), old, node, isOfDevices) ? "Queue" : "Skip"),
			},
			{
				resource: "DeviceClass",
				action: ActionType.add | ActionType.update,
				hint: (pod) => ([...(computePodRequests(pod).requests.scalars?.keys() ?? [])].some(isOfDevices) ? "Queue" : "Skip"),
			},
		],
	};
}

export const nodeResourcesFit = createNodeResourcesFit();

/** Called for every pod and node, so it compares and allocates nothing. */
function fits(requests: ResourceVector, { allocatable, requested, pods }: NodeInfo, isOfDevices: IsOfDevices): boolean {
	return (
		pods.length < allocatable.pods &&
		(requests.milliCpu === 0 || requests.milliCpu <= allocatable.milliCpu - requested.milliCpu) &&
		(requests.memoryBytes === 0 || requests.memoryBytes <= allocatable.memoryBytes - requested.memoryBytes) &&
		(requests.ephemeralStorageBytes === 0 ||
			requests.ephemeralStorageBytes <= allocatable.ephemeralStorageBytes - requested.ephemeralStorageBytes) &&
		(requests.scalars === undefined || scalarsFit(requests.scalars, allocatable, requested, isOfDevices))
	);
}

type IsOfDevices = NonNullable<NodeResourcesFitOptions["isOfDevices"]>;

function scalarsFit(
	wanted: ReadonlyMap<string, number>,
	allocatable: ResourceVector,
	requested: ResourceVector,
	isOfDevices: IsOfDevices,
): boolean {
	for (const [resource, amount] of wanted) {
		const most = allocatable.scalars?.get(resource) ?? 0;
		if (amount === 0 || amount <= most - (requested.scalars?.get(resource) ?? 0)) continue;
		if (most > 0 || !isOfDevices(resource)) return false;
	}
	return true;
}

/** All that is lacking, in upstream's order; undefined if nothing is. */
function explain(
	wanted: ResourceVector,
	allocatable: ResourceVector,
	requested: ResourceVector,
	podsCount: number,
	verdicts: Verdicts,
	isOfDevices: IsOfDevices,
): Verdict {
	const lacking: string[] = [];
	let hopeless = false;
	if (podsCount >= allocatable.pods) lacking.push(tooManyPods);
	for (const resource of resourcesIn(wanted)) {
		const amount = wanted.get(resource);
		if (amount === 0) continue;
		const most = allocatable.get(resource);
		if (amount <= most - requested.get(resource) || (most === 0 && isOfDevices(resource))) continue;
		lacking.push(resource);
		hopeless ||= amount > most;
	}
	return lacking.length === 0 ? undefined : verdicts.of(lacking, hopeless);
}

/** A pod that left its node frees a place at least; one that shrank helps if it gave back what the pod wants. */
function podChangeHelps(pod: Pod, old: Pod | undefined, changed: Pod | undefined): boolean {
	if (old === undefined) return false;
	if (changed === undefined) return old.spec?.nodeName !== undefined && old.spec.nodeName !== "";
	const wanted = computePodRequests(pod).requests;
	const before = computePodRequests(old).requests;
	const after = computePodRequests(changed).requests;
	return resourcesIn(wanted).some((resource) => wanted.get(resource) > 0 && after.get(resource) < before.get(resource));
}

/** A node helps if the pod would fit on it when empty, and it is new or has grown in what the pod wants. */
function nodeChangeHelps(wanted: ResourceVector, old: Node | undefined, node: Node | undefined, isOfDevices: IsOfDevices): boolean {
	if (node === undefined) return false;
	const after = ResourceVector.from(node.status?.allocatable);
	if (explain(wanted, after, new ResourceVector(), 0, new Verdicts(), isOfDevices) !== undefined) return false;
	if (old === undefined) return true;
	const before = ResourceVector.from(old.status?.allocatable);
	return ["pods", ...resourcesIn(wanted)].some((resource) => after.get(resource) > before.get(resource));
}

/** In the order of upstream's reasons. */
function resourcesIn({ scalars }: ResourceVector): readonly string[] {
	return scalars === undefined ? builtInResources : [...builtInResources, ...scalars.keys()];
}
