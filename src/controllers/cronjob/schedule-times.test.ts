import { expect, test } from "vitest";
import { parseCronSchedule } from "../../apimachinery/cron-schedule.ts";
import type { CronJob } from "../../apimachinery/schema/generated/types.ts";
import { formatTime, parseTime } from "../../apimachinery/time.ts";
import { isTooManyMissed, missedTimes, nextLookMs } from "./schedule-times.ts";

const made = "2026-01-01T00:00:00Z";

function cronJob(schedule: string, last?: string, startingDeadlineSeconds?: number): CronJob {
	return {
		metadata: { creationTimestamp: made },
		spec: { schedule, jobTemplate: {}, ...(startingDeadlineSeconds === undefined ? {} : { startingDeadlineSeconds }) },
		...(last === undefined ? {} : { status: { lastScheduleTime: last } }),
	};
}

/** The latest missed time, about how many there were, and the next look. */
test.each([
	["before the first time", cronJob("0 * * * *"), "2026-01-01T00:59:59Z", undefined, 0, "2026-01-01T01:00:00.1Z"],
	["at the first time", cronJob("0 * * * *"), "2026-01-01T01:00:00Z", "2026-01-01T01:00:00Z", 1, "2026-01-01T02:00:00.1Z"],
	["after several", cronJob("0 * * * *"), "2026-01-01T05:30:00Z", "2026-01-01T05:00:00Z", 5, "2026-01-01T06:00:00.1Z"],
	["since the last run", cronJob("0 * * * *", "2026-01-01T05:00:00Z"), "2026-01-01T05:30:00Z", undefined, 0, "2026-01-01T06:00:00.1Z"],
	["too late for all", cronJob("0 * * * *", made, 60), "2026-01-01T05:30:00Z", undefined, 0, "2026-01-01T06:00:00.1Z"],
	[
		"irregular times, which the estimate looks for too late",
		cronJob("30 6-16/4 * * 1-5", "2026-01-02T06:30:00Z"),
		"2026-01-05T05:00:00Z",
		undefined,
		17,
		"2026-01-05T06:30:00.1Z",
	],
	["from the time it was made on", cronJob("@every 7m"), "2026-01-01T00:20:00Z", "2026-01-01T00:14:00Z", 2, "2026-01-01T00:21:00.1Z"],
])("%s", (_when, subject, now, latest, count, next) => {
	const schedule = parseCronSchedule(subject.spec.schedule);
	const nowMs = parseTime(now);
	const missed = missedTimes(subject, schedule, nowMs, true);
	if (typeof missed === "string") throw new Error(missed);
	expect(missed.latestMs === undefined ? undefined : formatTime(missed.latestMs)).toBe(latest);
	expect(missed.count).toBe(count);
	const lookMs = nextLookMs(subject, schedule, nowMs);
	expect(lookMs === undefined ? undefined : nowMs + lookMs).toBe(parseTime(next));
});

test("a hundred missed times are not too many, a hundred and one are", () => {
	const subject = cronJob("* * * * *");
	const judge = (now: string) => {
		const missed = missedTimes(subject, parseCronSchedule("* * * * *"), parseTime(now), true);
		return typeof missed === "string" ? missed : isTooManyMissed(missed);
	};
	expect(judge("2026-01-01T01:40:30Z")).toBe(false);
	expect(judge("2026-01-01T01:41:30Z")).toBe(true);
	expect(judge("2046-01-01T00:00:00Z")).toBe(true);
});

test("a schedule that never comes is an error, and has no next look", () => {
	const subject = cronJob("0 0 31 2 *");
	const schedule = parseCronSchedule(subject.spec.schedule);
	expect(missedTimes(subject, schedule, parseTime("2026-06-01T00:00:00Z"), true)).toBe(
		"time difference between two schedules is less than 1 second",
	);
	expect(nextLookMs(subject, schedule, parseTime("2026-06-01T00:00:00Z"))).toBe(undefined);
});
