/**
 * Ranges of sizes and costs: what an expression takes at least and at most. Numbers stop at 2^64, which stands for
 * "unbounded". Source: github.com/google/cel-go/checker/cost.go.
 */

export interface Range {
	readonly min: number;
	readonly max: number;
}

/** 2^64 - 1, as near as a double comes. */
export const unbounded = 2 ** 64;

const cap = (value: number): number => Math.min(value, unbounded);

export const fixed = (value: number): Range => ({ min: value, max: value });
export const zero: Range = fixed(0);
export const unknownSize: Range = { min: 0, max: unbounded };

export const plus = (a: Range, b: Range): Range => ({ min: cap(a.min + b.min), max: cap(a.max + b.max) });
export const times = (a: Range, b: Range): Range => ({ min: cap(a.min * b.min), max: cap(a.max * b.max) });
export const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });

/** Rounded up. */
export const byFactor = ({ min, max }: Range, factor: number): Range => ({
	min: cap(Math.ceil(min * factor)),
	max: cap(Math.ceil(max * factor)),
});
