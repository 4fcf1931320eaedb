/** The groups that systemd, the kubelet and containerd have made on a node: worked out from its pods when somebody looks. */
import type { GroupUsage, Hierarchy, ProvidedGroup } from "../../host/index.ts";
import {
	containerCgroup,
	containerSettings,
	kubepodsPath,
	kubepodsSettings,
	podCgroup,
	podSettings,
	qosSettings,
} from "../cgroups/layout.ts";
import type { ContainerWorker } from "../pod-worker/container-worker.ts";
import { containersOf } from "../pod-worker/pod-record.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import { sandboxIdOf } from "../pod-worker/sandbox-facts.ts";
import type { WorkerNode } from "../pod-worker/worker-host.ts";

/** systemd's, of a node with containerd and the kubelet. Units that somebody adds come with their processes. */
const systemGroups: readonly string[] = [
	"/init.scope",
	"/system.slice",
	"/user.slice",
	"/user.slice/user-0.slice",
	"/user.slice/user-0.slice/session-1.scope",
];

/**
 * Where in a hierarchy of version 1 something is that has a path: the kubelet and the runtime make groups of pods in all of them, systemd
 * those of its units in some, and of others their slices alone.
 * Source: https://www.freedesktop.org/software/systemd/man/latest/systemd.resource-control.html (accounting by default: memory and tasks)
 */
export function olderPlace(path: string, { name, controllers }: Hierarchy): string {
	if (/^\/kubepods(\.slice)?(\/|$)/.test(path)) return path;
	if (name === "systemd" || controllers.includes("memory") || controllers.includes("pids")) return path;
	const [, slice = "/"] = /^(\/(?:system|user)\.slice)(?:\/|$)/.exec(path) ?? [];
	const hasSlices = controllers.some((each) => each === "cpu" || each === "io" || each === "devices");
	return hasSlices ? slice : "/";
}

/** @param systemPaths groups of processes that are not in a pod */
export function* providedGroups(node: WorkerNode, workers: Iterable<PodWorker>, systemPaths: Iterable<string>): Generator<ProvidedGroup> {
	const { cgroupDriver: driver } = node;
	for (const path of new Set([...systemGroups, ...systemPaths])) yield { path, settings: {}, handsOn: path.endsWith(".slice") };
	const pods = [...workers].filter(({ record }) => record.sandbox === "ready");
	const burstable = pods.filter(({ pod }) => pod.status?.qosClass === "Burstable");
	const burstableMilliCpu = burstable.reduce((sum, { requests }) => sum + (requests.get("cpu") ?? 0), 0);
	const handsOn = true;
	yield { path: kubepodsPath(driver), settings: kubepodsSettings(node.allocatable), handsOn };
	yield { path: kubepodsPath(driver, "burstable"), settings: qosSettings("burstable", burstableMilliCpu), handsOn };
	yield { path: kubepodsPath(driver, "besteffort"), settings: qosSettings("besteffort", 0), handsOn };
	for (const worker of pods) yield* groupsOfPod(worker, node);
}

function* groupsOfPod(worker: PodWorker, { cgroupDriver: driver, kernel, podPidsLimit }: WorkerNode): Generator<ProvidedGroup> {
	const isKilledWhole = kernel.killsWholeContainers();
	const { pod, requests } = worker;
	const resourcesOf = (name: string) => worker.container(name)?.record.actuated;
	const milliCpu = requests.get("cpu") ?? 0;
	yield {
		path: podCgroup(pod, driver),
		settings: podSettings(pod, pod.spec?.containers ?? [], milliCpu, resourcesOf, podPidsLimit),
		handsOn: true,
	};
	yield { path: containerCgroup(pod, sandboxIdOf(worker), driver), settings: containerSettings(undefined, isKilledWhole) };
	for (const [{ name }] of containersOf(pod)) {
		const container = worker.container(name);
		if (container === undefined || container.record.phase !== "running") continue;
		const id = container.record.containerId.replace("containerd://", "");
		yield {
			path: containerCgroup(pod, id, driver),
			settings: containerSettings(container.record.actuated, isKilledWhole),
			usage: () => usageOf(worker, container),
			onLimits: () => container.usage.limitsChanged(),
		};
	}
}

function usageOf(worker: PodWorker, container: ContainerWorker): GroupUsage {
	const { usage } = container;
	const facts = usage.facts();
	return { cpuMs: facts?.cpuMs ?? 0, memoryBytes: facts?.memoryBytes ?? 0, throttling: usage.throttling(worker.usage) };
}
