/**
 * What befalls a container, as its record has it: an instance is created, runs, ends, or is lost with its sandbox. Pure.
 * The drawing of it is in pod-record.ts.
 *
 * Invariants: `exit` is set while the phase is exited; `restartCount` is the number of instances that ended before the present one.
 */
import { nextBackoff } from "./backoff.ts";
import type { ContainerRecord, Termination } from "./pod-record.ts";
import type { ContainerSpec } from "./pod-scope.ts";

/** How a container ended that did not end by itself. */
export interface ContainerEnd {
	readonly exitCode: number;
	readonly reason: "Unknown" | "Error";
}

/** Nobody saw it, as containerd has it then. */
export const unknownEnd: ContainerEnd = { exitCode: 255, reason: "Unknown" };
/** SIGKILL. */
export const killedEnd: ContainerEnd = { exitCode: 137, reason: "Error" };

/** The kubelet looks at a pod again so long after an error. */
export const resyncMs = 1_000;

/** There is a new instance: the one before it becomes the previous one. */
export function instanceCreated(
	record: ContainerRecord,
	created: Pick<ContainerRecord, "containerId" | "image" | "imageId">,
	nowMs: number,
): void {
	if (record.exit !== undefined) {
		if (!record.restartsForSpec) record.restartBackoff = nextBackoff(record.restartBackoff, record.exit.finishedMs, nowMs);
		becomePrevious(record, record.exit);
	}
	record.containerId = created.containerId;
	record.image = created.image;
	record.imageId = created.imageId;
	record.retryMs = 0;
	record.restartsForSpec = false;
	record.restartsWithAll = false;
	record.actuated = record.allocated;
}

function becomePrevious(record: ContainerRecord, exit: Termination | undefined): void {
	record.previous = exit;
	record.exit = undefined;
	record.restartCount++;
}

/** The runtime could not start its process. @param restarts it is tried again */
export function instanceFailed(record: ContainerRecord, message: string, restarts: boolean, nowMs: number): void {
	const { containerId } = record;
	record.exit = { exitCode: 128, reason: "StartError", message, startedMs: 0, finishedMs: nowMs, containerId };
	record.phase = "exited";
	record.waiting = undefined;
	if (restarts) waitFor(record, { reason: "RunContainerError", message }, nowMs + resyncMs);
}

/** Its process runs, and its postStart hook is over. */
export function instanceRuns(record: ContainerRecord, { startupProbe, readinessProbe }: ContainerSpec): void {
	record.phase = "running";
	record.waiting = undefined;
	record.started = startupProbe === undefined;
	record.ready = readinessProbe === undefined && record.started;
}

export function instanceEnded(record: ContainerRecord, end: Pick<Termination, "exitCode" | "reason" | "message" | "finishedMs">): void {
	const { startedMs, containerId } = record;
	record.exit = { ...end, startedMs, containerId };
	record.phase = "exited";
	record.waiting = undefined;
	notRunning(record);
}

/** Its sandbox is gone: whatever ran has ended. @param hasInstance of one that starts: its process is there */
export function instanceLost(record: ContainerRecord, end: ContainerEnd, hasInstance: boolean, finishedMs: number): void {
	const { startedMs, containerId, phase } = record;
	if (phase === "running" || (phase === "starting" && hasInstance)) {
		record.exit = { ...end, startedMs, finishedMs, containerId };
		record.phase = "exited";
	} else if (phase !== "exited") notStarted(record);
	notRunning(record);
	// Whoever has done its work does it again for the next sandbox.
	if (record.kind === "init" && record.phase === "exited") {
		becomePrevious(record, record.exit);
		record.phase = "waiting";
	}
}

function notRunning(record: ContainerRecord): void {
	record.started = false;
	record.ready = false;
	record.stopping = "no";
}

/** A start came to nothing: what was before it stands. */
export function notStarted(record: ContainerRecord): void {
	record.phase = record.exit === undefined ? "waiting" : "exited";
}

/** It is not tried again before that, Unix ms. */
export function waitFor(record: ContainerRecord, why: { readonly reason: string; readonly message: string }, retryMs: number): void {
	notStarted(record);
	record.waiting = why;
	record.retryMs = retryMs;
}

/** The runtime has forgotten the instance that ended: the kubelet does not know of a crash that it has to wait for. */
export function forgetExit(record: ContainerRecord): void {
	if (record.phase !== "exited") return;
	record.restartBackoff = undefined;
	record.retryMs = 0;
}

/** Its spec names another image than the one of before, whose failures are forgotten. */
export function forgetFailures(record: ContainerRecord, image: string | undefined): void {
	record.specImage = image;
	record.restartBackoff = undefined;
	record.imageBackoff = undefined;
	record.retryMs = 0;
}

/** All containers of its pod start anew: of one that has never run nothing is to be done. */
export function restartWithAll(record: ContainerRecord): void {
	record.waiting = undefined;
	record.restartsWithAll = record.phase === "exited";
}
