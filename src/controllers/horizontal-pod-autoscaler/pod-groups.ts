/**
 * Which pods of a target count when replicas are computed, and what they have asked for. Pure.
 * Source: groupPods and calculatePodRequests of pkg/controller/podautoscaler/replica_calculator.go;
 * https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
 */
import { quantityToMilli } from "../../apimachinery/quantity.ts";
import type { Container, Pod } from "../../apimachinery/schema/generated/types.ts";
import { parseTime } from "../../apimachinery/time.ts";
import { MetricsError } from "./metrics-error.ts";

/** --horizontal-pod-autoscaler-cpu-initialization-period */
const cpuInitializationMs = 300_000;
/** --horizontal-pod-autoscaler-initial-readiness-delay */
const initialReadinessDelayMs = 30_000;

/** What a metric says of one pod. */
export interface PodMetric {
	/** Thousandths. */
	readonly milli: number;
	/** End of the window, Unix ms. */
	readonly timestampMs: number;
	readonly windowMs: number;
}

/** By the pod's name. */
export type PodMetrics = ReadonlyMap<string, PodMetric>;

export interface PodGroups {
	/** How many count. */
	readonly readyCount: number;
	/** Names of those that are not ready, or not for long enough for their metric to mean anything. */
	readonly unready: ReadonlySet<string>;
	readonly missing: ReadonlySet<string>;
	/** Names of those that are going, or failed: as if they were not there. */
	readonly ignored: ReadonlySet<string>;
}

/** @param resource "" for metrics that are no resource's */
export function groupPods(pods: readonly Pod[], metrics: PodMetrics, resource: string, nowMs: number): PodGroups {
	let readyCount = 0;
	const unready = new Set<string>();
	const missing = new Set<string>();
	const ignored = new Set<string>();
	for (const pod of pods) {
		const { name = "", deletionTimestamp } = pod.metadata ?? {};
		const metric = metrics.get(name);
		if (deletionTimestamp !== undefined || pod.status?.phase === "Failed") ignored.add(name);
		else if (pod.status?.phase === "Pending") unready.add(name);
		else if (metric === undefined) missing.add(name);
		else if (resource === "cpu" && isInitializing(pod, metric, nowMs)) unready.add(name);
		else readyCount++;
	}
	return { readyCount, unready, missing, ignored };
}

/** What a starting pod uses says little: start-up costs CPU, and a window that began before it was ready is of both times. */
function isInitializing({ status }: Pod, metric: PodMetric, nowMs: number): boolean {
	const condition = status?.conditions?.find(({ type }) => type === "Ready");
	if (condition === undefined || status?.startTime === undefined) return true;
	const startMs = parseTime(status.startTime);
	const changedMs = condition.lastTransitionTime === undefined ? 0 : parseTime(condition.lastTransitionTime);
	const isUnready = condition.status === "False";
	if (startMs + cpuInitializationMs > nowMs) return isUnready || metric.timestampMs < changedMs + metric.windowMs;
	// Later on, a pod that is not ready counts unless it has never been.
	return isUnready && startMs + initialReadinessDelayMs > changedMs;
}

/**
 * Thousandths of a resource that each pod has asked for, by name; with a container, that it has. Throws MetricsError where
 * one has asked for nothing.
 */
export function podRequests(pods: readonly Pod[], resource: string, container: string | undefined): ReadonlyMap<string, number> {
	return new Map(pods.map((pod) => [pod.metadata?.name ?? "", requestOf(pod, resource, container)]));
}

function requestOf({ metadata, spec }: Pod, resource: string, container: string | undefined): number {
	const ofPod = spec?.resources?.requests?.[resource];
	if (container === undefined && ofPod !== undefined) return quantityToMilli(ofPod);
	const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }: Container) => restartPolicy === "Always");
	let sum = 0;
	for (const { name, resources } of [...(spec?.containers ?? []), ...sidecars]) {
		if (container !== undefined && name !== container) continue;
		const request = resources?.requests?.[resource];
		if (request === undefined)
			throw new MetricsError(`missing request for ${resource} in container ${name} of Pod ${metadata?.name ?? ""}`);
		sum += quantityToMilli(request);
	}
	return sum;
}
