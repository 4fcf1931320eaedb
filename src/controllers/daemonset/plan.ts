/**
 * What a DaemonSet does next. Pure. `survey` goes once through nodes and pods; what is planned, and the status, come from that. Two steps, as upstream has them: `planPods` sees to it that every node has what it
 * should have at all; when that is done and seen, `planRollingUpdate` replaces pods of old templates.
 * Source of behaviour and texts: pkg/controller/daemon (podsShouldBeOnNode in daemon_controller.go, update.go).
 */
import type { DaemonSet, Node, Pod } from "../../apimachinery/schema/generated/types.ts";
import { isBeingDeleted, isPodReady, isPodTerminal, podAvailableInMs } from "../pod-state.ts";
import { isUpdated, type Placement, placementOf, targetNode } from "./placement.ts";
import { allowsSurge, limitsOf } from "./strategy.ts";

export interface Observed {
	readonly set: DaemonSet;
	readonly nodes: readonly Node[];
	/** The set's own, in any order. */
	readonly pods: readonly Pod[];
	/** Of the set's present revision. */
	readonly hash: string;
	readonly nowMs: number;
}

/** A node, and the set's pods that are on it or made for it. */
export interface Site extends Placement {
	readonly nodeName: string;
	/** Oldest first; see `podsByNode`. */
	readonly pods: readonly Pod[];
}

export interface Survey extends Observed {
	/** All nodes, in their order. */
	readonly sites: readonly Site[];
	/** Nodes that are no more, of which there are pods. */
	readonly lost: readonly Site[];
	/** Nodes that should have a pod. */
	readonly desired: number;
}

const noPods: readonly Pod[] = [];

/** Who stands where: the one pass that a sync makes over all nodes and pods. */
export function survey(observed: Observed): Survey {
	const placement = placementOf(observed.set);
	const byNode = podsByNode(observed.pods);
	let desired = 0;
	const sites = observed.nodes.map((node): Site => {
		const nodeName = node.metadata?.name ?? "";
		const { shouldRun, shouldContinue } = placement(node);
		if (shouldRun) desired++;
		const pods = byNode.get(nodeName) ?? noPods;
		byNode.delete(nodeName);
		return { nodeName, shouldRun, shouldContinue, pods };
	});
	const lost = [...byNode].map(([nodeName, pods]): Site => ({ nodeName, shouldRun: false, shouldContinue: false, pods }));
	return { ...observed, sites, lost, desired };
}

export interface Notice {
	readonly type: "Normal" | "Warning";
	readonly reason: string;
	readonly message: string;
}

export interface Plan {
	/** Names of the nodes that get a pod. */
	readonly create: readonly string[];
	readonly delete: readonly Pod[];
}

export interface PodsPlan extends Plan {
	/** What to tell about pods that have come to an end. */
	readonly notices: readonly Notice[];
	/** Nodes whose failed pod is being replaced. */
	readonly failed: readonly string[];
	/** When a failed pod that must wait may go, ms from now; undefined: none waits. */
	readonly nextFailedMs: number | undefined;
}

/** The pods by node, oldest first; a finished pod that is being deleted is nobody's concern any more. */
function podsByNode(pods: readonly Pod[]): Map<string, Pod[]> {
	const byNode = new Map<string, Pod[]>();
	for (const pod of pods) {
		const nodeName = isPodTerminal(pod) && isBeingDeleted(pod) ? undefined : targetNode(pod);
		if (nodeName === undefined) continue;
		const known = byNode.get(nodeName);
		if (known === undefined) byNode.set(nodeName, [pod]);
		else known.push(pod);
	}
	for (const list of byNode.values()) if (list.length > 1) list.sort(byScheduleAndAge);
	return byNode;
}

/** Those that have a node first; then by age, then by name. */
function byScheduleAndAge(a: Pod, b: Pod): number {
	return (
		Number(isScheduled(b)) - Number(isScheduled(a)) ||
		compareText(a.metadata?.creationTimestamp ?? "", b.metadata?.creationTimestamp ?? "") ||
		compareText(a.metadata?.name ?? "", b.metadata?.name ?? "")
	);
}

function compareText(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

function isScheduled({ spec }: Pod): boolean {
	return spec?.nodeName !== undefined && spec.nodeName !== "";
}

function isAvailable({ set, nowMs }: Survey, pod: Pod): boolean {
	return podAvailableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs) === 0;
}

/** @param waitMs how long the node's failed pod must still wait before it is replaced; undefined: not at all. */
export function planPods(observed: Survey, waitMs: (nodeName: string) => number | undefined): PodsPlan {
	const { set, sites, lost } = observed;
	const plan = { create: [] as string[], delete: [] as Pod[], notices: [] as Notice[], failed: [] as string[] };
	let nextFailedMs: number | undefined;
	const maySurge = allowsSurge(set);
	for (const { nodeName, shouldRun, shouldContinue, pods } of sites) {
		if (pods.length === 0) {
			if (shouldRun) plan.create.push(nodeName);
			continue;
		}
		const present = pods.filter((pod) => !isBeingDeleted(pod));
		if (!shouldContinue) {
			plan.delete.push(...present);
			continue;
		}
		const running: Pod[] = [];
		for (const pod of present) {
			const { phase } = pod.status ?? {};
			if (phase === "Failed") {
				const leftMs = waitMs(nodeName);
				if (leftMs !== undefined) {
					nextFailedMs = Math.min(nextFailedMs ?? leftMs, leftMs);
					continue;
				}
				plan.failed.push(nodeName);
			}
			if (phase === "Failed" || phase === "Succeeded") {
				plan.notices.push(noticeOf(pod, nodeName, phase));
				plan.delete.push(pod);
			} else {
				running.push(pod);
			}
		}
		plan.delete.push(...excessPods(observed, running));
		// Without surge, the pod's successor comes when it is gone altogether.
		if (running.length === 0 && shouldRun && maySurge) plan.create.push(nodeName);
	}
	// Pods for nodes that are no more and never got there: nobody else would delete them.
	for (const { pods } of lost) plan.delete.push(...pods.filter((pod) => !isScheduled(pod) && !isBeingDeleted(pod)));
	return { ...plan, nextFailedMs };
}

function noticeOf({ metadata }: Pod, nodeName: string, phase: "Failed" | "Succeeded"): Notice {
	const found = `daemon pod ${metadata?.namespace}/${metadata?.name} on node ${nodeName}`;
	return phase === "Failed"
		? { type: "Warning", reason: "FailedDaemonPod", message: `Found failed ${found}, will try to kill it` }
		: { type: "Normal", reason: "SucceededDaemonPod", message: `Found succeeded ${found}, will try to delete it` };
}

/** Of several pods on one node, those that are too many. @param running oldest first. */
function excessPods(observed: Survey, running: readonly Pod[]): readonly Pod[] {
	const { set, hash } = observed;
	if (running.length <= 1) return [];
	if (!allowsSurge(set)) return running.slice(1);
	// One old and one new may be there, until the new one serves or the old one does no more.
	const [newPod, ...newRest] = running.filter((pod) => isUpdated(pod, hash));
	const [oldPod, ...oldRest] = running.filter((pod) => !isUpdated(pod, hash));
	const isReplaced = newPod !== undefined && oldPod !== undefined && (!isPodReady(oldPod) || isAvailable(observed, newPod));
	return [...newRest, ...oldRest, ...(isReplaced ? [oldPod] : [])];
}

/** What stands on a node: at most one pod of each kind; undefined: more, which `planPods` sees to first. */
interface NodePods {
	readonly newPod: Pod | undefined;
	readonly oldPod: Pod | undefined;
}

function nodePods({ hash }: Survey, pods: readonly Pod[]): NodePods | undefined {
	const present = pods.filter((pod) => !isBeingDeleted(pod));
	const [newPod, ...newRest] = present.filter((pod) => isUpdated(pod, hash));
	const [oldPod, ...oldRest] = present.filter((pod) => !isUpdated(pod, hash));
	return newRest.length + oldRest.length > 0 ? undefined : { newPod, oldPod };
}

/** Replaces pods of old templates within maxUnavailable, or brings new ones beside them within maxSurge. */
export function planRollingUpdate(observed: Survey): Plan {
	if (observed.pods.every((pod) => isUpdated(pod, observed.hash))) return { create: [], delete: [] };
	const { surge, unavailable } = limitsOf(observed.set, observed.desired);
	const concerned = [...observed.sites, ...observed.lost].filter(({ shouldRun, pods }) => shouldRun || pods.length > 0);
	return surge === 0 ? planReplacement(observed, concerned, unavailable) : planSurge(observed, concerned, surge);
}

function planReplacement(observed: Survey, sites: readonly Site[], maxUnavailable: number): Plan {
	let unavailable = 0;
	const broken: Pod[] = [];
	const serving: Pod[] = [];
	for (const { pods } of sites) {
		const node = nodePods(observed, pods);
		const only = node?.newPod === undefined ? node?.oldPod : node.oldPod === undefined ? node.newPod : undefined;
		const isServing = only !== undefined && isAvailable(observed, only);
		if (!isServing) unavailable++;
		// An old pod that does not serve anyway may be replaced at once.
		if (only !== undefined && only === node?.oldPod) (isServing ? serving : broken).push(only);
	}
	return { create: [], delete: [...broken, ...serving.slice(0, Math.max(0, maxUnavailable - unavailable))] };
}

function planSurge(observed: Survey, sites: readonly Site[], maxSurge: number): Plan {
	let surging = 0;
	let available = 0;
	const done: Pod[] = [];
	/** Serve on nodes that are to have no pod any more. */
	const misplaced: Pod[] = [];
	const atOnce: string[] = [];
	const candidates: string[] = [];
	for (const { nodeName, shouldRun, pods } of sites) {
		const node = nodePods(observed, pods);
		if (node === undefined) {
			surging++;
			continue;
		}
		const { newPod, oldPod } = node;
		const serving = oldPod ?? newPod;
		if (serving !== undefined && isAvailable(observed, serving)) available++;
		if (oldPod === undefined) continue;
		if (newPod !== undefined) {
			if (isAvailable(observed, newPod)) done.push(oldPod);
			else surging++;
		} else if (isAvailable(observed, oldPod)) {
			if (shouldRun) candidates.push(nodeName);
			else misplaced.push(oldPod);
		} else if (shouldRun) {
			atOnce.push(nodeName);
		} else {
			done.push(oldPod);
		}
	}
	// Who surges expects full availability: what serves on the wrong node goes when enough serve on the right ones.
	const spare = Math.max(0, available - observed.desired);
	return {
		create: [...atOnce, ...candidates.slice(0, Math.max(0, maxSurge - surging))],
		delete: [...done, ...misplaced.slice(0, spare)],
	};
}
