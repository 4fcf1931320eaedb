/** What the kubelets of a fleet watch, once for all of them. */
import type { KubeObject } from "../apimachinery/meta.ts";
import type { EndpointSlice } from "../apimachinery/schema/generated/types.ts";
import type { Informer, InformerFactory } from "../client/informer.ts";
import {
	configMaps,
	csiDrivers,
	endpointSlices,
	namespaces,
	networkPolicies,
	nodes,
	persistentVolumeClaims,
	persistentVolumes,
	pods,
	secrets,
	services,
	volumeAttachments,
} from "../client/resources.ts";
import { serviceAddresses, serviceNodePorts } from "./network/cluster-network.ts";

export type FleetInformers = ReturnType<typeof makeInformers>;

export function makeInformers(factory: InformerFactory) {
	const informers = {
		pods: factory.informer(pods),
		nodes: factory.informer(nodes),
		namespaces: factory.informer(namespaces),
		networkPolicies: factory.informer(networkPolicies),
		services: factory.informer(services),
		endpointSlices: factory.informer(endpointSlices),
		configMaps: factory.informer(configMaps),
		secrets: factory.informer(secrets),
		claims: factory.informer(persistentVolumeClaims),
		volumes: factory.informer(persistentVolumes),
		attachments: factory.informer(volumeAttachments),
		drivers: factory.informer(csiDrivers),
	};
	index(informers.pods, "node", ({ spec }) => spec?.nodeName);
	index(informers.nodes, "podCIDR", ({ spec }) => spec?.podCIDR);
	informers.services.cache.addIndex("address", serviceAddresses);
	informers.services.cache.addIndex("nodePort", serviceNodePorts);
	index(informers.endpointSlices, "service", serviceOf);
	return informers;
}

/** The key of the Service that the slice is of. */
export function serviceOf({ metadata }: EndpointSlice): string | undefined {
	const service = metadata?.labels?.["kubernetes.io/service-name"];
	return service === undefined ? undefined : `${metadata?.namespace}/${service}`;
}

function index<T extends KubeObject>(informer: Informer<T>, name: string, indexValue: (object: T) => string | undefined): void {
	informer.cache.addIndex(name, (object) => {
		const value = indexValue(object);
		return value === undefined || value === "" ? [] : [value];
	});
}
