/**
 * NetworkPolicies: whom a pod may reach, and who may reach it. Pure. A pod that no policy selects for a direction is open in it;
 * one that is selected may do what some rule of some policy allows. What is not allowed is dropped.
 * Pods of the node's network have no policies, and a node always reaches its own pods.
 * Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
import { isInIpv4Range, parseIpv4, parseIpv4Cidr } from "../../apimachinery/ipv4.ts";
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, Pod } from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../apimachinery/selector.ts";
import { protocolOf } from "./service-routing.ts";

type Labels = Readonly<Record<string, string>>;

export interface PolicyLookups {
	networkPolicies(namespace: string): readonly NetworkPolicy[];
	namespaceLabels(name: string): Labels | undefined;
}

/** One end of a connection, as policies see it. */
export interface PolicyPeer {
	readonly address: string;
	/** Undefined: no pod, or one of the node's network. */
	readonly pod: Pod | undefined;
}

export interface PolicyRequest {
	readonly from: PolicyPeer;
	readonly to: PolicyPeer;
	/** Of the server, after kube-proxy. */
	readonly port: number;
	readonly protocol: string;
}

/** Whether the client's policies let it. */
export function mayLeave(lookups: PolicyLookups, request: PolicyRequest): boolean {
	return isOpen(lookups, request, "Egress", request.from.pod, request.to);
}

/** Whether the server's policies let the client in. */
export function mayEnter(lookups: PolicyLookups, request: PolicyRequest): boolean {
	return isOpen(lookups, request, "Ingress", request.to.pod, request.from);
}

/** Whether policies of the direction let a pod speak with the other end. */
function isOpen(
	lookups: PolicyLookups,
	request: PolicyRequest,
	direction: "Ingress" | "Egress",
	pod: Pod | undefined,
	other: PolicyPeer,
): boolean {
	if (pod === undefined) return true;
	const policies = lookups.networkPolicies(pod.metadata?.namespace ?? "").filter((policy) => selects(policy, direction, pod));
	return policies.length === 0 || policies.some((policy) => allows(lookups, policy, direction, request, other));
}

function selects({ spec }: NetworkPolicy, direction: "Ingress" | "Egress", { metadata }: Pod): boolean {
	const types = spec?.policyTypes ?? ["Ingress", ...((spec?.egress ?? []).length > 0 ? ["Egress"] : [])];
	return types.includes(direction) && labelSelectorFromObject(spec?.podSelector ?? {}).matches(metadata?.labels);
}

function allows(
	lookups: PolicyLookups,
	{ metadata, spec }: NetworkPolicy,
	direction: "Ingress" | "Egress",
	request: PolicyRequest,
	other: PolicyPeer,
): boolean {
	const rules =
		direction === "Ingress"
			? (spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
			: (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
	return rules.some(
		({ peers, ports }) =>
			isAny(peers, (peer) => isPeer(lookups, metadata?.namespace ?? "", peer, other)) && isAny(ports, (port) => isPort(port, request)),
	);
}

/** An empty list stands for everything. */
function isAny<T>(list: readonly T[] | undefined, test: (each: T) => boolean): boolean {
	return list === undefined || list.length === 0 || list.some(test);
}

function isPeer(
	lookups: PolicyLookups,
	own: string,
	{ ipBlock, namespaceSelector, podSelector }: NetworkPolicyPeer,
	{ address, pod }: PolicyPeer,
): boolean {
	if (ipBlock !== undefined) return isInBlock(ipBlock, address);
	if (pod === undefined) return false;
	const namespace = pod.metadata?.namespace ?? "";
	const isInNamespace =
		namespaceSelector === undefined
			? namespace === own
			: labelSelectorFromObject(namespaceSelector).matches(lookups.namespaceLabels(namespace));
	return isInNamespace && (podSelector === undefined || labelSelectorFromObject(podSelector).matches(pod.metadata?.labels));
}

function isInBlock({ cidr, except = [] }: IPBlock, address: string): boolean {
	const value = parseIpv4(address);
	const isIn = (text: string) => {
		const range = parseIpv4Cidr(text);
		return value !== undefined && range !== undefined && isInIpv4Range(range, value);
	};
	return isIn(cidr) && !except.some(isIn);
}

/** A name is that of a port of the server's containers. */
function isPort(wanted: NetworkPolicyPort, { to, port, protocol }: PolicyRequest): boolean {
	if (protocolOf(wanted) !== protocol) return false;
	if (wanted.port === undefined) return true;
	if (typeof wanted.port === "number") return port >= wanted.port && port <= (wanted.endPort ?? wanted.port);
	const spec = to.pod?.spec;
	return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
		.flatMap(({ ports = [] }) => ports)
		.some((each) => each.name === wanted.port && each.containerPort === port && protocolOf(each) === protocol);
}
