/** What the scheduler counts. Source of names, texts and buckets: pkg/scheduler/metrics. */
import { exponentialBuckets, type Family, type Histogram, type MetricRegistry, type Value } from "../apimachinery/metrics/registry.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { defaultSchedulerName } from "./framework/profile.ts";
import type { QueuedPod } from "./queue/queued-pod.ts";

type AttemptResult = "scheduled" | "unschedulable" | "error";

/** How many pods are in each part of the queue. */
export interface PendingPods {
	readonly active: number;
	readonly backoff: number;
	readonly unschedulable: number;
	readonly gated: number;
}

export class SchedulerMetrics {
	readonly #attempts: Family<Value>;
	readonly #durations: Family<Histogram>;
	readonly #attemptsOfPod: Family<Histogram>;
	readonly #wayOfPod: Family<Histogram>;

	/** @param pending undefined while this scheduler does not run: another one's figures stay */
	constructor(registry: MetricRegistry, pending: () => PendingPods | undefined) {
		const stability = "STABLE";
		const labels = ["profile", "result"];
		this.#attempts = registry.counter({
			name: "scheduler_schedule_attempts_total",
			help: "Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, while 'error' means an internal scheduler problem.",
			labels,
			stability,
		});
		this.#durations = registry.histogram({
			name: "scheduler_scheduling_attempt_duration_seconds",
			help: "Scheduling attempt latency in seconds (scheduling algorithm + binding)",
			labels,
			stability,
			buckets: exponentialBuckets(0.001, 2, 15),
		});
		this.#attemptsOfPod = registry.histogram({
			name: "scheduler_pod_scheduling_attempts",
			help: "Number of attempts to successfully schedule a pod.",
			stability,
			buckets: exponentialBuckets(1, 2, 5),
		});
		this.#wayOfPod = registry.histogram({
			name: "scheduler_pod_scheduling_sli_duration_seconds",
			help: "E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue and might involve multiple scheduling attempts.",
			labels: ["attempts"],
			stability: "BETA",
			buckets: exponentialBuckets(0.01, 2, 20),
		});
		const pendingPods = registry.gauge({
			name: "scheduler_pending_pods",
			help: "Number of pending pods, by the queue type. 'active' means number of pods in activeQ; 'backoff' means number of pods in backoffQ; 'unschedulable' means number of pods in unschedulablePods that the scheduler attempted to schedule and failed; 'gated' is the number of unschedulable pods that the scheduler never attempted to schedule because they are gated.",
			labels: ["queue"],
			stability,
		});
		registry.onCollect(() => {
			for (const [queue, count] of Object.entries(pending() ?? {})) pendingPods.of(queue).value = count;
		});
	}

	/** Whatever came of it. */
	attempted({ spec }: Pod, result: AttemptResult, durationMs: number): void {
		const profile = spec?.schedulerName ?? defaultSchedulerName;
		this.#attempts.of(profile, result).add();
		this.#durations.of(profile, result).observe(durationMs / 1000);
	}

	/** The pod has its node. */
	scheduled({ attempts, initialAttemptMs }: QueuedPod, nowMs: number): void {
		this.#attemptsOfPod.of().observe(attempts);
		if (initialAttemptMs === undefined) return;
		// Upstream folds what took long into one label.
		this.#wayOfPod.of(attempts >= 15 ? "15+" : String(attempts)).observe((nowMs - initialAttemptMs) / 1000);
	}
}
