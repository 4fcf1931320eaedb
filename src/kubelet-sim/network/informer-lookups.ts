/** What the network knows of the cluster, from the fleet's caches. */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { FleetInformers } from "../fleet-informers.ts";
import type { NetworkLookups } from "./network-lookups.ts";

const zoneLabel = "topology.kubernetes.io/zone";

/** What only the fleet knows. */
type FleetLookups = Pick<NetworkLookups, "nodeByAddress" | "nodeByName" | "nodes"> & {
	/** Whether the pod has its network now. */
	hasNetwork(pod: Pod): boolean;
};

export function networkLookups(informers: FleetInformers, { hasNetwork, ...fleet }: FleetLookups): NetworkLookups {
	const { services, endpointSlices, namespaces, networkPolicies, nodes, pods } = informers;
	return {
		...fleet,
		service: (namespace, name) => services.cache.get(`${namespace}/${name}`),
		serviceByAddress: (address) => services.cache.byIndex("address", address)[0],
		servicesByNodePort: (port) => services.cache.byIndex("nodePort", String(port)),
		services: () => services.cache.list(),
		endpointSlices: (namespace, service) => endpointSlices.cache.byIndex("service", `${namespace}/${service}`),
		allEndpointSlices: () => endpointSlices.cache.list(),
		hasNamespace: (name) => namespaces.cache.get(name) !== undefined,
		namespaceLabels: (name) => namespaces.cache.get(name)?.metadata?.labels,
		networkPolicies: (namespace) => networkPolicies.cache.listNamespace(namespace),
		hasPod: (namespace, address) => pods.cache.listNamespace(namespace).some(({ status }) => status?.podIP === address),
		zoneOf: (node) => nodes.cache.get(node)?.metadata?.labels?.[zoneLabel],
		podsOn: (node) => pods.cache.byIndex("node", node).filter((pod) => pod.spec?.hostNetwork !== true && hasNetwork(pod)),
	};
}
