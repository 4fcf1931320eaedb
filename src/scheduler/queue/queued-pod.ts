/**
 * A pod on its way through the scheduling queue, with what its earlier attempts taught.
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { QueueOrderable } from "../framework/plugin.ts";
import { PodInfo } from "../framework/pod-info.ts";

export interface QueuedPod extends QueueOrderable {
	podInfo: PodInfo;
	/** When it last came into the queue, Unix ms. */
	timestampMs: number;
	/** When it was first tried, Unix ms. */
	initialAttemptMs: number | undefined;
	/** How often it was tried. */
	attempts: number;
	/** How often it was turned down: what its back-off grows with. */
	unschedulableCount: number;
	/** How often in a row it failed for reasons that have nothing to do with it. */
	consecutiveErrorsCount: number;
	/** When its back-off is over, Unix ms; 0 if it has none. */
	backoffExpirationMs: number;
	/** The plugins that turned it down: whose events can wake it. */
	unschedulablePlugins: ReadonlySet<string>;
	/** Those that answered Pending: whose events wake it at once. */
	pendingPlugins: ReadonlySet<string>;
	/** The plugin that keeps it out of the queue, if one does. */
	gatingPlugin: string | undefined;
}

export function newQueuedPod(pod: Pod, nowMs: number): QueuedPod {
	return {
		podInfo: new PodInfo(pod),
		timestampMs: nowMs,
		initialAttemptMs: undefined,
		attempts: 0,
		unschedulableCount: 0,
		consecutiveErrorsCount: 0,
		backoffExpirationMs: 0,
		unschedulablePlugins: new Set(),
		pendingPlugins: new Set(),
		gatingPlugin: undefined,
	};
}
