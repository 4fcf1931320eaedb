/**
 * Time zones by their names in the IANA database, which Node brings along.
 */

const minuteMs = 60_000;
/** Clocks change at the full quarter of an hour only. */
const blockMs = 15 * minuteMs;
/** Offsets that are kept: ten days of them. */
const maxKept = 1_000;

/** Letters, digits and a few signs, of which a part of a zone's name has at most fourteen. */
const zonePart = /^(?!-)(?!\.{1,2}$)[A-Za-z._\-0-9+]{1,14}$/;

/** Whether the IANA database knows a zone by this very name, upper and lower case included. */
export function isTimeZone(name: string): boolean {
	if (!name.split("/").every((part) => zonePart.test(part)) || !/^[A-Z]/.test(name)) return false;
	try {
		const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions();
		// Intl overlooks the case, and tells the name of another zone for one that is a link.
		return timeZone === name || timeZone.toLowerCase() !== name.toLowerCase();
	} catch (error) {
		if (error instanceof RangeError) return false;
		throw error;
	}
}

/** How far a zone's clocks are ahead of UTC, at any time. */
export interface TimeZone {
	/** ms, at this moment (Unix ms). */
	offsetMs(timeMs: number): number;
}

export const utc: TimeZone = { offsetMs: () => 0 };

/** @param name a zone that the database knows. */
export function loadTimeZone(name: string): TimeZone {
	if (name === "UTC") return utc;
	const fields = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" } as const;
	const format = new Intl.DateTimeFormat("en-US", { timeZone: name, hourCycle: "h23", ...fields });
	const kept = new Map<number, number>();
	return {
		offsetMs(timeMs) {
			const block = Math.floor(timeMs / blockMs);
			const known = kept.get(block);
			if (known !== undefined) return known;
			if (kept.size >= maxKept) kept.clear();
			const offset = readClock(format, block * blockMs) - block * blockMs;
			kept.set(block, offset);
			return offset;
		},
	};
}

/** What the zone's clocks show, as if it were UTC. */
function readClock(format: Intl.DateTimeFormat, timeMs: number): number {
	const shown = new Map(format.formatToParts(timeMs).map(({ type, value }) => [type, Number(value)]));
	const read = (type: Intl.DateTimeFormatPartTypes) => shown.get(type) ?? 0;
	return Date.UTC(read("year"), read("month") - 1, read("day"), read("hour"), read("minute"));
}

/** Zones by name, each loaded once: making one takes longer than hundreds of questions to it. */
export class TimeZones {
	readonly #loaded = new Map<string, TimeZone>();

	/** Undefined: the database does not know it. */
	get(name: string): TimeZone | undefined {
		const known = this.#loaded.get(name);
		if (known !== undefined) return known;
		if (!isTimeZone(name)) return undefined;
		const zone = loadTimeZone(name);
		this.#loaded.set(name, zone);
		return zone;
	}
}

/** RFC 3339 with the zone's offset: `2026-01-01T09:00:00+09:00`; `Z` where there is none. */
export function formatTimeIn(timeMs: number, zone: TimeZone): string {
	const offsetMs = zone.offsetMs(timeMs);
	const local = new Date(timeMs + offsetMs).toISOString().slice(0, 19);
	if (offsetMs === 0) return `${local}Z`;
	const minutes = Math.abs(offsetMs) / minuteMs;
	const two = (value: number) => String(value).padStart(2, "0");
	return `${local}${offsetMs < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
