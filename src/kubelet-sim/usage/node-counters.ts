/** What a kubelet has counted since it came up, for its /metrics. A node on which nothing happens has none. */

/** Upper bounds of buckets, seconds. Source: pkg/kubelet/metrics/metrics.go (podStartupDurationBuckets, imagePullDurationBuckets). */
export const podStartBounds = [
	0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
export const imagePullBounds = [1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];
const mebibyte = 1024 * 1024;

export type CounterName =
	| "started_pods_total"
	| "started_containers_total"
	| "started_containers_errors_total"
	| "runtime_operations_total"
	| "runtime_operations_errors_total"
	| "lifecycle_handler_http_fallbacks_total"
	| "evictions";

interface Distributed {
	readonly buckets: number[];
	sum: number;
	count: number;
}

export class NodeCounters {
	/** By name and label. */
	readonly #counts = new Map<string, number>();
	#podStarts: Distributed | undefined;
	readonly #pulls = new Map<string, Distributed>();

	count(name: CounterName, label = ""): void {
		const key = `${name}/${label}`;
		this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
	}

	/** Labels that have been counted, in order, and how often. */
	counts(name: CounterName): readonly (readonly [label: string, count: number])[] {
		const own = [...this.#counts].filter(([key]) => key.startsWith(`${name}/`));
		return own.map(([key, count]) => [key.slice(name.length + 1), count] as const).sort(([a], [b]) => (a < b ? -1 : 1));
	}

	/** From when the kubelet saw a pod first to when it started to run. */
	podStarted(ms: number): void {
		this.#podStarts ??= empty(podStartBounds);
		observe(this.#podStarts, podStartBounds, ms / 1000);
	}

	imagePulled(ms: number, sizeBytes: number): void {
		const label = sizeLabel(sizeBytes);
		const known = this.#pulls.get(label) ?? empty(imagePullBounds);
		this.#pulls.set(label, known);
		observe(known, imagePullBounds, ms / 1000);
	}

	get podStarts(): Readonly<Distributed> | undefined {
		return this.#podStarts;
	}

	/** By size of the image. */
	get imagePulls(): ReadonlyMap<string, Readonly<Distributed>> {
		return this.#pulls;
	}
}

function empty(bounds: readonly number[]): Distributed {
	return { buckets: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0, count: 0 };
}

function observe(into: Distributed, bounds: readonly number[], seconds: number): void {
	const found = bounds.findIndex((bound) => seconds <= bound);
	const index = found === -1 ? bounds.length : found;
	into.buckets[index] = (into.buckets[index] ?? 0) + 1;
	into.sum += seconds;
	into.count++;
}

/** By what is below, MiB. Source: imageSizeBuckets of pkg/kubelet/metrics/metrics.go. */
const sizeLabels: readonly (readonly [mebibytes: number, label: string])[] = [
	[0, "N/A"],
	[10, "0-10MB"],
	[100, "10MB-100MB"],
	[500, "100MB-500MB"],
	[1024, "500MB-1GB"],
	[5 * 1024, "1GB-5GB"],
	[10 * 1024, "5GB-10GB"],
	[20 * 1024, "10GB-20GB"],
	[30 * 1024, "20GB-30GB"],
	[40 * 1024, "30GB-40GB"],
	[60 * 1024, "40GB-60GB"],
	[100 * 1024, "60GB-100GB"],
];

function sizeLabel(sizeBytes: number): string {
	return sizeLabels.find(([mebibytes]) => sizeBytes <= mebibytes * mebibyte)?.[1] ?? "GT100GB";
}
