/**
 * NodeResourcesBalancedAllocation: prefers nodes whose cpu and memory use the pod brings closer together, so that no
 * node runs out of one while the other lies idle. 75 means that the pod changes nothing; better is more.
 * Source: https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins (since 1.35 the balance before the
 * pod counts too).
 */
import type { NodeInfo } from "../framework/node-info.ts";
import { maxNodeScore, type PreScorePlugin, type ScorePlugin } from "../framework/plugin.ts";
import { skip } from "../framework/status.ts";

const half = maxNodeScore / 2;

export const nodeResourcesBalancedAllocation: PreScorePlugin & ScorePlugin = {
	name: "NodeResourcesBalancedAllocation",
	/** A pod that requests nothing changes no balance. */
	preScore: (_state, { requests }) => (requests.milliCpu === 0 && requests.memoryBytes === 0 ? skip : undefined),
	score(_state, { requests }, node) {
		const before = balance(node, 0, 0);
		const after = balance(node, requests.milliCpu, requests.memoryBytes);
		return half + Math.trunc((half + after - before) / 2);
	},
	eventsToRegister: () => [],
};

/** 100 minus the standard deviation, in percent, of the shares in use. */
function balance({ allocatable, requested }: NodeInfo, milliCpu: number, memoryBytes: number): number {
	if (allocatable.milliCpu === 0 || allocatable.memoryBytes === 0) return maxNodeScore;
	const cpuShare = Math.min(1, (requested.milliCpu + milliCpu) / allocatable.milliCpu);
	const memoryShare = Math.min(1, (requested.memoryBytes + memoryBytes) / allocatable.memoryBytes);
	return Math.trunc((1 - Math.abs(cpuShare - memoryShare) / 2) * maxNodeScore);
}
