/** The groups that systemd, the kubelet and containerd have made on a node: worked out from its pods when somebody looks. */
import type { GroupUsage, ProvidedGroup } from "../../host/index.ts";
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

/** @param systemPaths groups of processes that are not in a pod */
export function* providedGroups(node: WorkerNode, workers: Iterable<PodWorker>, systemPaths: Iterable<string>): Generator<ProvidedGroup> {
	const { cgroupDriver: driver } = node;
	for (const path of new Set([...systemGroups, ...systemPaths])) yield { path, settings: {} };
	const pods = [...workers].filter(({ record }) => record.sandbox === "ready");
	const burstable = pods.filter(({ pod }) => pod.status?.qosClass === "Burstable");
	const burstableMilliCpu = burstable.reduce((sum, { requests }) => sum + (requests.get("cpu") ?? 0), 0);
	yield { path: kubepodsPath(driver), settings: kubepodsSettings(node.allocatable) };
	yield { path: kubepodsPath(driver, "burstable"), settings: qosSettings("burstable", burstableMilliCpu) };
	yield { path: kubepodsPath(driver, "besteffort"), settings: qosSettings("besteffort", 0) };
	for (const worker of pods) yield* groupsOfPod(worker, driver);
}

function* groupsOfPod(worker: PodWorker, driver: WorkerNode["cgroupDriver"]): Generator<ProvidedGroup> {
	const { pod, requests } = worker;
	const resourcesOf = (name: string) => worker.container(name)?.record.actuated;
	const milliCpu = requests.get("cpu") ?? 0;
	yield { path: podCgroup(pod, driver), settings: podSettings(pod, pod.spec?.containers ?? [], milliCpu, resourcesOf) };
	yield { path: containerCgroup(pod, sandboxIdOf(worker), driver), settings: containerSettings(undefined) };
	for (const [{ name }] of containersOf(pod)) {
		const container = worker.container(name);
		if (container === undefined || container.record.phase !== "running") continue;
		const id = container.record.containerId.replace("containerd://", "");
		yield {
			path: containerCgroup(pod, id, driver),
			settings: containerSettings(container.record.actuated),
			usage: () => usageOf(worker, container),
			onLimits: () => container.limitsChanged(),
		};
	}
}

function usageOf(worker: PodWorker, container: ContainerWorker): GroupUsage {
	const facts = container.facts();
	return { cpuMs: facts?.cpuMs ?? 0, memoryBytes: facts?.memoryBytes ?? 0, throttling: container.throttling(worker.usage) };
}
