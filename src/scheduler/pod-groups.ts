/**
 * Pods by the group that they name (spec.schedulingGroup): who is there, who has a node or is promised one, who waits.
 * Source: pkg/scheduler/backend/cache (PodGroupState) of Kubernetes 1.36; KEP-4671.
 */
import type { Pod, PodGroupV1alpha2 } from "../apimachinery/schema/generated/types.ts";
import { podUid } from "./framework/pod-info.ts";

export interface PodGroupsOptions {
	/** By "namespace/name". */
	readonly find: (key: string) => PodGroupV1alpha2 | undefined;
	readonly isAssumed: (pod: Pod) => boolean;
}

/** "namespace/name" of the group that the pod names; undefined if it names none. */
export function podGroupKey({ metadata, spec }: Pod): string | undefined {
	const name = spec?.schedulingGroup?.podGroupName;
	return name === undefined ? undefined : `${metadata?.namespace ?? ""}/${name}`;
}

export class PodGroups {
	readonly #options: PodGroupsOptions;
	/** By group and uid: those that are not at their end. No group here is empty. */
	readonly #members = new Map<string, Map<string, Pod>>();

	constructor(options: PodGroupsOptions) {
		this.#options = options;
	}

	/** Undefined: it is not there, or not known yet. */
	find(key: string): PodGroupV1alpha2 | undefined {
		return this.#options.find(key);
	}

	/** A pod is there, or has changed. */
	set(pod: Pod): void {
		const key = podGroupKey(pod);
		if (key === undefined) return;
		const members = this.#members.get(key) ?? new Map<string, Pod>();
		this.#members.set(key, members.set(podUid(pod), pod));
	}

	/** A pod is gone or at its end. */
	delete(pod: Pod): void {
		const key = podGroupKey(pod);
		const members = key === undefined ? undefined : this.#members.get(key);
		if (key === undefined || members === undefined) return;
		members.delete(podUid(pod));
		if (members.size === 0) this.#members.delete(key);
	}

	allCount(key: string): number {
		return this.#members.get(key)?.size ?? 0;
	}

	/** With a node, or with one set aside for them. */
	scheduled(key: string): readonly Pod[] {
		return this.#of(key).filter((pod) => this.#isScheduled(pod));
	}

	unscheduled(key: string): readonly Pod[] {
		return this.#of(key).filter((pod) => !this.#isScheduled(pod));
	}

	#of(key: string): readonly Pod[] {
		return [...(this.#members.get(key)?.values() ?? [])];
	}

	#isScheduled(pod: Pod): boolean {
		return (pod.spec?.nodeName ?? "") !== "" || this.#options.isAssumed(pod);
	}
}
