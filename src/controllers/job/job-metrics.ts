/** What the Job controller counts. Source of names, texts and labels: pkg/controller/job/metrics. */
import { exponentialBuckets, type Family, type Histogram, type MetricRegistry, type Value } from "../../apimachinery/metrics/registry.ts";
import type { Job, JobStatus } from "../../apimachinery/schema/generated/types.ts";

/** What a sync did with pods: `reconciling` waits until the cache shows what an earlier one did. */
export type SyncAction = "reconciling" | "tracking" | "pods_created" | "pods_deleted";

export class JobMetrics {
	readonly #durations: Family<Histogram>;
	readonly #syncs: Family<Value>;
	readonly #finished: Family<Value>;
	readonly #pods: Family<Value>;

	constructor(registry: MetricRegistry) {
		const stability = "STABLE";
		const name = (key: string) => `job_controller_${key}`;
		const ofSync = ["action", "completion_mode", "result"];
		this.#durations = registry.histogram({
			name: name("job_sync_duration_seconds"),
			help: "The time it took to sync a job",
			labels: ofSync,
			stability,
			buckets: exponentialBuckets(0.004, 2, 15),
		});
		this.#syncs = registry.counter({ name: name("job_syncs_total"), help: "The number of job syncs", labels: ofSync, stability });
		this.#finished = registry.counter({
			name: name("jobs_finished_total"),
			help: "The number of finished jobs",
			labels: ["completion_mode", "reason", "result"],
			stability,
		});
		this.#pods = registry.counter({
			name: name("job_pods_finished_total"),
			help: "The number of finished Pods that are fully tracked",
			labels: ["completion_mode", "result"],
			stability,
		});
	}

	synced(job: Job, action: SyncAction, result: "success" | "error", durationMs: number): void {
		const labels = [action, modeOf(job), result];
		this.#durations.of(...labels).observe(durationMs / 1000);
		this.#syncs.of(...labels).add();
	}

	/** @param type of the condition that the Job ended with */
	finished(job: Job, type: string, reason: string): void {
		this.#finished.of(modeOf(job), reason, type === "Failed" ? "failed" : "succeeded").add();
	}

	/** The status now counts more pods than before. */
	counted(job: Job, before: JobStatus, after: JobStatus): void {
		const mode = modeOf(job);
		for (const result of ["succeeded", "failed"] as const) {
			const more = (after[result] ?? 0) - (before[result] ?? 0);
			if (more > 0) this.#pods.of(mode, result).add(more);
		}
	}
}

function modeOf({ spec }: Job): string {
	return spec?.completionMode ?? "NonIndexed";
}
