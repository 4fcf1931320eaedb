/**
 * What kube-proxy on a node makes of a Service: which endpoints a connection may go to. Pure; connections and the iptables that a
 * node shows both ask here.
 *
 *   ready endpoints, by hints ──┐
 *   else those that serve while they terminate ──> "cluster" of the policy Cluster, "local" of the policy Local
 *
 * Source: pkg/proxy/topology.go, KEP-1669 (terminating endpoints), KEP-2086 (internalTrafficPolicy), KEP-4444 and KEP-3015
 * (trafficDistribution and its hints).
 */
import type { DiscoveryEndpointPort, Endpoint, EndpointSlice, Service, ServicePort } from "../../apimachinery/schema/generated/types.ts";

/** Where kube-proxy runs. */
export interface ProxyPlace {
	/** "" for a place that is no node. */
	readonly name: string;
	readonly zone: string | undefined;
}

export interface Backend {
	readonly address: string;
	readonly port: number;
	readonly isReady: boolean;
	/** It answers, and is being deleted. */
	readonly isLeaving: boolean;
	readonly nodeName: string | undefined;
	readonly zoneHints: readonly string[];
	readonly nodeHints: readonly string[];
}

export interface ServiceBackends {
	/** For connections that may go anywhere. */
	readonly cluster: readonly Backend[];
	/** For those that must stay on the node. */
	readonly local: readonly Backend[];
	/** Somewhere in the cluster there is one: without, connections are refused rather than dropped. */
	readonly isAnywhere: boolean;
}

/** `default/web:http`, or `default/web` for a port without a name. */
export function servicePortName({ metadata }: Service, { name }: ServicePort): string {
	return `${metadata?.namespace}/${metadata?.name}${name === undefined || name === "" ? "" : `:${name}`}`;
}

export function protocolOf({ protocol }: { readonly protocol?: string | undefined }): string {
	return protocol ?? "TCP";
}

export function backendsOf(port: ServicePort, slices: readonly EndpointSlice[], place: ProxyPlace): ServiceBackends {
	const backends = slices.filter(({ addressType }) => addressType === "IPv4").flatMap((slice) => backendsIn(slice, port));
	const ready = backends.filter(({ isReady }) => isReady);
	const leaving = backends.filter(({ isReady, isLeaving }) => !isReady && isLeaving);
	const isHere = ({ nodeName }: Backend) => nodeName !== undefined && nodeName === place.name;
	const localReady = ready.filter(isHere);
	return {
		cluster: ready.length > 0 ? near(ready, place) : leaving,
		local: localReady.length > 0 ? localReady : leaving.filter(isHere),
		isAnywhere: ready.length > 0 || leaving.length > 0,
	};
}

function backendsIn({ endpoints, ports }: EndpointSlice, port: ServicePort): readonly Backend[] {
	const target = (ports ?? []).find((each) => isFor(each, port))?.port;
	if (target === undefined) return [];
	return (endpoints ?? []).flatMap((endpoint) => endpoint.addresses.map((address) => ({ address, port: target, ...stateOf(endpoint) })));
}

function isFor(target: DiscoveryEndpointPort, port: ServicePort): boolean {
	return (target.name ?? "") === (port.name ?? "") && protocolOf(target) === protocolOf(port);
}

function stateOf({ conditions, nodeName, hints }: Endpoint) {
	const isReady = conditions?.ready ?? true;
	return {
		isReady,
		isLeaving: (conditions?.serving ?? isReady) && conditions?.terminating === true,
		nodeName,
		zoneHints: (hints?.forZones ?? []).map(({ name }) => name),
		nodeHints: (hints?.forNodes ?? []).map(({ name }) => name),
	};
}

/** Those that the hints mean for this place; all, if one of them has no hint or none is meant for it. */
function near(ready: readonly Backend[], { name, zone }: ProxyPlace): readonly Backend[] {
	const forNode = ready.filter(({ nodeHints }) => nodeHints.includes(name));
	if (forNode.length > 0 && ready.every(({ nodeHints }) => nodeHints.length > 0)) return forNode;
	const forZone = zone === undefined ? [] : ready.filter(({ zoneHints }) => zoneHints.includes(zone));
	return forZone.length > 0 && ready.every(({ zoneHints }) => zoneHints.length > 0) ? forZone : ready;
}

/** Seconds for which a client stays with its endpoint; undefined: it does not. */
export function affinitySeconds({ spec }: Service): number | undefined {
	return spec?.sessionAffinity === "ClientIP" ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : undefined;
}
