import fc from "fast-check";
import { expect, test } from "vitest";
import {
	formatAge,
	formatDuration,
	formatGoDuration,
	formatMicroTime,
	formatTime,
	normalizeMicroTime,
	normalizeTime,
	parseGoDuration,
	parseTime,
} from "./time.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

// The cases of k8s.io/apimachinery/pkg/util/duration.
test.each([
	[-2 * second, "<invalid>"],
	[-2 * second + 1, "0s"],
	[0, "0s"],
	[second - 1, "0s"],
	[second, "1s"],
	[2 * minute - 1, "119s"],
	[2 * minute, "2m"],
	[2 * minute + second, "2m1s"],
	[10 * minute - 1, "9m59s"],
	[10 * minute, "10m"],
	[10 * minute + second, "10m"],
	[3 * hour - 1, "179m"],
	[3 * hour, "3h"],
	[3 * hour + minute, "3h1m"],
	[8 * hour - 1, "7h59m"],
	[8 * hour, "8h"],
	[8 * hour + 59 * minute, "8h"],
	[2 * day - 1, "47h"],
	[2 * day, "2d"],
	[2 * day + hour, "2d1h"],
	[8 * day - 1, "7d23h"],
	[8 * day, "8d"],
	[8 * day + 23 * hour, "8d"],
	[2 * year - 1, "729d"],
	[2 * year, "2y"],
	[2 * year + 23 * hour, "2y"],
	[2 * year + day, "2y1d"],
	[8 * year - 1, "7y364d"],
	[8 * year, "8y"],
	[8 * year + 364 * day, "8y"],
])("an age of %i ms is %s", (durationMs, text) => {
	expect(formatDuration(durationMs)).toBe(text);
});

test("an object without a time has an unknown age", () => {
	const nowMs = Date.UTC(2026, 0, 1, 0, 5, 30);
	expect(formatAge("2026-01-01T00:00:00Z", nowMs)).toBe("5m30s");
	expect(formatAge(undefined, nowMs)).toBe("<unknown>");
});

test.each([
	[0, "0s"],
	[1e-6, "1ns"],
	[1.1e-3, "1.1µs"],
	[2.2, "2.2ms"],
	[3300, "3.3s"],
	[4 * minute + 5001, "4m5.001s"],
	[hour, "1h0m0s"],
	[5 * hour + 6 * minute + 7001, "5h6m7.001s"],
	[-30 * second, "-30s"],
])("Go writes a duration of %d ms as %s, and reads it back", (durationMs, text) => {
	expect(formatGoDuration(durationMs)).toBe(text);
	expect(parseGoDuration(text)).toBeCloseTo(durationMs, 6);
});

test.each([
	["1.5h", 90 * minute],
	["2h45m", 165 * minute],
	["+5s", 5 * second],
	[".5m", 30 * second],
	["0", 0],
])("Go reads %s", (text, durationMs) => {
	expect(parseGoDuration(text)).toBe(durationMs);
});

test.each([
	["", 'time: invalid duration ""'],
	["3", 'time: missing unit in duration "3"'],
	["3x", 'time: unknown unit "x" in duration "3x"'],
	["-", 'time: invalid duration "-"'],
	["s", 'time: invalid duration "s"'],
])("Go refuses the duration %j", (text, message) => {
	expect(() => parseGoDuration(text)).toThrow(new Error(message).message);
});

test("times are UTC: whole seconds, or six digits", () => {
	const timeMs = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
	expect(formatTime(timeMs)).toBe("2026-02-03T04:05:06Z");
	expect(formatMicroTime(timeMs)).toBe("2026-02-03T04:05:06.789000Z");
	expect(parseTime("2026-02-03T04:05:06.789Z")).toBe(timeMs);
	expect(normalizeTime("2026-02-03T06:05:06.5+02:00")).toBe("2026-02-03T04:05:06Z");
	expect(normalizeMicroTime("2026-02-03T06:05:06.123456+02:00")).toBe("2026-02-03T04:05:06.123456Z");
	expect(normalizeMicroTime("2026-02-03T04:05:06.123456Z")).toBe("2026-02-03T04:05:06.123456Z");
	expect(() => normalizeMicroTime("2026-02-30T04:05:06.123456Z")).toThrow("day out of range");
	expect(parseTime("0001-01-01T00:00:00Z")).toBe(-62_135_596_800_000);
});

test("a time in the form that we write is what it is in any other, or as wrong", () => {
	const two = (most: number) => fc.integer({ min: 0, max: most }).map((value) => String(value).padStart(2, "0"));
	const parts = fc.tuple(
		fc.oneof(fc.constantFrom("0000", "0001", "0099", "0100", "1900", "2000", "2024"), fc.integer({ min: 1000, max: 9999 }).map(String)),
		two(13),
		two(32),
		two(24),
		two(60),
		two(60),
		fc.option(fc.integer({ min: 0, max: 999_999 })),
	);
	const outcome = (read: () => unknown) => {
		try {
			return read();
		} catch {
			return "none";
		}
	};
	fc.assert(
		fc.property(parts, ([y, month, d, h, m, s, micros]) => {
			const head = `${y}-${month}-${d}T${h}:${m}:${s}`;
			const fraction = micros === null ? "" : `.${String(micros).padStart(6, "0")}`;
			const text = `${head}${fraction}Z`;
			const timeMs = outcome(() => parseTime(text));
			expect(timeMs).toBe(outcome(() => parseTime(`${head}${fraction}+00:00`)));
			const normalize = micros === null ? normalizeTime : normalizeMicroTime;
			expect(outcome(() => normalize(text))).toBe(timeMs === "none" ? "none" : text);
		}),
		{ numRuns: 2_000 },
	);
	// Where there are no digits.
	for (const text of ["2026-01-01T00:00:0xZ", "2026-01-01T00:00: 1Z", "2026-01-01T00:00:00.00000xZ", "2026/01-01T00:00:00Z"])
		expect(
			outcome(() => parseTime(text)),
			text,
		).toBe("none");
});

test("times are written as ECMAScript writes them, before 1970 too", () => {
	const isTime = (timeMs: number) => {
		const iso = new Date(timeMs).toISOString();
		expect(formatTime(timeMs)).toBe(`${iso.slice(0, -5)}Z`);
		expect(formatMicroTime(timeMs)).toBe(`${iso.slice(0, -1)}000Z`);
	};
	fc.assert(fc.property(fc.date({ noInvalidDate: true }), (date) => isTime(date.getTime())));
	// Within one minute, and over its end.
	for (const offsetMs of [0, 1, 999, 1_000, 59_999, 60_000, 60_001]) isTime(Date.UTC(1969, 11, 31, 23, 59) + offsetMs);
	expect(() => formatTime(Number.NaN)).toThrow(RangeError);
});

const layout = '"2006-01-02T15:04:05Z07:00"';
test.each([
	["", `parsing time "" as ${layout}: cannot parse "" as "2006"`],
	["yesterday", `parsing time "yesterday" as ${layout}: cannot parse "yesterday" as "2006"`],
	["2026-01-01", `parsing time "2026-01-01" as ${layout}: cannot parse "" as "T"`],
	["2026-01-01 00:00:00Z", `parsing time "2026-01-01 00:00:00Z" as ${layout}: cannot parse " 00:00:00Z" as "T"`],
	["2026-01-01T00:00:00", `parsing time "2026-01-01T00:00:00" as ${layout}: cannot parse "" as "Z07:00"`],
	["2026-13-01T00:00:00Z", 'parsing time "2026-13-01T00:00:00Z": month out of range'],
	["2026-02-29T00:00:00Z", 'parsing time "2026-02-29T00:00:00Z": day out of range'],
	["2026-01-01T24:00:00Z", 'parsing time "2026-01-01T24:00:00Z": hour out of range'],
	["2026-01-01T00:00:00Zoo", 'parsing time "2026-01-01T00:00:00Zoo": extra text: "oo"'],
])("%j is no time", (text, message) => {
	const error = failure(() => normalizeTime(text));
	expect(error).toBe(message);
});

test("a microtime without its six digits is refused", () => {
	const text = "2026-01-01T00:00:00Z";
	expect(failure(() => normalizeMicroTime(text))).toBe(
		`parsing time "${text}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"`,
	);
});

function failure(run: () => unknown): string {
	try {
		run();
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
	return "no error";
}
