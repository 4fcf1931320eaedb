/**
 * A pod with everything about it that the scheduler needs again and again, worked out once. Immutable: a changed pod
 * gets a new one.
 */

import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { AffinityTerm, WeightedAffinityTerm } from "./affinity-terms.ts";
import { selectorFor } from "./affinity-terms.ts";
import { type HostPort, hostPortsOf } from "./host-ports.ts";
import { computePodRequests } from "./pod-requests.ts";
import type { ResourceVector } from "./resource-vector.ts";

/** Inter-pod affinity of a pod, with selectors ready to match. */
export interface PodAffinityTerms {
	readonly requiredAffinity: readonly AffinityTerm[];
	readonly requiredAntiAffinity: readonly AffinityTerm[];
	readonly preferredAffinity: readonly WeightedAffinityTerm[];
	readonly preferredAntiAffinity: readonly WeightedAffinityTerm[];
}

export class PodInfo {
	readonly pod: Pod;
	readonly uid: string;
	readonly namespace: string;
	readonly name: string;
	readonly labels: Readonly<Record<string, string>>;
	/** spec.priority; 0 if there is none. */
	readonly priority: number;
	readonly requests: ResourceVector;
	readonly nonZeroMilliCpu: number;
	readonly nonZeroMemoryBytes: number;
	readonly hostPorts: readonly HostPort[];
	#affinity: PodAffinityTerms | undefined;

	/** @param known the same pod before a change that left all of its spec as it was, its node excepted: what was worked out still holds */
	constructor(pod: Pod, known?: PodInfo) {
		this.pod = pod;
		this.uid = podUid(pod);
		this.namespace = pod.metadata?.namespace ?? "";
		this.name = pod.metadata?.name ?? "";
		this.labels = pod.metadata?.labels ?? {};
		this.priority = pod.spec?.priority ?? 0;
		const { requests, nonZeroMilliCpu, nonZeroMemoryBytes } = known ?? computePodRequests(pod);
		this.requests = requests;
		this.nonZeroMilliCpu = nonZeroMilliCpu;
		this.nonZeroMemoryBytes = nonZeroMemoryBytes;
		this.hostPorts = known?.hostPorts ?? hostPortsOf(pod);
		if (known !== undefined) this.#affinity = known.#affinity;
	}

	/** "namespace/name". */
	get key(): string {
		return `${this.namespace}/${this.name}`;
	}

	get hasAffinity(): boolean {
		const affinity = this.pod.spec?.affinity;
		return affinity?.podAffinity !== undefined || affinity?.podAntiAffinity !== undefined;
	}

	get hasRequiredAntiAffinity(): boolean {
		return (this.pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length ?? 0) > 0;
	}

	/** Worked out when first asked for: most pods have none. */
	get affinity(): PodAffinityTerms {
		this.#affinity ??= this.#readAffinity();
		return this.#affinity;
	}

	#readAffinity(): PodAffinityTerms {
		const { podAffinity, podAntiAffinity } = this.pod.spec?.affinity ?? {};
		const term = selectorFor(this);
		return {
			requiredAffinity: (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(term),
			requiredAntiAffinity: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(term),
			preferredAffinity: (podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((preferred) => ({
				weight: preferred.weight,
				term: term(preferred.podAffinityTerm),
			})),
			preferredAntiAffinity: (podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((preferred) => ({
				weight: preferred.weight,
				term: term(preferred.podAffinityTerm),
			})),
		};
	}
}

/** What tells a pod from a later one of the same name. */
export function podUid(pod: Pod): string {
	return pod.metadata?.uid ?? `${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""}`;
}
