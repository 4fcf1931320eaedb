/**
 * What API Priority and Fairness counts about itself.
 * Source: k8s.io/apiserver/pkg/util/flowcontrol/metrics and https://kubernetes.io/docs/reference/instrumentation/metrics/
 */
import { type Family, type Histogram, MetricRegistry, type Value } from "../../apimachinery/metrics/registry.ts";
import type { RejectReason } from "./flow-request.ts";
import type { PriorityLevel } from "./priority-level.ts";

const durationBuckets = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];
const perFlow = { labels: ["flow_schema", "priority_level"] } as const;
const perLevel = { labels: ["priority_level"] } as const;

/** The series of one FlowSchema at its priority level: found once, then held. */
export interface FlowSeries {
	readonly dispatched: Value;
	readonly executing: Value;
	readonly seats: Value;
	readonly inQueue: Value;
	readonly executed: Histogram;
	readonly waited: Histogram;
	/** Of those that waited in vain. */
	readonly waitedInVain: Histogram;
	rejected(reason: RejectReason): Value;
}

/** A level's present limits. */
export interface LevelLimits {
	readonly level: PriorityLevel;
	readonly nominal: number;
	readonly min: number;
	readonly max: number;
}

export class FlowMetrics {
	readonly registry = new MetricRegistry();
	readonly #dispatched: Family<Value>;
	readonly #executing: Family<Value>;
	readonly #seats: Family<Value>;
	readonly #inQueue: Family<Value>;
	readonly #rejected: Family<Value>;
	readonly #executed: Family<Histogram>;
	readonly #waited: Family<Histogram>;

	/** @param limits asked at every reading */
	constructor(limits: () => readonly LevelLimits[]) {
		const { registry } = this;
		const name = (rest: string) => `apiserver_flowcontrol_${rest}`;
		this.#dispatched = registry.counter({
			name: name("dispatched_requests_total"),
			help: "Number of requests executed by API Priority and Fairness subsystem",
			stability: "BETA",
			...perFlow,
		});
		this.#executing = registry.gauge({
			name: name("current_executing_requests"),
			help: "Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem",
			stability: "BETA",
			...perFlow,
		});
		this.#seats = registry.gauge({
			name: name("current_executing_seats"),
			help: "Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem",
			stability: "BETA",
			...perFlow,
		});
		this.#inQueue = registry.gauge({
			name: name("current_inqueue_requests"),
			help: "Number of requests currently pending in queues of the API Priority and Fairness subsystem",
			stability: "BETA",
			...perFlow,
		});
		this.#rejected = registry.counter({
			name: name("rejected_requests_total"),
			help: "Number of requests rejected by API Priority and Fairness subsystem",
			stability: "BETA",
			labels: [...perFlow.labels, "reason"],
		});
		this.#executed = registry.histogram({
			name: name("request_execution_seconds"),
			help: "Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem",
			stability: "ALPHA",
			labels: [...perFlow.labels, "type"],
			buckets: durationBuckets,
		});
		this.#waited = registry.histogram({
			name: name("request_wait_duration_seconds"),
			help: "Length of time a request spent waiting in its queue",
			stability: "BETA",
			labels: ["execute", ...perFlow.labels],
			buckets: durationBuckets,
		});
		this.#collectLimits(limits);
	}

	of(schema: string, level: string): FlowSeries {
		return {
			dispatched: this.#dispatched.of(schema, level),
			executing: this.#executing.of(schema, level),
			seats: this.#seats.of(schema, level),
			inQueue: this.#inQueue.of(schema, level),
			executed: this.#executed.of(schema, level, "regular"),
			waited: this.#waited.of("true", schema, level),
			waitedInVain: this.#waited.of("false", schema, level),
			rejected: (reason) => this.#rejected.of(schema, level, reason),
		};
	}

	#collectLimits(limits: () => readonly LevelLimits[]): void {
		const { registry } = this;
		const gauge = (rest: string, help: string, stability: "ALPHA" | "BETA" = "ALPHA") =>
			registry.gauge({ name: `apiserver_flowcontrol_${rest}`, help, stability, ...perLevel });
		const nominal = gauge("nominal_limit_seats", "Nominal number of execution seats configured for each priority level", "BETA");
		const lower = gauge("lower_limit_seats", "Configured lower bound on number of execution seats available to each priority level");
		const upper = gauge("upper_limit_seats", "Configured upper bound on number of execution seats available to each priority level");
		const current = gauge("current_limit_seats", "current derived number of execution seats available to each priority level");
		registry.onCollect(() => {
			for (const family of [nominal, lower, upper, current]) family.clear();
			for (const { level, ...limit } of limits()) {
				nominal.of(level.name).value = limit.nominal;
				lower.of(level.name).value = limit.min;
				upper.of(level.name).value = limit.max;
				current.of(level.name).value = level.limit;
			}
		});
	}
}
