/**
 * The keys a request names: from `from` (inclusive) to `to` (exclusive), in byte order.
 */

export interface Interval {
	readonly from: string;
	/** Undefined: to the end of the key space. */
	readonly to: string | undefined;
}

/** etcd's key and range_end: without an end the one key, with the end "\0" everything from the key on. */
export function intervalOf(key: string, rangeEnd?: string): Interval {
	if (rangeEnd === undefined || rangeEnd === "") return { from: key, to: `${key}\0` };
	return { from: key, to: rangeEnd === "\0" ? undefined : rangeEnd };
}

export function contains(interval: Interval, key: string): boolean {
	return key >= interval.from && (interval.to === undefined || key < interval.to);
}
