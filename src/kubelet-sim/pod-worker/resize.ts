/**
 * In-place resize, decided: whether the node has room for what a pod's spec wants, and which containers still have other
 * resources than they were promised. Pure; pod-resize.ts does it.
 *
 *   spec (wanted) ── room? ──> allocated ── in place, or by a restart ──> actuated
 *                      └─ no: PodResizePending, Deferred (others are in the way) or Infeasible (the node is too small)
 *
 * Source: pkg/kubelet/allocation, pkg/kubelet/events (texts) and KEP-1287 as of Kubernetes 1.36. Not simulated: the
 * kernel's refusals, a memory limit below what is in use among them.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { Container, Pod, ResourceRequirements } from "../../apimachinery/schema/generated/types.ts";
import { addFootprints, type Footprint, footprintOf, podFootprint } from "./footprint.ts";
import { type ContainerRecord, findContainer, type PodRecord } from "./pod-record.ts";

/** What a node can promise, and has promised to other pods. */
export interface NodeRoom {
	readonly allocatable: Readonly<Record<string, string>>;
	readonly others: Footprint;
}

export type ResizeDecision =
	| { readonly type: "unchanged" }
	| { readonly type: "fits" }
	| { readonly type: "pending"; readonly reason: "Deferred" | "Infeasible"; readonly message: string };

/** @param room asked only if there is something to decide */
export function decideResize(pod: Pod, record: PodRecord, room: () => NodeRoom): ResizeDecision {
	if (record.containers.every((container) => !isResizable(container) || jsonEqual(wanted(pod, container.name), container.allocated))) {
		return { type: "unchanged" };
	}
	const { allocatable, others } = room();
	const capacity = footprintOf(allocatable);
	const asked = podFootprint(pod, (name) => wanted(pod, name));
	if (asked.memoryBytes > capacity.memoryBytes) return infeasible("memory", asked.memoryBytes, capacity.memoryBytes);
	if (asked.milliCpu > capacity.milliCpu) return infeasible("cpu", asked.milliCpu, capacity.milliCpu);
	const all = addFootprints(others, asked);
	if (all.milliCpu > capacity.milliCpu) return deferred("cpu", asked.milliCpu, others.milliCpu, capacity.milliCpu);
	if (all.memoryBytes > capacity.memoryBytes) return deferred("memory", asked.memoryBytes, others.memoryBytes, capacity.memoryBytes);
	return { type: "fits" };
}

function infeasible(resource: string, requested: number, capacity: number): ResizeDecision {
	const message = `Node didn't have enough capacity: ${resource}, requested: ${requested}, capacity: ${capacity}`;
	return { type: "pending", reason: "Infeasible", message };
}

function deferred(resource: string, requested: number, used: number, capacity: number): ResizeDecision {
	const message = `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
	return { type: "pending", reason: "Deferred", message };
}

/** Promises the containers what the spec wants. */
export function allocate(pod: Pod, record: PodRecord): void {
	for (const container of record.containers) if (isResizable(container)) container.allocated = wanted(pod, container.name);
}

/** Containers that run with other resources than they were promised. */
export function unactuated(record: PodRecord): readonly ContainerRecord[] {
	return record.containers.filter(
		(container) => isResizable(container) && container.phase === "running" && !jsonEqual(container.allocated, container.actuated),
	);
}

/** Whether a container has to be restarted to get what it was promised. */
export function needsRestart(pod: Pod, { name, allocated, actuated }: ContainerRecord): boolean {
	const policies = (findContainer(pod, name) as Container | undefined)?.resizePolicy ?? [];
	return policies.some(
		({ resourceName, restartPolicy }) =>
			restartPolicy === "RestartContainer" &&
			(["requests", "limits"] as const).some((side) => allocated?.[side]?.[resourceName] !== actuated?.[side]?.[resourceName]),
	);
}

/** `Pod resize started: {"containers":[…],"generation":2}`. @param prefix `Pod resize started` */
export function resizeMessage(prefix: string, pod: Pod, error?: string): string {
	const summary = (containers: readonly Container[] | undefined) =>
		containers?.map(({ name, resources }) => ({ name, resources: sortedResources(resources) }));
	const { initContainers, containers } = pod.spec ?? {};
	const text = JSON.stringify({
		initContainers: summary(initContainers),
		containers: summary(containers),
		generation: pod.metadata?.generation ?? 0,
		error,
	});
	return `${prefix}: ${text}`;
}

/** In the order of Go's encoder. */
function sortedResources({ limits, requests }: ResourceRequirements = {}): ResourceRequirements {
	const sorted = (list: Readonly<Record<string, string>>) => Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1)));
	return {
		...(limits === undefined ? {} : { limits: sorted(limits) }),
		...(requests === undefined ? {} : { requests: sorted(requests) }),
	};
}

function isResizable({ kind }: ContainerRecord): boolean {
	return kind === "main" || kind === "sidecar";
}

function wanted(pod: Pod, name: string): ResourceRequirements | undefined {
	return findContainer(pod, name)?.resources;
}
