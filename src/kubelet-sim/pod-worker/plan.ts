/**
 * What is to be done for a pod now: a pure function of its spec, its record and the time. The kubelet's pod worker is
 * level-based: after each change the plan is made anew, so nothing depends on which events were seen.
 *
 * The order of a start: volumes → sandbox → init containers one after another (a sidecar lets the next one start once
 * it has started) → all main containers in turn → ephemeral containers whenever they appear.
 * The order of an end: main containers together → sidecars, last one first → sandbox → the object.
 * Source of behaviour: pkg/kubelet/kuberuntime (computePodActions), KEP-753 (sidecars),
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { backoffUntil } from "./backoff.ts";
import type { ContainerRecord, PodRecord } from "./pod-record.ts";

export type PodAction =
	| { readonly type: "mountVolumes" }
	| { readonly type: "createSandbox" }
	/** Pull, create and start. */
	| { readonly type: "start"; readonly container: ContainerRecord }
	/** The container waits out its back-off: CrashLoopBackOff. */
	| { readonly type: "backOff"; readonly container: ContainerRecord }
	| { readonly type: "stop"; readonly container: ContainerRecord }
	/** The pod ran longer than activeDeadlineSeconds. */
	| { readonly type: "exceedDeadline" }
	| { readonly type: "stopSandbox" }
	/** Nothing of the pod is left on the node: the object may go. */
	| { readonly type: "removePod" };

export interface PodPlan {
	readonly actions: readonly PodAction[];
	/** When to plan again, if nothing happens before; Unix ms. */
	readonly wakeMs?: number;
}

export function planPod(pod: Pod, record: PodRecord, nowMs: number): PodPlan {
	if (record.ending !== undefined || record.deleting || record.isOver) return planEnd(record);
	const outcome = podOutcome(pod, record);
	if (outcome !== "running") return planEnd(record);
	const deadline = deadlineOf(pod, record);
	if (deadline !== undefined && nowMs >= deadline) return { actions: [{ type: "exceedDeadline" }] };
	return withDeadline(planStart(pod, record, nowMs), deadline);
}

/** Whether a pod still has something to run. */
export function podOutcome(pod: Pod, record: PodRecord): "running" | "succeeded" | "failed" {
	const policy = pod.spec?.restartPolicy ?? "Always";
	const init = record.containers.filter(({ kind }) => kind === "init");
	if (policy === "Never" && init.some((container) => hasFailed(container))) return "failed";
	if (policy === "Always" || init.some((container) => !hasSucceeded(container))) return "running";
	const main = record.containers.filter(({ kind }) => kind === "main");
	if (main.every(hasSucceeded)) return "succeeded";
	return policy === "Never" && main.every((container) => hasSucceeded(container) || hasFailed(container)) ? "failed" : "running";
}

function hasSucceeded({ phase, exit, restartsForResize }: ContainerRecord): boolean {
	return phase === "exited" && exit?.exitCode === 0 && !restartsForResize;
}

function hasFailed({ phase, exit, restartsForResize }: ContainerRecord): boolean {
	return phase === "exited" && exit?.exitCode !== 0 && !restartsForResize;
}

/** Whether an ended container is to run again. */
export function shouldRestart(pod: Pod, container: ContainerRecord): boolean {
	if (container.restartsForResize) return true;
	const policy = pod.spec?.restartPolicy ?? "Always";
	switch (container.kind) {
		case "sidecar":
			return true;
		case "ephemeral":
			return false;
		case "init":
			return policy !== "Never" && container.exit?.exitCode !== 0;
		case "main":
			return policy === "Always" || (policy === "OnFailure" && container.exit?.exitCode !== 0);
		default:
			return container.kind satisfies never;
	}
}

function planStart(pod: Pod, record: PodRecord, nowMs: number): PodPlan {
	if (record.volumes !== "mounted") {
		if (record.volumes === "mounting") return { actions: [] };
		return nowMs < record.retryMs ? { actions: [], wakeMs: record.retryMs } : { actions: [{ type: "mountVolumes" }] };
	}
	if (record.sandbox !== "ready") {
		if (record.sandbox !== "absent") return { actions: [] };
		return nowMs < record.retryMs ? { actions: [], wakeMs: record.retryMs } : { actions: [{ type: "createSandbox" }] };
	}
	// One container after another: the kubelet pulls and starts in sequence.
	if (record.containers.some(({ phase }) => phase === "pulling" || phase === "starting")) return { actions: [] };
	return startFirst(startable(record), pod, nowMs);
}

/** The containers whose turn it is, in order. */
function startable(record: PodRecord): ContainerRecord[] {
	const turn: ContainerRecord[] = record.containers.filter(({ kind }) => kind === "ephemeral");
	for (const container of record.containers) {
		if (container.kind !== "init" && container.kind !== "sidecar") continue;
		turn.push(container);
		const isPassed = container.kind === "init" ? hasSucceeded(container) : container.started || hasRunBefore(container);
		if (!isPassed) return turn;
	}
	return [...turn, ...record.containers.filter(({ kind }) => kind === "main")];
}

/** A sidecar that ends later on holds nobody up. */
function hasRunBefore({ kind, restartCount, phase }: ContainerRecord): boolean {
	return kind === "sidecar" && (restartCount > 0 || phase === "exited");
}

function startFirst(containers: readonly ContainerRecord[], pod: Pod, nowMs: number): PodPlan {
	const backingOff: PodAction[] = [];
	let wakeMs = Number.POSITIVE_INFINITY;
	for (const container of containers) {
		if (container.phase !== "waiting" && !(container.phase === "exited" && shouldRestart(pod, container))) continue;
		const finishedMs = container.exit?.finishedMs;
		const untilMs =
			finishedMs === undefined || container.restartsForResize ? undefined : backoffUntil(container.restartBackoff, finishedMs, nowMs);
		if (untilMs !== undefined) {
			wakeMs = Math.min(wakeMs, untilMs);
			if (container.waiting?.reason !== "CrashLoopBackOff") backingOff.push({ type: "backOff", container });
		} else if (nowMs < container.retryMs) wakeMs = Math.min(wakeMs, container.retryMs);
		else return { actions: [...backingOff, { type: "start", container }] };
	}
	return wakeMs === Number.POSITIVE_INFINITY ? { actions: backingOff } : { actions: backingOff, wakeMs };
}

function planEnd(record: PodRecord): PodPlan {
	const live = record.containers.filter(({ phase }) => phase === "running" || phase === "starting");
	const first = live.filter(({ kind }) => kind !== "sidecar");
	const stopNow = first.length > 0 ? first : live.slice(-1);
	const actions = stopNow
		.filter(({ stopping, phase }) => !stopping && phase === "running")
		.map((container): PodAction => ({ type: "stop", container }));
	if (live.length > 0) return { actions };
	if (record.sandbox !== "stopped") return { actions: record.sandbox === "creating" ? [] : [{ type: "stopSandbox" }] };
	return { actions: record.deleting && !record.removed ? [{ type: "removePod" }] : [] };
}

function deadlineOf({ spec }: Pod, record: PodRecord): number | undefined {
	return spec?.activeDeadlineSeconds === undefined ? undefined : record.startMs + spec.activeDeadlineSeconds * 1000;
}

function withDeadline(plan: PodPlan, deadline: number | undefined): PodPlan {
	return deadline === undefined ? plan : { ...plan, wakeMs: Math.min(plan.wakeMs ?? deadline, deadline) };
}
