/**
 * A kubelet's own /metrics: what it is told to run, what runs, what it has counted since it came up, and what claims' volumes hold. What is not
 * simulated (its PLEG's and workers' own times, its HTTP server, the Go runtime) is not there.
 * Source: https://kubernetes.io/docs/reference/instrumentation/metrics/, pkg/kubelet/metrics/metrics.go
 */
import { kubernetesVersion } from "../../apimachinery/kubernetes-version.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { ContainerRecord } from "../pod-worker/pod-record.ts";
import type { ProbeCounts } from "../pod-worker/prober.ts";
import { type CounterName, imagePullBounds, type NodeCounters, podStartBounds } from "./node-counters.ts";
import { Page } from "./prometheus-page.ts";

export interface KubeletState {
	readonly node: string;
	/** Of the machine's cgroups. */
	readonly cgroupVersion: 1 | 2;
	/** When it came up, Unix ms. */
	readonly startedMs: number;
	readonly counters: NodeCounters;
	readonly pods: readonly KubeletPod[];
	readonly claims: readonly ClaimUsage[];
}

export interface KubeletPod {
	readonly pod: Pod;
	/** By name; of containers without probes there are none. */
	readonly probes: ReadonlyMap<string, ProbeCounts>;
	readonly isStatic: boolean;
	/** It is not over. */
	readonly isActive: boolean;
	readonly hasSandbox: boolean;
	readonly containers: readonly ContainerRecord[];
}

/** What is in the volume of a claim; of one into which nobody has looked nothing is known. */
export interface ClaimUsage {
	readonly namespace: string;
	readonly claim: string;
	readonly capacityBytes: number;
	readonly usedBytes: number;
	readonly inodesUsed: number;
}

/** Of a volume's file system: as ext4 makes them. */
const bytesPerInode = 16_384;

export function kubeletMetrics({ node, cgroupVersion, startedMs, counters, pods, claims }: KubeletState, nowMs: number): string {
	const page = new Page(nowMs);
	const gauge = (name: string, help: string, samples: Parameters<Page["add"]>[3], stability = "ALPHA") =>
		page.add(name, "gauge", `[${stability}] ${help}`, samples, false);
	const counter = (name: CounterName, help: string, label: string) =>
		page.add(
			`kubelet_${name}`,
			"counter",
			`[ALPHA] ${help}`,
			counters.counts(name).map(([value, count]) => ({ labels: label === "" ? {} : labelsOf(label, value), value: count })),
			false,
		);
	const byOrigin = (isCounted: (pod: KubeletPod) => boolean) =>
		[false, true].map((isStatic) => ({
			labels: { static: isStatic ? "true" : "" },
			value: pods.filter((pod) => pod.isStatic === isStatic && isCounted(pod)).length,
		}));
	gauge(
		"kubelet_active_pods",
		"The number of pods the kubelet considers active and which are being considered when admitting new pods. static is true if the pod is not from the apiserver.",
		byOrigin(({ isActive }) => isActive),
	);
	gauge("kubelet_cgroup_version", "cgroup version on the hosts.", [{ labels: {}, value: cgroupVersion }]);
	gauge(
		"kubelet_desired_pods",
		"The number of pods the kubelet is being instructed to run. static is true if the pod is not from the apiserver.",
		byOrigin(() => true),
	);
	counter("evictions", "Cumulative number of pod evictions by eviction signal", "eviction_signal");
	const pulls = [...counters.imagePulls].sort(([a], [b]) => (a < b ? -1 : 1));
	page.histogram(
		"kubelet_image_pull_duration_seconds",
		"[ALPHA] Duration in seconds to pull an image.",
		imagePullBounds,
		pulls.map(([size, distribution]) => ({ labels: { image_size_in_bytes: size }, ...distribution })),
	);
	gauge("kubelet_managed_ephemeral_containers", "Current number of ephemeral containers in pods managed by this kubelet.", [
		{ labels: {}, value: pods.flatMap(({ containers }) => containers).filter(({ kind }) => kind === "ephemeral").length },
	]);
	gauge("kubelet_mirror_pods", "The number of mirror pods the kubelet will try to create (one per admitted static pod)", [
		{ labels: {}, value: pods.filter(({ isStatic }) => isStatic).length },
	]);
	gauge("kubelet_node_name", "The node's name. The count is always 1.", [{ labels: { node }, value: 1 }]);
	page.histogram(
		"kubelet_pod_start_duration_seconds",
		"[ALPHA] Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run",
		podStartBounds,
		counters.podStarts === undefined ? [] : [{ labels: {}, ...counters.podStarts }],
	);
	counter(
		"lifecycle_handler_http_fallbacks_total",
		"The number of times lifecycle handlers successfully fell back to http from https.",
		"",
	);
	gauge("kubelet_running_containers", "Number of containers currently running", containerStates(pods));
	gauge("kubelet_running_pods", "Number of pods that have a running pod sandbox", [
		{ labels: {}, value: pods.filter(({ hasSandbox }) => hasSandbox).length },
	]);
	counter("runtime_operations_errors_total", "Cumulative number of runtime operation errors by operation type.", "operation_type");
	counter("runtime_operations_total", "Cumulative number of runtime operations by operation type.", "operation_type");
	counter("started_containers_errors_total", "Cumulative number of errors when starting containers", "code container_type");
	counter("started_containers_total", "Cumulative number of containers started", "container_type");
	counter("started_pods_total", "Cumulative number of pods started", "");
	addClaims(gauge, claims);
	const [, major = "", minor = ""] = /^v(\d+)\.(\d+)/.exec(kubernetesVersion) ?? [];
	gauge(
		"kubernetes_build_info",
		"A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
		[
			{
				labels: { compiler: "gc", git_tree_state: "clean", git_version: kubernetesVersion, major, minor, platform: "linux/amd64" },
				value: 1,
			},
		],
		"BETA",
	);
	gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", [{ labels: {}, value: startedMs / 1000 }]);
	return page.text;
}

/** The page /metrics/probes. */
export function probeMetrics(pods: readonly KubeletPod[], nowMs: number): string {
	const samples = pods.flatMap(({ pod: { metadata = {} }, probes }) =>
		[...probes].flatMap(([container, counts]) =>
			counts.entries().map(([kind, result, value]) => ({
				labels: {
					container,
					namespace: metadata.namespace ?? "",
					pod: metadata.name ?? "",
					pod_uid: metadata.uid ?? "",
					probe_type: kind,
					result,
				},
				value,
			})),
		),
	);
	const help = "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.";
	return new Page(nowMs).add("prober_probe_total", "counter", help, samples, false).text;
}

/** Several labels have their values side by side. */
function labelsOf(names: string, values: string): Readonly<Record<string, string>> {
	const all = values.split(" ");
	return Object.fromEntries(names.split(" ").map((name, index) => [name, all[index] ?? ""]));
}

/** Those of whom there are any, as the runtime has them. */
function containerStates(pods: readonly KubeletPod[]) {
	const counts = new Map<string, number>();
	for (const { containers } of pods)
		for (const { phase, containerId } of containers) {
			const state = phase === "running" || phase === "exited" ? phase : phase === "starting" && containerId !== "" ? "created" : undefined;
			if (state !== undefined) counts.set(state, (counts.get(state) ?? 0) + 1);
		}
	return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([state, value]) => ({ labels: { container_state: state }, value }));
}

function addClaims(
	gauge: (name: string, help: string, samples: Parameters<Page["add"]>[3]) => unknown,
	claims: readonly ClaimUsage[],
): void {
	const samples = (amountOf: (claim: ClaimUsage) => number) =>
		claims.map((claim) => ({ labels: { namespace: claim.namespace, persistentvolumeclaim: claim.claim }, value: amountOf(claim) }));
	const inodes = ({ capacityBytes }: ClaimUsage) => Math.floor(capacityBytes / bytesPerInode);
	const name = "kubelet_volume_stats";
	gauge(
		`${name}_available_bytes`,
		"Number of available bytes in the volume",
		samples(({ capacityBytes, usedBytes }) => Math.max(0, capacityBytes - usedBytes)),
	);
	gauge(
		`${name}_capacity_bytes`,
		"Capacity in bytes of the volume",
		samples(({ capacityBytes }) => capacityBytes),
	);
	gauge(`${name}_inodes`, "Maximum number of inodes in the volume", samples(inodes));
	gauge(
		`${name}_inodes_free`,
		"Number of free inodes in the volume",
		samples((claim) => Math.max(0, inodes(claim) - claim.inodesUsed)),
	);
	gauge(
		`${name}_inodes_used`,
		"Number of used inodes in the volume",
		samples(({ inodesUsed }) => inodesUsed),
	);
	gauge(
		`${name}_used_bytes`,
		"Number of used bytes in the volume",
		samples(({ usedBytes }) => usedBytes),
	);
}
