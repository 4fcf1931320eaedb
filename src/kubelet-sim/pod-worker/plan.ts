/**
 * What is to be done for a pod now: a pure function of its spec, its record and the time. The kubelet's pod worker is
 * level-based: after each change the plan is made anew, so nothing depends on which events were seen.
 *
 * The order of a start: volumes → sandbox → init containers one after another (a sidecar lets the next one start once
 * it has started) → all main containers in turn → ephemeral containers whenever they appear.
 * The order of an end: all preStop hooks at once; main containers together → sidecars, last one first, or all at once when the grace
 * period is over → sandbox → the object.
 * Source of behaviour: pkg/kubelet/kuberuntime (computePodActions), KEP-753 (sidecars),
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { backoffUntil } from "./backoff.ts";
import type { ContainerRecord, PodRecord } from "./pod-record.ts";
import { restartsAll, shouldRestart } from "./restart-policy.ts";

export type PodAction =
	| { readonly type: "mountVolumes" }
	| { readonly type: "createSandbox" }
	/** Pull, create and start. */
	| { readonly type: "start"; readonly container: ContainerRecord }
	/** The container waits out its back-off: CrashLoopBackOff. */
	| { readonly type: "backOff"; readonly container: ContainerRecord }
	| { readonly type: "stop"; readonly container: ContainerRecord }
	/** Its preStop hook is over, and it is its turn to be told to end. */
	| { readonly type: "signal"; readonly container: ContainerRecord }
	/** A rule of a container wants all of them to start anew. */
	| { readonly type: "restartAll" }
	/** The container ends to start with all others: no hook, no long wait. */
	| { readonly type: "interrupt"; readonly container: ContainerRecord }
	/** Nothing runs any more: all containers start again. */
	| { readonly type: "startAllAnew" }
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
	if (record.ending !== undefined || record.deleting || record.isOver) return planEnd(record, nowMs);
	const deadline = deadlineOf(pod, record);
	if (deadline !== undefined && nowMs >= deadline) return { actions: [{ type: "exceedDeadline" }] };
	if (record.restartingAll) return withDeadline(planRestart(record), deadline);
	if (restartsAll(pod, record)) return { actions: [{ type: "restartAll" }] };
	if (podOutcome(pod, record) !== "running") return planEnd(record, nowMs);
	return withDeadline(planStart(pod, record, nowMs), deadline);
}

/** Whether a pod still has something to run. */
export function podOutcome(pod: Pod, record: PodRecord): "running" | "succeeded" | "failed" {
	const init = record.containers.filter(({ kind }) => kind === "init");
	if (init.some((container) => hasFailed(container) && !shouldRestart(pod, container))) return "failed";
	if (record.restartingAll || init.some((container) => !hasSucceeded(container))) return "running";
	const main = record.containers.filter(({ kind }) => kind === "main");
	if (main.some((container) => container.phase !== "exited" || shouldRestart(pod, container))) return "running";
	return main.every(hasSucceeded) ? "succeeded" : "failed";
}

function hasSucceeded({ phase, exit, restartsForSpec, restartsWithAll }: ContainerRecord): boolean {
	return phase === "exited" && exit?.exitCode === 0 && !restartsForSpec && !restartsWithAll;
}

function hasFailed({ phase, exit, restartsForSpec, restartsWithAll }: ContainerRecord): boolean {
	return phase === "exited" && exit?.exitCode !== 0 && !restartsForSpec && !restartsWithAll;
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
	const { containers } = record;
	const turn: ContainerRecord[] = containers.filter(({ kind }) => kind === "ephemeral");
	for (const [index, container] of containers.entries()) {
		if (container.kind !== "init" && container.kind !== "sidecar") continue;
		turn.push(container);
		// A sidecar that ends later on holds nobody up.
		const isPassed = container.kind === "init" ? hasSucceeded(container) : container.started || containers.slice(index + 1).some(hasBegun);
		if (!isPassed) return turn;
	}
	return [...turn, ...containers.filter(({ kind }) => kind === "main")];
}

function hasBegun({ kind, phase, restartsWithAll }: ContainerRecord): boolean {
	return kind !== "ephemeral" && phase !== "waiting" && !restartsWithAll;
}

function startFirst(containers: readonly ContainerRecord[], pod: Pod, nowMs: number): PodPlan {
	const backingOff: PodAction[] = [];
	let wakeMs = Number.POSITIVE_INFINITY;
	for (const container of containers) {
		if (container.phase !== "waiting" && !(container.phase === "exited" && shouldRestart(pod, container))) continue;
		const finishedMs = container.exit?.finishedMs;
		const untilMs =
			finishedMs === undefined || container.restartsForSpec ? undefined : backoffUntil(container.restartBackoff, finishedMs, nowMs);
		if (untilMs !== undefined) {
			wakeMs = Math.min(wakeMs, untilMs);
			if (container.waiting?.reason !== "CrashLoopBackOff") backingOff.push({ type: "backOff", container });
		} else if (nowMs < container.retryMs) wakeMs = Math.min(wakeMs, container.retryMs);
		else return { actions: [...backingOff, { type: "start", container }] };
	}
	return wakeMs === Number.POSITIVE_INFINITY ? { actions: backingOff } : { actions: backingOff, wakeMs };
}

function planEnd(record: PodRecord, nowMs: number): PodPlan {
	const live = record.containers.filter(({ phase }) => phase === "running" || phase === "starting");
	if (live.length > 0) return planStops(live, record.ending?.deadlineMs, nowMs);
	if (record.sandbox !== "stopped") return { actions: record.sandbox === "creating" ? [] : [{ type: "stopSandbox" }] };
	return { actions: record.deleting && !record.removed ? [{ type: "removePod" }] : [] };
}

/** @param deadlineMs when nobody waits for a turn any more; undefined: the main containers have ended by themselves */
function planStops(live: readonly ContainerRecord[], deadlineMs: number | undefined, nowMs: number): PodPlan {
	const others = live.filter(({ kind }) => kind !== "sidecar");
	const isOver = deadlineMs !== undefined && nowMs >= deadlineMs;
	const turn = isOver ? live : others.length > 0 ? others : live.slice(-1);
	const actions = live.flatMap((container): PodAction[] => {
		if (container.phase !== "running") return [];
		if (container.stopping === "no") return [{ type: "stop", container }];
		return container.stopping === "turn" && turn.includes(container) ? [{ type: "signal", container }] : [];
	});
	const waits = live.some(({ stopping }) => stopping === "turn");
	return waits && deadlineMs !== undefined && !isOver ? { actions, wakeMs: deadlineMs } : { actions };
}

/** Everything ends at once, debugging containers too, and starts from the first init container on. */
function planRestart(record: PodRecord): PodPlan {
	const live = record.containers.filter(({ phase }) => phase === "running" || phase === "starting" || phase === "pulling");
	if (live.length === 0) return { actions: [{ type: "startAllAnew" }] };
	const running = live.filter(({ phase, stopping }) => phase === "running" && stopping === "no");
	return { actions: running.map((container) => ({ type: "interrupt", container })) };
}

function deadlineOf({ spec }: Pod, record: PodRecord): number | undefined {
	return spec?.activeDeadlineSeconds === undefined ? undefined : record.startMs + spec.activeDeadlineSeconds * 1000;
}

function withDeadline(plan: PodPlan, deadline: number | undefined): PodPlan {
	return deadline === undefined ? plan : { ...plan, wakeMs: Math.min(plan.wakeMs ?? deadline, deadline) };
}
