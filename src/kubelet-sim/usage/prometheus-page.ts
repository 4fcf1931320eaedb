/** Metrics in Prometheus' text format, as its library for Go writes them. Source: https://prometheus.io/docs/instrumenting/exposition_formats/ */

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
	readonly labels: Labels;
	readonly value: number;
}

/** One series of a histogram. */
export interface Distribution {
	readonly labels: Labels;
	/** How many fell into each bucket; one more than there are bounds. */
	readonly buckets: readonly number[];
	readonly sum: number;
	readonly count: number;
}

/** Metrics under their names. */
export class Page {
	readonly #nowMs: number;
	#text = "";

	constructor(nowMs: number) {
		this.#nowMs = nowMs;
	}

	/** @param hasTime samples say of when they are */
	add(name: string, type: "counter" | "gauge", help: string, samples: readonly Sample[], hasTime = true): this {
		if (samples.length === 0) return this;
		const lines = samples.map(
			({ labels, value }) => `${name}${formatLabels(labels)} ${formatFloat(value)}${hasTime ? ` ${this.#nowMs}` : ""}\n`,
		);
		this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
		return this;
	}

	/** @param bounds upper ones, seconds, ascending; the last bucket is +Inf */
	histogram(name: string, help: string, bounds: readonly number[], series: readonly Distribution[]): this {
		if (series.length === 0) return this;
		const lines = series.map(({ labels, buckets, sum, count }) => {
			let below = 0;
			const ofBounds = [...bounds, Number.POSITIVE_INFINITY].map((bound, index) => {
				below += buckets[index] ?? 0;
				const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : formatFloat(bound);
				return `${name}_bucket${formatLabels({ ...labels, le })} ${below}\n`;
			});
			return `${ofBounds.join("")}${name}_sum${formatLabels(labels)} ${formatFloat(sum)}\n${name}_count${formatLabels(labels)} ${count}\n`;
		});
		this.#text += `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${lines.join("")}`;
		return this;
	}

	get text(): string {
		return this.#text;
	}
}

/** Sorted by name, as Prometheus' library writes them. */
function formatLabels(labels: Labels): string {
	const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
	const escaped = (text: string) => text.replace(/[\\"\n]/g, (letter) => (letter === "\n" ? "\\n" : `\\${letter}`));
	return pairs.length === 0 ? "" : `{${pairs.map(([name, value]) => `${name}="${escaped(value)}"`).join(",")}}`;
}

/** As Go writes the shortest form of a number: `1.675264e+07` from a million on. */
function formatFloat(value: number): string {
	if (value === 0) return "0";
	const [digits = "", exponent = "0"] = value.toExponential().split("e");
	const power = Number(exponent);
	if (power >= -4 && power < 6) return String(value);
	return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
