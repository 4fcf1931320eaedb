/**
 * How benchmarks measure: several runs, the median, and the spread beside it, because machines are noisy.
 */

export interface Measurement {
	readonly name: string;
	/** `ms`, `MiB`, `per second`. */
	readonly unit: string;
	/** One figure a run. */
	readonly values: readonly number[];
	/** The promise, if there is one: the median is to stay at or below it (at or above it for rates). */
	readonly promise?: number;
}

export function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function format(value: number): string {
	return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Whether the promise is kept; undefined where there is none. */
export function isKept({ unit, values, promise }: Measurement): boolean | undefined {
	if (promise === undefined) return undefined;
	return unit.startsWith("per") ? median(values) >= promise : median(values) <= promise;
}

/** Markdown rows: what, median, least and most, promise, whether it is kept. */
export function renderTable(measurements: readonly Measurement[]): string {
	const rows = measurements.map((measurement) => {
		const { name, unit, values, promise } = measurement;
		const middle = median(values);
		const bound = promise === undefined ? "" : `${unit.startsWith("per") ? "≥" : "≤"} ${format(promise)} ${unit}`;
		const kept = { true: "yes", false: "NO", undefined: "" }[`${isKept(measurement)}`];
		const spread = `${format(Math.min(...values))}–${format(Math.max(...values))}`;
		return `| ${name} | ${format(middle)} ${unit} | ${spread} (${values.length} runs) | ${bound} | ${kept} |`;
	});
	return ["| what | median | spread | promise | kept |", "| --- | --- | --- | --- | --- |", ...rows].join("\n");
}

/** Milliseconds that `action` takes. */
export async function timeMs(action: () => Promise<unknown>): Promise<number> {
	const start = performance.now();
	await action();
	return performance.now() - start;
}

/** Runs `action` `count` times, one after the other. */
export async function repeat(count: number, action: (run: number) => Promise<number>): Promise<number[]> {
	const values: number[] = [];
	for (let run = 0; run < count; run++) values.push(await action(run));
	return values;
}
