/**
 * What pod workers hold, as sandboxes and containers of the runtime. Nothing is kept here: each look makes it anew.
 *
 * Of a container's instances the runtime has the one that runs and the one that ended last: the kubelet removes older ones when
 * another one ends (MaxPerPodContainer 1, `cleanUpContainersInPod`). A former sandbox stays as long as such an instance is in it, and
 * no longer than to the next round of the kubelet's garbage collection, which comes every minute.
 */
import type { ContainerLog } from "../container/container-log.ts";
import type { ContainerWorker } from "../pod-worker/container-worker.ts";
import { findContainer, type Termination } from "../pod-worker/pod-record.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import { sandboxId } from "../pod-worker/sandbox-facts.ts";
import { type SandboxInstance, sandboxAt } from "../pod-worker/sandboxes.ts";
import type { PodSandbox, RuntimeContainer } from "./cri.ts";
import { imageConfigId } from "./image-view.ts";
import { containerAnnotations, containerLabels, podLogDirectory, sandboxAnnotations, sandboxLabels } from "./labels.ts";

/** The kubelet's containerGCPeriod. */
const collectionMs = 60_000;

export interface SandboxEntry {
	readonly sandbox: PodSandbox;
	readonly worker: PodWorker;
	/** Whether it is the pod's last one. */
	readonly isCurrent: boolean;
}

export interface ContainerEntry {
	readonly container: RuntimeContainer;
	readonly pod: PodWorker;
	readonly worker: ContainerWorker;
	/** The worker's present instance, or the one that ended last. */
	readonly isCurrent: boolean;
	readonly log: ContainerLog | undefined;
}

export function containersOfPod(pod: PodWorker): readonly ContainerEntry[] {
	return [...pod.containerWorkers()].flatMap((worker) => instancesOf(pod, worker));
}

export function sandboxesOfPod(worker: PodWorker, containers: readonly ContainerEntry[], nowMs: number): readonly SandboxEntry[] {
	const { sandboxes } = worker.record;
	return sandboxes.flatMap((instance, index) => {
		const sandbox = describeSandbox(worker, instance);
		const isCurrent = index === sandboxes.length - 1;
		const isKept = isCurrent || containers.some(({ container }) => container.sandboxId === sandbox.id);
		const isFresh = nowMs - (instance.endedMs ?? nowMs) < collectionMs;
		return isKept || isFresh ? [{ sandbox, worker, isCurrent }] : [];
	});
}

function describeSandbox({ pod, record }: PodWorker, instance: SandboxInstance): PodSandbox {
	const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
	const { attempt, createdMs, ip, runtime, endedMs, shimPid } = instance;
	return {
		id: sandboxId(uid, attempt),
		name,
		uid,
		namespace,
		attempt,
		state: endedMs === undefined ? "SANDBOX_READY" : "SANDBOX_NOTREADY",
		createdMs,
		ip: endedMs === undefined ? ip : "",
		labels: sandboxLabels(pod),
		annotations: sandboxAnnotations(pod, record.startMs),
		runtimeHandler: runtime.handler,
		pid: endedMs === undefined ? shimPid + 1 : 0,
	};
}

function instancesOf(pod: PodWorker, worker: ContainerWorker): readonly ContainerEntry[] {
	const { record } = worker;
	const isAlive = worker.container?.process !== undefined && worker.container.process.exit === undefined;
	const entries: ContainerEntry[] = [];
	const isPresent = record.phase === "running" || (record.phase === "starting" && isAlive);
	if (isPresent) {
		const container = describe(pod, worker, idOf(record.containerId), record.restartCount, record.startedMs, undefined);
		entries.push({ container, pod, worker, isCurrent: true, log: worker.container?.log });
	}
	const ended = isPresent ? record.previous : record.exit;
	if (ended === undefined || ended.containerId === "") return entries;
	const attempt = isPresent ? Math.max(0, record.restartCount - 1) : record.restartCount;
	const container = describe(pod, worker, idOf(ended.containerId), attempt, ended.startedMs, ended);
	const log = isPresent ? worker.previousLog : (worker.container?.log ?? worker.previousLog);
	return [...entries, { container, pod, worker, isCurrent: !isPresent, log }];
}

const idOf = (containerId: string) => containerId.replace("containerd://", "");

function describe(
	{ pod, record: podRecord, runtime }: PodWorker,
	{ record, container }: ContainerWorker,
	id: string,
	attempt: number,
	startedMs: number,
	ended: Termination | undefined,
): RuntimeContainer {
	const spec = findContainer(pod, record.name) ?? { name: record.name };
	const process = ended === undefined ? container?.process : undefined;
	const exit = ended === undefined ? process?.exit : undefined;
	const sandbox = sandboxAt(podRecord, startedMs === 0 ? (ended?.finishedMs ?? 0) : startedMs);
	return {
		id,
		sandboxId: sandboxId(pod.metadata?.uid ?? "", sandbox?.attempt ?? 0),
		name: record.name,
		attempt,
		// One that has ended and that the kubelet has not looked at yet.
		state: ended === undefined && exit === undefined ? "CONTAINER_RUNNING" : "CONTAINER_EXITED",
		createdMs: startedMs === 0 ? (ended?.finishedMs ?? 0) : startedMs,
		startedMs,
		...(ended === undefined
			? exit === undefined
				? {}
				: { exit: { exitCode: exit.exitCode, reason: exit.exitCode === 0 ? "Completed" : "Error", message: "", finishedMs: startedMs } }
			: {
					exit: {
						exitCode: ended.exitCode,
						reason: ended.reason,
						message: ended.reason === "StartError" ? (ended.message ?? "") : "",
						finishedMs: ended.finishedMs,
					},
				}),
		imageId: imageConfigId(record.imageId),
		image: record.image,
		imageRef: record.imageId,
		labels: containerLabels(pod, record.name),
		annotations: containerAnnotations(pod, spec, record.kind, attempt),
		// What runs in a virtual machine has no pid on the node but that of the machine.
		pid: process === undefined || exit !== undefined ? 0 : runtime.kind === "kata" ? (sandbox?.shimPid ?? 0) + 1 : process.hostPid,
		logPath: `${podLogDirectory(pod)}/${record.name}/${attempt}.log`,
	};
}
