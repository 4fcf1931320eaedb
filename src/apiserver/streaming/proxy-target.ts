/**
 * Where a proxied request goes: a pod's address, an endpoint of a service, or a node.
 * Source: ResourceLocation in pkg/registry/core/pod/strategy.go, pkg/registry/core/service/storage/storage.go and
 * pkg/registry/core/node/strategy.go; SplitSchemeNamePort in apimachinery/pkg/util/net.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { EndpointAddress, EndpointSubset, Endpoints, Node, Pod, Service } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest, newNotFound, newServiceUnavailable } from "../../apimachinery/status-error.ts";

/** Of a kubelet, where its Node names none. */
const defaultKubeletPort = 10250;

export interface ProxyTarget {
	readonly scheme: "http" | "https";
	readonly address: string;
	readonly port: number;
}

export interface ProxyLookups {
	/** An object as the server's cache has it. */
	find(group: string, resource: string, namespace: string, name: string): KubeObject | undefined;
	/** Chooses among the endpoints of a service. */
	readonly random: Random;
}

interface SchemeNamePort {
	readonly scheme: "http" | "https";
	readonly name: string;
	/** A number or the name of a port; "" if none was named. */
	readonly port: string;
}

/** @param id `name`, `name:port` or `scheme:name:port`. @throws StatusError */
export function proxyTarget(resource: string, namespace: string, id: string, lookups: ProxyLookups): ProxyTarget {
	switch (resource) {
		case "pods":
			return podTarget(namespace, id, lookups);
		case "services":
			return serviceTarget(namespace, id, lookups);
		default:
			return nodeTarget(id, lookups);
	}
}

function splitId(id: string, what: string): SchemeNamePort {
	const parts = id.split(":");
	const [scheme = "", name = "", port = ""] = parts.length === 3 ? parts : ["", ...parts];
	if (parts.length > 3 || name === "" || !["", "http", "https"].includes(scheme)) {
		throw newBadRequest(`invalid ${what} request ${JSON.stringify(id)}`);
	}
	return { scheme: scheme === "https" ? "https" : "http", name, port };
}

function podTarget(namespace: string, id: string, { find }: ProxyLookups): ProxyTarget {
	const { scheme, name, port } = splitId(id, "pod");
	const pod = find("", "pods", namespace, name) as Pod | undefined;
	if (pod === undefined) throw newNotFound({ group: "", resource: "pods" }, name);
	const address = pod.status?.podIPs?.[0]?.ip;
	if (address === undefined) throw newBadRequest("address not allowed");
	const first = pod.spec?.containers.flatMap(({ ports }) => ports ?? [])[0]?.containerPort;
	return { scheme, address, port: port === "" ? (first ?? defaultPort(scheme)) : portNumber(port) };
}

const defaultPort = (scheme: "http" | "https"): number => (scheme === "https" ? 443 : 80);

/** Names mean nothing outside a service. */
function portNumber(port: string): number {
	const number = Number(port);
	if (!/^\d+$/.test(port) || number > 65535) {
		throw newServiceUnavailable(`error trying to reach service: dial tcp: lookup tcp/${port}: unknown port`);
	}
	return number;
}

function serviceTarget(namespace: string, id: string, lookups: ProxyLookups): ProxyTarget {
	const { scheme, name, port } = splitId(id, "service");
	const portName = /^\d+$/.test(port) ? portNameOf(namespace, name, Number(port), lookups) : port;
	const endpoints = lookups.find("", "endpoints", namespace, name) as Endpoints | undefined;
	if (endpoints === undefined) throw newNotFound({ group: "", resource: "endpoints" }, name);
	const { subsets = [] } = endpoints;
	if (subsets.length === 0) throw newServiceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
	for (const subset of rotated(subsets, lookups.random)) {
		const target = endpointOf(subset, portName, namespace, lookups);
		if (target !== undefined) return { scheme, ...target };
	}
	throw newServiceUnavailable(`no endpoints available for service ${JSON.stringify(id)}`);
}

function portNameOf(namespace: string, name: string, port: number, { find }: ProxyLookups): string {
	const service = find("", "services", namespace, name) as Service | undefined;
	if (service === undefined) throw newNotFound({ group: "", resource: "services" }, name);
	const declared = service.spec?.ports?.find((each) => each.port === port);
	if (declared === undefined) throw newServiceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
	return declared.name ?? "";
}

/** An address of the subset that is still its pod's, chosen at random. */
function endpointOf({ addresses = [], ports = [] }: EndpointSubset, portName: string, namespace: string, lookups: ProxyLookups) {
	const port = ports.find(({ name = "" }) => name === portName)?.port;
	if (port === undefined || addresses.length === 0) return undefined;
	const address = rotated(addresses, lookups.random).find((each) => isOfItsPod(each, namespace, lookups));
	return address === undefined ? undefined : { address: address.ip, port };
}

/** Nobody shall reach other addresses through endpoints that somebody wrote by hand. */
function isOfItsPod({ ip, targetRef }: EndpointAddress, namespace: string, { find }: ProxyLookups): boolean {
	if (targetRef === undefined || (targetRef.namespace ?? "") !== namespace) return false;
	const pod = find("", "pods", namespace, targetRef.name ?? "") as Pod | undefined;
	return pod?.status?.podIPs?.some((podIp) => podIp.ip === ip) === true;
}

/** The list from a random place on, and around. */
function rotated<T>(list: readonly T[], random: Random): readonly T[] {
	const start = list.length < 2 ? 0 : random.int(list.length);
	return [...list.slice(start), ...list.slice(0, start)];
}

function nodeTarget(id: string, { find }: ProxyLookups): ProxyTarget {
	const { scheme, name, port } = splitId(id, "node");
	const node = find("", "nodes", "", name) as Node | undefined;
	if (node === undefined) throw newNotFound({ group: "", resource: "nodes" }, name);
	const address = node.status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
	if (address === undefined) throw newBadRequest("address not allowed");
	const kubeletPort = node.status?.daemonEndpoints?.kubeletEndpoint?.Port || defaultKubeletPort;
	const wanted = port === "" ? kubeletPort : portNumber(port);
	// The kubelet's own port is spoken to as the server speaks to kubelets, in the simulation without TLS.
	return { scheme: wanted === kubeletPort ? "http" : scheme, address, port: wanted };
}
