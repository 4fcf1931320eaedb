/**
 * How most plugins bring their scores to 0..100: the greatest becomes 100, the others in proportion.
 */
import { maxNodeScore } from "./plugin.ts";

/** @param reverse the greatest becomes 0 instead: for scores that count what is bad. All-zero scores become 0, or 100 if reversed. */
export function normalizeToMax(scores: Float64Array, reverse: boolean): void {
	let max = 0;
	for (const score of scores) if (score > max) max = score;
	if (max === 0) {
		if (reverse) scores.fill(maxNodeScore);
		return;
	}
	for (let index = 0; index < scores.length; index++) {
		const score = Math.trunc((maxNodeScore * (scores[index] ?? 0)) / max);
		scores[index] = reverse ? maxNodeScore - score : score;
	}
}
