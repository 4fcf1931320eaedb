/** The queues of the Job controller, whose retries wait from a second to a minute and are not limited altogether. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { WorkQueue } from "../../client/work-queue.ts";

export function jobQueue(clock: Clock): WorkQueue {
	return new WorkQueue({ clock, baseDelayMs: 1_000, maxDelayMs: 60_000, retryBurst: Number.POSITIVE_INFINITY });
}
