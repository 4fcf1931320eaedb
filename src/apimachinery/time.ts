/**
 * Times and durations as Kubernetes writes them: metav1.Time (seconds), metav1.MicroTime (microseconds), Go's
 * durations (`1h0m0s`) and the ages that kubectl shows (`3h12m`). In our code a moment is Unix milliseconds.
 * Source: k8s.io/apimachinery/pkg/apis/meta/v1/{time,micro_time}.go, pkg/util/duration, https://pkg.go.dev/time
 */

/** A text that is no time or no duration; the message is Go's. */
export class TimeError extends Error {
	override readonly name = "TimeError";
}

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

const timeLayout = "2006-01-02T15:04:05Z07:00";
const microTimeLayout = "2006-01-02T15:04:05.000000Z07:00";

const wholeTime = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(Z|([+-])(\d{2}):(\d{2}))$/;

/** Pure memos: most times of a moment are the same one, and controllers read the same texts again and again. */
const formatted = { timeMs: Number.NaN, text: "" };
const lastMinute = { minute: Number.NaN, text: "" };
const parsedTimes = new Map<string, number>();
const rememberedTimes = 512;

/** Unix ms → `2026-01-01T00:00:00Z`; what is finer than a second is cut off. */
export function formatTime(timeMs: number): string {
	if (formatted.timeMs === timeMs) return formatted.text;
	const text = `${minuteText(timeMs)}${digits(secondsOf(timeMs), 2)}Z`;
	formatted.timeMs = timeMs;
	formatted.text = text;
	return text;
}

/** Unix ms → `2026-01-01T00:00:00.000000Z`: leases and events. */
export function formatMicroTime(timeMs: number): string {
	return `${minuteText(timeMs)}${digits(secondsOf(timeMs), 2)}.${digits(remainder(Math.trunc(timeMs), secondMs), 3)}000Z`;
}

/** `2026-01-01T00:00:`: a clock is read many times a minute, and to write a whole date is what costs. Throws RangeError for what is no time. */
function minuteText(timeMs: number): string {
	const minute = Math.floor(Math.trunc(timeMs) / minuteMs);
	if (minute !== lastMinute.minute) {
		lastMinute.text = new Date(minute * minuteMs).toISOString().slice(0, -"00.000Z".length);
		lastMinute.minute = minute;
	}
	return lastMinute.text;
}

function secondsOf(timeMs: number): number {
	return Math.floor(remainder(Math.trunc(timeMs), minuteMs) / secondMs);
}

/** Never negative: before 1970, too, seconds count forwards. */
function remainder(value: number, divisor: number): number {
	return ((value % divisor) + divisor) % divisor;
}

function digits(value: number, length: number): string {
	return String(value).padStart(length, "0");
}

/** RFC 3339 with or without a fraction, any offset → Unix ms. Throws TimeError with Go's text, so the result is never NaN. */
export function parseTime(text: string): number {
	const known = parsedTimes.get(text);
	if (known !== undefined) return known;
	const timeMs = readTime(text);
	if (parsedTimes.size >= rememberedTimes) parsedTimes.clear();
	parsedTimes.set(text, timeMs);
	return timeMs;
}

function readTime(text: string): number {
	return readPlainTime(text) ?? readAnyTime(text);
}

/** The time of a text in one of the two forms that we and client-go write, without and with microseconds; undefined for any other text. */
function readPlainTime(text: string): number | undefined {
	const isMicro = text.length === 27;
	if (!isMicro && text.length !== 20) return undefined;
	if (text.charCodeAt(text.length - 1) !== 90 || !hasSeparators(text)) return undefined;
	const year = 100 * twoDigits(text, 0) + twoDigits(text, 2);
	const month = twoDigits(text, 5);
	const day = twoDigits(text, 8);
	const hour = twoDigits(text, 11);
	const minute = twoDigits(text, 14);
	const second = twoDigits(text, 17);
	// NaN is in no range.
	const isDate = year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
	if (!isDate || !(hour <= 23) || !(minute <= 59) || !(second <= 59)) return undefined;
	const timeMs = utcOf(year, month, day, hour, minute, second);
	if (!isMicro) return timeMs;
	const fraction = 10_000 * twoDigits(text, 20) + 100 * twoDigits(text, 22) + twoDigits(text, 24);
	return text.charCodeAt(19) === 46 && fraction >= 0 ? timeMs + Math.floor(fraction / 1000) : undefined;
}

/** `....-..-..T..:..:..` */
function hasSeparators(text: string): boolean {
	return (
		text.charCodeAt(4) === 45 &&
		text.charCodeAt(7) === 45 &&
		text.charCodeAt(10) === 84 &&
		text.charCodeAt(13) === 58 &&
		text.charCodeAt(16) === 58
	);
}

/** NaN where there are no two digits. */
function twoDigits(text: string, at: number): number {
	const tens = text.charCodeAt(at) - 48;
	const ones = text.charCodeAt(at + 1) - 48;
	return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? 10 * tens + ones : Number.NaN;
}

function readAnyTime(text: string): number {
	const parts = wholeTime.exec(text);
	if (parts === null) throw new TimeError(explainTime(text, timeLayout));
	const [, year = "", month = "", day = "", hour = "", minute = "", second = "", fraction = "", zone, sign, zoneHour, zoneMinute] = parts;
	const timeMs = utcOf(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second));
	const outOfRange = rangeError([year, month, day, hour, minute, second]);
	if (outOfRange !== undefined) throw new TimeError(`parsing time ${quote(text)}: ${outOfRange} out of range`);
	const fractionMs = Math.floor(Number(`0.${fraction || "0"}`) * 1000);
	const offsetMs = zone === "Z" ? 0 : (sign === "-" ? -1 : 1) * (Number(zoneHour) * hourMs + Number(zoneMinute) * minuteMs);
	return timeMs + fractionMs - offsetMs;
}

/** A metav1.Time as the API server stores it: UTC, whole seconds. Throws TimeError. */
export function normalizeTime(text: string): string {
	// Nearly every time that comes in was written by us or by client-go, so it is in this form already.
	if (text.length === 20 && readPlainTime(text) !== undefined) return text;
	return formatTime(parseTime(text));
}

/** A metav1.MicroTime as the API server stores it: UTC, six digits of fraction. Throws TimeError. */
export function normalizeMicroTime(text: string): string {
	// As normalizeTime: what was written in this form stays as it is.
	if (text.length === 27 && readPlainTime(text) !== undefined) return text;
	const fraction = /\.(\d{6})(?:Z|[+-]\d{2}:\d{2})$/.exec(text)?.[1];
	if (fraction === undefined) throw new TimeError(explainTime(text, microTimeLayout));
	return `${formatTime(parseTime(text)).slice(0, -1)}.${fraction}Z`;
}

/**
 * A length of time as kubectl shows it, with two or three significant figures: `119s`, `2m`, `5m30s`, `3h12m`, `2d`,
 * `3y12d`; `<invalid>` from -2 s down.
 */
export function formatDuration(durationMs: number): string {
	const seconds = Math.trunc(durationMs / secondMs);
	if (seconds < -1) return "<invalid>";
	if (seconds < 0) return "0s";
	if (seconds < 2 * 60) return `${seconds}s`;
	const minutes = Math.floor(seconds / 60);
	if (minutes < 10) return pair(minutes, "m", seconds % 60, "s");
	if (minutes < 3 * 60) return `${minutes}m`;
	const hours = Math.floor(minutes / 60);
	if (hours < 8) return pair(hours, "h", minutes % 60, "m");
	if (hours < 48) return `${hours}h`;
	const days = Math.floor(hours / 24);
	if (days < 8) return pair(days, "d", hours % 24, "h");
	if (days < 2 * 365) return `${days}d`;
	const years = Math.floor(days / 365);
	return years < 8 ? pair(years, "y", days % 365, "d") : `${years}y`;
}

/** What an AGE column shows: the time since `timestamp` (RFC 3339), `<unknown>` when there is none. */
export function formatAge(timestamp: string | undefined, nowMs: number): string {
	return timestamp === undefined || timestamp === "" ? "<unknown>" : formatDuration(nowMs - parseTime(timestamp));
}

/** Go's time.Duration.String: `1h0m0s`, `1.5s`, `100ms`, `0s`. Precise to a nanosecond. */
export function formatGoDuration(durationMs: number): string {
	const nanos = BigInt(Math.round(durationMs * 1e6));
	if (nanos === 0n) return "0s";
	if (nanos < 0n) return `-${formatGoDuration(-durationMs)}`;
	if (nanos < 1_000n) return `${nanos}ns`;
	if (nanos < 1_000_000n) return `${decimal(nanos, 3)}µs`;
	if (nanos < 1_000_000_000n) return `${decimal(nanos, 6)}ms`;
	const minutes = nanos / 60_000_000_000n;
	const seconds = `${decimal(nanos % 60_000_000_000n, 9)}s`;
	if (minutes === 0n) return seconds;
	return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

const goUnitsMs: Readonly<Record<string, number>> = {
	ns: 1e-6,
	us: 1e-3,
	µs: 1e-3,
	μs: 1e-3,
	ms: 1,
	s: secondMs,
	m: minuteMs,
	h: hourMs,
};

/** Go's time.ParseDuration in ms: `300ms`, `-1.5h`, `2h45m`. Throws TimeError with Go's text. */
export function parseGoDuration(text: string): number {
	const sign = text.startsWith("-") ? -1 : 1;
	let rest = /^[+-]/.test(text) ? text.slice(1) : text;
	if (rest === "0") return 0;
	if (rest === "") throw new TimeError(`time: invalid duration ${quote(text)}`);
	let totalMs = 0;
	while (rest !== "") {
		const [, number = "", unit = ""] = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest) ?? [];
		if (number === "") throw new TimeError(`time: invalid duration ${quote(text)}`);
		if (unit === "") throw new TimeError(`time: missing unit in duration ${quote(text)}`);
		const unitMs = Object.hasOwn(goUnitsMs, unit) ? goUnitsMs[unit] : undefined;
		if (unitMs === undefined) throw new TimeError(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
		totalMs += Number(number) * unitMs;
		rest = rest.slice(number.length + unit.length);
	}
	return sign * totalMs;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
	return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}

/** `value` / 10^places without trailing zeros. */
function decimal(value: bigint, places: number): string {
	const digits = value.toString().padStart(places + 1, "0");
	const fraction = digits.slice(-places).replace(/0+$/, "");
	return fraction === "" ? digits.slice(0, -places) : `${digits.slice(0, -places)}.${fraction}`;
}

function quote(text: string): string {
	return JSON.stringify(text);
}

/** Date.UTC, which reads the years 0 to 99 as 1900 to 1999. The calendar is the same every 400 years. */
function utcOf(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
	if (year > 99) return Date.UTC(year, month - 1, day, hour, minute, second);
	return Date.UTC(year + 400, month - 1, day, hour, minute, second) - daysOf400Years * 24 * hourMs;
}

const daysOf400Years = 146_097;

/** Which part Go would call out of range; undefined if none is. */
function rangeError(parts: readonly string[]): string | undefined {
	const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
	if (month < 1 || month > 12) return "month";
	if (hour > 23) return "hour";
	if (minute > 59) return "minute";
	if (second > 59) return "second";
	if (day < 1 || day > daysIn(year, month)) return "day";
	return undefined;
}

function daysIn(year: number, month: number): number {
	if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
	return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** The pieces of a layout in order, with what each takes: to name the first that does not fit, as Go does. */
const layoutPieces: readonly (readonly [string, RegExp])[] = [
	["2006", /^\d{4}/],
	["-", /^-/],
	["01", /^\d{2}/],
	["-", /^-/],
	["02", /^\d{2}/],
	["T", /^T/],
	["15", /^\d{2}/],
	[":", /^:/],
	["04", /^\d{2}/],
	[":", /^:/],
	["05", /^\d{2}/],
];

function explainTime(text: string, layout: string): string {
	const head = `parsing time ${quote(text)} as ${quote(layout)}`;
	let rest = text;
	for (const [name, pattern] of layoutPieces) {
		const taken = pattern.exec(rest)?.[0];
		if (taken === undefined) return `${head}: cannot parse ${quote(rest)} as ${quote(name)}`;
		rest = rest.slice(taken.length);
	}
	const fraction = /^[.,]\d+/.exec(rest)?.[0] ?? "";
	if (layout === microTimeLayout && !/^\.\d{6}(?!\d)/.test(rest)) return `${head}: cannot parse ${quote(rest)} as ".000000"`;
	rest = rest.slice(fraction.length);
	const zone = /^(?:Z|[+-]\d{2}:\d{2})/.exec(rest)?.[0];
	if (zone === undefined) return `${head}: cannot parse ${quote(rest)} as "Z07:00"`;
	return `parsing time ${quote(text)}: extra text: ${quote(rest.slice(zone.length))}`;
}
