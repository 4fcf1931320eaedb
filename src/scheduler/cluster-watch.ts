/**
 * Keeps the cache and the queue in step with the cluster: who has a node is in the cache, who waits for one is in the
 * queue, and whatever could help those who wait is told to the queue.
 */
import { jsonEqual } from "../apimachinery/json.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import type { Namespace, Node, Pod, PodGroupV1alpha2 } from "../apimachinery/schema/generated/types.ts";
import type { ChangeHandler, InformerFactory } from "../client/informer.ts";
import {
	csiNodes,
	deviceClasses,
	namespaces,
	nodes,
	persistentVolumeClaims,
	persistentVolumes,
	podGroups,
	pods,
	type ResourceRef,
	resourceClaims,
	resourceSlices,
	storageClasses,
	volumeAttachments,
} from "../client/resources.ts";
import type { SchedulerCache } from "./cache/cache.ts";
import {
	assignedPodAdd,
	assignedPodDelete,
	type ClusterEvent,
	type DeviceResource,
	namespaceAdd,
	namespaceUpdate,
	nodeAdd,
	nodeDelete,
	nodeUpdateEvents,
	objectEvent,
	podGroupAdd,
	podGroupUpdate,
	podUpdateEvents,
	type StorageResource,
	unscheduledPodAdd,
} from "./framework/cluster-event.ts";
import { podUid } from "./framework/pod-info.ts";
import type { HeldEvents } from "./held-events.ts";
import { type PodGroups, podGroupKey } from "./pod-groups.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";

export interface ClusterWatchOptions {
	readonly cache: SchedulerCache;
	readonly queue: SchedulingQueue;
	/** Whether the pod names one of this scheduler's profiles. */
	readonly isResponsible: (pod: Pod) => boolean;
	/** Puts off what comes while a cycle waits. */
	readonly events: HeldEvents;
	/** Pods by their groups; absent: the feature gate is off. */
	readonly groups?: PodGroups | undefined;
	/** A pod without a node is gone: if it is on its way to one, it need not arrive. */
	readonly onPendingPodDeleted: (uid: string) => void;
}

/** Where a pod stands: waiting for a node, on one, or over (its resources are free). */
type Place = "pending" | "assigned" | "over";

function placeOf({ spec, status }: Pod): Place {
	if (status?.phase === "Succeeded" || status?.phase === "Failed") return "over";
	return spec?.nodeName === undefined || spec.nodeName === "" ? "pending" : "assigned";
}

/** Call before the informers start. */
export function watchCluster(informers: InformerFactory, options: ClusterWatchOptions): void {
	watchNodes(informers, options);
	watchPods(informers, options);
	watchNamespaces(informers, options);
	if (options.groups !== undefined) watchPodGroups(informers, options);
	for (const [ref, resource] of otherResources) watchObjects(informers, ref, resource, options);
}

/** What is to be done about an object that comes, changes or goes. */
interface Handlers<T> {
	added(object: T): void;
	updated(old: T, object: T): void;
	deleted(object: T): void;
}

/** The same handlers, which wait while a cycle does. */
function inTurn<T extends KubeObject>(events: HeldEvents, { added, updated, deleted }: Handlers<T>): ChangeHandler<T> {
	return {
		added: (object) => (events.isHeld ? events.run(() => added(object)) : added(object)),
		updated: (old, object) => (events.isHeld ? events.run(() => updated(old, object)) : updated(old, object)),
		deleted: (object) => (events.isHeld ? events.run(() => deleted(object)) : deleted(object)),
	};
}

const otherResources: readonly (readonly [ResourceRef<KubeObject>, StorageResource | DeviceResource])[] = [
	[persistentVolumes, "PersistentVolume"],
	[persistentVolumeClaims, "PersistentVolumeClaim"],
	[storageClasses, "StorageClass"],
	[csiNodes, "CSINode"],
	[volumeAttachments, "VolumeAttachment"],
	[resourceClaims, "ResourceClaim"],
	[deviceClasses, "DeviceClass"],
	[resourceSlices, "ResourceSlice"],
];

/** What becomes of volumes and devices only wakes pods: the plugins read the caches themselves. */
function watchObjects(
	informers: InformerFactory,
	ref: ResourceRef<KubeObject>,
	resource: StorageResource | DeviceResource,
	{ queue, events }: ClusterWatchOptions,
): void {
	const [added, updated, deleted] = [objectEvent(resource, "add"), objectEvent(resource, "update"), objectEvent(resource, "delete")];
	const handlers = inTurn<KubeObject>(events, {
		added: (object) => queue.moveAll(added, undefined, object),
		updated: (old, object) => queue.moveAll(updated, old, object),
		deleted: (object) => queue.moveAll(deleted, object, undefined),
	});
	informers.informer(ref).onChange(handlers);
}

/** kube-scheduler does not look at them, and lets pods wait that it could place (kubernetes/kubernetes#141953). */
function watchNamespaces(informers: InformerFactory, { queue, events }: ClusterWatchOptions): void {
	const handlers = inTurn<Namespace>(events, {
		added: (namespace) => queue.moveAll(namespaceAdd, undefined, namespace),
		updated: (old, namespace) => {
			const isRelabelled = queue.hasListeners && !jsonEqual(old.metadata?.labels ?? {}, namespace.metadata?.labels ?? {});
			if (isRelabelled) queue.moveAll(namespaceUpdate, old, namespace);
		},
		deleted: () => undefined,
	});
	informers.informer(namespaces).onChange(handlers);
}

/** A group that comes wakes its pods. */
function watchPodGroups(informers: InformerFactory, { queue, events }: ClusterWatchOptions): void {
	const keyOf = ({ metadata }: PodGroupV1alpha2) => `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
	const handlers = inTurn<PodGroupV1alpha2>(events, {
		added: (group) => queue.moveAll(podGroupAdd, undefined, group, (pod) => podGroupKey(pod) === keyOf(group)),
		updated: (old, group) => queue.moveAll(podGroupUpdate, old, group, (pod) => podGroupKey(pod) === keyOf(group)),
		deleted: () => undefined,
	});
	informers.informer(podGroups).onChange(handlers);
}

function watchNodes(informers: InformerFactory, { cache, queue, events }: ClusterWatchOptions): void {
	const handlers = inTurn<Node>(events, {
		added: (node) => {
			cache.addNode(node);
			queue.moveAll(nodeAdd, undefined, node);
		},
		updated: (old: Node, node: Node) => {
			cache.updateNode(old, node);
			if (!queue.hasListeners) return;
			for (const event of nodeUpdateEvents(old, node)) queue.moveAll(event, old, node);
		},
		deleted: (node) => {
			cache.removeNode(node);
			queue.moveAll(nodeDelete, node, undefined);
		},
	});
	informers.informer(nodes).onChange(handlers);
}

function watchPods(informers: InformerFactory, options: ClusterWatchOptions): void {
	const { cache, queue, groups, isResponsible } = options;
	const tell = (event: ClusterEvent, old: Pod | undefined, pod: Pod | undefined) => {
		const concerned = podUid(old ?? pod ?? {});
		queue.moveAll(event, old, pod, (waiting) => podUid(waiting) !== concerned);
	};
	const arrive = (pod: Pod) => {
		const place = placeOf(pod);
		if (place === "assigned") {
			groups?.set(pod);
			cache.addPod(pod);
			tell(assignedPodAdd, undefined, pod);
		} else if (place === "pending" && isResponsible(pod) && !cache.isAssumed(pod)) {
			groups?.set(pod);
			queue.add(pod);
			joined(pod);
		}
	};
	/** One more of a group may be what the others of it wait for. */
	const joined = (pod: Pod) => {
		const key = groups === undefined ? undefined : podGroupKey(pod);
		if (key === undefined) return;
		queue.moveAll(unscheduledPodAdd, undefined, pod, (other) => podGroupKey(other) === key && podUid(other) !== podUid(pod));
	};
	const leave = (pod: Pod) => {
		groups?.delete(pod);
		if (placeOf(pod) === "pending") {
			queue.delete(pod);
			options.onPendingPodDeleted(podUid(pod));
			// After a relist the last state known may be one from before its binding, or from while it was on its way.
			cache.removePod(pod);
		} else if (placeOf(pod) === "assigned") {
			cache.removePod(pod);
			tell(assignedPodDelete, pod, undefined);
		}
	};
	const change = (old: Pod, pod: Pod) => {
		const before = placeOf(old);
		const after = placeOf(pod);
		if (before === after && after !== "over") groups?.set(pod);
		if (before === "pending" && after === "pending") {
			if (isResponsible(pod) && !cache.isAssumed(pod)) queue.update(old, pod);
		} else if (before === "assigned" && after === "assigned") {
			cache.updatePod(old, pod);
			if (queue.hasListeners) for (const event of podUpdateEvents(old, pod, "AssignedPod")) tell(event, old, pod);
		} else if (before === "pending" && after === "assigned") {
			queue.delete(old);
			arrive(pod);
		} else if (before !== after) {
			leave(old);
			arrive(pod);
		}
	};
	informers.informer(pods).onChange(inTurn<Pod>(options.events, { added: arrive, updated: change, deleted: leave }));
}
