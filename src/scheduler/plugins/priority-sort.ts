/**
 * PrioritySort: pods of higher priority first; of equal ones, whoever has waited longer.
 */
import type { QueueOrderable, QueueSortPlugin } from "../framework/plugin.ts";

export const prioritySort: QueueSortPlugin = {
	name: "PrioritySort",
	less(a: QueueOrderable, b: QueueOrderable): boolean {
		const left = a.podInfo.priority;
		const right = b.podInfo.priority;
		return left > right || (left === right && a.timestampMs < b.timestampMs);
	},
	eventsToRegister: () => [],
};
