/**
 * When a probe's results count: `successThreshold` or `failureThreshold` of them in a row. Pure.
 * Source: https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
 */
import type { Probe } from "../../apimachinery/schema/generated/types.ts";

export type ProbeKind = "startup" | "liveness" | "readiness";

/** What one execution of a probe found. `unknown`: it could not be carried out, which counts for nothing. */
export interface ProbeResult {
	readonly outcome: "success" | "failure" | "unknown";
	/** What the Unhealthy event says behind the colon. */
	readonly output: string;
	/** Of a success with a flaw: what the ProbeWarning event says. */
	readonly warning?: string;
}

export interface ProbeState {
	/** The last result, and how many of it there were in a row. */
	readonly last: "success" | "failure" | undefined;
	readonly run: number;
	/** What the probe says: liveness begins healthy, the others do not. */
	readonly verdict: "success" | "failure";
}

export function initialProbeState(kind: ProbeKind): ProbeState {
	return { last: undefined, run: 0, verdict: kind === "liveness" ? "success" : "failure" };
}

/** @returns the state, and whether the verdict was reached by this result (again, or anew). */
export function observeProbe(
	state: ProbeState,
	{ failureThreshold = 3, successThreshold = 1 }: Probe,
	result: ProbeResult,
): { readonly state: ProbeState; readonly decided: boolean } {
	if (result.outcome === "unknown") return { state, decided: false };
	const run = state.last === result.outcome ? state.run + 1 : 1;
	const threshold = result.outcome === "success" ? successThreshold : failureThreshold;
	const decided = run >= threshold;
	return { state: { last: result.outcome, run, verdict: decided ? result.outcome : state.verdict }, decided };
}
