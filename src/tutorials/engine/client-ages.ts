/**
 * Ages that kubectl counts itself. What `kubectl get` prints is made by the API server, by the cluster's clock; the events of `describe`, and
 * `kubectl events`, are counted by the clock of the machine that kubectl runs on, and read `<invalid>` if they are two seconds or more in its
 * future (k8s.io/apimachinery, util/duration).
 */
import type { CommandRecord } from "./shell.ts";

/** From here on such ages are off by what one can see, ms. */
const visibleMs = 2_000;

const counted = /\bkubectl\b(?![^|;&]*\sget\s)[^|;&]*\s(describe|events)\b/;

/**
 * How far the cluster's clock is ahead of the machine's, ms, negative if it is behind; 0 if it is not by much, or the command showed no such
 * ages.
 */
export function clockAheadIn({ command, output }: CommandRecord, clusterMs: number, machineMs: number): number {
	const aheadMs = clusterMs - machineMs;
	const isSeen = Math.abs(aheadMs) >= visibleMs && (output.includes("<invalid>") || counted.test(command));
	return isSeen ? aheadMs : 0;
}
