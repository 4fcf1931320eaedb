/** The way from the control plane to nodes, and the kubelets' API behind it, which is opened when somebody first comes. */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { NodeConnector } from "../apimachinery/node-connector.ts";
import { formatGoDuration } from "../apimachinery/time.ts";
import { type Connection, NetworkError } from "../host/index.ts";
import type { FleetInformers } from "./fleet-informers.ts";
import type { FleetObserver } from "./fleet-observer.ts";
import { kubeletPort, kubeletServer } from "./kubelet-server.ts";
import { type ClusterNetwork, clusterDomain } from "./network/cluster-network.ts";
import type { SimNode } from "./node/sim-node.ts";

export interface KubeletPortsOptions {
	readonly clock: Clock;
	readonly informers: FleetInformers;
	readonly observer: FleetObserver;
	readonly network: ClusterNetwork;
	/** Where requests come from. */
	readonly controlPlaneAddress: string;
	readonly nodeByAddress: (address: string) => SimNode | undefined;
	readonly connector: () => Pick<NodeConnector, "logs">;
	readonly leaseRenewMs: number;
	readonly statusReportMs: number;
	readonly volumeSyncMs: number;
}

export class KubeletPorts {
	readonly #options: KubeletPortsOptions;

	constructor(options: KubeletPortsOptions) {
		this.#options = options;
	}

	/** Throws `NetworkError`. */
	connect(address: string, port: number): Connection {
		const { network, controlPlaneAddress, nodeByAddress } = this.#options;
		const node = nodeByAddress(address);
		if (node !== undefined) {
			if (port === kubeletPort && !node.running) throw new NetworkError(node.isOff ? "EHOSTUNREACH" : "ECONNREFUSED");
			if (!node.network.isListening(kubeletPort)) node.network.listen(kubeletPort, this.#server(node));
		}
		return network.connectFromOutside(controlPlaneAddress, address, port);
	}

	#server(node: SimNode) {
		const { clock, informers, observer, network, connector, leaseRenewMs, statusReportMs, volumeSyncMs } = this.#options;
		return kubeletServer({
			node: node.name,
			pods: () => informers.pods.cache.byIndex("node", node.name),
			connector: connector(),
			usage: () => observer.observed(node),
			state: () => observer.state(node),
			runningPods: () => observer.running(node.name),
			files: () => node.hostFiles(),
			clock,
			configuration: () => ({
				port: kubeletPort,
				syncFrequency: formatGoDuration(volumeSyncMs),
				nodeStatusUpdateFrequency: formatGoDuration(leaseRenewMs),
				nodeStatusReportFrequency: formatGoDuration(statusReportMs),
				clusterDomain,
				clusterDNS: [network.clusterDns],
				maxPods: Number(node.allocatable.pods),
				podCIDR: node.description.podCidr,
				...node.settings.configuration,
			}),
		});
	}
}
