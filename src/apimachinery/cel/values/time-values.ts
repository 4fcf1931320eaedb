/**
 * Timestamps and durations: texts, ranges, and their parts in a time zone.
 * Source: cel-spec, doc/langdef.md#timestamps; github.com/google/cel-go/common/types/{timestamp,duration}.go; Go's package time.
 */
import { EvaluationError } from "./errors.ts";
import { CelDuration, CelTimestamp } from "./values.ts";

const nanosPerSecond = 1_000_000_000n;
const nanosPerMilli = 1_000_000n;
const int64Max = 2n ** 63n - 1n;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z. */
const minTimestamp = -62_135_596_800n * nanosPerSecond;
const maxTimestamp = 253_402_300_800n * nanosPerSecond - 1n;

export function timestampOf(nanos: bigint): CelTimestamp {
	if (nanos < minTimestamp || nanos > maxTimestamp) throw new EvaluationError("timestamp overflow");
	return new CelTimestamp(nanos);
}

export function durationOf(nanos: bigint): CelDuration {
	if (nanos > int64Max || nanos < -int64Max - 1n) throw new EvaluationError("duration overflow");
	return new CelDuration(nanos);
}

const timestampPattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** RFC 3339; undefined for anything else. */
export function parseTimestamp(text: string): CelTimestamp | undefined {
	const parts = timestampPattern.exec(text);
	if (parts === null) return undefined;
	const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
	if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return undefined;
	const date = new Date(Date.UTC(2000, month - 1, 1));
	date.setUTCFullYear(year, month - 1, day);
	if (date.getUTCMonth() !== month - 1 || day < 1) return undefined;
	const seconds = date.getTime() / 1000 + hour * 3600 + minute * 60 + second;
	const offset = (parts[8] === "-" ? -1 : 1) * (Number(parts[9] ?? 0) * 3600 + Number(parts[10] ?? 0) * 60);
	const fraction = BigInt((parts[7] ?? "").slice(0, 9).padEnd(9, "0"));
	const nanos = BigInt(seconds - offset) * nanosPerSecond + fraction;
	return nanos < minTimestamp || nanos > maxTimestamp ? undefined : new CelTimestamp(nanos);
}

const unitNanos: Readonly<Record<string, bigint>> = {
	ns: 1n,
	us: 1_000n,
	µs: 1_000n,
	μs: 1_000n,
	ms: nanosPerMilli,
	s: nanosPerSecond,
	m: 60n * nanosPerSecond,
	h: 3600n * nanosPerSecond,
};

/** Go's time.ParseDuration; undefined for what it refuses. */
export function parseDuration(text: string): CelDuration | undefined {
	const isNegative = text.startsWith("-");
	let rest = /^[+-]/.test(text) ? text.slice(1) : text;
	if (rest === "0") return new CelDuration(0n);
	if (rest === "" || rest.length > 256) return undefined;
	let total = 0n;
	while (rest !== "") {
		const parts = /^(\d*)(?:\.(\d*))?([a-zµμ]+)/.exec(rest);
		const [all = "", whole = "", fraction = "", unit = ""] = parts ?? [];
		const scale = Object.hasOwn(unitNanos, unit) ? unitNanos[unit] : undefined;
		if (parts === null || scale === undefined || whole + fraction === "") return undefined;
		total += BigInt(whole === "" ? "0" : whole) * scale;
		if (fraction !== "") total += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
		rest = rest.slice(all.length);
	}
	const nanos = isNegative ? -total : total;
	return nanos > int64Max || nanos < -int64Max - 1n ? undefined : new CelDuration(nanos);
}

/** `2026-01-01T00:00:00.5Z`: RFC 3339 in UTC, the fraction without trailing zeros. */
export function timestampText({ nanos }: CelTimestamp): string {
	const { seconds, rest } = divide(nanos);
	const fraction = rest === 0n ? "" : `.${rest.toString().padStart(9, "0").replace(/0+$/, "")}`;
	const iso = new Date(Number(seconds) * 1000).toISOString();
	return `${iso.slice(0, 19)}${fraction}Z`;
}

/** `90s`, `1.5s`. */
export function durationText({ nanos }: CelDuration): string {
	const positive = nanos < 0n ? -nanos : nanos;
	const fraction = (positive % nanosPerSecond).toString().padStart(9, "0").replace(/0+$/, "");
	return `${nanos < 0n ? "-" : ""}${positive / nanosPerSecond}${fraction === "" ? "" : `.${fraction}`}s`;
}

/** Whole seconds, rounded down, and the nanoseconds above them. */
function divide(nanos: bigint): { readonly seconds: bigint; readonly rest: bigint } {
	const rest = ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
	return { seconds: (nanos - rest) / nanosPerSecond, rest };
}

export const unixSeconds = ({ nanos }: CelTimestamp): bigint => divide(nanos).seconds;

/** The parts of a moment as a clock in that zone shows them; month and dayOfYear from 0. */
export interface CalendarParts {
	readonly year: number;
	readonly month: number;
	readonly day: number;
	readonly dayOfWeek: number;
	readonly dayOfYear: number;
	readonly hours: number;
	readonly minutes: number;
	readonly seconds: number;
	readonly milliseconds: number;
}

export function calendarParts(timestamp: CelTimestamp, zone: string | undefined): CalendarParts {
	const { seconds, rest } = divide(timestamp.nanos);
	const timeMs = Number(seconds) * 1000 + (zone === undefined ? 0 : zoneOffsetMs(zone, Number(seconds) * 1000));
	const date = new Date(timeMs);
	const newYear = new Date(timeMs);
	newYear.setUTCMonth(0, 1);
	newYear.setUTCHours(0, 0, 0, 0);
	return {
		year: date.getUTCFullYear(),
		month: date.getUTCMonth(),
		day: date.getUTCDate(),
		dayOfWeek: date.getUTCDay(),
		dayOfYear: Math.floor((timeMs - newYear.getTime()) / 86_400_000),
		hours: date.getUTCHours(),
		minutes: date.getUTCMinutes(),
		seconds: date.getUTCSeconds(),
		milliseconds: Number(rest / nanosPerMilli),
	};
}

function zoneOffsetMs(zone: string, timeMs: number): number {
	if (zone === "" || zone === "UTC") return 0;
	if (zone.includes(":")) {
		const parts = /^([+-]?)(\d{1,2}):(\d{1,2})$/.exec(zone);
		if (parts === null) throw new EvaluationError(`strconv.Atoi: parsing ${JSON.stringify(zone.split(":")[0])}: invalid syntax`);
		return (parts[1] === "-" ? -1 : 1) * (Number(parts[2]) * 3600 + Number(parts[3]) * 60) * 1000;
	}
	let format: Intl.DateTimeFormat;
	try {
		format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset", year: "numeric" });
	} catch (error) {
		if (error instanceof RangeError) throw new EvaluationError(`unknown time zone ${zone}`);
		throw error;
	}
	const name = format.formatToParts(timeMs).find(({ type }) => type === "timeZoneName")?.value ?? "GMT";
	const parts = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name);
	return (parts?.[1] === "-" ? -1 : 1) * (Number(parts?.[2] ?? 0) * 3600 + Number(parts?.[3] ?? 0) * 60 + Number(parts?.[4] ?? 0)) * 1000;
}
