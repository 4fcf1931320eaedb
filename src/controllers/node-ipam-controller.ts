/**
 * node-ipam-controller: each node has a range of addresses for its pods, a /24 of the cluster's 10.128.0.0/9.
 *
 * Watches  nodes
 * Writes   spec.podCIDR and spec.podCIDRs of nodes that have none
 *
 * Simulated nodes bring their range with them, from 10.244.0.0/24 on, and keep it; this is for nodes that somebody else registers. Which ranges
 * are taken is what the nodes say; one node is looked at at a time, so no two get one range. A node that finds none left is told so by an
 * event and tried again, at the latest when another goes.
 * Source: pkg/controller/nodeipam/ipam/range_allocator.go
 */
import { formatIpv4, type Ipv4Range, parseIpv4Cidr } from "../apimachinery/ipv4.ts";
import type { Node } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { runController } from "../client/controller.ts";
import { OwnWrites } from "../client/own-writes.ts";
import { nodes } from "../client/resources.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "./controller.ts";

const name = "node-ipam-controller";
/** kube-controller-manager's --cluster-cidr, as wide as the simulated nodes' own ranges reach. */
const clusterCidr = "10.128.0.0/9";
/** Addresses of a range: --node-cidr-mask-size is 24. */
const rangeSize = 256;

/** @param cidr the whole; default the cluster's */
export function nodeIpamController(cidr = clusterCidr): Controller {
	const range = parseIpv4Cidr(cidr);
	if (range === undefined) throw new Error(`${cidr} is no IPv4 network`);
	return { name, run: (context, signal) => run(context, range, signal) };
}

async function run(context: ControllerContext, range: Ipv4Range, signal: AbortSignal): Promise<void> {
	const { informers, client, log } = context;
	const informer = informers.informer(nodes);
	await informer.whenSynced();
	const queue = queueOf(context, "cidrallocator_node");
	const recorder = recorderOf(context, "cidrAllocator", signal);
	const ownWrites = new OwnWrites<Node>();
	/** Nodes that found no range. */
	const waiting = new Set<string>();
	const changed = (node: Node) => {
		ownWrites.observed(node);
		if (!hasRange(node)) queue.add(nameOf(node));
	};
	const deleted = (node: Node) => {
		ownWrites.delete(nameOf(node));
		waiting.delete(nameOf(node));
		for (const each of waiting) queue.add(each);
	};
	informer.onChange({ added: changed, updated: (_old, node) => changed(node), deleted }, signal);

	/** Where the search goes on: a range that was given back is not the next one to be given out. */
	let next = range.first;
	const freeRange = (): string | undefined => {
		const taken = new Set(informer.cache.list().flatMap((node) => rangesOf(ownWrites.freshest(node))));
		const count = (range.last + 1 - range.first) / rangeSize;
		for (let tried = 0; tried < count; tried++) {
			const cidr = `${formatIpv4(next)}/24`;
			next = next + rangeSize > range.last ? range.first : next + rangeSize;
			if (!taken.has(cidr)) return cidr;
		}
		return undefined;
	};
	const reconcile = async (key: string) => {
		const cached = informer.cache.get(key);
		if (cached === undefined || hasRange(ownWrites.freshest(cached))) return;
		const podCIDR = freeRange();
		if (podCIDR === undefined) {
			waiting.add(key);
			recorder.event(cached, "Normal", "CIDRNotAvailable", `Node ${key} status is now: CIDRNotAvailable`);
			throw new Error(
				"failed to allocate cidr from cluster cidr at idx:0: CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range",
			);
		}
		waiting.delete(key);
		const patch = { spec: { podCIDR, podCIDRs: [podCIDR] } };
		try {
			ownWrites.note(await client.resource(nodes).patch({ name: key }, "application/strategic-merge-patch+json", patch));
		} catch (error) {
			if (isStatusError(error, "NotFound")) return;
			recorder.event(cached, "Normal", "CIDRAssignmentFailed", `Node ${key} status is now: CIDRAssignmentFailed`);
			throw error;
		}
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}

function rangesOf({ spec }: Node): readonly string[] {
	return spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]);
}

function hasRange(node: Node): boolean {
	return rangesOf(node).length > 0;
}

function nameOf({ metadata }: Node): string {
	return metadata?.name ?? "";
}
