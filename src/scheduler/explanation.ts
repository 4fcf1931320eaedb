/**
 * Why a pod is where it is, or why it is nowhere: what a scheduling attempt's record says, as plain data.
 */
import { formatTime } from "../apimachinery/time.ts";
import type { AttemptRecord, BindingFailure, BindingVerdict, PluginVerdict } from "./framework/attempt-recorder.ts";

export interface PodExplanation {
	/** "namespace/name". */
	readonly pod: string;
	readonly schedulerName: string;
	/** The node that it is bound to; "" if it is pending. */
	readonly nodeName: string;
	/** Why nobody schedules it: it is not for this scheduler, it is gated, it is on its way out. */
	readonly notScheduled?: string;
	/** Those that are still on record, the latest last. */
	readonly attempts: readonly AttemptExplanation[];
	/** What would come of an attempt at this moment; of a pending pod. Of one of a group: together with the others that wait. */
	readonly now?: AttemptExplanation;
	/** Of a pod that names a PodGroup which is there. */
	readonly group?: GroupExplanation;
}

export interface GroupExplanation {
	/** "namespace/name" of the PodGroup. */
	readonly name: string;
	/** How many have to fit together; absent: each by itself. */
	readonly minCount?: number;
	/** How many there are, and how many of them have a node or one set aside. */
	readonly pods: number;
	readonly scheduled: number;
	/** How many of the others would find one at this moment, tried together. */
	readonly fits: number;
}

export interface AttemptExplanation {
	/** Cluster time, RFC 3339. */
	readonly at: string;
	readonly result: "Scheduled" | "Unschedulable" | "SchedulerError";
	/** The node that won, even if the pod was not bound to it after all, or that is kept for the pod until its victims are gone; "" if none. */
	readonly nodeName: string;
	/** The event's text of an attempt that failed; "" otherwise. */
	readonly message: string;
	/** What PreFilter plugins said against the pod as a whole. */
	readonly preFilter: readonly PluginVerdict[];
	/** Those that were looked at, best first; then those that were turned down, by name. Empty where too many were to write all of it down. */
	readonly nodes: readonly NodeExplanation[];
	readonly isBrief: boolean;
	readonly postFilter: readonly PluginVerdict[];
	readonly preemption: readonly PreemptionExplanation[];
	/** What plugins said once a node was chosen: of Reserve, Permit, PreBind and Bind. */
	readonly binding: readonly BindingVerdict[];
}

export interface NodeExplanation {
	readonly name: string;
	/** Absent: it fits. */
	readonly rejectedBy?: PluginVerdict;
	/** The sum of its weighted scores; absent where it does not fit, and where it was the only one. */
	readonly total?: number;
	readonly scores: readonly ScoreExplanation[];
}

export interface ScoreExplanation {
	readonly plugin: string;
	/** As the plugin gave it. */
	readonly raw: number;
	/** In 0..100. */
	readonly normalized: number;
	readonly weight: number;
}

export interface PreemptionExplanation {
	readonly nodeName: string;
	/** "namespace/name", the most important first. */
	readonly victims: readonly string[];
	readonly budgetViolations: number;
}

export function explainAttempt({
	atMs,
	outcome,
	preFilter,
	filter,
	score,
	postFilter,
	preemption,
	binding,
	bindingFailure,
	isBrief,
}: AttemptRecord): AttemptExplanation {
	// Once, not once a node.
	const scored = score.map(({ plugin, weight, raw, normalized }) => ({ plugin, weight, raw, normalized }));
	const nodes = [...filter].map(([name, verdicts]): NodeExplanation => {
		const last = verdicts.at(-1);
		if (last !== undefined && last.code !== "Success") return { name, rejectedBy: last, scores: [] };
		const scores = scored.map(({ plugin, weight, raw, normalized }) => ({
			plugin,
			weight,
			raw: raw.get(name) ?? 0,
			normalized: normalized.get(name) ?? 0,
		}));
		if (scores.length === 0) return { name, scores };
		return { name, scores, total: scores.reduce((sum, { normalized, weight }) => sum + normalized * weight, 0) };
	});
	return {
		at: formatTime(atMs),
		result: resultOf({ outcome, bindingFailure }),
		nodeName: outcome.kind === "scheduled" ? outcome.nodeName : outcome.kind === "unschedulable" ? outcome.nominatedNodeName : "",
		message: outcome.kind === "scheduled" ? (bindingFailure?.message ?? "") : outcome.message,
		preFilter: preFilter.filter(({ code }) => code !== "Success" && code !== "Skip"),
		nodes: nodes.sort(byWorth),
		isBrief,
		postFilter,
		preemption: preemption.map(({ nodeName, victims, budgetViolations }) => ({
			nodeName,
			victims: victims.map(({ key }) => key),
			budgetViolations,
		})),
		binding,
	};
}

function resultOf({ outcome, bindingFailure }: Pick<AttemptRecord, "outcome"> & { readonly bindingFailure: BindingFailure | undefined }) {
	if (outcome.kind !== "scheduled") return outcome.kind === "unschedulable" ? "Unschedulable" : "SchedulerError";
	if (bindingFailure === undefined) return "Scheduled";
	return bindingFailure.isRejection ? "Unschedulable" : "SchedulerError";
}

/** Nodes that fit before those that do not, the greatest total first, then by name. */
function byWorth(a: NodeExplanation, b: NodeExplanation): number {
	const fits = Number(b.rejectedBy === undefined) - Number(a.rejectedBy === undefined);
	if (fits !== 0) return fits;
	return (b.total ?? 0) - (a.total ?? 0) || (a.name < b.name ? -1 : 1);
}
