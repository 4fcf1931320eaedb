/**
 * The lower band of a range is kept for values that users choose; the server takes from it only when the rest is full,
 * so that both rarely meet. Source: KEP-3070 (cluster IPs), KEP-3668 (node ports).
 */
import type { Random } from "../../apimachinery/random.ts";

export interface BandRule {
	/** Ranges up to this size have no band; in others it is the band's smallest size. */
	readonly min: number;
	readonly max: number;
	/** The band is one part in so many of the range. */
	readonly step: number;
}

/** 10.96.0.0/12 keeps 256 addresses. */
export const addressBand: BandRule = { min: 16, max: 256, step: 16 };
/** 30000-32767 keeps 86 ports. */
export const portBand: BandRule = { min: 16, max: 128, step: 32 };

/** How many values at the beginning of a range of this size are kept. */
export function bandSize(rangeSize: number, { min, max, step }: BandRule): number {
	return rangeSize <= min ? 0 : Math.min(Math.max(min, Math.floor(rangeSize / step)), max);
}

/** A free index of 0 to size - 1: at random from above the band, then from the band; undefined if all are taken. */
export function pickIndex(size: number, band: number, isTaken: (index: number) => boolean, random: Random): number | undefined {
	for (const [first, count] of [[band, size - band] as const, [0, band] as const]) {
		const start = count > 0 ? random.int(count) : 0;
		for (let step = 0; step < count; step++) {
			const index = first + ((start + step) % count);
			if (!isTaken(index)) return index;
		}
	}
	return undefined;
}
