/**
 * Sets of completion indexes as ordered intervals, and their text in a Job's status: `1,3-5,7`. Two neighbours are
 * written one by one (`1,2`), three and more as a range (`1-3`). Pure.
 * Source: pkg/controller/job/indexed_job_utils.go.
 */

export interface IndexRange {
	/** 0 <= first <= last; the next range of a set begins at last + 2 or later. */
	readonly first: number;
	readonly last: number;
}

/** Ranges in rising order, with a gap between each two. */
export type IndexSet = readonly IndexRange[];

/** The set of indexes below `completions` that a text names; what cannot be read is passed over. */
export function parseIndexes(text: string | undefined, completions: number): IndexSet {
	if (text === undefined || text === "") return [];
	const ranges = text.split(",").flatMap((part): readonly IndexRange[] => {
		const match = /^(\d+)(?:-(\d+))?$/.exec(part);
		if (match === null) return [];
		const first = Number(match[1]);
		const last = Math.min(Number(match[2] ?? first), completions - 1);
		return first <= last ? [{ first, last }] : [];
	});
	return union(ranges, []);
}

export function formatIndexes(set: IndexSet): string {
	return set
		.map(({ first, last }) => {
			if (first === last) return String(first);
			return last === first + 1 ? `${first},${last}` : `${first}-${last}`;
		})
		.join(",");
}

/** The set of these numbers, given in any order. */
export function indexSetOf(indexes: Iterable<number>): IndexSet {
	return union(
		[...indexes].map((index) => ({ first: index, last: index })),
		[],
	);
}

/** What is in either; the ranges of the arguments may come in any order and overlap. */
export function union(a: readonly IndexRange[], b: readonly IndexRange[]): IndexSet {
	const merged: IndexRange[] = [];
	for (const range of [...a, ...b].sort((x, y) => x.first - y.first)) {
		const last = merged.at(-1);
		if (last === undefined || range.first > last.last + 1) merged.push(range);
		else if (range.last > last.last) merged[merged.length - 1] = { first: last.first, last: range.last };
	}
	return merged;
}

export function countIndexes(set: IndexSet): number {
	return set.reduce((count, { first, last }) => count + last - first + 1, 0);
}

export function hasIndex(set: IndexSet, index: number): boolean {
	return set.some(({ first, last }) => first <= index && index <= last);
}

/** How many indexes are in both. */
export function countCommon(a: IndexSet, b: IndexSet): number {
	let count = 0;
	for (const x of a) for (const y of b) count += Math.max(0, Math.min(x.last, y.last) - Math.max(x.first, y.first) + 1);
	return count;
}

/** The `count` lowest indexes below `completions` that are not in `taken`; fewer where there are no more. */
export function lowestFree(taken: IndexSet, count: number, completions: number): readonly number[] {
	const free: number[] = [];
	let candidate = 0;
	for (const { first, last } of [...taken, { first: completions, last: completions }]) {
		for (; candidate < Math.min(first, completions) && free.length < count; candidate++) free.push(candidate);
		candidate = Math.max(candidate, last + 1);
	}
	return free;
}
