/**
 * The endpoints that an Endpoints object stands for, grouped by address type and ports as slices have them. Pure.
 * Source of behaviour: pkg/controller/endpointslicemirroring (reconciler.go, utils.go).
 */
import type { DiscoveryEndpointPort, Endpoint, EndpointAddress, Endpoints } from "../../apimachinery/schema/generated/types.ts";
import { familyOf } from "../endpoints/service-pods.ts";
import { type EndpointGroup, groupKeyOf } from "../endpointslice/slice-plan.ts";

/** kube-controller-manager's --mirroring-max-endpoints-per-subset. */
export const maxEndpointsPerSubset = 1_000;

export interface MirrorPlan {
	readonly groups: readonly EndpointGroup[];
	/** Addresses beyond what is mirrored of one subset. */
	readonly skipped: number;
}

export function planMirror({ subsets = [] }: Endpoints): MirrorPlan {
	const groups = new Map<
		string,
		{ readonly addressType: string; readonly ports: readonly DiscoveryEndpointPort[]; endpoints: Endpoint[] }
	>();
	let skipped = 0;
	for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
		const slicePorts = ports.map(({ name = "", port, protocol = "TCP", appProtocol }) => ({
			name,
			port,
			protocol,
			...(appProtocol === undefined ? {} : { appProtocol }),
		}));
		const endpoints = [
			...addresses.map((address) => endpointOf(address, true)),
			...notReadyAddresses.map((address) => endpointOf(address, false)),
		];
		skipped += Math.max(0, endpoints.length - maxEndpointsPerSubset);
		for (const endpoint of endpoints.slice(0, maxEndpointsPerSubset)) {
			const addressType = familyOf(endpoint.addresses[0] ?? "");
			const key = groupKeyOf({ addressType, ports: slicePorts });
			const group = groups.get(key) ?? { addressType, ports: slicePorts, endpoints: [] };
			groups.set(key, group);
			// Subsets with the same ports are one slice, which has no more room than a subset.
			if (group.endpoints.length < maxEndpointsPerSubset) group.endpoints.push(endpoint);
		}
	}
	return { groups: [...groups.values()], skipped };
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
	return {
		addresses: [ip],
		conditions: { ready },
		...(hostname === undefined || hostname === "" ? {} : { hostname }),
		...(nodeName === undefined ? {} : { nodeName }),
		...(targetRef === undefined ? {} : { targetRef }),
	};
}
