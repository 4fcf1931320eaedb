/**
 * The scheduler's rules once more, as slow and as plain as they can be said: nothing is remembered, nothing is shared, every pod
 * and every node is looked at each time. Written from the documentation, not from the scheduler.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/
 *
 * Pods are of one namespace, with one container. Not here: preemption, volumes, images, soft topology spread.
 */
import type {
	Node,
	NodeSelectorRequirement,
	NodeSelectorTerm,
	Pod,
	PodAffinityTerm,
	Toleration,
} from "../../src/apimachinery/schema/generated/types.ts";

/** A pod with the node that it is on. */
export interface Placed {
	readonly pod: Pod;
	readonly node: string;
}

export interface Verdict {
	/** Names of the nodes that the pod may go to. */
	readonly feasible: readonly string[];
	/** The weighted sum of each of those. */
	readonly totals: ReadonlyMap<string, number>;
}

const labelsOf = (object: Node | Pod): Readonly<Record<string, string>> => object.metadata?.labels ?? {};
const nameOf = (node: Node): string => node.metadata?.name ?? "";

export function judge(pod: Pod, nodes: readonly Node[], placed: readonly Placed[]): Verdict {
	const feasible = nodes.filter((node) => isFeasible(pod, node, nodes, placed));
	const scores = [
		{
			weight: 3,
			of: normalized(
				feasible.map((node) => softTaints(pod, node)),
				"fewest is best",
			),
		},
		{
			weight: 2,
			of: normalized(
				feasible.map((node) => preferredNode(pod, node)),
				"most is best",
			),
		},
		{ weight: 1, of: feasible.map((node) => leastAllocated(pod, node, placed)) },
		{ weight: 2, of: stretched(feasible.map((node) => preferredNeighbours(pod, node, nodes, placed))) },
		{ weight: 1, of: feasible.map((node) => balanced(pod, node, placed)) },
	];
	const totals = feasible.map(
		(node, index) => [nameOf(node), scores.reduce((sum, { weight, of }) => sum + weight * (of[index] ?? 0), 0)] as const,
	);
	return { feasible: feasible.map(nameOf), totals: new Map(totals) };
}

// Rules

function isFeasible(pod: Pod, node: Node, nodes: readonly Node[], placed: readonly Placed[]): boolean {
	const there = placed.filter((each) => each.node === nameOf(node)).map((each) => each.pod);
	if (node.spec?.unschedulable === true) return false;
	const hard = (node.spec?.taints ?? []).filter(({ effect }) => effect !== "PreferNoSchedule");
	if (hard.some((taint) => !tolerates(pod.spec?.tolerations, taint))) return false;
	if (!isWanted(pod, node)) return false;
	if (there.length + 1 > amount(node.status?.allocatable?.pods)) return false;
	for (const resource of ["cpu", "memory"] as const) {
		const asked = requested(pod, resource);
		const used = there.reduce((sum, each) => sum + requested(each, resource), 0);
		if (asked > 0 && used + asked > amount(node.status?.allocatable?.[resource])) return false;
	}
	if (there.some((each) => portsOf(each).some((port) => portsOf(pod).includes(port)))) return false;
	return isSpread(pod, node, nodes, placed) && neighboursAgree(pod, node, nodes, placed);
}

function tolerates(
	tolerations: readonly Toleration[] = [],
	taint: { readonly key: string; readonly value?: string; readonly effect: string },
) {
	return tolerations.some(({ key, operator = "Equal", value = "", effect }) => {
		if (effect !== undefined && effect !== taint.effect) return false;
		if (key === undefined) return operator === "Exists";
		return key === taint.key && (operator === "Exists" || value === (taint.value ?? ""));
	});
}

/** nodeSelector, and one of the terms of the required node affinity. */
function isWanted(pod: Pod, node: Node): boolean {
	const selector = Object.entries(pod.spec?.nodeSelector ?? {});
	if (selector.some(([key, value]) => labelsOf(node)[key] !== value)) return false;
	const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
	return terms === undefined || terms.some((term) => matches(term, node));
}

function matches({ matchExpressions = [] }: NodeSelectorTerm, node: Node): boolean {
	return matchExpressions.length > 0 && matchExpressions.every((requirement) => holds(requirement, labelsOf(node)));
}

function holds({ key, operator, values = [] }: NodeSelectorRequirement, labels: Readonly<Record<string, string>>): boolean {
	const value = labels[key];
	switch (operator) {
		case "In":
			return value !== undefined && values.includes(value);
		case "NotIn":
			return value === undefined || !values.includes(value);
		case "Exists":
			return value !== undefined;
		case "DoesNotExist":
			return value === undefined;
		default:
			throw new Error(`no rule for ${operator}`);
	}
}

function isSpread(pod: Pod, node: Node, nodes: readonly Node[], placed: readonly Placed[]): boolean {
	const constraints = pod.spec?.topologySpreadConstraints ?? [];
	const keys = constraints.map(({ topologyKey }) => topologyKey);
	/** Nodes that make up the domains: those that have all the keys, and that the pod could want. */
	const counted = nodes.filter((each) => keys.every((key) => labelsOf(each)[key] !== undefined) && isWanted(pod, each));
	return constraints.every(({ topologyKey, maxSkew, labelSelector }) => {
		const selects = (each: Pod) => Object.entries(labelSelector?.matchLabels ?? {}).every(([key, value]) => labelsOf(each)[key] === value);
		const domain = labelsOf(node)[topologyKey];
		if (domain === undefined) return false;
		const podsIn = (value: string) =>
			counted
				.filter((each) => labelsOf(each)[topologyKey] === value)
				.flatMap((each) => placed.filter(({ node: on, pod: other }) => on === nameOf(each) && selects(other))).length;
		const domains = [...new Set(counted.map((each) => labelsOf(each)[topologyKey] ?? ""))];
		const fewest = domains.length === 0 ? 0 : Math.min(...domains.map(podsIn));
		return podsIn(domain) + (selects(pod) ? 1 : 0) - fewest <= maxSkew;
	});
}

const selectedBy = ({ labelSelector }: PodAffinityTerm, pod: Pod): boolean =>
	labelSelector !== undefined && Object.entries(labelSelector.matchLabels ?? {}).every(([key, value]) => labelsOf(pod)[key] === value);

/** Whether two nodes are in one place: they have the key, with one value. */
const together = (key: string, a: Node, b: Node | undefined): boolean =>
	labelsOf(a)[key] !== undefined && b !== undefined && labelsOf(a)[key] === labelsOf(b)[key];

function neighboursAgree(pod: Pod, node: Node, nodes: readonly Node[], placed: readonly Placed[]): boolean {
	const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
	const wanted = podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
	const unwanted = podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
	const nodeOf = (each: Placed) => nodes.find((one) => nameOf(one) === each.node);
	// Whoever is meant by the affinity has to be what all of its terms speak of.
	const friends = placed.filter((each) => wanted.every((term) => selectedBy(term, each.pod)));
	const isNear = (term: PodAffinityTerm) => friends.some((each) => together(term.topologyKey, node, nodeOf(each)));
	const hasKeys = wanted.every(({ topologyKey }) => labelsOf(node)[topologyKey] !== undefined);
	const isAnywhere = friends.some((each) => wanted.some(({ topologyKey }) => labelsOf(nodeOf(each) ?? {})[topologyKey] !== undefined));
	const isFirst = !isAnywhere && wanted.every((term) => selectedBy(term, pod));
	if (wanted.length > 0 && !(hasKeys && (wanted.every(isNear) || isFirst))) return false;
	const isBeside = (term: PodAffinityTerm) =>
		placed.some((each) => selectedBy(term, each.pod) && together(term.topologyKey, node, nodeOf(each)));
	if (unwanted.some(isBeside)) return false;
	return !placed.some((each) =>
		(each.pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).some(
			(term) => selectedBy(term, pod) && together(term.topologyKey, node, nodeOf(each)),
		),
	);
}

// Preferences

function softTaints(pod: Pod, node: Node): number {
	const soft = (node.spec?.taints ?? []).filter(({ effect }) => effect === "PreferNoSchedule");
	const concerning = (pod.spec?.tolerations ?? []).filter(({ effect }) => effect === undefined || effect === "PreferNoSchedule");
	return soft.filter((taint) => !tolerates(concerning, taint)).length;
}

function preferredNode(pod: Pod, node: Node): number {
	const terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
	return terms.filter(({ preference }) => matches(preference, node)).reduce((sum, { weight }) => sum + weight, 0);
}

/** Pods without a request count as 100m and 200 MiB. */
function leastAllocated(pod: Pod, node: Node, placed: readonly Placed[]): number {
	const there = [...placed.filter((each) => each.node === nameOf(node)).map((each) => each.pod), pod];
	const shares = [
		{ resource: "cpu" as const, least: 0.1 },
		{ resource: "memory" as const, least: 200 * 2 ** 20 },
	].map(({ resource, least }) => {
		const capacity = amount(node.status?.allocatable?.[resource]);
		const used = there.reduce((sum, each) => sum + (requested(each, resource) || least), 0);
		return used > capacity ? 0 : Math.trunc(((capacity - used) * 100) / capacity + 1e-9);
	});
	return Math.trunc(((shares[0] ?? 0) + (shares[1] ?? 0)) / 2);
}

/** By how much the pod brings the use of cpu and memory closer together: 75 if it changes nothing. */
function balanced(pod: Pod, node: Node, placed: readonly Placed[]): number {
	if (requested(pod, "cpu") === 0 && requested(pod, "memory") === 0) return 0;
	const there = placed.filter((each) => each.node === nameOf(node)).map((each) => each.pod);
	const balance = (pods: readonly Pod[]) => {
		const share = (resource: "cpu" | "memory") =>
			Math.min(1, pods.reduce((sum, each) => sum + requested(each, resource), 0) / amount(node.status?.allocatable?.[resource]));
		return Math.trunc((1 - Math.abs(share("cpu") - share("memory")) / 2) * 100);
	};
	return 50 + Math.trunc((50 + balance([...there, pod]) - balance(there)) / 2);
}

/** What the pod prefers of its neighbours, what they prefer of it, and 1 for each that requires it. */
function preferredNeighbours(pod: Pod, node: Node, nodes: readonly Node[], placed: readonly Placed[]): number {
	let sum = 0;
	for (const each of placed) {
		const there = nodes.find((one) => nameOf(one) === each.node);
		const add = (terms: readonly { weight: number; podAffinityTerm: PodAffinityTerm }[] | undefined, other: Pod, sign: number) => {
			for (const { weight, podAffinityTerm: term } of terms ?? []) {
				if (selectedBy(term, other) && together(term.topologyKey, node, there)) sum += sign * weight;
			}
		};
		const [own, theirs] = [pod.spec?.affinity, each.pod.spec?.affinity];
		add(own?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution, each.pod, 1);
		add(own?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution, each.pod, -1);
		add(theirs?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution, pod, 1);
		add(theirs?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution, pod, -1);
		const required = theirs?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
		add(
			required.map((podAffinityTerm) => ({ weight: 1, podAffinityTerm })),
			pod,
			1,
		);
	}
	return sum;
}

/** The greatest becomes 100, or the least where few is good; all the same where all are 0. */
function normalized(scores: readonly number[], order: "most is best" | "fewest is best"): readonly number[] {
	const most = Math.max(0, ...scores);
	if (order === "most is best") return scores.map((score) => (most === 0 ? 0 : Math.trunc((score * 100) / most)));
	return scores.map((score) => (most === 0 ? 100 : 100 - Math.trunc((score * 100) / most)));
}

/** The least becomes 0 and the greatest 100. */
function stretched(scores: readonly number[]): readonly number[] {
	const [least, most] = [Math.min(...scores), Math.max(...scores)];
	return scores.map((score) => (most === least ? 0 : Math.trunc((100 * (score - least)) / (most - least))));
}

// Amounts: cores and bytes; texts of tests are plain numbers.

function requested(pod: Pod, resource: "cpu" | "memory"): number {
	return amount(pod.spec?.containers[0]?.resources?.requests?.[resource]);
}

function amount(text: string | undefined): number {
	return Number(text ?? 0);
}

function portsOf(pod: Pod): readonly number[] {
	return (pod.spec?.containers[0]?.ports ?? []).flatMap(({ hostPort }) => hostPort ?? []);
}
