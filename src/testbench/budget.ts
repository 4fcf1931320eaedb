/**
 * What a test lets happen before it is told that something never rests: virtual time would go on with it for ever, as fast as it can.
 *
 *   many changes in one advance      a cron line that fires every second of a year, two controllers at odds
 *   many timers in one instant       somebody who waits 0 ms again and again
 *   many requests in one instant     a controller whose loop needs no time (run-controller.ts ends it)
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { formatDuration } from "../apimachinery/time.ts";
import type { Timeline } from "../cluster/timeline/timeline.ts";

export interface Budget {
	/** Changes of objects in one `advance`, `settle` or `runUntil`; default 2,000,000: a busy day. */
	readonly changes?: number;
	/** Timers of one instant; default 1,000,000. */
	readonly timersAtOnce?: number;
	/** Requests of one controller in one instant; default 100,000. */
	readonly requestsAtOnce?: number;
}

export const defaultBudget = { changes: 2_000_000, timersAtOnce: 1_000_000, requestsAtOnce: 100_000 } as const;

/** Something never rests: what it is, and how far it got. */
export class BudgetError extends Error {
	override readonly name = "BudgetError";
}

/** How many of the busiest are named. */
const shown = 5;

/** A check for one advance; it throws BudgetError. */
export function budgetCheck(limits: Required<Budget>, timeline: Timeline, clock: Clock): () => void {
	const startMs = clock.now();
	const startCount = timeline.count;
	let instantMs = startMs;
	let timers = 0;
	return () => {
		const nowMs = clock.now();
		timers = nowMs === instantMs ? timers + 1 : 1;
		instantMs = nowMs;
		const where = `after ${formatDuration(nowMs - startMs)}`;
		const changes = timeline.count - startCount;
		if (changes > limits.changes) throw new BudgetError(`more than ${limits.changes} changes ${where}; ${busiest(timeline, changes)}`);
		if (timers > limits.timersAtOnce) {
			throw new BudgetError(`more than ${limits.timersAtOnce} timers in one instant ${where}; ${busiest(timeline, changes)}`);
		}
	};
}

/** Who changed what most often, of the last changes. */
function busiest({ entries }: Timeline, changes: number): string {
	const counts = new Map<string, number>();
	for (const { actor = "-", kind, namespace, name } of entries.slice(-Math.max(1, changes))) {
		const key = `${actor.replace(/^system:serviceaccount:kube-system:/, "")} ${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;
		counts.set(key, (counts.get(key) ?? 0) + 1);
	}
	const sorted = [...counts].sort(([, a], [, b]) => b - a).slice(0, shown);
	if (changes === 0 || sorted.length === 0) return "nothing changed";
	return `busiest: ${sorted.map(([key, count]) => `${key} (${count} changes)`).join(", ")}`;
}
