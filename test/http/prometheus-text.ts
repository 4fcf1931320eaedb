/**
 * A strict reader of Prometheus' text format, version 0.0.4, with the checks that `promtool check metrics` and a scrape
 * make: heads before series, no family or series twice, well-formed names and labels, whole histograms.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */

export interface Sample {
	readonly name: string;
	readonly labels: Readonly<Record<string, string>>;
	readonly value: number;
}

export interface MetricFamily {
	readonly type: string;
	readonly help: string;
	readonly samples: readonly Sample[];
}

const types = ["counter", "gauge", "histogram", "summary", "untyped"];
const suffixes = ["_bucket", "_sum", "_count"];

/** Throws with the line at the first thing that is wrong. */
export function parsePrometheusText(text: string): ReadonlyMap<string, MetricFamily> {
	if (!text.endsWith("\n")) throw new Error("the last line does not end");
	const families = new Map<string, { type: string; help: string; samples: Sample[] }>();
	const seen = new Set<string>();
	let current = "";
	for (const line of text.slice(0, -1).split("\n")) {
		const fail = (why: string) => new Error(`${why}: ${line}`);
		const head = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
		if (head !== null) {
			const [, what, name = "", rest = ""] = head;
			if (what === "HELP") {
				if (families.has(name)) throw fail("a family twice");
				if (/\\(?![\\n])/.test(rest)) throw fail("a help text with a broken escape");
				families.set(name, { type: "", help: rest, samples: [] });
			} else {
				const family = families.get(name);
				if (family === undefined || family.type !== "" || family.samples.length > 0) throw fail("a type out of place");
				if (!types.includes(rest)) throw fail("an unknown type");
				family.type = rest;
			}
			current = name;
			continue;
		}
		const sample = parseSample(line);
		if (sample === undefined) throw fail("not a sample");
		const family = families.get(current);
		const isHistogram = family?.type === "histogram";
		const expected = isHistogram ? suffixes.map((suffix) => current + suffix) : [current];
		if (family === undefined || family.type === "" || !expected.includes(sample.name)) throw fail("a sample outside of its family");
		const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
		if (seen.has(key)) throw fail("a series twice");
		seen.add(key);
		if (family.type === "counter" && !(sample.value >= 0)) throw fail("a negative counter");
		family.samples.push(sample);
	}
	for (const [name, family] of families) {
		if (family.type === "counter" && !name.endsWith("_total")) throw new Error(`a counter not called total: ${name}`);
		if (family.type === "histogram") checkHistogram(name, family.samples);
	}
	return families;
}

function parseSample(line: string): Sample | undefined {
	const [, name = "", , body = "", value = ""] =
		/^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? ([+-]?(?:\d+(?:\.\d+)?(?:e[+-]\d\d+)?|Inf|NaN))$/.exec(line) ?? [];
	if (name === "") return undefined;
	const labels: Record<string, string> = {};
	let rest = body;
	while (rest !== "") {
		const [whole, label = "", text = ""] = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,(?=[a-zA-Z_])|$)/.exec(rest) ?? [];
		if (whole === undefined || label in labels) return undefined;
		labels[label] = text.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
		rest = rest.slice(whole.length);
	}
	return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}

/** Every series has ascending bounds up to +Inf with counts that never fall, a sum, and a count that is +Inf's. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
	const series = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(Object.entries(others).sort()));
	for (const [key, group] of series) {
		const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
		const bounds = buckets.map(({ labels }) => Number(labels.le?.replace("Inf", "Infinity")));
		const isAscending = (values: readonly number[], strict: boolean) =>
			values.every((value, index) => index === 0 || (strict ? value > (values[index - 1] ?? 0) : value >= (values[index - 1] ?? 0)));
		const counts = buckets.map(({ value }) => value);
		const count = group.find((sample) => sample.name === `${name}_count`)?.value;
		const hasSum = group.some((sample) => sample.name === `${name}_sum`);
		const isWhole = bounds.at(-1) === Number.POSITIVE_INFINITY && hasSum && count === counts.at(-1);
		if (!isWhole || !isAscending(bounds, true) || !isAscending(counts, false)) throw new Error(`a broken histogram: ${name} ${key}`);
	}
}
