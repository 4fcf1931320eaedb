/** Calendar events. The expected normalized forms are those of systemd.time(7). */
import { expect, it } from "vitest";
import { formatCalendar, nextElapse, parseCalendar } from "./calendar.ts";

it.each([
	["Sat,Thu,Mon..Wed,Sat..Sun", "Mon..Thu,Sat,Sun *-*-* 00:00:00"],
	["Mon,Sun 12-*-* 2,1:23", "Mon,Sun 2012-*-* 01,02:23:00"],
	["Wed *-1", "Wed *-*-01 00:00:00"],
	["Wed..Wed,Wed *-1", "Wed *-*-01 00:00:00"],
	["Wed, 17:48", "Wed *-*-* 17:48:00"],
	["Wed..Sat,Tue 12-10-15 1:2:3", "Tue..Sat 2012-10-15 01:02:03"],
	["*-*-7 0:0:0", "*-*-07 00:00:00"],
	["10-15", "*-10-15 00:00:00"],
	["monday *-12-* 17:00", "Mon *-12-* 17:00:00"],
	["Mon,Fri *-*-3,1,2 *:30:45", "Mon,Fri *-*-01,02,03 *:30:45"],
	["12,14,13,12:20,10,30", "*-*-* 12,13,14:10,20,30:00"],
	["mon,fri *-1/2-1,3 *:30:45", "Mon,Fri *-01/2-01,03 *:30:45"],
	["03-05 08:05:40", "*-03-05 08:05:40"],
	["05:40", "*-*-* 05:40:00"],
	["Sat,Sun 12-05 08:05:40", "Sat,Sun *-12-05 08:05:40"],
	["Sat,Sun 08:05:40", "Sat,Sun *-*-* 08:05:40"],
	["2003-03-05 05:40", "2003-03-05 05:40:00"],
	["2003-02..04-05", "2003-02..04-05 00:00:00"],
	["2003-03-05 05:40 UTC", "2003-03-05 05:40:00 UTC"],
	["2003-03-05", "2003-03-05 00:00:00"],
	["03-05", "*-03-05 00:00:00"],
	["hourly", "*-*-* *:00:00"],
	["daily UTC", "*-*-* 00:00:00 UTC"],
	["weekly", "Mon *-*-* 00:00:00"],
	["yearly", "*-01-01 00:00:00"],
	["*:2/3", "*-*-* *:02/3:00"],
	["*-02~03", "*-02~03 00:00:00"],
	["Mon *-05~07/1", "Mon *-05~07/1 00:00:00"],
])("%s is %s", (text, normalized) => {
	const spec = parseCalendar(text);
	expect(spec && formatCalendar(spec)).toBe(normalized);
});

it.each(["", "8", "*:*/15", "sometimes", "Mon..Fri..Sun", "25:00", "*-13-01", "00:00:00 Mon", "1:2:3:4", "*:0/0", "*-*-* 10..8:00"])(
	"%j is none",
	(text) => expect(parseCalendar(text)).toBeUndefined(),
);

it.each([
	["*:0/15", "2026-01-01T00:00:00", "2026-01-01T00:15:00"],
	["*:0/15", "2026-01-01T23:45:00", "2026-01-02T00:00:00"],
	["daily", "2026-02-28T12:00:00", "2026-03-01T00:00:00"],
	["Mon..Fri 08:30", "2026-01-02T08:30:00", "2026-01-05T08:30:00"],
	["*-02~03", "2026-01-01T00:00:00", "2026-02-26T00:00:00"],
	["Mon *-05~07/1", "2026-01-01T00:00:00", "2026-05-25T00:00:00"],
	["*-02-29", "2026-01-01T00:00:00", "2028-02-29T00:00:00"],
	["*-*-* *:*:10..20/5", "2026-01-01T00:00:15", "2026-01-01T00:00:20"],
	["quarterly", "2026-11-01T00:00:00", "2027-01-01T00:00:00"],
	["*-*-31 06:00", "2026-04-01T00:00:00", "2026-05-31T06:00:00"],
	["2025-01-01", "2026-01-01T00:00:00", undefined],
	["*-02-30", "2026-01-01T00:00:00", undefined],
])("%s after %s is %s", (text, after, next) => {
	const spec = parseCalendar(text);
	const nextMs = spec === undefined ? Number.NaN : nextElapse(spec, Date.parse(`${after}Z`));
	expect(nextMs === undefined ? undefined : new Date(nextMs).toISOString().slice(0, 19)).toBe(next);
});

it("finds a moment between seconds", () => {
	const spec = parseCalendar("*:*:*");
	expect(spec && nextElapse(spec, 1_500)).toBe(2_000);
});
