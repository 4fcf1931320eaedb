/**
 * What a plugin answers. "Unschedulable" is an answer like any other, so a `Status` is returned, never thrown; what a
 * plugin throws is a defect of the plugin and counts as code Error.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/ and k8s.io/kube-scheduler/framework.
 */

/**
 * - Success: go on.
 * - Error: something unforeseen; the pod is retried after a back-off, whatever happens in the cluster.
 * - Unschedulable: not now, not here; preemption may help.
 * - UnschedulableAndUnresolvable: not here, and preemption cannot help.
 * - Wait: a Permit plugin holds the pod back.
 * - Skip: the plugin has nothing to say of this pod, and is not called again in this cycle.
 * - Pending: scheduling would go on, but waits for something outside; the pod is retried at once when that comes.
 */
export type StatusCode = "Success" | "Error" | "Unschedulable" | "UnschedulableAndUnresolvable" | "Wait" | "Skip" | "Pending";

/** Immutable, so plugins keep the ones they answer with often as constants. */
export class Status {
	readonly code: StatusCode;
	readonly reasons: readonly string[];
	/** The plugin that answered; "" for the framework's own. */
	readonly plugin: string;

	constructor(code: StatusCode, plugin: string, reasons: readonly string[]) {
		this.code = code;
		this.plugin = plugin;
		this.reasons = reasons;
	}

	/** The reasons, as they stand in events and conditions. */
	get message(): string {
		return this.reasons.join(", ");
	}

	/** The pod was turned down, for a reason that events in the cluster can remove. */
	get isRejected(): boolean {
		return this.code === "Unschedulable" || this.code === "UnschedulableAndUnresolvable" || this.code === "Pending";
	}
}

/** A plugin's answer; absent means Success, so that the common answer costs nothing. */
export type Verdict = Status | undefined;

export function unschedulable(plugin: string, ...reasons: readonly string[]): Status {
	return new Status("Unschedulable", plugin, reasons);
}

export function unresolvable(plugin: string, ...reasons: readonly string[]): Status {
	return new Status("UnschedulableAndUnresolvable", plugin, reasons);
}

/** Something unforeseen; takes what was thrown, or a text. */
export function errorStatus(plugin: string, cause: unknown): Status {
	return new Status("Error", plugin, [cause instanceof Error ? cause.message : String(cause)]);
}

/** The answer of a plugin that has nothing to say of a pod. */
export const skip = new Status("Skip", "", []);

/** A Permit plugin's "not yet". */
export const wait = new Status("Wait", "", []);
