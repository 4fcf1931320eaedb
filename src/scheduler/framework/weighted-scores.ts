/**
 * How the scores of plugins come together: each brings its own to 0..100, and adds them by its weight.
 */
import type { CycleState } from "./cycle-state.ts";
import type { NodeInfo } from "./node-info.ts";
import { maxNodeScore, type ScorePlugin } from "./plugin.ts";
import type { PodInfo } from "./pod-info.ts";
import type { WeightedScorePlugin } from "./profile.ts";
import type { Snapshot } from "./snapshot.ts";

/** What a round of scoring is about. */
export interface ScoreRun {
	readonly state: CycleState;
	readonly pod: PodInfo;
	/** The feasible ones. */
	readonly nodes: readonly NodeInfo[];
	readonly snapshot: Snapshot;
}

/** One plugin's part of the totals; `scores` is there to be overwritten. Both stand in the order of the run's nodes. */
export function addScores(entry: WeightedScorePlugin, totals: Float64Array, scores: Float64Array, run: ScoreRun): void {
	const { state, pod, nodes, snapshot } = run;
	for (let index = 0; index < nodes.length; index++) {
		const node = nodes[index];
		if (node !== undefined) scores[index] = entry.plugin.score(state, pod, node, snapshot);
	}
	addRawScores(entry, totals, scores, run);
}

/** The same for scores that the plugin has given already: they become normal in place. */
export function addRawScores({ plugin, weight }: WeightedScorePlugin, totals: Float64Array, scores: Float64Array, run: ScoreRun): void {
	plugin.normalizeScore?.(run.state, run.pod, scores, run.nodes);
	for (let index = 0; index < scores.length; index++) {
		totals[index] = (totals[index] ?? 0) + weight * validScore(plugin, scores[index] ?? 0);
	}
}

/** Throws if it is not in 0..100. */
export function validScore({ name }: ScorePlugin, score: number): number {
	if (score >= 0 && score <= maxNodeScore) return score;
	throw new Error(`plugin "${name}" returns an invalid score ${score}, it should in the range of [0, ${maxNodeScore}] after normalizing`);
}
