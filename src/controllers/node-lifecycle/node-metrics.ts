/** What the node lifecycle controller counts, by zone. Source of names and texts: pkg/controller/nodelifecycle/metrics.go. */
import { exponentialBuckets, type Family, type Histogram, type MetricRegistry, type Value } from "../../apimachinery/metrics/registry.ts";
import type { ZoneCount } from "./zones.ts";

export class NodeMetrics {
	readonly #health: Family<Value>;
	readonly #size: Family<Value>;
	readonly #unhealthy: Family<Value>;
	readonly #evictions: Family<Value>;
	readonly #pass: Family<Histogram>;

	constructor(registry: MetricRegistry) {
		const labels = ["zone"];
		const gauge = (key: string, help: string) => registry.gauge({ name: `node_collector_${key}`, help, labels, stability: "ALPHA" });
		this.#health = gauge("zone_health", "Gauge measuring percentage of healthy nodes per zone.");
		this.#size = gauge("zone_size", "Gauge measuring number of registered Nodes per zones.");
		this.#unhealthy = gauge("unhealthy_nodes_in_zone", "Gauge measuring number of not Ready Nodes per zones.");
		this.#evictions = registry.counter({
			name: "node_collector_evictions_total",
			help: "Number of Node evictions that happened since current instance of NodeController started.",
			labels,
			stability: "STABLE",
		});
		this.#pass = registry.histogram({
			name: "node_collector_update_all_nodes_health_duration_seconds",
			help: "Duration in seconds for NodeController to update the health of all nodes.",
			stability: "ALPHA",
			buckets: exponentialBuckets(0.01, 4, 8),
		});
	}

	passed(counts: ReadonlyMap<string, ZoneCount>, durationMs: number): void {
		this.#pass.of().observe(durationMs / 1000);
		for (const gauges of [this.#health, this.#size, this.#unhealthy]) gauges.clear();
		for (const [zone, { ready, notReady }] of counts) {
			const size = ready + notReady;
			this.#size.of(zone).value = size;
			this.#unhealthy.of(zone).value = notReady;
			this.#health.of(zone).value = size === 0 ? 100 : (100 * ready) / size;
		}
	}

	/** A node got its NoExecute taint. */
	evicted(zone: string): void {
		this.#evictions.of(zone).add();
	}
}
