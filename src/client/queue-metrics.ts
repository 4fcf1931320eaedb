/**
 * The metrics of a component's work queues, under Kubernetes' names.
 * Source of names, texts and buckets: k8s.io/component-base/metrics/prometheus/workqueue.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { exponentialBuckets, type Family, type Histogram, type MetricRegistry, type Value } from "../apimachinery/metrics/registry.ts";
import type { QueueObserver, WorkQueue } from "./work-queue.ts";

/** Of all queues of a component, by the name of the queue. */
export class QueueMetrics {
	readonly #clock: Clock;
	readonly #depth: Family<Value>;
	readonly #adds: Family<Value>;
	readonly #waiting: Family<Histogram>;
	readonly #working: Family<Histogram>;
	readonly #unfinished: Family<Value>;
	readonly #longest: Family<Value>;
	readonly #retries: Family<Value>;
	/** The queues that are in use, and their names: gauges are read off them. Several may have one name. */
	readonly #queues = new Map<WorkQueue, string>();

	constructor(registry: MetricRegistry, clock: Clock) {
		this.#clock = clock;
		const labels = ["name"];
		const stability = "BETA";
		const buckets = exponentialBuckets(1e-6, 10, 10);
		const name = (key: string) => `workqueue_${key}`;
		this.#depth = registry.gauge({ name: name("depth"), help: "Current depth of workqueue", labels, stability });
		this.#adds = registry.counter({ name: name("adds_total"), help: "Total number of adds handled by workqueue", labels, stability });
		this.#waiting = registry.histogram({
			name: name("queue_duration_seconds"),
			help: "How long in seconds an item stays in workqueue before being requested.",
			labels,
			stability,
			buckets,
		});
		this.#working = registry.histogram({
			name: name("work_duration_seconds"),
			help: "How long in seconds processing an item from workqueue takes.",
			labels,
			stability,
			buckets,
		});
		this.#unfinished = registry.gauge({
			name: name("unfinished_work_seconds"),
			help: "How many seconds of work has done that is in progress and hasn't been observed by work_duration. Large values indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this increases.",
			labels,
			stability,
		});
		this.#longest = registry.gauge({
			name: name("longest_running_processor_seconds"),
			help: "How many seconds has the longest running processor for workqueue been running.",
			labels,
			stability,
		});
		this.#retries = registry.counter({
			name: name("retries_total"),
			help: "Total number of retries handled by workqueue",
			labels,
			stability,
		});
		registry.onCollect(() => this.#collect());
	}

	observe(name: string, queue: WorkQueue): QueueObserver {
		this.#queues.set(queue, name);
		const [adds, waiting, working, retries] = [this.#adds.of(name), this.#waiting.of(name), this.#working.of(name), this.#retries.of(name)];
		return {
			added: () => adds.add(),
			taken: (waitedMs) => waiting.observe(waitedMs / 1000),
			done: (workedMs) => working.observe(workedMs / 1000),
			retried: () => retries.add(),
		};
	}

	#collect(): void {
		const nowMs = this.#clock.now();
		for (const name of this.#queues.values()) for (const gauge of [this.#depth, this.#unfinished, this.#longest]) gauge.of(name).value = 0;
		for (const [queue, name] of this.#queues) {
			const seconds = queue.workingSinceMs().map((sinceMs) => (nowMs - sinceMs) / 1000);
			this.#depth.of(name).add(queue.depth);
			this.#unfinished.of(name).add(seconds.reduce((sum, each) => sum + each, 0));
			const longest = this.#longest.of(name);
			longest.value = Math.max(longest.value, ...seconds);
			if (queue.isShutDown && queue.isIdle()) this.#queues.delete(queue);
		}
	}
}
