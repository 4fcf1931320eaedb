/**
 * Counters, gauges and histograms, and the page that Prometheus reads them from. A series is found once and then held:
 * counting in it is an addition.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/ and k8s.io/component-base/metrics, which puts the
 * stability of a metric before its help text.
 */

export type Stability = "STABLE" | "BETA" | "ALPHA";

export interface MetricOptions {
	readonly name: string;
	readonly help: string;
	/** Names of the labels, in the alphabet's order: series give their values in it. */
	readonly labels?: readonly string[];
	/** Absent for what is not Kubernetes' own: process_*. */
	readonly stability?: Stability;
	/** Version that deprecated it. */
	readonly deprecated?: string;
}

export interface HistogramOptions extends MetricOptions {
	/** Upper bounds, ascending; +Inf comes by itself. */
	readonly buckets: readonly number[];
}

/** A number that goes up, or (as a gauge) up and down. */
export class Value {
	value = 0;

	add(amount = 1): void {
		this.value += amount;
	}
}

/** How often observations fell into which bucket. */
export class Histogram {
	readonly #bounds: readonly number[];
	/** One more than bounds: the last is +Inf. Not cumulative. */
	readonly #counts: number[];
	#sum = 0;

	constructor(bounds: readonly number[]) {
		this.#bounds = bounds;
		this.#counts = new Array<number>(bounds.length + 1).fill(0);
	}

	observe(value: number): void {
		let index = 0;
		while (index < this.#bounds.length && value > (this.#bounds[index] ?? 0)) index++;
		this.#counts[index] = (this.#counts[index] ?? 0) + 1;
		this.#sum += value;
	}

	/** @param labels of the series, as they stand on the page */
	render(name: string, labels: string): string {
		let text = "";
		let total = 0;
		for (const [index, count] of this.#counts.entries()) {
			total += count;
			const bound = this.#bounds[index];
			const le = `le="${bound === undefined ? "+Inf" : formatFloat(bound)}"`;
			text += `${name}_bucket{${labels === "" ? le : `${labels},${le}`}} ${total}\n`;
		}
		return `${text}${name}_sum${inBraces(labels)} ${formatFloat(this.#sum)}\n${name}_count${inBraces(labels)} ${total}\n`;
	}
}

/** All series of one metric. */
export class Family<T extends Value | Histogram> {
	readonly name: string;
	readonly #head: string;
	readonly #labels: readonly string[];
	readonly #make: () => T;
	/** By the values of their labels. */
	readonly #series = new Map<string, { readonly labels: string; readonly series: T }>();

	constructor(type: "counter" | "gauge" | "histogram", options: MetricOptions, make: () => T) {
		const { name, help, labels = [], stability, deprecated } = options;
		const text = `${stability === undefined ? "" : `[${stability}] `}${deprecated === undefined ? "" : `(Deprecated since ${deprecated}) `}${help}`;
		this.name = name;
		this.#head = `# HELP ${name} ${text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")}\n# TYPE ${name} ${type}\n`;
		this.#labels = labels;
		this.#make = make;
	}

	/** The series with these values of the labels, made when it is asked for first. */
	of(...values: readonly string[]): T {
		const key = values.join("\0");
		const known = this.#series.get(key);
		if (known !== undefined) return known.series;
		const labels = this.#labels.map((label, index) => `${label}="${escapeLabel(values[index] ?? "")}"`).join(",");
		const series = this.#make();
		this.#series.set(key, { labels, series });
		return series;
	}

	/** Forgets every series: for gauges that are read off something each time. */
	clear(): void {
		this.#series.clear();
	}

	/** Empty as long as there is no series, as in Go's client. */
	render(): string {
		if (this.#series.size === 0) return "";
		const sorted = [...this.#series.values()].sort((a, b) => (a.labels < b.labels ? -1 : 1));
		return this.#head + sorted.map(({ labels, series }) => this.#renderSeries(labels, series)).join("");
	}

	#renderSeries(labels: string, series: T): string {
		if (series instanceof Histogram) return series.render(this.name, labels);
		return `${this.name}${inBraces(labels)} ${formatFloat(series.value)}\n`;
	}
}

/** The metrics of one part of the process. A metric that is asked for again is the one that there is: who is started again counts on. */
export class MetricRegistry {
	readonly #families = new Map<string, Family<Value | Histogram>>();
	readonly #collectors: (() => void)[] = [];

	counter(options: MetricOptions): Family<Value> {
		return this.#family(options.name, () => new Family("counter", options, () => new Value()));
	}

	gauge(options: MetricOptions): Family<Value> {
		return this.#family(options.name, () => new Family("gauge", options, () => new Value()));
	}

	histogram(options: HistogramOptions): Family<Histogram> {
		return this.#family(options.name, () => new Family("histogram", options, () => new Histogram(options.buckets)));
	}

	/** Called before every reading: sets what nobody counts as it happens. */
	onCollect(collect: () => void): void {
		this.#collectors.push(collect);
	}

	#family<T extends Value | Histogram>(name: string, make: () => Family<T>): Family<T> {
		const known = this.#families.get(name);
		// One name has one type wherever it is asked for: what is there is of the type that is asked for.
		if (known !== undefined) return known as Family<T>;
		const made = make();
		this.#families.set(name, made);
		return made;
	}

	families(): readonly Family<Value | Histogram>[] {
		for (const collect of this.#collectors) collect();
		return [...this.#families.values()];
	}
}

/** The page of several registries, in the order of names. */
export function renderMetrics(registries: readonly MetricRegistry[]): string {
	return registries
		.flatMap((registry) => registry.families())
		.sort((a, b) => (a.name < b.name ? -1 : 1))
		.map((family) => family.render())
		.join("");
}

/** `count` bounds, each `factor` times the one before. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
	return Array.from({ length: count }, (_, index) => start * factor ** index);
}

/** As Go's client writes numbers (strconv's shortest %g): 1e+06 for a million. */
export function formatFloat(value: number): string {
	if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
	const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
	const power = Number(exponent);
	if (power >= -4 && power < 6) return String(value);
	return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

function inBraces(labels: string): string {
	return labels === "" ? "" : `{${labels}}`;
}

function escapeLabel(value: string): string {
	return /[\\"\n]/.test(value) ? value.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n") : value;
}
