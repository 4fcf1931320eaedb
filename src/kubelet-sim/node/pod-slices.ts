/**
 * The slices of systemd that a node's pods are in, as its kubelet names them with the systemd cgroup driver; and what stopping one
 * does to what runs there. Source: pkg/kubelet/cm/cgroup_manager_linux.go, pkg/kubelet/cm/pod_container_manager_linux.go
 */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { Process } from "../../host/index.ts";
import { podCgroup } from "../cgroups/layout.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";

/** systemd's DefaultTimeoutStopSec. */
const stopMs = 90_000;

/** The slice of a pod, and those that it is in, the innermost first. */
function slicesOf(pod: Pod): readonly string[] {
	return podCgroup(pod, "systemd").split("/").slice(1).reverse();
}

function processesOf(worker: PodWorker): readonly Process[] {
	return [...worker.containerWorkers()].flatMap(({ container }) => container?.machine.ownProcesses() ?? []);
}

export function sliceNames(workers: Iterable<PodWorker>): readonly string[] {
	return [...new Set([...workers].filter((worker) => processesOf(worker).length > 0).flatMap(({ pod }) => slicesOf(pod)))].sort();
}

/** SIGTERM to all in it, and SIGKILL to who does not heed that. Resolves when they have ended. */
export async function stopSlice(name: string, workers: Iterable<PodWorker>, clock: Clock): Promise<void> {
	const processes = [...workers].filter(({ pod }) => slicesOf(pod).includes(name)).flatMap(processesOf);
	for (const process of processes) process.kill("TERM");
	const all = Promise.all(processes.map(({ exited }) => exited));
	const limit = new AbortController();
	const late = sleep(clock, stopMs, limit.signal).catch(() => undefined);
	await Promise.race([all, late]);
	limit.abort();
	for (const process of processes) process.kill("KILL");
	await all;
}
