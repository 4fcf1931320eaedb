/**
 * What the kubelet knows of a pod on its node: the state between the pod's spec and its status. Plain data; plan.ts
 * reads it and says what to do, status.ts reads it and says what to report, worker.ts does and writes.
 *
 *   a container:   waiting ──> pulling ──> starting ──> running ──> exited ──┐
 *                     ^                                                      │ restart policy, back-off
 *                     └──────────────────────────────────────────────────────┘
 */
import type { Container, EphemeralContainer, Pod, PodStatus, ResourceRequirements } from "../../apimachinery/schema/generated/types.ts";
import { parseTime } from "../../apimachinery/time.ts";
import type { BackoffEntry } from "./backoff.ts";
import { noSandboxes, type SandboxInstance } from "./sandboxes.ts";

export type ContainerKind = "init" | "sidecar" | "main" | "ephemeral";

/** How an instance of a container ended. */
export interface Termination {
	readonly exitCode: number;
	/** Completed, Error, OOMKilled, StartError, ContainerStatusUnknown. */
	readonly reason: string;
	readonly message?: string;
	/** Unix ms; 0 if it never started. */
	readonly startedMs: number;
	readonly finishedMs: number;
	readonly containerId: string;
}

interface WaitingReason {
	readonly reason: string;
	readonly message?: string;
}

export interface ContainerRecord {
	readonly name: string;
	readonly kind: ContainerKind;
	phase: "waiting" | "pulling" | "starting" | "running" | "exited";
	/** Why it does not run, when that is not simply that it has not been its turn. */
	waiting: WaitingReason | undefined;
	/** `containerd://…` of the present instance. */
	containerId: string;
	/** `docker.io/library/nginx:latest`: what the present instance was made of; "" before the first, of which the runtime knows nothing yet. */
	image: string;
	imageId: string;
	startedMs: number;
	/** Set while `phase` is exited. */
	exit: Termination | undefined;
	/** How the instance before this one ended. */
	previous: Termination | undefined;
	restartCount: number;
	/** The startup probe has succeeded, or there is none. */
	started: boolean;
	/** The readiness probe succeeds, or there is none. */
	ready: boolean;
	/** How far the kubelet is with stopping this instance: its preStop hook runs, it waits for its turn, it has been told to end. */
	stopping: "no" | "hook" | "turn" | "signalled";
	restartBackoff: BackoffEntry | undefined;
	imageBackoff: BackoffEntry | undefined;
	/** Do not try to start again before this; Unix ms. */
	retryMs: number;
	/** Runs of failures to pull: the message that back-off repeats. */
	pullError: string | undefined;
	/** What the node has promised it. */
	allocated: ResourceRequirements | undefined;
	/** What the present instance runs with. */
	actuated: ResourceRequirements | undefined;
	/** What is being set while it runs; undefined if nothing is. */
	actuating: ResourceRequirements | undefined;
	/** What its spec named when the present instance was created, or before the first one. */
	specImage: string | undefined;
	/** This instance ends to start again as its spec is now: no failure, so no back-off, whatever the restart policy. */
	restartsForSpec: boolean;
	/** It has ended, and starts again with all others of its pod, whatever its policy is. */
	restartsWithAll: boolean;
}

/** How the resize that the spec asks for stands: conditions of the pod. */
interface ResizeState {
	readonly pending?: { readonly reason: "Deferred" | "Infeasible"; readonly message: string; readonly generation: number };
	/** What was promised is being set. */
	readonly inProgress?: { readonly generation: number };
}

/** Why a pod is being ended. */
export interface PodEnding {
	/** What the pod's phase, reason and message become; absent for a deletion, where exit codes decide. */
	readonly failed?: WaitingReason;
	/** The node needed what the pod had: condition DisruptionTarget, with the same message. */
	readonly isDisruption?: boolean;
	/** The node never took it: there is nothing to tell of it but why. */
	readonly isRejection?: boolean;
	/** When SIGKILL follows, Unix ms. */
	deadlineMs: number;
}

export interface PodRecord {
	readonly containers: ContainerRecord[];
	/** The node has taken the pod. */
	isAdmitted: boolean;
	/** It had succeeded or failed before this process saw it: its status stands. */
	readonly isOver: boolean;
	sandbox: "absent" | "creating" | "ready" | "stopped";
	/** The present one, or the one that ended last, behind those before it. */
	sandboxes: readonly SandboxInstance[];
	volumes: "absent" | "mounting" | "mounted";
	/** "" before there is a sandbox. */
	ip: string;
	/** When the kubelet first saw the pod, Unix ms. */
	readonly startMs: number;
	ending: PodEnding | undefined;
	/** The API object is being deleted. */
	deleting: boolean;
	/** The object has been asked to go. */
	removed: boolean;
	/** Do not try to mount, or to make a sandbox, before this; Unix ms. */
	retryMs: number;
	/** Absent: the pod has what its spec wants. */
	resize: ResizeState | undefined;
	/** All containers are being ended, to start anew. */
	restartingAll: boolean;
}

function isSidecar(container: Container): boolean {
	return container.restartPolicy === "Always";
}

/** Specs of all containers, with their kinds, in the order in which the kubelet starts them. */
export function* containersOf({ spec }: Pod): Generator<readonly [Container | EphemeralContainer, ContainerKind]> {
	for (const container of spec?.initContainers ?? []) yield [container, isSidecar(container) ? "sidecar" : "init"];
	for (const container of spec?.containers ?? []) yield [container, "main"];
	for (const container of spec?.ephemeralContainers ?? []) yield [container, "ephemeral"];
}

/** The spec of a container of any kind. Asked several times at each look at a pod, so that it makes nothing. */
export function findContainer({ spec }: Pod, name: string): Container | EphemeralContainer | undefined {
	const isNamed = (container: Container | EphemeralContainer) => container.name === name;
	return spec?.initContainers?.find(isNamed) ?? spec?.containers.find(isNamed) ?? spec?.ephemeralContainers?.find(isNamed);
}

export function newContainerRecord(spec: Container | EphemeralContainer, kind: ContainerKind): ContainerRecord {
	return {
		name: spec.name,
		kind,
		phase: "waiting",
		waiting: undefined,
		containerId: "",
		image: "",
		imageId: "",
		startedMs: 0,
		exit: undefined,
		previous: undefined,
		restartCount: 0,
		started: false,
		ready: false,
		stopping: "no",
		restartBackoff: undefined,
		imageBackoff: undefined,
		retryMs: 0,
		pullError: undefined,
		allocated: spec.resources,
		actuated: undefined,
		actuating: undefined,
		specImage: spec.image,
		restartsForSpec: false,
		restartsWithAll: false,
	};
}

export function newPodRecord(pod: Pod, nowMs: number): PodRecord {
	return {
		containers: [...containersOf(pod)].map(([spec, kind]) => newContainerRecord(spec, kind)),
		isAdmitted: false,
		isOver: pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed",
		sandbox: "absent",
		sandboxes: noSandboxes,
		volumes: "absent",
		ip: "",
		startMs: pod.status?.startTime === undefined ? nowMs : parseTime(pod.status.startTime),
		ending: undefined,
		deleting: false,
		removed: false,
		retryMs: 0,
		resize: undefined,
		restartingAll: false,
	};
}

/**
 * The record of a pod that was on the node before this process started: the cluster was stopped and started again.
 * The machine counts as having slept: containers that ran go on under their old ids, with their counts; a program
 * starts from its beginning. `resumed` are the names of those to be set running.
 */
export function adoptPodRecord(pod: Pod, nowMs: number): { readonly record: PodRecord; readonly resumed: readonly string[] } {
	const record = newPodRecord(pod, nowMs);
	const { status } = pod;
	const resumed: string[] = [];
	for (const container of record.containers) {
		const known = statusesOf(status).find(({ name }) => name === container.name);
		if (known === undefined || known.containerID === undefined) continue;
		container.containerId = known.containerID;
		container.image = known.image;
		container.imageId = known.imageID;
		container.restartCount = known.restartCount;
		container.previous = terminationOf(known.lastState?.terminated);
		if (known.state?.running !== undefined) {
			container.phase = "running";
			// A resize that was under way is decided anew.
			container.allocated = known.resources ?? container.allocated;
			container.actuated = container.allocated;
			container.startedMs = timeOf(known.state.running.startedAt, nowMs);
			container.started = known.started ?? true;
			container.ready = known.ready;
			resumed.push(container.name);
		} else {
			container.exit = terminationOf(known.state?.terminated ?? known.lastState?.terminated);
			if (container.exit !== undefined) container.phase = "exited";
			// Of a pod that restarts as a whole: nothing else waits that has run before and whose policy is Never.
			container.restartsWithAll = known.state?.waiting !== undefined && container.exit !== undefined && hasRuleForAll(pod);
		}
	}
	// Whoever was let in stays.
	record.isAdmitted = true;
	record.ip = status?.podIP ?? "";
	if (record.ip !== "") {
		record.sandbox = "ready";
		record.volumes = "mounted";
	}
	if (record.isOver) record.sandbox = "stopped";
	record.restartingAll = status?.conditions?.some(({ type, status }) => type === "AllContainersRestarting" && status === "True") === true;
	return { record, resumed };
}

/** Whether a container of the pod has a rule that restarts all of them. */
export function hasRuleForAll({ spec }: Pod): boolean {
	const has = ({ restartPolicyRules }: Container) => restartPolicyRules?.some(({ action }) => action === "RestartAllContainers");
	return (spec?.containers ?? []).some(has) || (spec?.initContainers ?? []).some(has);
}

function statusesOf(status: PodStatus | undefined) {
	return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? []), ...(status?.ephemeralContainerStatuses ?? [])];
}

function timeOf(text: string | undefined, fallbackMs: number): number {
	return text === undefined ? fallbackMs : parseTime(text);
}

function terminationOf(
	terminated: NonNullable<NonNullable<NonNullable<PodStatus["containerStatuses"]>[number]["state"]>["terminated"]> | undefined,
): Termination | undefined {
	if (terminated === undefined) return undefined;
	const { exitCode, reason = "Error", message, startedAt, finishedAt, containerID = "" } = terminated;
	return {
		exitCode,
		reason,
		...(message === undefined ? {} : { message }),
		startedMs: timeOf(startedAt, 0),
		finishedMs: timeOf(finishedAt, 0),
		containerId: containerID,
	};
}
