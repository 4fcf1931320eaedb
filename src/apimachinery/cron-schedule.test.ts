import fc from "fast-check";
import { expect, test } from "vitest";
import { parseCronSchedule } from "./cron-schedule.ts";
import { formatTime, parseTime } from "./time.ts";
import { formatTimeIn, loadTimeZone } from "./time-zone.ts";

/** The next times after `from`, in the zone. */
function times(schedule: string, from: string, count: number, zoneName = "UTC"): readonly string[] {
	const zone = loadTimeZone(zoneName);
	const parsed = parseCronSchedule(schedule, zone);
	const found: string[] = [];
	for (let timeMs = parsed.next(parseTime(from)); timeMs !== undefined && found.length < count; timeMs = parsed.next(timeMs)) {
		found.push(formatTimeIn(timeMs, zone));
	}
	return found;
}

test.each([
	["* * * * *", "2026-01-01T00:00:30Z", ["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"]],
	["*/20 * * * *", "2026-01-01T00:20:00Z", ["2026-01-01T00:40:00Z", "2026-01-01T01:00:00Z"]],
	[
		"5/20 * * * *",
		"2026-01-01T00:00:00Z",
		["2026-01-01T00:05:00Z", "2026-01-01T00:25:00Z", "2026-01-01T00:45:00Z", "2026-01-01T01:05:00Z"],
	],
	["0,30 8-9 * * *", "2026-01-01T08:30:00Z", ["2026-01-01T09:00:00Z", "2026-01-01T09:30:00Z", "2026-01-02T08:00:00Z"]],
	["30 6-16/4 * * 1-5", "2026-01-02T10:30:00Z", ["2026-01-02T14:30:00Z", "2026-01-05T06:30:00Z"]],
	["0 0 * FEB mon", "2026-01-01T00:00:00Z", ["2026-02-02T00:00:00Z", "2026-02-09T00:00:00Z"]],
	["0 0 29 2 *", "2026-01-01T00:00:00Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]],
	["0 0 31 * ?", "2026-01-31T00:00:00Z", ["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"]],
	["0 0 13 * 5", "2026-02-07T00:00:00Z", ["2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"]],
	["0 0 */10 * 5", "2026-01-01T00:00:00Z", ["2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z", "2026-01-11T00:00:00Z"]],
	["@hourly", "2026-01-01T00:00:00Z", ["2026-01-01T01:00:00Z"]],
	["@daily", "2026-01-01T00:00:00Z", ["2026-01-02T00:00:00Z"]],
	["@weekly", "2026-01-01T00:00:00Z", ["2026-01-04T00:00:00Z"]],
	["@monthly", "2026-01-01T00:00:00Z", ["2026-02-01T00:00:00Z"]],
	["@yearly", "2026-01-01T00:00:00Z", ["2027-01-01T00:00:00Z"]],
	["@every 90s", "2026-01-01T00:00:10Z", ["2026-01-01T00:01:40Z", "2026-01-01T00:03:10Z"]],
	["@every 1ms", "2026-01-01T00:00:10Z", ["2026-01-01T00:00:11Z"]],
	["TZ=Asia/Tokyo 0 9 * * *", "2026-01-01T00:00:00Z", ["2026-01-02T00:00:00Z"]],
])("%j after %s: %j", (schedule, from, expected) => {
	expect(times(schedule, from, expected.length)).toEqual(expected);
});

test.each(["0 0 31 2 *", "59 23 31 4,6,9,11 *", "0 0 30 feb ?"])("%j never comes", (schedule) => {
	expect(times(schedule, "2026-01-01T00:00:00Z", 1)).toEqual([]);
});

test.each([
	["0 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", ["2026-03-09T02:00:00-04:00"]],
	[
		"30 1 * * *",
		"America/New_York",
		"2026-11-01T00:00:00Z",
		["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00", "2026-11-02T01:30:00-05:00"],
	],
	["0 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"]],
	["0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", ["2018-11-05T00:00:00-02:00"]],
	["0 0 * * *", "Australia/Lord_Howe", "2026-04-03T14:00:00Z", ["2026-04-05T00:00:00+11:00", "2026-04-06T00:00:00+10:30"]],
	["45 5 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z", ["2026-01-02T05:45:00+05:45"]],
	["0 3 * * sun", "Asia/Tokyo", "2026-01-01T00:00:00Z", ["2026-01-04T03:00:00+09:00"]],
])("%j in %s after %s: %j", (schedule, zone, from, expected) => {
	expect(times(schedule, from, expected.length, zone)).toEqual(expected);
});

/** The slow way: minute after minute. */
function nextByMinutes(schedule: { readonly minute: number; readonly hour: number }, zoneName: string, timeMs: number): number {
	const zone = loadTimeZone(zoneName);
	for (let candidate = (Math.floor(timeMs / 60_000) + 1) * 60_000; ; candidate += 60_000) {
		const clock = new Date(candidate + zone.offsetMs(candidate));
		if (clock.getUTCMinutes() === schedule.minute && clock.getUTCHours() === schedule.hour) return candidate;
	}
}

test("no minute that a clock in the zone shows is passed over, whenever the clocks are changed", () => {
	const zones = ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "America/Havana", "Africa/Casablanca"];
	fc.assert(
		fc.property(
			fc.constantFrom(...zones),
			fc.integer({ min: parseTime("2017-01-01T00:00:00Z"), max: parseTime("2019-12-31T00:00:00Z") }),
			fc.nat({ max: 59 }),
			fc.nat({ max: 3 }),
			(zone, timeMs, minute, hour) => {
				const next = parseCronSchedule(`${minute} ${hour} * * *`, loadTimeZone(zone)).next(timeMs);
				expect(formatTime(next ?? 0)).toBe(formatTime(nextByMinutes({ minute, hour }, zone, timeMs)));
			},
		),
		{ numRuns: 200 },
	);
});

test("every minute of a year", () => {
	const schedule = parseCronSchedule("* * * * *", loadTimeZone("Europe/Berlin"));
	let timeMs = parseTime("2026-01-01T00:00:00Z");
	let count = 0;
	for (; timeMs < parseTime("2027-01-01T00:00:00Z"); count++) timeMs = schedule.next(timeMs) ?? Number.POSITIVE_INFINITY;
	expect(count).toBe(365 * 24 * 60);
});
