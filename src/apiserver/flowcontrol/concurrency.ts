/**
 * How the server's concurrency is shared out: first by nominal shares, then, every ten seconds, anew by what the levels
 * lately wanted. A level lends what it does not need, and takes it back when it does.
 *
 *   0 <= min <= nominal <= max;  min = nominal - lendable,  max = nominal + what it may borrow
 *   current = min(max, max(minCurrent, fraction * target)), with the one fraction that makes them add up to the whole
 *
 * Source: KEP-1040, "Dispatching" and "Seat borrowing"; https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
 */
import type { PriorityLevelConfiguration } from "../../apimachinery/schema/generated/types.ts";
import type { DemandStatistics } from "./seat-demand.ts";

/** How slowly a level's smoothed demand goes down: half of it in about five minutes. */
const decay = 0.977;

/** Limits of a level, in seats. */
export interface NominalLimits {
	readonly nominal: number;
	readonly min: number;
	readonly max: number;
}

/** A level's wish at the end of a period. */
export interface Wish extends NominalLimits {
	readonly highest: number;
	readonly smoothed: number;
}

const sharesOf = ({ spec }: PriorityLevelConfiguration) =>
	(spec?.type === "Exempt" ? spec.exempt?.nominalConcurrencyShares : spec?.limited?.nominalConcurrencyShares) ??
	(spec?.type === "Exempt" ? 0 : 30);

/** Limits by the levels' shares of `total` seats. */
export function nominalLimits(levels: readonly PriorityLevelConfiguration[], total: number): readonly NominalLimits[] {
	const sum = levels.reduce((shares, level) => shares + sharesOf(level), 0);
	return levels.map((level) => {
		const { limited, exempt } = level.spec ?? {};
		const nominal = sum === 0 ? 0 : Math.ceil((total * sharesOf(level)) / sum);
		const lendable = Math.round((nominal * ((limited ?? exempt)?.lendablePercent ?? 0)) / 100);
		const borrowable = limited?.borrowingLimitPercent;
		return {
			nominal,
			min: nominal - lendable,
			max: nominal + (borrowable === undefined ? total : Math.round((nominal * borrowable) / 100)),
		};
	});
}

/** Demand that rises at once and falls slowly. */
export function smoothDemand(previous: number, { average, deviation, highest }: DemandStatistics): number {
	const envelope = Math.min(average + deviation, highest);
	return Math.max(envelope, decay * previous + (1 - decay) * envelope);
}

/** Current limits that add up to `total`, as far as the levels' own limits allow. */
export function shareOut(wishes: readonly Wish[], total: number): readonly number[] {
	const bounds = wishes.map(({ nominal, min, max, highest, smoothed }) => {
		const minCurrent = Math.max(min, Math.min(nominal, highest));
		return { minCurrent, max, target: Math.max(minCurrent, smoothed, 1) };
	});
	const at = (fraction: number) => bounds.map(({ minCurrent, max, target }) => Math.min(max, Math.max(minCurrent, fraction * target)));
	const sum = (limits: readonly number[]) => limits.reduce((all, limit) => all + limit, 0);
	if (sum(at(0)) >= total) return at(0).map(Math.round);
	let low = 0;
	let high = total;
	// The sum rises with the fraction, from below the whole to above it: halving finds the place.
	for (let step = 0; step < 60; step++) {
		const middle = (low + high) / 2;
		if (sum(at(middle)) < total) low = middle;
		else high = middle;
	}
	return at(high).map(Math.round);
}
