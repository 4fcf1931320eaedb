/**
 * What a pod requires of the node that it goes to, as slow and as plain as it can be said, over everything that is in a cluster. Written
 * from the documentation, not from the scheduler; preferences are reference-scheduler.ts's.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/ and https://kubernetes.io/docs/concepts/storage/persistent-volumes/
 *
 * Amounts are plain numbers, a pod has one container and at most one claim, and claims wait for their pod or are bound at once: their
 * classes make no volumes.
 */
import type {
	CSINode,
	LabelSelector,
	Namespace,
	Node,
	NodeSelectorTerm,
	PersistentVolume,
	PersistentVolumeClaim,
	Pod,
	PodAffinityTerm,
	StorageClass,
	Taint,
	TopologySpreadConstraint,
} from "../../src/apimachinery/schema/generated/types.ts";

/** Everything that matters, at one moment. */
export interface World {
	readonly nodes: readonly Node[];
	/** Those with a node and those without. */
	readonly pods: readonly Pod[];
	readonly namespaces: readonly Namespace[];
	readonly claims: readonly PersistentVolumeClaim[];
	readonly volumes: readonly PersistentVolume[];
	readonly classes: readonly StorageClass[];
	readonly csiNodes: readonly CSINode[];
}

type Labels = Readonly<Record<string, string>>;
interface Selectable {
	readonly key: string;
	readonly operator: string;
	readonly values?: readonly string[];
}

const labelsOf = (object: Node | Pod | Namespace | undefined): Labels => object?.metadata?.labels ?? {};
const nameOf = (object: { readonly metadata?: { readonly name?: string } }): string => object.metadata?.name ?? "";
const namespaceOf = ({ metadata }: Pod | PersistentVolumeClaim): string => metadata?.namespace ?? "";
export const priorityOf = ({ spec }: Pod): number => spec?.priority ?? 0;
export const isOver = ({ status }: Pod): boolean => status?.phase === "Succeeded" || status?.phase === "Failed";
export const isPlaced = (pod: Pod): boolean => (pod.spec?.nodeName ?? "") !== "" && !isOver(pod);

/** The rules that the pod would break on the node, by name; none: it may go there. */
export function brokenRules(pod: Pod, node: Node, world: World): readonly string[] {
	const others = world.pods.filter((each) => isPlaced(each) && each.metadata?.uid !== pod.metadata?.uid);
	const there = others.filter(({ spec }) => spec?.nodeName === nameOf(node));
	const rules: Readonly<Record<string, boolean>> = {
		"the node takes pods": node.spec?.unschedulable !== true || tolerates(pod, cordoned),
		taints: (node.spec?.taints ?? []).every((taint) => taint.effect === "PreferNoSchedule" || tolerates(pod, taint)),
		"node affinity": wantsNode(pod, node),
		resources: hasRoom([...there, pod], node, pod),
		"host ports": !there.some((each) => portsOf(each).some((port) => portsOf(pod).includes(port))),
		"pod affinity": isNearFriends(pod, node, others, world),
		"pod anti-affinity": isFarFromFoes(pod, node, others, world),
		"others' anti-affinity": others.every((each) => isFarFromFoes(each, nodeOf(each, world), [{ ...pod, ...onNode(pod, node) }], world)),
		"topology spread": isSpread(pod, node, others, world),
		volumes: hasVolume(pod, node, world),
		"volumes of one pod": !usesAlone(pod, others, world),
		"volumes' limits": isWithinLimit(pod, node, there, world),
	};
	return Object.entries(rules).flatMap(([rule, holds]) => (holds ? [] : [rule]));
}

function onNode(pod: Pod, node: Node): Pick<Pod, "spec"> {
	return { spec: { containers: [], ...pod.spec, nodeName: nameOf(node) } };
}

const nodeOf = ({ spec }: Pod, { nodes }: World): Node | undefined => nodes.find((node) => nameOf(node) === spec?.nodeName);

// ── The node by itself ──

const cordoned: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

function tolerates({ spec }: Pod, taint: Taint): boolean {
	return (spec?.tolerations ?? []).some(({ key, operator = "Equal", value = "", effect }) => {
		if (effect !== undefined && effect !== taint.effect) return false;
		if (key === undefined) return operator === "Exists";
		return key === taint.key && (operator === "Exists" || value === (taint.value ?? ""));
	});
}

function wantsNode({ spec }: Pod, node: Node): boolean {
	const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
	const selector = Object.entries(spec?.nodeSelector ?? {});
	return selector.every(([key, value]) => labelsOf(node)[key] === value) && (terms?.some((term) => meets(term, node)) ?? true);
}

function meets({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
	if (matchExpressions.length + matchFields.length === 0) return false;
	const fields = { "metadata.name": nameOf(node) };
	return matchExpressions.every((each) => holds(each, labelsOf(node))) && matchFields.every((each) => holds(each, fields));
}

function holds({ key, operator, values = [] }: Selectable, labels: Labels): boolean {
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

// ── What is on the node ──

function hasRoom(pods: readonly Pod[], node: Node, asking: Pod): boolean {
	if (pods.length > Number(node.status?.allocatable?.pods)) return false;
	return ["cpu", "memory"].every((resource) => {
		const sum = pods.reduce((total, pod) => total + requested(pod, resource), 0);
		return requested(asking, resource) === 0 || sum <= Number(node.status?.allocatable?.[resource] ?? 0);
	});
}

export function requested({ spec }: Pod, resource: string): number {
	return Number(spec?.containers[0]?.resources?.requests?.[resource] ?? 0);
}

function portsOf({ spec }: Pod): readonly number[] {
	return (spec?.containers[0]?.ports ?? []).flatMap(({ hostPort }) => hostPort ?? []);
}

// ── Neighbours ──

function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
	if (selector === undefined) return false;
	const { matchLabels = {}, matchExpressions = [] } = selector;
	return (
		Object.entries(matchLabels).every(([key, value]) => labels[key] === value) && matchExpressions.every((each) => holds(each, labels))
	);
}

/** @param owner whose term it is */
function speaksOf(term: PodAffinityTerm, owner: Pod, other: Pod, { namespaces }: World): boolean {
	const { namespaces: named = [], namespaceSelector, labelSelector } = term;
	const own = named.length === 0 && namespaceSelector === undefined ? [namespaceOf(owner)] : named;
	const chosen = namespaces.filter((each) => selects(namespaceSelector, labelsOf(each))).map(nameOf);
	return [...own, ...chosen].includes(namespaceOf(other)) && selects(labelSelector, labelsOf(other));
}

/** They have the key, with one value. */
function together(key: string, a: Node | undefined, b: Node | undefined): boolean {
	return labelsOf(a)[key] !== undefined && labelsOf(a)[key] === labelsOf(b)[key];
}

function isFarFromFoes(pod: Pod, node: Node | undefined, others: readonly Pod[], world: World): boolean {
	const terms = pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
	return !terms.some((term) =>
		others.some((each) => speaksOf(term, pod, each, world) && together(term.topologyKey, node, nodeOf(each, world))),
	);
}

/** Who is meant has to be what all terms speak of; the first of a group is near to itself. */
function isNearFriends(pod: Pod, node: Node, others: readonly Pod[], world: World): boolean {
	const terms = pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
	const isFriend = (each: Pod) => terms.every((term) => speaksOf(term, pod, each, world));
	const friends = others.filter(isFriend);
	if (!terms.every(({ topologyKey }) => labelsOf(node)[topologyKey] !== undefined)) return false;
	if (terms.every(({ topologyKey }) => friends.some((each) => together(topologyKey, node, nodeOf(each, world))))) return true;
	const isAnywhere = friends.some((each) => terms.some(({ topologyKey }) => labelsOf(nodeOf(each, world))[topologyKey] !== undefined));
	return !isAnywhere && isFriend(pod);
}

function isSpread(pod: Pod, node: Node, others: readonly Pod[], { nodes }: World): boolean {
	const constraints = (pod.spec?.topologySpreadConstraints ?? []).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === "DoNotSchedule");
	const hasKeys = (each: Node) => constraints.every(({ topologyKey }) => labelsOf(each)[topologyKey] !== undefined);
	const counts = (each: Node, { nodeAffinityPolicy = "Honor", nodeTaintsPolicy = "Ignore" }: TopologySpreadConstraint) =>
		hasKeys(each) &&
		(nodeAffinityPolicy === "Ignore" || wantsNode(pod, each)) &&
		(nodeTaintsPolicy === "Ignore" ||
			(each.spec?.taints ?? []).every((taint) => taint.effect === "PreferNoSchedule" || tolerates(pod, taint)));
	return constraints.every((constraint) => {
		const { topologyKey, maxSkew, minDomains = 1 } = constraint;
		const isMeant = (each: Pod) => selects(constraint.labelSelector, labelsOf(each));
		const counted = nodes.filter((each) => counts(each, constraint));
		const podsIn = (domain: string) =>
			others.filter((each) => {
				const on = counted.find((one) => nameOf(one) === each.spec?.nodeName);
				const isCounted = namespaceOf(each) === namespaceOf(pod) && each.metadata?.deletionTimestamp === undefined && isMeant(each);
				return isCounted && on !== undefined && labelsOf(on)[topologyKey] === domain;
			}).length;
		const domains = [...new Set(counted.map((each) => labelsOf(each)[topologyKey] ?? ""))];
		const fewest = domains.length < Math.max(1, minDomains) ? 0 : Math.min(...domains.map(podsIn));
		const domain = labelsOf(node)[topologyKey];
		return domain !== undefined && podsIn(domain) + (isMeant(pod) ? 1 : 0) - fewest <= maxSkew;
	});
}

// ── Volumes ──

function claimNameOf({ spec }: Pod): string | undefined {
	return spec?.volumes?.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? [])[0];
}

function claimOf(pod: Pod, { claims }: World): PersistentVolumeClaim | undefined {
	const name = claimNameOf(pod);
	return claims.find((claim) => nameOf(claim) === name && namespaceOf(claim) === namespaceOf(pod));
}

const isBound = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
	spec?.volumeName !== undefined && metadata?.annotations?.["pv.kubernetes.io/bind-completed"] !== undefined;

function hasVolume(pod: Pod, node: Node, world: World): boolean {
	if (claimNameOf(pod) === undefined) return true;
	const claim = claimOf(pod, world);
	if (claim === undefined || claim.status?.phase === "Lost" || claim.metadata?.deletionTimestamp !== undefined) return false;
	const isInReach = ({ spec }: PersistentVolume) =>
		spec?.nodeAffinity?.required?.nodeSelectorTerms.some((term) => meets(term, node)) ?? true;
	if (isBound(claim)) return world.volumes.some((volume) => nameOf(volume) === claim.spec?.volumeName && isInReach(volume));
	const { volumeBindingMode } = world.classes.find((each) => nameOf(each) === claim.spec?.storageClassName) ?? {};
	if (volumeBindingMode !== "WaitForFirstConsumer" || claim.spec?.volumeName !== undefined) return false;
	return world.volumes.some((volume) => isInReach(volume) && suits(volume, claim));
}

function suits({ metadata, spec, status }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
	if (metadata?.deletionTimestamp !== undefined || spec?.storageClassName !== claim.spec?.storageClassName) return false;
	const keptFor = spec?.claimRef?.uid;
	if (keptFor !== undefined && keptFor !== claim.metadata?.uid) return false;
	return (keptFor !== undefined || status?.phase === "Available") && modesOf(claim).every((mode) => spec?.accessModes?.includes(mode));
}

const modesOf = ({ spec }: PersistentVolumeClaim): readonly string[] => spec?.accessModes ?? [];

/** Somebody else has a claim that is one pod's alone. */
function usesAlone(pod: Pod, others: readonly Pod[], world: World): boolean {
	const claim = claimOf(pod, world);
	return claim !== undefined && modesOf(claim).includes("ReadWriteOncePod") && others.some((each) => claimOf(each, world) === claim);
}

/** A volume that the node has already costs nothing more. */
function isWithinLimit(pod: Pod, node: Node, there: readonly Pod[], world: World): boolean {
	const handle = diskOf(pod, world);
	const handles = new Set(there.flatMap((each) => diskOf(each, world) ?? []));
	const { drivers = [] } = world.csiNodes.find((each) => nameOf(each) === nameOf(node))?.spec ?? {};
	const limit = drivers[0]?.allocatable?.count ?? Number.POSITIVE_INFINITY;
	return handle === undefined || handles.has(handle) || handles.size + 1 <= limit;
}

/** Of the one driver there is. */
function diskOf(pod: Pod, world: World): string | undefined {
	const volumeName = claimOf(pod, world)?.spec?.volumeName;
	return world.volumes.find((volume) => nameOf(volume) === volumeName)?.spec?.csi?.volumeHandle;
}
