/**
 * The endpoints of a Service from its pods, grouped by address type and ports. Pure.
 * Source of behaviour: k8s.io/endpointslice (podToEndpoint, getEndpointPorts) and
 * https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions
 */
import type { DiscoveryEndpointPort, Endpoint, Node, Pod, Service } from "../../apimachinery/schema/generated/types.ts";
import {
	type AddressFamily,
	endpointHostname,
	familiesOf,
	familyOf,
	isEndpoint,
	isHeadless,
	podAddresses,
	targetPortOf,
} from "../endpoints/service-pods.ts";
import { isBeingDeleted, isPodReady } from "../pod-state.ts";
import type { EndpointGroup } from "./slice-plan.ts";

const zoneLabel = "topology.kubernetes.io/zone";

export interface GroupsPlan {
	readonly groups: readonly EndpointGroup[];
	/** Pods that were left out because their node is not known (yet): look again. */
	readonly podsWithoutNode: readonly Pod[];
}

export function planGroups(service: Service, pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): GroupsPlan {
	const publishNotReady = service.spec?.publishNotReadyAddresses === true;
	const candidates = pods.filter((pod) => isEndpoint(pod, true));
	const located = candidates.map((pod) => ({ pod, node: pod.spec?.nodeName === undefined ? undefined : nodeOf(pod.spec.nodeName) }));
	const isLost = ({ pod, node }: { pod: Pod; node: Node | undefined }) =>
		pod.spec?.nodeName !== undefined && node === undefined && !publishNotReady;
	const groups = familiesOf(service).flatMap((family) => {
		const byPorts = new Map<string, { ports: readonly DiscoveryEndpointPort[]; endpoints: Endpoint[] }>();
		for (const candidate of located) {
			if (isLost(candidate)) continue;
			const endpoint = endpointOf(service, candidate.pod, candidate.node, family);
			if (endpoint === undefined) continue;
			const ports = portsOf(service, candidate.pod);
			const key = JSON.stringify(ports);
			const group = byPorts.get(key);
			if (group === undefined) byPorts.set(key, { ports, endpoints: [endpoint] });
			else group.endpoints.push(endpoint);
		}
		if (byPorts.size > 0) return [...byPorts.values()].map((group) => ({ addressType: family, ...group }));
		return [{ addressType: family, ports: [], endpoints: [] }];
	});
	return { groups, podsWithoutNode: located.filter(isLost).map(({ pod }) => pod) };
}

/** Undefined: the pod has no address of this family. */
function endpointOf(service: Service, pod: Pod, node: Node | undefined, family: AddressFamily): Endpoint | undefined {
	const addresses = podAddresses(pod).filter((address) => familyOf(address) === family);
	if (addresses.length === 0) return undefined;
	const serving = isPodReady(pod);
	const terminating = isBeingDeleted(pod);
	const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
	const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
	const hostname = endpointHostname(pod, service);
	const nodeName = pod.spec?.nodeName;
	const zone = node?.metadata?.labels?.[zoneLabel];
	return {
		addresses,
		conditions: { ready, serving, terminating },
		...(hostname === undefined ? {} : { hostname }),
		targetRef: { kind: "Pod", namespace, name, uid },
		...(nodeName === undefined ? {} : { nodeName }),
		...(zone === undefined ? {} : { zone }),
		...(ready ? hintsOf(service, zone, nodeName) : {}),
	};
}

/** https://kubernetes.io/docs/concepts/services-networking/service/#traffic-distribution */
function hintsOf({ spec }: Service, zone: string | undefined, nodeName: string | undefined): Pick<Endpoint, "hints"> {
	const preference = spec?.trafficDistribution;
	const byNode = preference === "PreferSameNode";
	const byZone = byNode || preference === "PreferSameZone" || preference === "PreferClose";
	const forZones = byZone && zone !== undefined ? { forZones: [{ name: zone }] } : {};
	const forNodes = byNode && nodeName !== undefined ? { forNodes: [{ name: nodeName }] } : {};
	const hints = { ...forZones, ...forNodes };
	return Object.keys(hints).length > 0 ? { hints } : {};
}

function portsOf(service: Service, pod: Pod): readonly DiscoveryEndpointPort[] {
	const ports = service.spec?.ports ?? [];
	if (isHeadless(service) && ports.length === 0) return [];
	return ports.flatMap((servicePort) => {
		const port = targetPortOf(pod, servicePort);
		if (port === undefined) return [];
		const { name = "", protocol = "TCP", appProtocol } = servicePort;
		return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
	});
}
