/** In-place resize, carried out: promises what the spec wants if the node has room, and brings it to the containers. What is decided is in resize.ts. */
import type { Footprint } from "./footprint.ts";
import type { PodOnNode } from "./pod-scope.ts";
import { allocate, decideResize, needsRestart, type ResizeDecision, resizeMessage, unactuated } from "./resize.ts";

export interface ResizedPod extends PodOnNode {
	/** What the node has promised it. */
	readonly footprint: Footprint;
	/** It has been promised something else. */
	allocationChanged(): void;
	container(name: string): { resize(restart: boolean): void } | undefined;
}

/** Does what can be done now. */
export function resizePod(of: ResizedPod): void {
	const { pod, record, host, node } = of;
	if (record.ending !== undefined || record.deleting) return;
	const decision = decideResize(pod, record, () => ({
		allocatable: node.allocatable,
		others: host.promisedToOthers(node.name, of),
	}));
	const { pending, inProgress } = record.resize ?? {};
	if (decision.type === "pending") postpone(of, decision);
	else if (decision.type === "fits") start(of);
	else if (pending !== undefined) record.resize = inProgress === undefined ? undefined : { inProgress };
	if (record.resize?.inProgress === undefined) return;
	const behind = unactuated(record);
	for (const container of behind) of.container(container.name)?.resize(needsRestart(pod, container));
	if (behind.length > 0 || record.containers.some(({ restartsForSpec }) => restartsForSpec)) return;
	record.resize = record.resize.pending === undefined ? undefined : { pending: record.resize.pending };
	of.event("Normal", "ResizeCompleted", resizeMessage("Pod resize completed", pod));
}

function start(of: ResizedPod): void {
	const { pod, record, host, node, footprint: before } = of;
	allocate(pod, record);
	of.allocationChanged();
	record.resize = { inProgress: { generation: pod.metadata?.generation ?? 0 } };
	of.event("Normal", "ResizeStarted", resizeMessage("Pod resize started", pod));
	const { milliCpu, memoryBytes } = of.footprint;
	if (milliCpu < before.milliCpu || memoryBytes < before.memoryBytes) host.roomFreed(node.name);
}

function postpone(of: ResizedPod, { reason, message }: Extract<ResizeDecision, { type: "pending" }>): void {
	const { pod, record, host, node } = of;
	const { pending } = record.resize ?? {};
	const generation = pod.metadata?.generation ?? 0;
	if (reason === "Deferred") host.awaitRoom(node.name, of);
	if (pending?.reason === reason && pending.message === message && pending.generation === generation) return;
	record.resize = { ...record.resize, pending: { reason, message, generation } };
	of.event("Warning", `Resize${reason}`, resizeMessage(`Pod resize ${reason}`, pod, message));
}
