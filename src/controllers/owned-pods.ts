/**
 * How pods wake the controller of their owners. What the controllers of ReplicaSets, StatefulSets and DaemonSets share.
 *
 *   a pod of an owner's comes, changes, goes   the owner is reconciled, and what was expected has been observed
 *   a pod changes hands                        both owners are
 *   an orphan comes, or its labels change      every owner that would adopt it is
 *
 * A pod counts as deleted as soon as its deletion begins. Changes of many pods are gathered (`gatherMsFor`).
 */
import { jsonEqual } from "../apimachinery/json.ts";
import { type GroupVersionKind, type KubeObject, objectKey } from "../apimachinery/meta.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import type { Expectations } from "../client/expectations.ts";
import type { Informer } from "../client/informer.ts";
import type { ObjectCache } from "../client/object-cache.ts";
import { controllerOf } from "../client/owner.ts";
import type { WorkQueue } from "../client/work-queue.ts";
import { isBeingDeleted, isPodReady } from "./pod-state.ts";
import { isOfKind } from "./replicaset/replica-kind.ts";

export interface OwnedPods<T extends KubeObject> {
	readonly kind: GroupVersionKind;
	readonly owners: ObjectCache<T>;
	readonly pods: Informer<Pod>;
	readonly queue: WorkQueue;
	readonly expectations: Expectations;
	/** Whether the owner would make an orphan its own. */
	wouldAdopt(owner: T, orphan: Pod): boolean;
	/** After this long a pod that has become ready counts as available, which no event tells. */
	minReadySeconds(owner: T): number;
	/**
	 * For so long changes of an owner's pods are gathered before it is reconciled, ms; by default not at all. Of the end of what it has
	 * waited for (expectations) it is told at once.
	 */
	gatherMs?(owner: T): number;
}

/**
 * A sync looks at all of an owner's pods, and a change of one decides little: with so many each ms, changes are gathered before the next
 * sync, so that 5,000 pods that become ready one after the other are not counted 5,000 times. 50 ms for 5,000 of them is what
 * kube-controller-manager's 20 requests a second (--kube-api-qps) let through; few do not wait.
 */
const lookedAtPerGatheredMs = 100;

/** How long changes are to be gathered before a sync that looks at so many pods or nodes, ms. */
export function gatherMsFor(count: number): number {
	return Math.floor(count / lookedAtPerGatheredMs);
}

/** The object of this kind that manages `object`; undefined if there is none, or it is gone. */
export function ownerIn<T extends KubeObject>(owners: ObjectCache<T>, kind: GroupVersionKind, object: KubeObject): T | undefined {
	const reference = controllerOf(object);
	if (reference === undefined || !isOfKind(kind, reference)) return undefined;
	const owner = owners.get(`${object.metadata?.namespace}/${reference.name}`);
	return owner?.metadata?.uid === reference.uid ? owner : undefined;
}

/** Wakes owners until the signal aborts. */
export function watchOwnedPods<T extends KubeObject>(watch: OwnedPods<T>, signal: AbortSignal): void {
	const { kind, owners, pods, queue, expectations } = watch;
	const ownerOf = (pod: Pod) => ownerIn(owners, kind, pod);
	const wakeAdopters = (orphan: Pod) => {
		for (const owner of owners.listNamespace(orphan.metadata?.namespace ?? "")) {
			if (watch.wouldAdopt(owner, orphan)) queue.add(objectKey(owner));
		}
	};
	const wakeLater = (owner: T) => {
		const gatherMs = watch.gatherMs?.(owner) ?? 0;
		if (gatherMs > 0) queue.addAfter(objectKey(owner), gatherMs);
		else queue.add(objectKey(owner));
	};
	const observe = (owner: T, observed: (key: string) => void) => {
		const key = objectKey(owner);
		const waited = !expectations.satisfied(key);
		observed(key);
		// Of many pods that it waits for, the last lets it go on.
		if (waited && expectations.satisfied(key)) queue.add(key);
		else wakeLater(owner);
	};
	const deleted = (pod: Pod) => {
		const owner = ownerOf(pod);
		if (owner !== undefined) observe(owner, (key) => expectations.deletionObserved(key, objectKey(pod)));
	};
	const added = (pod: Pod) => {
		if (isBeingDeleted(pod)) return deleted(pod);
		const owner = ownerOf(pod);
		if (owner !== undefined) observe(owner, (key) => expectations.creationObserved(key));
		else if (controllerOf(pod) === undefined) wakeAdopters(pod);
	};
	const updated = (old: Pod, pod: Pod) => {
		if (isBeingDeleted(pod)) return deleted(pod);
		const ownerChanged = !jsonEqual(controllerOf(old), controllerOf(pod));
		const before = ownerChanged ? ownerOf(old) : undefined;
		if (before !== undefined) queue.add(objectKey(before));
		const owner = ownerOf(pod);
		if (owner !== undefined) {
			wakeLater(owner);
			const minReadySeconds = watch.minReadySeconds(owner);
			if (!isPodReady(old) && isPodReady(pod) && minReadySeconds > 0) queue.addAfter(objectKey(owner), minReadySeconds * 1000 + 1000);
		} else if (controllerOf(pod) === undefined && (ownerChanged || !jsonEqual(old.metadata?.labels, pod.metadata?.labels))) {
			wakeAdopters(pod);
		}
	};
	pods.onChange({ added, updated, deleted }, signal);
}
