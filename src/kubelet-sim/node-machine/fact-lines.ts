/**
 * The lines of kubelet and containerd about what happened to a pod. Pure.
 * Source: pkg/kubelet/kuberuntime, pkg/kubelet/pod_workers.go, pkg/kubelet/prober/prober.go, pkg/kubelet/eviction/eviction_manager.go;
 * containerd's internal/cri/instrument/instrumented_service.go and internal/cri/server
 */
import { containerdLine, type KlogSeverity, klogLine } from "./klog.ts";
import type { NodeFact } from "./node-facts.ts";

export interface FactLine {
	readonly from: "kubelet" | "containerd";
	readonly priority: number;
	readonly text: string;
}

const [errorPriority, infoPriority] = [3, 6];

/** @param pid of the kubelet then */
export function factLines(fact: NodeFact, pid: number): readonly FactLine[] {
	const { atMs, reason, message, container, pod, uid } = fact;
	const kubelet = (severity: KlogSeverity, source: string, text: string, values: Readonly<Record<string, unknown>>): FactLine => ({
		from: "kubelet",
		// journald takes what a service prints for notices of no importance, whatever they begin with.
		priority: infoPriority,
		text: klogLine(severity, atMs, pid, source, text, values),
	});
	const containerd = (text: string): FactLine => ({ from: "containerd", priority: infoPriority, text: containerdLine("info", atMs, text) });
	const runtimeError = (text: string): FactLine => ({
		from: "containerd",
		priority: errorPriority,
		text: containerdLine("error", atMs, text),
	});
	const [namespace = "", name = ""] = pod.split("/");
	const fullName = `${name}_${namespace}(${uid})`;
	const syncFailed = (err: string) => kubelet("E", "pod_workers.go:1324", "Error syncing pod, skipping", { err, pod, podUID: uid });
	const startFailed = (why: string, text: string) =>
		syncFailed(`failed to "StartContainer" for ${JSON.stringify(container?.name ?? "")} with ${why}: ${JSON.stringify(text)}`);
	const short = container?.id.replace("containerd://", "") ?? "";
	switch (reason) {
		case "Pulling":
			return [containerd(`PullImage ${JSON.stringify(container?.image ?? "")}`)];
		case "Pulled":
			return message.startsWith("Successfully") ? [containerd(`Pulled image ${JSON.stringify(container?.image ?? "")}`)] : [];
		case "Started":
			return short === ""
				? []
				: [containerd(`StartContainer for "${short}"`), containerd(`StartContainer for "${short}" returns successfully`)];
		case "Killing":
			return [
				kubelet("I", "kuberuntime_container.go:864", "Killing container with a grace period", {
					pod,
					podUID: uid,
					containerName: container?.name ?? "",
					containerID: container?.id ?? "",
				}),
				...(short === "" ? [] : [containerd(`StopContainer for "${short}" with timeout 30 (s)`)]),
			];
		case "FailedCreatePodSandBox": {
			const err = message.replace(/^Failed to create pod sandbox: /, "");
			return [
				...(err.includes("Unavailable")
					? []
					: [
							runtimeError(
								`RunPodSandbox for &PodSandboxMetadata{Name:${name},Uid:${uid},Namespace:${namespace},Attempt:0,} failed, error`,
							),
						]),
				kubelet("E", "log.go:32", "RunPodSandbox from runtime service failed", { err }),
				kubelet("E", "kuberuntime_sandbox.go:72", "Failed to create sandbox for pod", { err, pod }),
				syncFailed(
					`failed to "CreatePodSandbox" for "${fullName}" with CreatePodSandboxError: ${JSON.stringify(`Failed to create sandbox for pod "${fullName}": ${err}`)}`,
				),
			];
		}
		case "Failed":
			if (message.startsWith("Failed to pull image")) {
				const err = message.replace(/^Failed to pull image "[^"]*": /, "");
				const image = container?.image ?? "";
				return [
					runtimeError(`PullImage ${JSON.stringify(image)} failed`),
					kubelet("E", "log.go:32", "PullImage from image service failed", { err, image }),
					kubelet("E", "kuberuntime_image.go:43", "Failed to pull image", { err, image }),
					startFailed("ErrImagePull", err),
				];
			}
			return message.startsWith("Error: ") && !/ErrImagePull|ImagePullBackOff/.test(message)
				? [startFailed("RunContainerError", message.slice("Error: ".length))]
				: [];
		case "BackOff":
			return message.startsWith("Back-off pulling")
				? [startFailed("ImagePullBackOff", message)]
				: [
						startFailed(
							"CrashLoopBackOff",
							`back-off ${container?.backOff ?? ""} restarting failed container=${container?.name} pod=${fullName}`,
						),
					];
		case "Unhealthy": {
			const [, type = "", output = ""] = /^(\w+) probe (?:failed|errored)[^:]*: (.*)$/s.exec(message) ?? [];
			return [
				kubelet("I", "prober.go:120", "Probe failed", {
					probeType: type,
					pod,
					podUID: uid,
					containerName: container?.name ?? "",
					probeResult: "failure",
					output,
				}),
			];
		}
		case "Evicted":
			return [kubelet("I", "eviction_manager.go:632", "Eviction manager: pod is evicted successfully", { pod })];
		case "FailedMount":
			return [syncFailed(message)];
		default:
			return reason.startsWith("Failed") ? [syncFailed(message)] : [];
	}
}
