/** What controllers and scheduler count, on the page that a user scrapes, in virtual time. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { renderMetrics } from "../apimachinery/metrics/registry.ts";
import type { PodSpec } from "../apimachinery/schema/generated/types.ts";
import { jobs, nodes, pods, services } from "../client/resources.ts";
import { type Cluster, createCluster } from "./index.ts";

let clock: VirtualClock;
let cluster: Cluster;
beforeEach(async () => {
	clock = new VirtualClock();
	cluster = await createCluster({ clock, seed: 3, nodes: 2, latency: "none" });
	await clock.advance(10_000);
});
afterEach(() => cluster.close());

/** Of a series as it stands on the page; undefined if it does not. */
function value(series: string): number | undefined {
	const line = renderMetrics([cluster.metrics])
		.split("\n")
		.find((each) => each.startsWith(`${series} `));
	return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

async function runJob(name: string, command: string, completions: number): Promise<void> {
	const spec: PodSpec = { restartPolicy: "Never", containers: [{ name: "c", image: "busybox", command: ["sh", "-c", command] }] };
	await cluster.client.resource(jobs).create({
		metadata: { name, namespace: "default" },
		spec: { completions, parallelism: completions, backoffLimit: 0, template: { spec } },
	});
	await clock.advance(60_000);
}

test("Jobs: syncs, what they did, pods and Jobs that ended", async () => {
	await runJob("good", "true", 3);
	await runJob("bad", "exit 1", 1);
	expect(value('job_controller_jobs_finished_total{completion_mode="NonIndexed",reason="CompletionsReached",result="succeeded"}')).toBe(1);
	expect(value('job_controller_jobs_finished_total{completion_mode="NonIndexed",reason="BackoffLimitExceeded",result="failed"}')).toBe(1);
	expect(value('job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="succeeded"}')).toBe(3);
	expect(value('job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="failed"}')).toBe(1);
	const created = 'action="pods_created",completion_mode="NonIndexed",result="success"';
	expect(value(`job_controller_job_syncs_total{${created}}`)).toBe(2);
	expect(value(`job_controller_job_sync_duration_seconds_count{${created}}`)).toBe(2);
});

test("nodes by zone, and those that are emptied", async () => {
	const zone = '{zone=":\0:"}';
	expect([value(`node_collector_zone_size${zone}`), value(`node_collector_zone_health${zone}`)]).toEqual([2, 100]);
	cluster.fleet.stopNode("node-2");
	await clock.advance(120_000);
	expect(value(`node_collector_zone_health${zone}`)).toBe(50);
	expect(value(`node_collector_unhealthy_nodes_in_zone${zone}`)).toBe(1);
	expect(value(`node_collector_evictions_total${zone}`)).toBe(1);
	expect(value("node_collector_update_all_nodes_health_duration_seconds_count")).toBeGreaterThan(10);
	await cluster.client.resource(nodes).delete({ name: "node-2" });
	await clock.advance(10_000);
	expect(value(`node_collector_zone_size${zone}`)).toBe(1);
});

test("EndpointSlices that were made and changed", async () => {
	await cluster.client.resource(services).create({
		metadata: { name: "web", namespace: "default" },
		spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
	});
	await clock.advance(1_000);
	expect(value('endpoint_slice_controller_changes{operation="create"}')).toBe(1);
	expect(value('endpoint_slice_controller_syncs{result="success"}')).toBeGreaterThan(0);
});

test("the scheduler's attempts and the pods that wait", async () => {
	const make = (name: string, nodeSelector: PodSpec["nodeSelector"] = {}) =>
		cluster.client
			.resource(pods)
			.create({ metadata: { name, namespace: "default" }, spec: { nodeSelector, containers: [{ name: "c", image: "nginx" }] } });
	await make("good");
	await make("bad", { disk: "none" });
	await clock.advance(2_000);
	const attempts = (result: string) => value(`scheduler_schedule_attempts_total{profile="default-scheduler",result="${result}"}`);
	expect([attempts("scheduled"), attempts("unschedulable"), attempts("error")]).toEqual([1, 1, undefined]);
	expect(value("scheduler_pod_scheduling_attempts_count")).toBe(1);
	expect(value('scheduler_pod_scheduling_sli_duration_seconds_count{attempts="1"}')).toBe(1);
	expect(["active", "backoff", "unschedulable", "gated"].map((queue) => value(`scheduler_pending_pods{queue="${queue}"}`))).toEqual([
		0, 0, 1, 0,
	]);
});
