/**
 * The subsets of an Endpoints object: addresses grouped by the ports they serve. Pure.
 * Source of behaviour: pkg/controller/endpoint and pkg/api/v1/endpoints (RepackSubsets).
 */
import type { CoreEndpointPort, EndpointAddress, EndpointSubset, Pod, Service } from "../../apimachinery/schema/generated/types.ts";
import { isPodReady } from "../pod-state.ts";
import { endpointHostname, familiesOf, familyOf, isEndpoint, isHeadless, podAddresses, targetPortOf } from "./service-pods.ts";

/** Most addresses of one object; more are left out, and an annotation says so. */
const maxCapacity = 1000;

interface MutableSubset {
	readonly ports: readonly CoreEndpointPort[];
	addresses: EndpointAddress[];
	notReadyAddresses: EndpointAddress[];
}

export interface SubsetsPlan {
	readonly subsets: readonly EndpointSubset[];
	/** Addresses were left out. */
	readonly truncated: boolean;
}

export function planSubsets(service: Service, pods: readonly Pod[]): SubsetsPlan {
	const publishNotReady = service.spec?.publishNotReadyAddresses === true;
	const byPorts = new Map<string, MutableSubset>();
	for (const pod of pods) {
		if (!isEndpoint(pod, publishNotReady)) continue;
		const address = addressOf(service, pod);
		const ports = portsOf(service, pod);
		if (address === undefined || (ports.length === 0 && !isPortless(service))) continue;
		const key = JSON.stringify(ports);
		const subset = byPorts.get(key) ?? { ports, addresses: [], notReadyAddresses: [] };
		byPorts.set(key, subset);
		(publishNotReady || isPodReady(pod) ? subset.addresses : subset.notReadyAddresses).push(address);
	}
	const subsets = [...byPorts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, subset]) => subset);
	for (const subset of subsets) {
		subset.addresses.sort(compareAddresses);
		subset.notReadyAddresses.sort(compareAddresses);
	}
	const truncated = truncate(subsets);
	return { subsets: subsets.map(finish), truncated };
}

/** A headless Service may have no ports: then its addresses alone count. */
function isPortless(service: Service): boolean {
	return isHeadless(service) && (service.spec?.ports ?? []).length === 0;
}

function addressOf(service: Service, pod: Pod): EndpointAddress | undefined {
	const addresses = podAddresses(pod);
	const chosen = service.spec?.ipFamilies?.length || !isHeadless(service);
	const ip = chosen ? addresses.find((address) => familyOf(address) === familiesOf(service)[0]) : addresses[0];
	if (ip === undefined) return undefined;
	const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
	const hostname = endpointHostname(pod, service);
	const nodeName = pod.spec?.nodeName;
	return {
		ip,
		...(hostname === undefined ? {} : { hostname }),
		...(nodeName === undefined ? {} : { nodeName }),
		targetRef: { kind: "Pod", namespace, name, uid },
	};
}

function portsOf(service: Service, pod: Pod): readonly CoreEndpointPort[] {
	return (service.spec?.ports ?? [])
		.flatMap((servicePort) => {
			const port = targetPortOf(pod, servicePort);
			if (port === undefined) return [];
			const { name, protocol = "TCP", appProtocol } = servicePort;
			return [{ ...(name && { name }), port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
		})
		.sort((a, b) => compareText(a.name ?? "", b.name ?? "") || a.port - b.port || compareText(a.protocol, b.protocol));
}

/** By address as bytes, so that 10.0.0.9 comes before 10.0.0.10; then by pod. */
function compareAddresses(a: EndpointAddress, b: EndpointAddress): number {
	return compareText(sortKey(a.ip), sortKey(b.ip)) || compareText(a.targetRef?.uid ?? "", b.targetRef?.uid ?? "");
}

function sortKey(ip: string): string {
	if (ip.includes(":")) return ip;
	return ip
		.split(".")
		.map((part) => part.padStart(3, "0"))
		.join(".");
}

function compareText(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

/** Cuts down to the capacity: ready addresses before others, each subset in proportion. */
function truncate(subsets: readonly MutableSubset[]): boolean {
	const ready = subsets.reduce((total, { addresses }) => total + addresses.length, 0);
	const notReady = subsets.reduce((total, { notReadyAddresses }) => total + notReadyAddresses.length, 0);
	if (ready + notReady <= maxCapacity) return false;
	const readyShare = Math.min(1, maxCapacity / ready);
	const notReadyShare = ready >= maxCapacity ? 0 : (maxCapacity - ready) / notReady;
	for (const subset of subsets) {
		subset.addresses = subset.addresses.slice(0, Math.floor(subset.addresses.length * readyShare));
		subset.notReadyAddresses = subset.notReadyAddresses.slice(0, Math.floor(subset.notReadyAddresses.length * notReadyShare));
	}
	return true;
}

function finish({ addresses, notReadyAddresses, ports }: MutableSubset): EndpointSubset {
	return {
		...(addresses.length > 0 ? { addresses } : {}),
		...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
		...(ports.length > 0 ? { ports } : {}),
	};
}
