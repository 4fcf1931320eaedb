/** What a fleet of simulated kubelets is made with: who it is for the API, and how its nodes behave. */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Client } from "../client/client.ts";
import type { InformerFactory } from "../client/informer.ts";
import type { NodeCredentials } from "./certificates/node-certificates.ts";
import type { ImageCatalog } from "./images/image-catalog.ts";
import type { LatencyOption } from "./latency.ts";
import type { ApiServerPort } from "./network/api-server-machine.ts";

export interface FleetOptions {
	/** For the API as a node sees it: `system:node:NAME`. */
	readonly clientFor: (node: string) => Client;
	/** How nodes with certificates prove who they are; absent: there are none. */
	readonly credentials?: NodeCredentials;
	/** PEM: the cluster's, as nodes have it in /etc/kubernetes/pki; absent: they have none. */
	readonly clusterCa?: string | undefined;
	/** Where pods and nodes reach the API over the network; absent: nowhere. */
	readonly apiServer?: ApiServerPort | undefined;
	/** Of whoever deletes the Node of a machine that is gone, which no kubelet may. */
	readonly remover: Client;
	/** Of a client that may read pods, nodes, services, endpointslices, configmaps and secrets of all namespaces. */
	readonly informers: InformerFactory;
	readonly clock: Clock;
	readonly random: Random;
	readonly log?: Logger;
	/** Default: "usual". */
	readonly latency?: LatencyOption;
	/** What can be pulled; default: kubesim's own images, and whatever else somebody names. */
	readonly images?: ImageCatalog;
	/** Address of the cluster's DNS service; default 10.96.0.10. */
	readonly clusterDns?: string;
	/** Whether names are answered at that address although no Service is there; default true. */
	readonly ownDns?: boolean;
	/** Defaults: 10 s and 5 min. */
	readonly leaseRenewMs?: number;
	readonly statusReportMs?: number;
	readonly volumeSyncMs?: number;
	/** Whether nodes write the events of a kubelet's start; default true. Thousands of nodes at once may do without. */
	readonly nodeEvents?: boolean;
}
