/**
 * What the API server counts about its store, under the names that kube-apiserver has for etcd: requests by operation
 * and resource, objects by resource.
 * Source: k8s.io/apiserver/pkg/storage/etcd3/metrics.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { formatGroupResource, type GroupVersionResource } from "../../apimachinery/meta.ts";
import { type Family, type Histogram, MetricRegistry, type Value } from "../../apimachinery/metrics/registry.ts";

const durationBuckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const requestLabels = { labels: ["group", "operation", "resource"], stability: "ALPHA" } as const;
const countHelp = "Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.";

type Operation = "create" | "update" | "delete" | "list";

/** How many objects of a resource there are. */
export interface ObjectCount {
	readonly group: string;
	readonly resource: string;
	readonly count: number;
}

type Resource = Pick<GroupVersionResource, "group" | "resource">;

/** Of one operation on one resource. */
interface Series {
	readonly requests: Value;
	readonly durations: Histogram;
}

export class StorageMetrics {
	readonly registry = new MetricRegistry();
	readonly #clock: Clock;
	readonly #durations: Family<Histogram>;
	readonly #requests: Family<Value>;
	readonly #errors: Family<Value>;
	/** Series that were found before, by whose resource it is. */
	readonly #found = new WeakMap<Resource, Map<Operation, Series>>();

	/** @param countObjects asked at every reading */
	constructor(clock: Clock, countObjects: () => readonly ObjectCount[], sizeBytes: () => number) {
		this.#clock = clock;
		const { registry } = this;
		this.#durations = registry.histogram({
			name: "etcd_request_duration_seconds",
			help: "Etcd request latency in seconds for each operation and object type.",
			buckets: durationBuckets,
			...requestLabels,
		});
		this.#requests = registry.counter({
			name: "etcd_requests_total",
			help: "Etcd request counts for each operation and object type.",
			...requestLabels,
		});
		this.#errors = registry.counter({
			name: "etcd_request_errors_total",
			help: "Etcd failed request counts for each operation and object type.",
			...requestLabels,
		});
		const objects = registry.gauge({
			name: "apiserver_resource_objects",
			help: countHelp,
			labels: ["group", "resource"],
			stability: "ALPHA",
		});
		const oldObjects = registry.gauge({
			name: "apiserver_storage_objects",
			help: `[DEPRECATED, consider using apiserver_resource_objects instead] ${countHelp}`,
			labels: ["resource"],
			stability: "STABLE",
			deprecated: "1.34.0",
		});
		const size = registry.gauge({
			name: "apiserver_storage_size_bytes",
			help: "Size of the storage database file physically allocated in bytes.",
			labels: ["storage_cluster_id"],
			stability: "STABLE",
		});
		registry.onCollect(() => {
			for (const { group, resource, count } of countObjects()) {
				objects.of(group, resource).value = count;
				oldObjects.of(formatGroupResource({ group, resource })).value = count;
			}
			size.of("etcd-0").value = sizeBytes();
		});
	}

	/** Counts one request to the store and how long it took. */
	async measure<T>(operation: Operation, of: Resource, request: () => Promise<T>): Promise<T> {
		const startMs = this.#clock.now();
		try {
			return await request();
		} catch (error) {
			this.failed(operation, of);
			throw error;
		} finally {
			this.done(operation, of, startMs);
		}
	}

	/** The same for who waits himself. @param startMs cluster time at the start of the request, which is over */
	done(operation: Operation, of: Resource, startMs: number): void {
		const { requests, durations } = this.#seriesOf(operation, of);
		requests.add();
		durations.observe((this.#clock.now() - startMs) / 1000);
	}

	/** It was refused, or failed; told before `done`. */
	failed(operation: Operation, { group, resource }: Resource): void {
		this.#errors.of(group, operation, resource).add();
	}

	now(): number {
		return this.#clock.now();
	}

	#seriesOf(operation: Operation, of: Resource): Series {
		let found = this.#found.get(of);
		if (found === undefined) {
			found = new Map();
			this.#found.set(of, found);
		}
		const known = found.get(operation);
		if (known !== undefined) return known;
		const { group, resource } = of;
		const made = { requests: this.#requests.of(group, operation, resource), durations: this.#durations.of(group, operation, resource) };
		found.set(operation, made);
		return made;
	}
}
