/**
 * Completion indexes of a Job in their text form, `1,3-5,7`: increasing and below the number of completions.
 * Source: validateIndexesFormat in pkg/apis/batch/validation/validation.go of Kubernetes 1.36.
 */

interface Interval {
	readonly first: number;
	readonly last: number;
}

/** How many indexes the text names; a text says what is wrong with it. */
export function countIndexes(text: string, completions: number): number | string {
	if (text === "") return 0;
	let total = 0;
	let previous: number | undefined;
	for (const part of text.split(",")) {
		const interval = parseInterval(part, completions);
		if (typeof interval === "string") return interval;
		if (previous !== undefined && previous >= interval.first) return notIncreasing(previous, interval.first);
		total += interval.last - interval.first + 1;
		previous = interval.last;
	}
	return total;
}

/** The first index that stands in both texts, undefined if there is none; what cannot be read is passed over. */
export function firstCommonIndex(completed: string, failed: string, completions: number): number | undefined {
	const read = (text: string) =>
		(text === "" ? [] : text.split(",")).map((part) => parseInterval(part, completions)).filter((interval) => typeof interval !== "string");
	const failures = read(failed);
	for (const { first, last } of read(completed)) {
		const hit = failures.find((interval) => first <= interval.last && interval.first <= last);
		if (hit !== undefined) return Math.max(first, hit.first);
	}
	return undefined;
}

function parseInterval(text: string, completions: number): Interval | string {
	const [low = "", high, ...more] = text.split("-");
	if (more.length > 0) {
		return `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
	}
	const first = parseIndex(low, completions);
	if (typeof first === "string" || high === undefined) return typeof first === "string" ? first : { first, last: first };
	const last = parseIndex(high, completions);
	if (typeof last === "string") return last;
	return first >= last ? notIncreasing(first, last) : { first, last };
}

function parseIndex(text: string, completions: number): number | string {
	if (!/^\+?\d+$/.test(text)) return `cannot convert string to integer for index: ${JSON.stringify(text)}`;
	const index = Number(text);
	return index >= completions ? `too large index: ${JSON.stringify(text)}` : index;
}

const notIncreasing = (previous: number, current: number): string => `non-increasing order, previous: ${previous}, current: ${current}`;
