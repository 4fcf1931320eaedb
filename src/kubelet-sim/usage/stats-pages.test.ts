/** What a node's kubelet tells of usage, as the control plane reads it through the simulated network. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Container, Pod } from "../../apimachinery/schema/generated/types.ts";
import { persistentVolumeClaims, persistentVolumes, pods } from "../../client/resources.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start();
});

afterEach(() => harness.stop());

const seconds = (count: number) => harness.clock.advance(count * 1000);

async function create(name: string, annotations: Readonly<Record<string, string>>, container: Partial<Container> = {}): Promise<void> {
	const pod: Pod = {
		apiVersion: "v1",
		kind: "Pod",
		metadata: { name, namespace: "default", annotations },
		spec: { nodeName: "n1", containers: [{ name: "c", image: "registry.k8s.io/pause:3.10", ...container }] },
		status: { phase: "Pending", qosClass: "Burstable" },
	};
	await harness.client.resource(pods).create(pod);
	await harness.clock.advance(0);
}

async function read(path: string): Promise<string> {
	const stream = await harness.fleet.connector.dial("172.18.0.2", 10250);
	await stream.write(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n`));
	const chunks: Uint8Array[] = [];
	for await (const chunk of stream.output) chunks.push(chunk);
	const [head = "", body = ""] = Buffer.concat(chunks).toString().split("\r\n\r\n");
	expect(head).toMatch(/^HTTP\/1\.1 200 /);
	return body;
}

/** The value of one series. */
async function series(path: string, name: string): Promise<number> {
	const line = (await read(path)).split("\n").find((each) => each.startsWith(`${name} `) || each.startsWith(`${name}{`));
	return Number(/ ([\d.e+-]+)(?: \d+)?$/.exec(line ?? "")?.[1]);
}

const usage = { "kubesim.dev/cpu-usage": "250m", "kubesim.dev/memory-usage": "64Mi" };

it("/stats/summary", async () => {
	await create("web", usage, { resources: { limits: { memory: "100Mi" } } });
	const { metadata } = await harness.get("web");
	await seconds(40);
	const time = new Date(harness.clock.now()).toISOString().replace(".000", "");
	const startTime = new Date(harness.clock.now() - 40_000).toISOString().replace(".000", "");
	const cpu = { time, usageNanoCores: 250_000_000, usageCoreNanoSeconds: 10_000_000_000 };
	const memory = { time, usageBytes: 67_108_864, workingSetBytes: 67_108_864, rssBytes: 67_108_864 };
	const summary = JSON.parse(await read("/stats/summary"));
	const { fs } = summary.node;
	const imageBytes = harness.fleet.imagesOf("n1")?.get("registry.k8s.io/pause:3.10")?.image.sizeBytes ?? 0;
	expect(fs).toEqual({
		time,
		availableBytes: fs.capacityBytes - fs.usedBytes,
		capacityBytes: 100 * 1024 ** 3,
		usedBytes: Math.ceil(0.03 * 100 * 1024 ** 3) + imageBytes,
		inodesFree: fs.inodes - fs.inodesUsed,
		inodes: (100 * 1024 ** 3) / 16_384,
		inodesUsed: fs.inodesUsed,
	});
	const part = (usedBytes: number, inodesUsed: number) => ({ ...fs, usedBytes, inodesUsed });
	expect(summary).toEqual({
		node: {
			nodeName: "n1",
			startTime,
			cpu: { time, usageNanoCores: 310_000_000, usageCoreNanoSeconds: 12_400_000_000 },
			memory: { time, availableBytes: 7_872_708_608, usageBytes: 717_225_984, workingSetBytes: 717_225_984, rssBytes: 717_225_984 },
			fs,
			runtime: { imageFs: { ...fs, usedBytes: imageBytes }, containerFs: part(0, 0) },
			rlimit: { time, maxpid: 32_768, curproc: 111 },
		},
		pods: [
			{
				podRef: { name: "web", namespace: "default", uid: metadata?.uid },
				startTime,
				containers: [
					{ name: "c", startTime, cpu, memory: { ...memory, availableBytes: 37_748_736 }, rootfs: part(0, 0), logs: part(0, 1) },
				],
				cpu,
				memory,
				"ephemeral-storage": part(0, 1),
				process_stats: { process_count: 1 },
			},
		],
	});
});

it("/stats/summary tells what has been written, and where", async () => {
	await harness.pod(
		"writer",
		{
			image: "busybox",
			command: ["sh", "-c", "echo hello; head -c 1M /dev/zero > /v/f; head -c 2M /dev/zero > /root/f; sleep 1000"],
			volumeMounts: [{ name: "v", mountPath: "/v" }],
		},
		{ volumes: [{ name: "v", emptyDir: {} }] },
	);
	await seconds(1);
	const { pods: all, node } = JSON.parse(await read("/stats/summary"));
	const [{ containers, volume, "ephemeral-storage": ephemeral }] = all;
	const [megabyte, log] = [1024 * 1024, containers[0].logs.usedBytes];
	expect([volume[0].name, volume[0].usedBytes, containers[0].rootfs.usedBytes]).toEqual(["v", megabyte, 2 * megabyte]);
	expect(log).toBeGreaterThan(0);
	expect(ephemeral.usedBytes).toBe(3 * megabyte + log);
	expect(node.runtime.containerFs.usedBytes).toBe(2 * megabyte);
});

it("/metrics counts what the kubelet has done, and what claims' volumes hold", async () => {
	const { client } = harness;
	await client.resource(persistentVolumeClaims).create({
		metadata: { namespace: "default", name: "data" },
		spec: { volumeName: "pv" },
		status: { phase: "Bound", capacity: { storage: "1Gi" } },
	});
	const claim = await client.resource(persistentVolumeClaims).get({ namespace: "default", name: "data" });
	await client.resource(persistentVolumes).create({
		metadata: { name: "pv" },
		spec: { nfs: { server: "files", path: "/" }, claimRef: { namespace: "default", name: "data", uid: claim.metadata?.uid ?? "" } },
	});
	await seconds(1);
	const mount = { volumeMounts: [{ name: "v", mountPath: "/v" }] };
	await harness.pod(
		"keeper",
		{ image: "busybox", command: ["sh", "-c", "head -c 1M /dev/zero > /v/f; sleep 1000"], ...mount },
		{
			volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }],
		},
	);
	await harness.pod("crash", { image: "busybox", command: ["sh", "-c", "exit 1"] });
	await harness.pod("wrong", { image: "busybox", command: ["/nosuch"] }, { restartPolicy: "Never" });
	await harness.pod("missing", { image: "nginx:does-not-exist" });
	await seconds(5);
	const page = await read("/metrics");
	const claimed = 'namespace="default",persistentvolumeclaim="data"';
	for (const line of [
		'kubelet_node_name{node="n1"} 1',
		'kubelet_desired_pods{static=""} 4',
		'kubelet_active_pods{static=""} 3',
		'kubelet_running_containers{container_state="exited"} 2',
		'kubelet_running_containers{container_state="running"} 1',
		"kubelet_running_pods 3",
		"kubelet_started_pods_total 4",
		'kubelet_started_containers_total{container_type="container"} 4',
		'kubelet_started_containers_errors_total{code="RunContainerError",container_type="container"} 1',
		'kubelet_runtime_operations_errors_total{operation_type="pull_image"} 1',
		'kubelet_runtime_operations_errors_total{operation_type="start_container"} 1',
		'kubelet_image_pull_duration_seconds_count{image_size_in_bytes="0-10MB"} 4',
		"kubelet_pod_start_duration_seconds_count 2",
		`kubelet_volume_stats_capacity_bytes{${claimed}} 1.073741824e+09`,
		`kubelet_volume_stats_used_bytes{${claimed}} 1.048576e+06`,
	])
		expect(page.split("\n")).toContain(line);
});

it("/metrics/probes counts over all instances of a container", async () => {
	await harness.pod("web", {
		image: "nginx",
		readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1 },
		livenessProbe: { tcpSocket: { port: 81 }, periodSeconds: 1, failureThreshold: 2 },
	});
	await seconds(0.5);
	const { uid } = (await harness.get("web")).metadata ?? {};
	const line = (kind: string, result: string, count: number) =>
		`prober_probe_total{container="c",namespace="default",pod="web",pod_uid="${uid}",probe_type="${kind}",result="${result}"} ${count}`;
	expect((await read("/metrics/probes")).split("\n").slice(2, 4).sort()).toEqual([
		line("Liveness", "failed", 1),
		line("Readiness", "successful", 1),
	]);
	await seconds(1);
	expect((await harness.get("web")).status?.containerStatuses?.[0]?.restartCount).toBe(1);
	expect(await read("/metrics/probes")).toContain(line("Liveness", "failed", 3));
});

it("/metrics/resource", async () => {
	await create("web", usage);
	await seconds(40);
	const nowMs = harness.clock.now();
	expect(await read("/metrics/resource")).toBe(
		[
			"# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds",
			"# TYPE container_cpu_usage_seconds_total counter",
			`container_cpu_usage_seconds_total{container="c",namespace="default",pod="web"} 10 ${nowMs}`,
			"# HELP container_memory_working_set_bytes [STABLE] Current working set of the container in bytes",
			"# TYPE container_memory_working_set_bytes gauge",
			`container_memory_working_set_bytes{container="c",namespace="default",pod="web"} 6.7108864e+07 ${nowMs}`,
			"# HELP container_start_time_seconds [STABLE] Start time of the container since unix epoch in seconds",
			"# TYPE container_start_time_seconds gauge",
			'container_start_time_seconds{container="c",namespace="default",pod="web"} 1.7672256e+09',
			"# HELP node_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the node in core-seconds",
			"# TYPE node_cpu_usage_seconds_total counter",
			`node_cpu_usage_seconds_total 12.4 ${nowMs}`,
			"# HELP node_memory_working_set_bytes [STABLE] Current working set of the node in bytes",
			"# TYPE node_memory_working_set_bytes gauge",
			`node_memory_working_set_bytes 7.17225984e+08 ${nowMs}`,
			"# HELP pod_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the pod in core-seconds",
			"# TYPE pod_cpu_usage_seconds_total counter",
			`pod_cpu_usage_seconds_total{namespace="default",pod="web"} 10 ${nowMs}`,
			"# HELP pod_memory_working_set_bytes [STABLE] Current working set of the pod in bytes",
			"# TYPE pod_memory_working_set_bytes gauge",
			`pod_memory_working_set_bytes{namespace="default",pod="web"} 6.7108864e+07 ${nowMs}`,
			"# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise",
			"# TYPE resource_scrape_error gauge",
			"resource_scrape_error 0",
			"",
		].join("\n"),
	);
});

it("/metrics/cadvisor knows containers by their control groups", async () => {
	await create("web", usage, { resources: { limits: { cpu: "500m" } } });
	await seconds(10);
	const { metadata, status } = await harness.get("web");
	const id = status?.containerStatuses?.[0]?.containerID?.replace("containerd://", "");
	const group = `id="/kubepods/burstable/pod${metadata?.uid}/${id}",image="registry.k8s.io/pause:3.10",name="${id}",namespace="default",pod="web"`;
	const lines = (await read("/metrics/cadvisor")).split("\n").filter((line) => !line.startsWith("#"));
	expect(lines).toContain(`container_cpu_usage_seconds_total{container="c",cpu="total",${group}} 2.5 ${harness.clock.now()}`);
	expect(lines).toContain(`container_memory_working_set_bytes{container="c",${group}} 6.7108864e+07 ${harness.clock.now()}`);
	expect(lines).toContain(`container_spec_cpu_quota{container="c",${group}} 50000`);
	expect(lines).toContain("machine_cpu_cores 4");
	expect(lines).toContain("machine_memory_bytes 8.589934592e+09");
});

it("counters of pod and node never go back: what has ended is in them", async () => {
	await create("crash", usage, { image: "busybox", command: ["sh", "-c", "sleep 10; exit 1"] });
	await seconds(60);
	// Three instances of ten seconds each, at 250m, with rests between them; the fourth has just begun.
	expect((await harness.get("crash")).status?.containerStatuses?.[0]?.restartCount).toBe(3);
	const pod = await series("/metrics/resource", "pod_cpu_usage_seconds_total");
	const node = await series("/metrics/resource", "node_cpu_usage_seconds_total");
	expect(pod).toBeGreaterThanOrEqual(7);
	// … and 3.6 s of the system.
	expect(node).toBeGreaterThanOrEqual(10.6);
	await harness.delete("crash");
	await seconds(60);
	expect(await series("/metrics/resource", "node_cpu_usage_seconds_total")).toBeGreaterThan(node + 3.5);
});
