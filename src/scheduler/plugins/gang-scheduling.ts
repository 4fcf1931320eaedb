/**
 * GangScheduling: pods of a PodGroup with the policy `gang` are scheduled when `minCount` of them are there and can be, and none of them
 * otherwise. The group's cycle (framework/schedule-group.ts) tries them together; this plugin says whether they are enough.
 *
 *   PreEnqueue: minCount pods there? ─> group cycle: each pod is tried, and Permit asked ─> binding: all wait at Permit for the last one
 *
 * Source: pkg/scheduler/framework/plugins/gangscheduling of Kubernetes 1.36; KEP-4671.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Pod, PodGroupV1alpha2 } from "../../apimachinery/schema/generated/types.ts";
import { ActionType } from "../framework/cluster-event.ts";
import { stateKey } from "../framework/cycle-state.ts";
import type { PermitPlugin, PreEnqueuePlugin } from "../framework/plugin.ts";
import { podUid } from "../framework/pod-info.ts";
import { errorStatus, Status, unresolvable, type Verdict } from "../framework/status.ts";
import { type PodGroups, podGroupKey } from "../pod-groups.ts";

export const gangSchedulingName = "GangScheduling";
const name = gangSchedulingName;
/** How long a pod waits at Permit for the rest of its gang. */
const permitTimeoutMs = 5 * 60_000;
const tooFew = unresolvable(name, "waiting for minCount pods from a gang to appear in scheduling queue");
const waiting = new Status("Wait", name, ["waiting for minCount pods from a gang to be scheduled"]);
const granted = { status: undefined };

/** Written into a pod's state while its group is being tried: then Permit has no effects. */
export const isTrial = stateKey<boolean>("GangScheduling/trial");

export interface GangSchedulingOptions {
	readonly groups: PodGroups;
	/** Lets a pod that waits at Permit go on. */
	readonly allow: (uid: string, plugin: string) => void;
	/** Has a pod that sleeps tried again. */
	readonly activate: (uid: string) => void;
}

export function createGangScheduling({ groups, allow, activate }: GangSchedulingOptions): PreEnqueuePlugin & PermitPlugin {
	return {
		name,
		preEnqueue(pod): Verdict {
			const key = podGroupKey(pod);
			if (key === undefined) return undefined;
			const group = groups.find(key);
			if (group === undefined) {
				const { podGroupName = "" } = pod.spec?.schedulingGroup ?? {};
				return unresolvable(name, `waiting for pods's pod group "${podGroupName}" to appear in scheduling queue`);
			}
			const minCount = minCountOf(group);
			return minCount !== undefined && groups.allCount(key) < minCount ? tooFew : undefined;
		},
		permit(state, { pod }) {
			const key = podGroupKey(pod);
			if (key === undefined) return granted;
			const group = groups.find(key);
			if (group === undefined) {
				const { podGroupName = "" } = pod.spec?.schedulingGroup ?? {};
				return { status: errorStatus(name, `failed to get podGroup ${key}: podgroup.scheduling.k8s.io "${podGroupName}" not found`) };
			}
			const minCount = minCountOf(group);
			if (minCount === undefined) return granted;
			const scheduled = groups.scheduled(key);
			const isOnTrial = state.find(isTrial) === true;
			if (scheduled.length < minCount) {
				if (!isOnTrial) for (const other of groups.unscheduled(key)) activate(podUid(other));
				return { status: waiting, timeoutMs: permitTimeoutMs };
			}
			if (!isOnTrial) for (const other of scheduled) allow(podUid(other), name);
			return granted;
		},
		eventsToRegister: () => [
			{ resource: "UnscheduledPod", action: ActionType.add, hint: podAdded },
			{ resource: "AssignedPod", action: ActionType.add, hint: podAdded },
			{ resource: "PodGroup", action: ActionType.add, hint: (pod, _old, group) => hintIf(isOf(pod, group)) },
			{ resource: "PodGroup", action: ActionType.update, hint: (pod, old, group) => hintIf(isOf(pod, group) && hasLowered(old, group)) },
		],
	};
}

function hintIf(helps: boolean): "Queue" | "Skip" {
	return helps ? "Queue" : "Skip";
}

/** Undefined where the policy is not that of a gang. */
function minCountOf({ spec }: PodGroupV1alpha2): number | undefined {
	return spec.schedulingPolicy.gang?.minCount;
}

function podAdded(pod: Pod, _old: KubeObject | undefined, added: KubeObject | undefined): "Queue" | "Skip" {
	const key = podGroupKey(pod);
	return hintIf(key !== undefined && added !== undefined && podGroupKey(added as Pod) === key);
}

function isOf(pod: Pod, group: KubeObject | undefined): boolean {
	return podGroupKey(pod) === `${group?.metadata?.namespace ?? ""}/${group?.metadata?.name ?? ""}`;
}

function hasLowered(old: KubeObject | undefined, group: KubeObject | undefined): boolean {
	const [before, after] = [old, group].map((each) => (each === undefined ? undefined : minCountOf(each as PodGroupV1alpha2)));
	return before === undefined || after === undefined || after < before;
}
