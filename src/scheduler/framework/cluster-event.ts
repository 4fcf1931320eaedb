/**
 * What happens in the cluster, as far as it can make an unschedulable pod schedulable. Plugins register the events
 * that can help the pods they turned down; the queue wakes nobody else.
 * Sources: https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/#queueinghint and KEP-4247.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Node, Pod } from "../../apimachinery/schema/generated/types.ts";
import { computePodRequests } from "./pod-requests.ts";

/**
 * Pod stands for all three kinds of pod: AssignedPod (on a node), UnscheduledPod (another one that waits) and
 * TargetPod (the pod in question itself). "*" stands for everything.
 */
type EventResource =
	| "*"
	| "Pod"
	| "AssignedPod"
	| "UnscheduledPod"
	| "TargetPod"
	| "Node"
	| "Service"
	| "Namespace"
	| "PodGroup"
	| StorageResource
	| DeviceResource;

/** Of volumes. */
export type StorageResource = "PersistentVolume" | "PersistentVolumeClaim" | "StorageClass" | "CSINode" | "VolumeAttachment";

/** Of devices. */
export type DeviceResource = "ResourceClaim" | "DeviceClass" | "ResourceSlice";

/** Bits, so that a registration can name several. */
export const ActionType = {
	add: 1,
	delete: 1 << 1,
	updateNodeAllocatable: 1 << 2,
	updateNodeLabel: 1 << 3,
	updateNodeTaint: 1 << 4,
	updateNodeCondition: 1 << 5,
	updateNodeAnnotation: 1 << 6,
	updatePodLabel: 1 << 7,
	updatePodScaleDown: 1 << 8,
	updatePodScaleUp: 1 << 9,
	updatePodToleration: 1 << 10,
	updatePodSchedulingGatesEliminated: 1 << 11,
	/** A claim has been made for the pod from a template. */
	updatePodGeneratedResourceClaim: 1 << 12,
	/** Any other change. */
	updateOther: 1 << 13,
	/** Every update. */
	update: ((1 << 14) - 1) & ~3,
	all: (1 << 14) - 1,
} as const;

export interface ClusterEvent {
	readonly resource: EventResource;
	/** Bits of ActionType. */
	readonly action: number;
	/** How upstream's logs and metrics call it. */
	readonly label: string;
}

/** Whether a queued pod is worth another try. */
type QueueingHint = "Queue" | "Skip";

/**
 * Decides whether an event can make `pod`, which the plugin turned down, schedulable. The objects are what the event
 * is about before and after; one is absent for additions and deletions.
 */
type QueueingHintFn = (pod: Pod, old: KubeObject | undefined, object: KubeObject | undefined) => QueueingHint;

/** An event that can help, with a closer look at it if there is one. Without `hint` every such event wakes the pod. */
export interface EventRegistration {
	readonly resource: EventResource;
	readonly action: number;
	readonly hint?: QueueingHintFn;
}

function event(resource: EventResource, action: number, label: string): ClusterEvent {
	return { resource, action, label };
}

/** What happened to an object of volumes or devices; an update of one is not told apart further. */
export function objectEvent(resource: StorageResource | DeviceResource, action: "add" | "update" | "delete"): ClusterEvent {
	const [first = "", ...rest] = action;
	return event(resource, ActionType[action], `${resource}${first.toUpperCase()}${rest.join("")}`);
}

/** A namespace has come, or its labels have changed: who is meant by a namespaceSelector is another matter then. */
export const namespaceAdd = event("Namespace", ActionType.add, "NamespaceAdd");
export const namespaceUpdate = event("Namespace", ActionType.update, "NamespaceUpdate");
export const nodeAdd = event("Node", ActionType.add, "NodeAdd");
export const nodeDelete = event("Node", ActionType.delete, "NodeDelete");
/** A pod without a node came: told where it is one of a group. */
export const unscheduledPodAdd = event("UnscheduledPod", ActionType.add, "UnschedulablePodAdd");
export const podGroupAdd = event("PodGroup", ActionType.add, "PodGroupAdd");
export const podGroupUpdate = event("PodGroup", ActionType.updateOther, "PodGroupUpdate");
export const assignedPodAdd = event("AssignedPod", ActionType.add, "AssignedPodAdd");
export const assignedPodDelete = event("AssignedPod", ActionType.delete, "AssignedPodDelete");
/** The five-minute flush: wakes whoever has been overlooked. */
export const unschedulableTimeout = event("*", ActionType.all, "UnschedulableTimeout");

/** Whether a registration covers an event: the same or a wider resource, the same or a wider action. */
export function covers(registration: EventRegistration, { resource, action }: ClusterEvent): boolean {
	if (registration.resource === "*" && registration.action === ActionType.all) return true;
	return coversResource(registration.resource, resource) && (registration.action & action) !== 0 && action <= registration.action;
}

export function isWildcard({ resource, action }: ClusterEvent): boolean {
	return resource === "*" && action === ActionType.all;
}

function coversResource(registered: EventResource, actual: EventResource): boolean {
	if (registered === "*" || registered === actual) return true;
	return registered === "Pod" && (actual === "AssignedPod" || actual === "UnscheduledPod" || actual === "TargetPod");
}

/** The events that an update of a node amounts to; none if nothing that matters to scheduling changed. */
export function nodeUpdateEvents(old: Node, node: Node): readonly ClusterEvent[] {
	const events: ClusterEvent[] = [];
	const add = (action: number, label: string) => events.push(event("Node", action, label));
	if (
		(old.spec?.unschedulable ?? false) !== (node.spec?.unschedulable ?? false) ||
		!jsonEqual(old.spec?.taints ?? [], node.spec?.taints ?? [])
	)
		add(ActionType.updateNodeTaint, "NodeTaintChange");
	if (!jsonEqual(old.status?.allocatable ?? {}, node.status?.allocatable ?? {}))
		add(ActionType.updateNodeAllocatable, "NodeAllocatableChange");
	if (!jsonEqual(old.metadata?.labels ?? {}, node.metadata?.labels ?? {})) add(ActionType.updateNodeLabel, "NodeLabelChange");
	if (!jsonEqual(conditionsOf(old), conditionsOf(node))) add(ActionType.updateNodeCondition, "NodeConditionChange");
	if (!jsonEqual(old.metadata?.annotations ?? {}, node.metadata?.annotations ?? {}))
		add(ActionType.updateNodeAnnotation, "NodeAnnotationChange");
	return events;
}

/** Types and statuses only: heartbeats change nothing that matters. */
function conditionsOf({ status }: Node): Readonly<Record<string, string>> {
	return Object.fromEntries((status?.conditions ?? []).map((condition) => [condition.type, condition.status]));
}

/** The events that an update of a pod amounts to; at least one. @param resource which pod it is to those who wait. */
export function podUpdateEvents(old: Pod, pod: Pod, resource: "AssignedPod" | "TargetPod"): readonly ClusterEvent[] {
	const events: ClusterEvent[] = [];
	const add = (action: number, label: string) => events.push(event(resource, action, label));
	if (!jsonEqual(old.metadata?.labels ?? {}, pod.metadata?.labels ?? {})) add(ActionType.updatePodLabel, "PodLabelChange");
	const scale = compareRequests(old, pod);
	if (scale.up) add(ActionType.updatePodScaleUp, "PodRequestScaledUp");
	if (scale.down) add(ActionType.updatePodScaleDown, "PodRequestScaledDown");
	if ((old.spec?.schedulingGates?.length ?? 0) > 0 && (pod.spec?.schedulingGates?.length ?? 0) === 0)
		add(ActionType.updatePodSchedulingGatesEliminated, "PodSchedulingGatesEliminated");
	if (!jsonEqual(old.spec?.tolerations ?? [], pod.spec?.tolerations ?? [])) add(ActionType.updatePodToleration, "PodTolerationChange");
	if (!jsonEqual(old.status?.resourceClaimStatuses ?? [], pod.status?.resourceClaimStatuses ?? []))
		add(ActionType.updatePodGeneratedResourceClaim, "PodGeneratedResourceClaimChange");
	if (events.length === 0) add(ActionType.updateOther, "PodUpdate");
	return events;
}

function compareRequests(old: Pod, pod: Pod): { readonly up: boolean; readonly down: boolean } {
	if (jsonEqual(old.spec?.containers, pod.spec?.containers) && jsonEqual(old.status, pod.status)) return { up: false, down: false };
	const before = computePodRequests(old).requests;
	const after = computePodRequests(pod).requests;
	const names = new Set(["cpu", "memory", "ephemeral-storage", ...(before.scalars?.keys() ?? []), ...(after.scalars?.keys() ?? [])]);
	let up = false;
	let down = false;
	for (const name of names) {
		up ||= after.get(name) > before.get(name);
		down ||= after.get(name) < before.get(name);
	}
	return { up, down };
}
