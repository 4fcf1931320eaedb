/**
 * The devices, routes and neighbours of a pod or node, as the CNI plugin bridge with routes between nodes lays them. Nothing of it is
 * kept anywhere: all follows from addresses.
 *
 *   pod: lo, eth0 ──veth── node: lo, eth0, cni0 with a port for each pod
 */
import { createHash } from "node:crypto";
import { loopbackDevice, type Neighbour, type NetworkDevice, type NetworkView, type Route } from "../../host/index.ts";
import { firewallTables } from "./firewall.ts";
import { bridgeAddress, type NetworkLookups } from "./network-lookups.ts";
import type { NetworkNode, PodNetwork } from "./pod-network.ts";

const mtuBytes = 1500;
/** What the machine's own network is: nodes and their gateway. */
const nodeGateway = "172.18.0.1";
const nodePrefix = 16;
const eth0Index = 2;
const bridgeIndex = 3;

export function machineView(network: PodNetwork, lookups: NetworkLookups): NetworkView {
	const { node, owner } = network;
	const own = owner === undefined ? nodeParts(node, lookups) : podParts(network.address, node);
	return { ...own, sockets: () => network.sockets() };
}

function podParts(address: string, node: NetworkNode): Omit<NetworkView, "sockets"> {
	const gateway = bridgeAddress(node);
	return {
		devices: () => [
			loopbackDevice,
			{
				index: eth0Index,
				name: "eth0",
				type: "veth",
				peerIndex: vethIndex(address),
				mac: macOf(address),
				mtuBytes,
				addresses: [`${address}/24`],
			},
		],
		routes: () => [
			{ destination: "default", via: gateway, device: "eth0" },
			{ destination: node.podCidr, device: "eth0", source: address },
		],
		neighbours: () => [{ address: gateway, device: "eth0", mac: macOf(gateway) }],
		namespaces: () => [],
		firewall: () => [],
	};
}

function nodeParts(node: NetworkNode, lookups: NetworkLookups): Omit<NetworkView, "sockets"> {
	const pods = () => lookups.podsOn(node.name).flatMap(({ status }) => status?.podIP ?? []);
	const others = () => [...lookups.nodes()].filter(({ name }) => name !== node.name);
	return {
		devices: () => nodeDevices(node, pods()),
		routes: () => nodeRoutes(node, others()),
		neighbours: () => [
			...others().map(({ address }): Neighbour => ({ address, device: "eth0", mac: macOf(address) })),
			...pods().map((address): Neighbour => ({ address, device: "cni0", mac: macOf(address) })),
		],
		namespaces: () => pods().map(namespaceOf),
		firewall: () => firewallTables(node, lookups),
	};
}

function nodeDevices(node: NetworkNode, pods: readonly string[]): readonly NetworkDevice[] {
	const gateway = bridgeAddress(node);
	return [
		loopbackDevice,
		{ index: eth0Index, name: "eth0", type: "ether", mac: macOf(node.address), mtuBytes, addresses: [`${node.address}/${nodePrefix}`] },
		{ index: bridgeIndex, name: "cni0", type: "bridge", mac: macOf(gateway), mtuBytes, addresses: [`${gateway}/24`] },
		...[...pods]
			.sort((a, b) => vethIndex(a) - vethIndex(b))
			.map(
				(address): NetworkDevice => ({
					index: vethIndex(address),
					name: `veth${digest(`veth ${address}`, 8)}`,
					type: "veth",
					peerIndex: eth0Index,
					peerNamespace: namespaceOf(address),
					mac: `fe:${pairs(digest(`mac ${address}`, 10))}`,
					mtuBytes,
					addresses: [],
					master: "cni0",
				}),
			),
	];
}

function nodeRoutes(node: NetworkNode, others: readonly NetworkNode[]): readonly Route[] {
	return [
		{ destination: "default", via: nodeGateway, device: "eth0" },
		{ destination: node.podCidr, device: "cni0", source: bridgeAddress(node) },
		...others.map(({ podCidr, address }): Route => ({ destination: podCidr, via: address, device: "eth0" })),
		{ destination: "172.18.0.0/16", device: "eth0", source: node.address },
	];
}

/** The node's end of a pod's pair: one for each address of the range. */
function vethIndex(address: string): number {
	return bridgeIndex + Number(address.slice(address.lastIndexOf(".") + 1));
}

/** As older CNI plugins make it of an IPv4 address. */
function macOf(address: string): string {
	const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
	return ["0a", "58", ...bytes].join(":");
}

export function namespaceOf(address: string): string {
	const hex = digest(`netns ${address}`, 32);
	return `cni-${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-")}`;
}

function digest(text: string, length: number): string {
	return createHash("sha256").update(text).digest("hex").slice(0, length);
}

function pairs(hex: string): string {
	return (hex.match(/../g) ?? []).join(":");
}
