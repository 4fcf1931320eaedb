/** Questions that controllers ask about a pod. Source: pkg/api/v1/pod/util.go and pkg/controller/controller_utils.go. */
import type { KubeObject } from "../apimachinery/meta.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { parseTime } from "../apimachinery/time.ts";
import type { ObjectCache } from "../client/object-cache.ts";
import { controllerOf } from "../client/owner.ts";
import { findCondition } from "./conditions.ts";

export function isBeingDeleted({ metadata }: KubeObject): boolean {
	return metadata?.deletionTimestamp !== undefined;
}

/** Succeeded or Failed: it will not run again. */
export function isPodTerminal({ status }: Pod): boolean {
	return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** Counts as one of a controller's replicas: neither terminal nor being deleted. */
export function isPodActive(pod: Pod): boolean {
	return !isPodTerminal(pod) && !isBeingDeleted(pod);
}

/** On its way out: being deleted, and not over yet. */
export function isPodTerminating(pod: Pod): boolean {
	return !isPodTerminal(pod) && isBeingDeleted(pod);
}

export function isPodReady({ status }: Pod): boolean {
	return findCondition(status?.conditions, "Ready")?.status === "True";
}

/** Since when the pod has been ready, Unix ms; undefined if it is not. */
export function podReadySince({ status }: Pod): number | undefined {
	const ready = findCondition(status?.conditions, "Ready");
	if (ready?.status !== "True") return undefined;
	return ready.lastTransitionTime === undefined ? 0 : parseTime(ready.lastTransitionTime);
}

/** How long until the pod has been ready for `minReadySeconds`, ms; 0: it has; undefined: it is not ready. */
export function podAvailableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
	// Counted for every pod at every change of one: no time is read where none matters.
	if (minReadySeconds === 0) return isPodReady(pod) ? 0 : undefined;
	const sinceMs = podReadySince(pod);
	return sinceMs === undefined ? undefined : Math.max(0, sinceMs + minReadySeconds * 1000 - nowMs);
}

const controllerIndex = "controller";
/** Pods that nobody manages stand under this prefix and their namespace; a uid has no such form. */
const orphanPrefix = "orphans/";

function controllerIndexValues(object: KubeObject): readonly string[] {
	return [controllerOf(object)?.uid ?? orphanPrefix + (object.metadata?.namespace ?? "")];
}

/** Lets the cache answer `managedBy` and `orphansIn`. */
export function addControllerIndex<T extends KubeObject>(cache: ObjectCache<T>): void {
	cache.addIndex(controllerIndex, controllerIndexValues);
}

/** The objects that the controller object with this uid manages. */
export function managedBy<T extends KubeObject>(cache: ObjectCache<T>, uid: string | undefined): readonly T[] {
	return uid === undefined ? [] : cache.byIndex(controllerIndex, uid);
}

/** The objects of a namespace that nobody manages. */
export function orphansIn<T extends KubeObject>(cache: ObjectCache<T>, namespace: string | undefined): readonly T[] {
	return cache.byIndex(controllerIndex, orphanPrefix + (namespace ?? ""));
}

const nodeIndex = "controllers/node";

function nodeIndexValues({ spec }: Pod): readonly string[] {
	return spec?.nodeName === undefined || spec.nodeName === "" ? [] : [spec.nodeName];
}

/** Lets the cache answer `podsOnNode`. */
export function addNodeIndex(cache: ObjectCache<Pod>): void {
	cache.addIndex(nodeIndex, nodeIndexValues);
}

export function podsOnNode(cache: ObjectCache<Pod>, nodeName: string): readonly Pod[] {
	return cache.byIndex(nodeIndex, nodeName);
}
