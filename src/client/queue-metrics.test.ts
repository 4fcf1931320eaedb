import { expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { MetricRegistry, renderMetrics } from "../apimachinery/metrics/registry.ts";
import { QueueMetrics } from "./queue-metrics.ts";
import { WorkQueue } from "./work-queue.ts";

function makeMetrics() {
	const clock = new VirtualClock();
	const registry = new MetricRegistry();
	const metrics = new QueueMetrics(registry, clock);
	const open = (name: string) => new WorkQueue({ clock, observe: (queue) => metrics.observe(name, queue) });
	const value = (series: string) =>
		Number(new RegExp(`^${series.replace(/[{}+]/g, "\\$&")} (.*)$`, "m").exec(renderMetrics([registry]))?.[1]);
	const values = () =>
		["depth", "adds_total", "retries_total", "unfinished_work_seconds", "longest_running_processor_seconds"].map((metric) =>
			value(`workqueue_${metric}{name="deployment"}`),
		);
	return { clock, registry, open, value, values };
}

test("a queue's metrics are those of client-go's: depth, adds, retries, and seconds waited and worked", async () => {
	const { clock, open, value, values } = makeMetrics();
	const queue = open("deployment");
	for (const key of ["a", "b", "b"]) queue.add(key);
	expect(values()).toEqual([2, 2, 0, 0, 0]);
	await clock.advance(2_000);
	queue.tryNext();
	queue.tryNext();
	await clock.advance(3_000);
	// Being processed, it waits for its end: it counts, once.
	queue.add("a");
	queue.add("a");
	expect(values()).toEqual([1, 3, 0, 6, 3]);
	queue.done("b");
	queue.addRateLimited("b");
	await clock.advance(5);
	expect(values()).toEqual([2, 4, 1, 3.005, 3.005]);
	queue.done("a");
	expect(values()).toEqual([2, 4, 1, 0, 0]);
	expect(value('workqueue_queue_duration_seconds_count{name="deployment"}')).toBe(2);
	expect(value('workqueue_queue_duration_seconds_sum{name="deployment"}')).toBe(4);
	expect(value('workqueue_work_duration_seconds_sum{name="deployment"}')).toBeCloseTo(6.005);
	expect(value('workqueue_work_duration_seconds_bucket{name="deployment",le="1"}')).toBe(0);
	expect(value('workqueue_work_duration_seconds_bucket{name="deployment",le="10"}')).toBe(2);
});

test("queues of one name count together, and one that is shut down leaves nothing behind", () => {
	const { open, values } = makeMetrics();
	const [first, second] = [open("deployment"), open("deployment")];
	first.add("a");
	second.add("a");
	expect(values().slice(0, 2)).toEqual([2, 2]);
	first.shutDown();
	second.shutDown();
	expect(values().slice(0, 2)).toEqual([0, 2]);
	expect(values()[0]).toBe(0);
});

test("the page says what Kubernetes' says", () => {
	const { open, registry } = makeMetrics();
	open("deployment");
	expect(renderMetrics([registry])).toContain("# HELP workqueue_depth [BETA] Current depth of workqueue\n# TYPE workqueue_depth gauge\n");
});
