/**
 * What a node's kubelet tells of usage over HTTP: /stats/summary, /metrics/resource (what metrics-server reads) and
 * /metrics/cadvisor (what Prometheus reads). All are of one moment; of what is not simulated (network, reads and writes of disks, page
 * faults, swap) they say nothing.
 * Source: k8s.io/kubelet/pkg/apis/stats/v1alpha1; pkg/kubelet/metrics/collectors/resource_metrics.go; cAdvisor's metrics/prometheus.go
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { addDisk, type DiskStats, noDisk, type PodStats, podDisk } from "../eviction/pod-stats.ts";
import type { Observations } from "../eviction/thresholds.ts";
import type { PodUsageMeter, UsedContainer } from "./pod-usage.ts";
import { type Labels, Page } from "./prometheus-page.ts";
import { nodeUsage, systemCpuSeconds } from "./scrape.ts";

/** Over what time a rate is told of. */
const rateMs = 10_000;
/** Of the kernel's CPU quotas, microseconds. */
const quotaPeriod = 100_000;

/** A node as its kubelet sees it. */
export interface ObservedNode {
	readonly name: string;
	readonly startedMs: number;
	readonly cores: number;
	readonly memoryBytes: number;
	/** CPU seconds of containers that have ended. */
	readonly endedCpuSeconds: number;
	readonly pods: readonly ObservedPod[];
	/** Bytes of its images. */
	readonly imageBytes: number;
	/** What eviction looks at. Reading it looks at files. */
	readonly observations: Observations;
}

export interface ObservedPod {
	readonly pod: Pod;
	readonly meter: PodUsageMeter;
	/** CPU seconds of its containers that have ended. */
	readonly endedCpuSeconds: number;
	/** What it has on disk, and its processes. */
	readonly stats: PodStats;
}

// ── /stats/summary ──

export function statsSummary(node: ObservedNode, nowMs: number): object {
	const time = formatTime(nowMs);
	const meters = node.pods.map(({ meter }) => meter);
	const { cores, memoryBytes } = nodeUsage(meters, nowMs - rateMs, nowMs);
	const fs = fsStats(time, node.observations);
	const pids = node.observations["pid.available"];
	const written = node.pods.flatMap(({ stats }) => stats.containers).reduce((all, { rootfs }) => addDisk(all, rootfs), noDisk);
	const containers = { usedBytes: written.bytes, inodesUsed: written.inodes };
	return {
		node: {
			nodeName: node.name,
			startTime: formatTime(node.startedMs),
			cpu: cpuStats(time, cores, nodeCpuSeconds(node, nowMs)),
			memory: memoryStats(time, memoryBytes, node.memoryBytes),
			fs,
			runtime: { imageFs: { ...fs, usedBytes: node.imageBytes }, containerFs: { ...fs, ...containers } },
			rlimit: { time, maxpid: pids?.capacity ?? 0, curproc: (pids?.capacity ?? 0) - (pids?.available ?? 0) },
		},
		pods: node.pods.filter(isUsed).map((observed) => podStats(observed, fs, nowMs)),
	};
}

/** The one file system of a node. */
interface FsStats {
	readonly time: string;
	readonly availableBytes: number;
	readonly capacityBytes: number;
	readonly usedBytes: number;
	readonly inodesFree: number;
	readonly inodes: number;
	readonly inodesUsed: number;
}

function fsStats(time: string, observations: Observations): FsStats {
	const [bytes, inodes] = [observations["nodefs.available"], observations["nodefs.inodesFree"]];
	const { available = 0, capacity = 0 } = bytes ?? {};
	const { available: inodesFree = 0, capacity: allInodes = 0 } = inodes ?? {};
	return {
		time,
		availableBytes: available,
		capacityBytes: capacity,
		usedBytes: capacity - available,
		inodesFree,
		inodes: allInodes,
		inodesUsed: allInodes - inodesFree,
	};
}

/** A part of it. */
function usedOf(fs: FsStats, { bytes, inodes }: DiskStats): FsStats {
	return { ...fs, usedBytes: bytes, inodesUsed: inodes };
}

function podStats({ pod: { metadata = {}, status }, meter, endedCpuSeconds, stats }: ObservedPod, fs: FsStats, nowMs: number): object {
	const time = formatTime(nowMs);
	const used = meter.containers();
	const coresOf = (container: UsedContainer) => meter.cores(container, nowMs - rateMs, nowMs);
	const { name = "", namespace = "", uid = "" } = metadata;
	return {
		podRef: { name, namespace, uid },
		startTime: status?.startTime ?? null,
		containers: used.map((container) => ({
			name: container.name,
			startTime: formatTime(container.startedMs),
			cpu: cpuStats(time, coresOf(container), meter.cpuSeconds(container, nowMs)),
			memory: memoryStats(time, meter.memoryBytes(container, nowMs), container.memoryLimitBytes),
			...diskOf(stats, container.name, fs),
		})),
		cpu: cpuStats(time, sum(used, coresOf), endedCpuSeconds + sum(used, (each) => meter.cpuSeconds(each, nowMs))),
		memory: memoryStats(
			time,
			sum(used, (each) => meter.memoryBytes(each, nowMs)),
			undefined,
		),
		...(stats.volumes.size === 0 ? {} : { volume: [...stats.volumes].map(([name, disk]) => ({ ...usedOf(fs, disk), name })) }),
		"ephemeral-storage": usedOf(fs, podDisk(stats)),
		process_stats: { process_count: stats.processes },
	};
}

function diskOf({ containers }: PodStats, name: string, fs: FsStats): object {
	const found = containers.find((each) => each.name === name);
	return found === undefined ? {} : { rootfs: usedOf(fs, found.rootfs), logs: usedOf(fs, found.logs) };
}

function cpuStats(time: string, cores: number, seconds: number): object {
	return { time, usageNanoCores: Math.round(cores * 1e9), usageCoreNanoSeconds: Math.round(seconds * 1e9) };
}

/** @param limitBytes undefined: nothing says how much there could be */
function memoryStats(time: string, bytes: number, limitBytes: number | undefined): object {
	const available = limitBytes === undefined ? {} : { availableBytes: Math.max(0, limitBytes - bytes) };
	return { time, ...available, usageBytes: bytes, workingSetBytes: bytes, rssBytes: bytes };
}

// ── Prometheus ──

export function resourceMetrics(node: ObservedNode, nowMs: number): string {
	const pods = node.pods.filter(isUsed);
	const ofContainers = (amountOf: (container: UsedContainer, meter: PodUsageMeter) => number) =>
		pods.flatMap(({ pod, meter }) =>
			meter
				.containers()
				.map((container) => ({ labels: { container: container.name, ...podLabels(pod) }, value: amountOf(container, meter) })),
		);
	const ofPods = (amountOf: (observed: ObservedPod) => number) =>
		pods.map((observed) => ({ labels: podLabels(observed.pod), value: amountOf(observed) }));
	const meters = pods.map(({ meter }) => meter);
	const seconds = (container: UsedContainer, meter: PodUsageMeter) => meter.cpuSeconds(container, nowMs);
	const bytes = (container: UsedContainer, meter: PodUsageMeter) => meter.memoryBytes(container, nowMs);
	return new Page(nowMs)
		.add(
			"container_cpu_usage_seconds_total",
			"counter",
			"[STABLE] Cumulative cpu time consumed by the container in core-seconds",
			ofContainers(seconds),
		)
		.add("container_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the container in bytes", ofContainers(bytes))
		.add(
			"container_start_time_seconds",
			"gauge",
			"[STABLE] Start time of the container since unix epoch in seconds",
			ofContainers(({ startedMs }) => startedMs / 1000),
			false,
		)
		.add("node_cpu_usage_seconds_total", "counter", "[STABLE] Cumulative cpu time consumed by the node in core-seconds", [
			{ labels: {}, value: nodeCpuSeconds(node, nowMs) },
		])
		.add("node_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the node in bytes", [
			{ labels: {}, value: nodeUsage(meters, nowMs - rateMs, nowMs).memoryBytes },
		])
		.add(
			"pod_cpu_usage_seconds_total",
			"counter",
			"[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
			ofPods(({ meter, endedCpuSeconds }) => endedCpuSeconds + sum(meter.containers(), (each) => seconds(each, meter))),
		)
		.add(
			"pod_memory_working_set_bytes",
			"gauge",
			"[STABLE] Current working set of the pod in bytes",
			ofPods(({ meter }) => sum(meter.containers(), (each) => bytes(each, meter))),
		)
		.add(
			"resource_scrape_error",
			"gauge",
			"[STABLE] 1 if there was an error while getting container metrics, 0 otherwise",
			[{ labels: {}, value: 0 }],
			false,
		).text;
}

export function cadvisorMetrics(node: ObservedNode, nowMs: number): string {
	const samples = (amountOf: (container: UsedContainer, meter: PodUsageMeter) => number | undefined, more: Labels = {}) =>
		node.pods.filter(isUsed).flatMap(({ pod, meter }) =>
			meter.containers().flatMap((container) => {
				const value = amountOf(container, meter);
				return value === undefined ? [] : [{ labels: { ...cgroupLabels(pod, container), ...more }, value }];
			}),
		);
	const bytes = samples((container, meter) => meter.memoryBytes(container, nowMs));
	const quota = ({ cores, isCpuLimited }: UsedContainer) => (isCpuLimited ? Math.round(cores * quotaPeriod) : undefined);
	return new Page(nowMs)
		.add(
			"container_cpu_usage_seconds_total",
			"counter",
			"Cumulative cpu time consumed in seconds.",
			samples((container, meter) => meter.cpuSeconds(container, nowMs), { cpu: "total" }),
		)
		.add("container_memory_rss", "gauge", "Size of RSS in bytes.", bytes)
		.add(
			"container_memory_usage_bytes",
			"gauge",
			"Current memory usage in bytes, including all memory regardless of when it was accessed",
			bytes,
		)
		.add("container_memory_working_set_bytes", "gauge", "Current working set in bytes.", bytes)
		.add(
			"container_spec_cpu_period",
			"gauge",
			"CPU period of the container.",
			samples(() => quotaPeriod),
			false,
		)
		.add("container_spec_cpu_quota", "gauge", "CPU quota of the container.", samples(quota), false)
		.add(
			"container_spec_memory_limit_bytes",
			"gauge",
			"Memory limit for the container.",
			samples(({ memoryLimitBytes }) => memoryLimitBytes ?? 0),
			false,
		)
		.add(
			"container_start_time_seconds",
			"gauge",
			"Start time of the container since unix epoch in seconds.",
			samples(({ startedMs }) => startedMs / 1000),
			false,
		)
		.add("machine_cpu_cores", "gauge", "Number of logical CPU cores.", [{ labels: {}, value: node.cores }], false)
		.add("machine_memory_bytes", "gauge", "Amount of memory installed on the machine.", [{ labels: {}, value: node.memoryBytes }], false)
		.text;
}

function podLabels({ metadata }: Pod): Labels {
	return { namespace: metadata?.namespace ?? "", pod: metadata?.name ?? "" };
}

/** A container is known to cAdvisor by its control group. */
function cgroupLabels(pod: Pod, { name, containerId, imageName }: UsedContainer): Labels {
	const qos = pod.status?.qosClass === "Guaranteed" ? "" : `${(pod.status?.qosClass ?? "BestEffort").toLowerCase()}/`;
	const id = containerId.replace("containerd://", "");
	return { container: name, id: `/kubepods/${qos}pod${pod.metadata?.uid ?? ""}/${id}`, image: imageName, name: id, ...podLabels(pod) };
}

// ── Sums ──

function isUsed({ meter }: ObservedPod): boolean {
	return meter.containers().length > 0;
}

/** The system, what runs, and what has ended. */
function nodeCpuSeconds({ startedMs, endedCpuSeconds, pods }: ObservedNode, nowMs: number): number {
	const running = sum(pods, ({ meter }) => sum(meter.containers(), (each) => meter.cpuSeconds(each, nowMs)));
	return systemCpuSeconds(startedMs, nowMs) + endedCpuSeconds + running;
}

function sum<T>(values: readonly T[], amountOf: (value: T) => number): number {
	return values.reduce((total, value) => total + amountOf(value), 0);
}
