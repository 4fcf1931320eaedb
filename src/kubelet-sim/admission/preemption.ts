/**
 * Which pods make room for a critical one: those whose loss hurts least, first of all of the lowest quality of service. Pure.
 * Source: pkg/kubelet/preemption
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { AdmittedPod, Shortage } from "./admission.ts";
import { mayPreempt } from "./critical-pods.ts";

export const preemptionReason = { reason: "Preempting", message: "Preempted in order to admit critical pod" } as const;

/** What is still to be freed, by resource; every amount is > 0. */
type Needs = ReadonlyMap<string, number>;

export type PreemptionChoice<T> =
	| { readonly type: "victims"; readonly victims: readonly T[] }
	/** Kubernetes' text of what cannot be freed. */
	| { readonly type: "impossible"; readonly message: string };

export function choosePreempted<T extends AdmittedPod>(
	pod: Pod,
	others: readonly T[],
	shortages: readonly Shortage[],
): PreemptionChoice<T> {
	const needs: Needs = new Map(shortages.map(({ resource, requested, used, capacity }) => [resource, requested - (capacity - used)]));
	const candidates = others.filter((other) => mayPreempt(pod, other.pod));
	const unmet = without(needs, candidates);
	if (unmet.size > 0) return { type: "impossible", message: `no set of running pods found to reclaim resources: ${textOf(unmet)}` };
	const ofClass = (qos: string) => candidates.filter((each) => (each.pod.status?.qosClass ?? "BestEffort") === qos);
	const [bestEffort, burstable] = [ofClass("BestEffort"), ofClass("Burstable")];
	// Of each class no more than what all of the lower ones would leave open.
	const guaranteed = nearest(ofClass("Guaranteed"), without(needs, [...bestEffort, ...burstable]));
	const middle = nearest(burstable, without(needs, [...bestEffort, ...guaranteed]));
	const low = nearest(bestEffort, without(needs, [...middle, ...guaranteed]));
	return { type: "victims", victims: [...low, ...middle, ...guaranteed] };
}

/** One after the other whoever comes nearest to what is still needed; of equals the smaller one. */
function nearest<T extends AdmittedPod>(candidates: readonly T[], needs: Needs): readonly T[] {
	const chosen: T[] = [];
	let left = candidates;
	for (let open = needs; open.size > 0 && left.length > 0; ) {
		const best = left.reduce((a, b) => (isNearer(b, a, open) ? b : a));
		chosen.push(best);
		left = left.filter((each) => each !== best);
		open = without(open, [best]);
	}
	return chosen;
}

function isNearer(a: AdmittedPod, b: AdmittedPod, needs: Needs): boolean {
	const [left, right] = [distance(a, needs), distance(b, needs)];
	return left < right || (left === right && (compare(a, b, "memory") || compare(a, b, "cpu")) < 0);
}

function compare(a: AdmittedPod, b: AdmittedPod, resource: string): number {
	return amountOf(a, resource) - amountOf(b, resource);
}

/** How much of the needs a pod leaves open, each need counting the same. */
function distance(pod: AdmittedPod, needs: Needs): number {
	return [...needs].reduce((sum, [resource, need]) => sum + (Math.max(0, need - amountOf(pod, resource)) / need) ** 2, 0);
}

function without(needs: Needs, pods: readonly AdmittedPod[]): Needs {
	const open = [...needs].map(([resource, need]) => [resource, pods.reduce((left, pod) => left - amountOf(pod, resource), need)] as const);
	return new Map(open.filter(([, need]) => need > 0));
}

function amountOf({ requests }: AdmittedPod, resource: string): number {
	return resource === "pods" ? 1 : (requests.get(resource) ?? 0);
}

function textOf(needs: Needs): string {
	return `[${[...needs].map(([resource, need]) => `(res: ${resource}, q: ${need}), `).join("")}]`;
}
