/**
 * NodeResourcesBalancedAllocation: prefers nodes whose cpu and memory use the pod brings closer together, so that no
 * node runs out of one while the other lies idle. 75 means that the pod changes nothing; better is more.
 * Source: https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins (since 1.35 the balance before the
 * pod counts too).
 */
import type { NodeInfo } from "../framework/node-info.ts";
import { maxNodeScore, type PreScorePlugin, type ScorePlugin } from "../framework/plugin.ts";
import type { ResourceVector } from "../framework/resource-vector.ts";
import { skip } from "../framework/status.ts";

const half = maxNodeScore / 2;

/** @param resources NodeResourcesBalancedAllocationArgs.resources: those whose use is balanced. */
export function createBalancedAllocation(resources: readonly string[] = ["cpu", "memory"]): PreScorePlugin & ScorePlugin {
	return {
		name: "NodeResourcesBalancedAllocation",
		/** A pod that requests nothing of them changes no balance. */
		preScore: (_state, { requests }) => (resources.every((resource) => requests.get(resource) === 0) ? skip : undefined),
		score(_state, { requests }, node) {
			const before = balance(node, resources, undefined);
			const after = balance(node, resources, requests);
			return half + Math.trunc((half + after - before) / 2);
		},
		signPod: ({ requests }) => requests,
		eventsToRegister: () => [],
	};
}

/** 100 minus the standard deviation, in percent, of the shares in use. Resources that the node does not have are left out. */
function balance(node: NodeInfo, resources: readonly string[], added: ResourceVector | undefined): number {
	const [first = "", second = "", ...others] = resources;
	// Two are the usual case, and every node of every attempt comes by: nothing is allocated, and no root rounds.
	if (others.length > 0) return toPercent(deviation(resources.flatMap((resource) => shareOf(node, resource, added) ?? [])));
	const a = shareOf(node, first, added);
	const b = second === "" ? undefined : shareOf(node, second, added);
	return a === undefined || b === undefined ? maxNodeScore : toPercent(Math.abs(a - b) / 2);
}

function toPercent(deviated: number): number {
	return Math.trunc((1 - deviated) * maxNodeScore);
}

/** In 0..1; undefined: the node has nothing of it. */
function shareOf({ allocatable, requested }: NodeInfo, resource: string, added: ResourceVector | undefined): number | undefined {
	const capacity = allocatable.get(resource);
	return capacity === 0 ? undefined : Math.min(1, (requested.get(resource) + (added?.get(resource) ?? 0)) / capacity);
}

function deviation(shares: readonly number[]): number {
	const [first = 0, second = first] = shares;
	if (shares.length <= 2) return Math.abs(first - second) / 2;
	const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
	return Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length);
}

export const nodeResourcesBalancedAllocation = createBalancedAllocation();
