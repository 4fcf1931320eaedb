/**
 * How much of something is used over time, as users write it:
 *
 *   250m                                 always
 *   0s=50m 1m=400m 10m=50m               from point to point in straight lines, and the last value for ever
 *   0s=50m 8h=2 20h=50m repeat=24h       again and again; the first round begins at midnight, UTC
 *
 * Times count from the start of what uses it; those of a curve that repeats from the Unix epoch, so that all that follow it are
 * in step. Two points of one time are a jump. A curve is a value: how much was used between two moments is asked, never counted.
 */
import { QuantityError, quantityToNumber } from "../../apimachinery/quantity.ts";
import { parseGoDuration } from "../../apimachinery/time.ts";

interface Point {
	readonly atMs: number;
	readonly value: number;
}

export interface UsageCurve {
	/** By time, at least one; the first is at 0. */
	readonly points: readonly Point[];
	/** Absent: it does not repeat. */
	readonly repeatMs?: number;
}

export function constantCurve(value: number): UsageCurve {
	return { points: [{ atMs: 0, value }] };
}

/** A text that is no curve; the message says why. */
export class UsageCurveError extends Error {
	override readonly name = "UsageCurveError";
}

/** Throws UsageCurveError. Values are quantities in their base unit: cores, bytes. */
export function parseUsageCurve(text: string): UsageCurve {
	const words = text.trim().split(/[\s,]+/);
	if (words.length === 1 && !text.includes("=")) return constantCurve(amountOf(text.trim()));
	const pairs = words.map((word) => {
		const [key = "", value = "", ...more] = word.split("=");
		if (key === "" || value === "" || more.length > 0) throw new UsageCurveError(`${JSON.stringify(word)} is not of the form time=amount`);
		return { key, value };
	});
	const points = pairs.filter(({ key }) => key !== "repeat").map(({ key, value }) => ({ atMs: timeOf(key), value: amountOf(value) }));
	const repeat = pairs.find(({ key }) => key === "repeat")?.value;
	const [first] = points;
	if (first === undefined) throw new UsageCurveError("there is no time=amount");
	if (points.some(({ atMs }, index) => atMs < (points[index - 1]?.atMs ?? 0))) throw new UsageCurveError("times must not go back");
	const whole = first.atMs === 0 ? points : [{ atMs: 0, value: first.value }, ...points];
	if (repeat === undefined) return { points: whole };
	const repeatMs = timeOf(repeat);
	if (repeatMs <= 0 || repeatMs < (whole.at(-1)?.atMs ?? 0)) throw new UsageCurveError("repeat must not be before the last time");
	return { points: whole, repeatMs };
}

function amountOf(text: string): number {
	try {
		const amount = quantityToNumber(text);
		if (amount >= 0) return amount;
	} catch (error) {
		if (!(error instanceof QuantityError)) throw error;
		throw new UsageCurveError(`${JSON.stringify(text)} is not a quantity`);
	}
	throw new UsageCurveError(`${JSON.stringify(text)} is less than 0`);
}

function timeOf(text: string): number {
	try {
		return parseGoDuration(text);
	} catch {
		throw new UsageCurveError(`${JSON.stringify(text)} is not a duration`);
	}
}

/** The amount at a moment. @param startMs of what uses it, Unix ms like `atMs` */
export function valueAt(curve: UsageCurve, atMs: number, startMs: number): number {
	const { points, repeatMs } = curve;
	const time = repeatMs === undefined ? atMs - startMs : atMs % repeatMs;
	const after = points.findIndex((point) => point.atMs > time);
	const [left, right] = after === -1 ? [points.at(-1), undefined] : [points[Math.max(0, after - 1)], points[after]];
	if (left === undefined) return 0;
	if (right === undefined || right.atMs <= left.atMs || time <= left.atMs) return left.value;
	return left.value + ((right.value - left.value) * (time - left.atMs)) / (right.atMs - left.atMs);
}

/** The first moment, from one on, at which the amount is above a limit; undefined: it never is. */
export function firstAbove(curve: UsageCurve, limit: number, fromMs: number, startMs: number): number | undefined {
	const { repeatMs } = curve;
	if (repeatMs === undefined) {
		const time = timeAbove(curve, limit, fromMs - startMs);
		return time === undefined ? undefined : startMs + time;
	}
	const roundMs = Math.floor(fromMs / repeatMs) * repeatMs;
	const inRound = timeAbove(curve, limit, fromMs - roundMs);
	if (inRound !== undefined && inRound < repeatMs) return roundMs + inRound;
	const inNext = timeAbove(curve, limit, 0);
	return inNext === undefined || inNext >= repeatMs ? undefined : roundMs + repeatMs + inNext;
}

/** Of the points alone, in their time; whole milliseconds. */
function timeAbove(curve: UsageCurve, limit: number, from: number): number | undefined {
	const straight = { points: curve.points };
	if (valueAt(straight, from, 0) > limit) return from;
	for (const [index, right] of curve.points.entries()) {
		if (right.atMs < from || right.value <= limit) continue;
		const left = curve.points[index - 1];
		if (left === undefined || left.value > limit || right.atMs <= left.atMs) return Math.max(from, right.atMs);
		const crossing = left.atMs + ((limit - left.value) * (right.atMs - left.atMs)) / (right.value - left.value);
		return Math.max(from, Math.floor(crossing) + 1);
	}
	return undefined;
}

/** Its highest value. */
export function peakOf({ points }: UsageCurve): number {
	return points.reduce((peak, { value }) => Math.max(peak, value), 0);
}

/** Amount times seconds between two moments: CPU seconds of a curve of cores. */
export function usedBetween(curve: UsageCurve, fromMs: number, untilMs: number, startMs: number): number {
	if (untilMs <= fromMs) return 0;
	const { repeatMs } = curve;
	if (repeatMs === undefined) return areaUntil(curve, untilMs - startMs) - areaUntil(curve, fromMs - startMs);
	const round = areaUntil(curve, repeatMs);
	const until = (atMs: number) => Math.floor(atMs / repeatMs) * round + areaUntil(curve, atMs % repeatMs);
	return until(untilMs) - until(fromMs);
}

/** The area under the points from 0 to a time, in amount times seconds. */
function areaUntil({ points }: UsageCurve, timeMs: number): number {
	let area = 0;
	for (const [index, left] of points.entries()) {
		const right = points[index + 1];
		const endMs = Math.min(timeMs, right?.atMs ?? timeMs);
		const lengthMs = endMs - left.atMs;
		if (lengthMs <= 0) continue;
		const slope = right === undefined ? 0 : (right.value - left.value) / (right.atMs - left.atMs);
		area += (lengthMs / 1000) * (left.value + (slope * lengthMs) / 2);
	}
	return area;
}
