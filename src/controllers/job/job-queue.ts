/** The queues of the Job controller, whose retries wait from a second to a minute and are not limited altogether. */
import type { WorkQueue } from "../../client/work-queue.ts";
import { type ControllerContext, queueOf } from "../controller.ts";

export function jobQueue(context: ControllerContext, name: string): WorkQueue {
	return queueOf(context, name, { baseDelayMs: 1_000, maxDelayMs: 60_000, retryBurst: Number.POSITIVE_INFINITY });
}
