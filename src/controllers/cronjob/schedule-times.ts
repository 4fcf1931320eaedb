/**
 * When a CronJob is due. Pure.
 *
 * What was missed is not caught up with: of all times between the last run and now only the latest counts.
 * Source: pkg/controller/cronjob/utils.go and
 * https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#job-creation
 */
import type { CronSchedule } from "../../apimachinery/cron-schedule.ts";
import type { CronJob } from "../../apimachinery/schema/generated/types.ts";
import { parseTime } from "../../apimachinery/time.ts";

/** The next look at a CronJob is this much later than its time, for clocks that differ. */
const marginMs = 100;
/** From so many missed times on something is taken to be wrong. */
const manyMissed = 100;

export interface MissedTimes {
	/** The last run, or when the CronJob was made, or the start of the time in which it may still start late; Unix ms. */
	readonly sinceMs: number;
	/** The latest time that has passed since, Unix ms; undefined: none has, or none was found. */
	readonly latestMs: number | undefined;
	/** About how many have passed. */
	readonly count: number;
}

/**
 * What has passed since the last run; a text says why it cannot be known.
 * @param heedsDeadline leaves out what is older than startingDeadlineSeconds, and so too late to start.
 */
export function missedTimes(cronJob: CronJob, schedule: CronSchedule, nowMs: number, heedsDeadline: boolean): MissedTimes | string {
	const sinceMs = startOfWindow(cronJob, nowMs, heedsDeadline);
	const firstMs = schedule.next(sinceMs);
	const secondMs = firstMs === undefined ? undefined : schedule.next(firstMs);
	if (firstMs !== undefined && nowMs < firstMs) return { sinceMs, latestMs: undefined, count: 0 };
	if (secondMs !== undefined && nowMs < secondMs) return { sinceMs, latestMs: firstMs, count: 1 };
	// A 31st of February never comes, and a 29th not always within the years that are looked at.
	if (firstMs === undefined || secondMs === undefined) return "time difference between two schedules is less than 1 second";
	// An estimate, as if all times were as far apart as the first two: going through them one by one may take for ever.
	// Where they are not, it may overlook what was missed, as Kubernetes' does.
	const periodMs = secondMs - firstMs;
	const count = Math.floor((nowMs - firstMs) / periodMs) + 1;
	let latestMs: number | undefined;
	let timeMs = schedule.next(firstMs + (count - 2) * periodMs);
	for (; timeMs !== undefined && timeMs <= nowMs; timeMs = schedule.next(timeMs)) latestMs = timeMs;
	return { sinceMs, latestMs, count };
}

export function isTooManyMissed({ count }: MissedTimes): boolean {
	return count > manyMissed;
}

/** When to look at the CronJob again, ms from now; undefined: its schedule has no further time. */
export function nextLookMs(cronJob: CronJob, schedule: CronSchedule, nowMs: number): number | undefined {
	const missed = missedTimes(cronJob, schedule, nowMs, false);
	const nextMs = schedule.next(baseOfNext(missed, nowMs));
	return nextMs === undefined ? undefined : nextMs + marginMs - nowMs;
}

function baseOfNext(missed: MissedTimes | string, nowMs: number): number {
	if (typeof missed === "string") return nowMs;
	return missed.latestMs ?? (missed.count === 0 ? missed.sinceMs : nowMs);
}

function startOfWindow({ metadata, spec, status }: CronJob, nowMs: number, heedsDeadline: boolean): number {
	const last = status?.lastScheduleTime ?? metadata?.creationTimestamp;
	const lastMs = last === undefined ? nowMs : parseTime(last);
	const deadline = spec.startingDeadlineSeconds;
	return heedsDeadline && deadline !== undefined ? Math.max(lastMs, nowMs - deadline * 1000) : lastMs;
}
