/**
 * How many replicas a metric asks for. Pure: metrics, pods and time come in.
 *
 *   replicas = ceil(pods that count * usage / target), and no change within the tolerance
 *
 * Pods without a metric are thought to use what speaks against a change: everything when it would be scaled down, nothing when
 * up; so are pods that are not ready, when it would be scaled up. All amounts are thousandths, as upstream counts.
 * Source: pkg/controller/podautoscaler/replica_calculator.go, metrics/utilization.go;
 * https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { MetricsError } from "./metrics-error.ts";
import { groupPods, type PodGroups, type PodMetrics, podRequests } from "./pod-groups.ts";

/** How far usage may be from its target without a change, as a share of it. */
export interface Tolerances {
	readonly up: number;
	readonly down: number;
}

export interface Proposal {
	readonly replicas: number;
	/** What is reported: of each pod, or of the object; thousandths. */
	readonly milli: number;
	/** Percent of what was asked for. */
	readonly utilization?: number;
}

interface Common {
	/** Of the target's spec. */
	readonly currentReplicas: number;
	readonly tolerances: Tolerances;
	/** That the target's selector selects. */
	readonly pods: readonly Pod[];
	readonly nowMs: number;
}

/** Usage of each pod by its name, whose sum is held against the target. */
type Usage = ReadonlyMap<string, number>;

function isWithin({ up, down }: Tolerances, ratio: number): boolean {
	return 1 - down <= ratio && ratio <= 1 + up;
}

/** By the share that pods use of what they have asked for. @param target percent @throws MetricsError */
export function replicasForUtilization(
	target: number,
	options: Common & { readonly resource: string; readonly container: string | undefined; readonly metrics: PodMetrics },
): Proposal {
	const { pods, metrics, resource, container, nowMs } = options;
	mustHavePods(pods);
	const groups = groupPods(pods, metrics, resource, nowMs);
	const usage = countedUsage(metrics, groups);
	const requests = podRequests(pods, resource, container);
	if (usage.size === 0) throw new MetricsError("did not receive metrics for any ready pods");
	const { ratio, utilization, milli } = utilizationOf(usage, requests, target);
	const fill = (name: string) => Math.trunc(((requests.get(name) ?? 0) * Math.max(100, target)) / 100);
	const ratioOf = (of: Usage) => utilizationOf(of, requests, target).ratio;
	return { replicas: settle(options, { usage, groups, ratio, ratioOf, fill }), milli, utilization };
}

/** By what each pod uses on the average. @param target thousandths @throws MetricsError */
export function replicasForAverage(
	target: number,
	options: Common & { readonly resource: string; readonly metrics: PodMetrics },
): Proposal {
	const { pods, metrics, resource, nowMs } = options;
	mustHavePods(pods);
	const groups = groupPods(pods, metrics, resource, nowMs);
	const usage = countedUsage(metrics, groups);
	if (usage.size === 0) throw new MetricsError("did not receive metrics for any ready pods");
	const milli = averageOf(usage);
	const ratioOf = (of: Usage) => averageOf(of) / target;
	return { replicas: settle(options, { usage, groups, ratio: milli / target, ratioOf, fill: () => target }), milli };
}

/** By one value that all pods together bring about. @throws MetricsError */
export function replicasForValue(milli: number, target: number, { currentReplicas, tolerances, pods }: Common): Proposal {
	const ratio = milli / target;
	// From nothing there are no pods to count.
	if (currentReplicas === 0) return { replicas: Math.ceil(ratio), milli };
	if (isWithin(tolerances, ratio)) return { replicas: currentReplicas, milli };
	mustHavePods(pods, "unable to calculate ready pods: ");
	return { replicas: Math.ceil(ratio * pods.filter(isReady).length), milli };
}

/** By one value that is to be shared among the pods. @param replicas that the target's status counts */
export function replicasForShare(milli: number, target: number, replicas: number, tolerances: Tolerances): Proposal {
	const isEnough = replicas > 0 && isWithin(tolerances, milli / (target * replicas));
	return { replicas: isEnough ? replicas : Math.ceil(milli / target), milli: replicas === 0 ? milli : Math.ceil(milli / replicas) };
}

function mustHavePods(pods: readonly Pod[], prefix = ""): void {
	if (pods.length === 0) throw new MetricsError(`${prefix}no pods returned by selector while calculating replica count`);
}

function isReady({ status }: Pod): boolean {
	return status?.phase === "Running" && status.conditions?.some(({ type, status: state }) => type === "Ready" && state === "True") === true;
}

function countedUsage(metrics: PodMetrics, { unready, ignored }: PodGroups): Usage {
	const counted = [...metrics].filter(([name]) => !unready.has(name) && !ignored.has(name));
	return new Map(counted.map(([name, { milli }]) => [name, milli]));
}

/** Whole numbers, as upstream's. @throws MetricsError */
function utilizationOf(usage: Usage, requests: ReadonlyMap<string, number>, target: number) {
	const known = [...usage].filter(([name]) => requests.has(name));
	const used = known.reduce((sum, [, milli]) => sum + milli, 0);
	const requested = known.reduce((sum, [name]) => sum + (requests.get(name) ?? 0), 0);
	if (requested === 0) throw new MetricsError("no metrics returned matched known pods");
	const utilization = Math.trunc((used * 100) / requested);
	return { ratio: utilization / target, utilization, milli: Math.trunc(used / known.length) };
}

function averageOf(usage: Usage): number {
	return Math.trunc([...usage.values()].reduce((sum, milli) => sum + milli, 0) / usage.size);
}

interface Observation {
	readonly usage: Usage;
	readonly groups: PodGroups;
	readonly ratio: number;
	ratioOf(usage: Usage): number;
	/** What a pod without a metric is thought to use when it would be scaled down. */
	fill(pod: string): number;
}

function settle({ currentReplicas, tolerances }: Common, { usage, groups, ratio, ratioOf, fill }: Observation): number {
	const { missing, unready, readyCount } = groups;
	const countsUnready = unready.size > 0 && ratio > 1;
	if (!countsUnready && missing.size === 0) {
		return isWithin(tolerances, ratio) ? currentReplicas : Math.ceil(ratio * readyCount);
	}
	const filled = new Map(usage);
	if (ratio !== 1) for (const name of missing) filled.set(name, ratio < 1 ? fill(name) : 0);
	if (countsUnready) for (const name of unready) filled.set(name, 0);
	const careful = ratioOf(filled);
	// What is not known would turn the direction round, or leaves nothing to be done.
	if (isWithin(tolerances, careful) || (ratio < 1 && careful > 1) || (ratio > 1 && careful < 1)) return currentReplicas;
	const replicas = Math.ceil(careful * filled.size);
	const isTurned = (careful < 1 && replicas > currentReplicas) || (careful > 1 && replicas < currentReplicas);
	return isTurned ? currentReplicas : replicas;
}
