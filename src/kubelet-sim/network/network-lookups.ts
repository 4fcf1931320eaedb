/** What the network asks about the cluster that it is laid in. */
import type { Pod, Service } from "../../apimachinery/schema/generated/types.ts";
import type { NameLookups } from "./dns/cluster-zone.ts";
import type { PolicyLookups } from "./network-policy.ts";
import type { NetworkNode } from "./pod-network.ts";

/** What the network knows of the cluster; the fleet answers from its caches. */
export interface NetworkLookups extends NameLookups, PolicyLookups {
	/** Of NodePort and LoadBalancer Services. */
	servicesByNodePort(port: number): readonly Service[];
	services(): readonly Service[];
	nodeByAddress(address: string): NetworkNode | undefined;
	nodeByName(name: string): NetworkNode | undefined;
	/** Of the node's labels; undefined if it has none. */
	zoneOf(node: string): string | undefined;
	nodes(): Iterable<NetworkNode>;
	/** Pods that run on a node and have their own network. */
	podsOn(node: string): readonly Pod[];
}

/** The node's address on the bridge that its pods are on: the first of its range. */
export function bridgeAddress({ podCidr }: Pick<NetworkNode, "podCidr">): string {
	return `${podCidr.slice(0, podCidr.lastIndexOf("."))}.1`;
}
