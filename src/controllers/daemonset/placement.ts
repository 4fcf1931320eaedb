/**
 * Where a DaemonSet's pods belong, and how they get there. Pure.
 * Source: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations and
 * pkg/controller/daemon (NodeShouldRunDaemonPod), pkg/controller/daemon/util.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { requiredNodePredicate, selectableNode } from "../../apimachinery/node-selector.ts";
import type { Affinity, DaemonSet, Node, Pod, PodSpec, PodTemplateSpec, Toleration } from "../../apimachinery/schema/generated/types.ts";
import { findUntolerated } from "../../apimachinery/tolerations.ts";
import { revisionHashLabel } from "../revisions/controller-revision.ts";

/** https://kubernetes.io/docs/reference/labels-annotations-taints/#deprecated-daemonset-template-generation */
const generationAnnotation = "deprecated.daemonset.template.generation";
const generationLabel = "pod-template-generation";

const exists = (key: string, effect: string): Toleration => ({ key: `node.kubernetes.io/${key}`, operator: "Exists", effect });

/** What troubles a node does not keep its daemons off it. */
const daemonTolerations = [
	exists("not-ready", "NoExecute"),
	exists("unreachable", "NoExecute"),
	exists("disk-pressure", "NoSchedule"),
	exists("memory-pressure", "NoSchedule"),
	exists("pid-pressure", "NoSchedule"),
	exists("unschedulable", "NoSchedule"),
];
const hostNetworkTolerations = [...daemonTolerations, exists("network-unavailable", "NoSchedule")];

function tolerationsOf(spec: PodSpec | undefined): readonly Toleration[] {
	const added = spec?.hostNetwork === true ? hostNetworkTolerations : daemonTolerations;
	return added.reduce(withToleration, spec?.tolerations ?? []);
}

/** In place of the one for the same taints, if there is one. */
function withToleration(tolerations: readonly Toleration[], added: Toleration): readonly Toleration[] {
	const isSame = (other: Toleration) => jsonEqual(taintsOf(other), taintsOf(added));
	return tolerations.some(isSame) ? tolerations.map((toleration) => (isSame(toleration) ? added : toleration)) : [...tolerations, added];
}

function taintsOf({ key = "", operator = "", value = "", effect = "" }: Toleration) {
	return { key, operator, value, effect };
}

export interface Placement {
	/** A node without a pod of the set gets one. */
	readonly shouldRun: boolean;
	/** A pod that is on the node may stay. */
	readonly shouldContinue: boolean;
}

const nowhere: Placement = { shouldRun: false, shouldContinue: false };

/** Tells of each node what the set wants of it, by node name, selector, required affinity and taints. */
export function placementOf({ spec }: DaemonSet): (node: Node) => Placement {
	const podSpec = spec?.template.spec;
	const { nodeName = "" } = podSpec ?? {};
	const tolerations = tolerationsOf(podSpec);
	const fits = requiredNodePredicate(podSpec === undefined ? {} : { spec: podSpec });
	return (node) => {
		if (nodeName !== "" && nodeName !== node.metadata?.name) return nowhere;
		if (fits !== undefined && !fits(selectableNode(node))) return nowhere;
		const taints = node.spec?.taints ?? [];
		const blocking = taints.filter(({ effect }) => effect === "NoSchedule" || effect === "NoExecute");
		if (findUntolerated(blocking, tolerations) === undefined) return { shouldRun: true, shouldContinue: true };
		const evicting = taints.filter(({ effect }) => effect === "NoExecute");
		return { shouldRun: false, shouldContinue: findUntolerated(evicting, tolerations) === undefined };
	};
}

/** The template of the set's pod for this node. @param hash of the set's present revision. */
export function templateFor(set: DaemonSet, nodeName: string, hash: string): PodTemplateSpec {
	const { metadata, spec } = set.spec?.template ?? {};
	const generation = templateGeneration(set);
	const labels = {
		...metadata?.labels,
		...(generation === undefined ? {} : { [generationLabel]: generation }),
		[revisionHashLabel]: hash,
	};
	return {
		metadata: { ...metadata, labels },
		spec: { ...(spec ?? { containers: [] }), tolerations: tolerationsOf(spec), affinity: withNode(spec?.affinity, nodeName) },
	};
}

/** Required node affinity gives way to the node's name: that it fits the node has been seen to. */
function withNode(affinity: Affinity | undefined, nodeName: string): Affinity {
	const term = { matchFields: [{ key: "metadata.name", operator: "In", values: [nodeName] }] };
	const required = { nodeSelectorTerms: [term] };
	return { ...affinity, nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: required } };
}

/** The node that a pod is on, or made for; undefined: any. */
export function targetNode({ spec }: Pod): string | undefined {
	if (spec?.nodeName !== undefined && spec.nodeName !== "") return spec.nodeName;
	const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
	for (const { matchFields = [] } of terms) {
		const field = matchFields.find(({ key, operator }) => key === "metadata.name" && operator === "In");
		if (field !== undefined) return field.values?.length === 1 ? field.values[0] : undefined;
	}
	return undefined;
}

/** Undefined if the set has none, or none that is a number. */
function templateGeneration({ metadata }: DaemonSet): string | undefined {
	const text = metadata?.annotations?.[generationAnnotation];
	return text !== undefined && /^-?[0-9]+$/.test(text) ? text : undefined;
}

/** Whether the pod is of the revision with this hash. */
export function isUpdated({ metadata }: Pod, hash: string): boolean {
	return metadata?.labels?.[revisionHashLabel] === hash;
}
