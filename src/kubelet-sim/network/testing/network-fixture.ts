/** Nodes, pods, Services and endpoints in a network, without a fleet: for tests. */
import { VirtualClock } from "../../../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../../../apimachinery/random.ts";
import type {
	Endpoint,
	EndpointSlice,
	NetworkPolicy,
	Pod,
	Service,
	ServicePort,
	ServiceSpec,
} from "../../../apimachinery/schema/generated/types.ts";
import { NetworkError } from "../../../host/index.ts";
import { ClusterNetwork, serviceAddresses, serviceNodePorts } from "../cluster-network.ts";
import type { NetworkLookups } from "../network-lookups.ts";
import type { NetworkNode, PodNetwork } from "../pod-network.ts";

export class NetworkFixture {
	readonly clock = new VirtualClock();
	readonly services: Service[] = [];
	readonly slices: EndpointSlice[] = [];
	readonly pods: Pod[] = [];
	readonly policies: NetworkPolicy[] = [];
	readonly nodes: (NetworkNode & { isOff: boolean; zone?: string })[] = [];
	readonly namespaces = new Set(["default", "kube-system", "shop"]);
	readonly network: ClusterNetwork;

	/** @param nodes how many: node-1 at 172.18.0.2 with 10.244.0.0/24 and on */
	constructor(nodes = 2, options: { readonly ownDns?: boolean } = {}) {
		this.network = new ClusterNetwork({
			lookups: this.#lookups(),
			clock: this.clock,
			random: new SeededRandom(1),
			clusterDns: "10.96.0.10",
			...options,
		});
		for (let index = 0; index < nodes; index++) this.#addNode(index);
	}

	node(index: number): NetworkNode & { isOff: boolean; zone?: string } {
		const found = this.nodes[index - 1];
		if (found === undefined) throw new Error(`no node-${index}`);
		return found;
	}

	/** A pod that answers each connection, on 80 and `ports`, with its name and whom it sees. */
	pod(name: string, address: string, spec: Partial<Pod["spec"]> = {}, metadata: Pod["metadata"] = {}): PodNetwork {
		const node = this.nodes.find(({ podCidr }) => podCidr.startsWith(address.slice(0, address.lastIndexOf("."))));
		if (node === undefined) throw new Error(`no node for ${address}`);
		const pod: Pod = {
			metadata: { name, namespace: "default", ...metadata },
			spec: { containers: [{ name: "c", image: "web" }], nodeName: node.name, ...spec },
			status: { podIP: address },
		};
		this.pods.push(pod);
		const network = this.network.add(address, node, { pod });
		this.serve(network, name);
		return network;
	}

	serve(network: PodNetwork, name: string, port = 80): void {
		network.listen(port, async (connection) => connection.write(Buffer.from(`${name} sees ${connection.remoteAddress}`)));
	}

	service(name: string, spec: Partial<ServiceSpec>, endpoints: readonly Endpoint[] = [], ports?: EndpointSlice["ports"]): Service {
		const service: Service = {
			metadata: { name, namespace: "default" },
			spec: { type: "ClusterIP", ports: [{ port: 80, protocol: "TCP" }], ...spec },
		};
		this.services.push(service);
		const own = (service.spec?.ports ?? []).map(({ name: of = "", port, protocol = "TCP" }: ServicePort) => ({ name: of, port, protocol }));
		this.slices.push({
			metadata: { name, namespace: "default", labels: { "kubernetes.io/service-name": name } },
			addressType: "IPv4",
			endpoints,
			ports: ports ?? own,
		});
		return service;
	}

	/** What a connection hears; the error's code if there is none. */
	async hear(from: PodNetwork, address: string, port = 80): Promise<string> {
		try {
			const connection = this.network.connect(from, address, port);
			const bytes = await connection.read();
			connection.destroy();
			return Buffer.from(bytes ?? new Uint8Array()).toString();
		} catch (error) {
			if (error instanceof NetworkError) return error.code;
			throw error;
		}
	}

	/** Who answers so many connections, without repetition, in order. */
	async hearAll(from: PodNetwork, address: string, port = 80, times = 20): Promise<string> {
		const heard = new Set<string>();
		for (let at = 0; at < times; at++) heard.add((await this.hear(from, address, port)).split(" ")[0] ?? "");
		return [...heard].sort().join(" ");
	}

	#addNode(index: number): void {
		const { network } = this;
		let own: PodNetwork | undefined;
		this.nodes.push({
			name: `node-${index + 1}`,
			address: `172.18.0.${index + 2}`,
			podCidr: `10.244.${index}.0/24`,
			isOff: false,
			get network(): PodNetwork {
				own ??= network.add(this.address, this);
				return own;
			},
		});
	}

	#lookups(): NetworkLookups {
		const of = (object: { readonly metadata?: Pod["metadata"] }, namespace: string, name: string) =>
			object.metadata?.namespace === namespace && object.metadata.name === name;
		return {
			service: (namespace, name) => this.services.find((each) => of(each, namespace, name)),
			serviceByAddress: (address) => this.services.find((each) => serviceAddresses(each).includes(address)),
			servicesByNodePort: (port) => this.services.filter((each) => serviceNodePorts(each).includes(String(port))),
			services: () => this.services,
			endpointSlices: (namespace, service) =>
				this.slices.filter(
					({ metadata }) => metadata?.namespace === namespace && metadata.labels?.["kubernetes.io/service-name"] === service,
				),
			allEndpointSlices: () => this.slices,
			hasNamespace: (name) => this.namespaces.has(name),
			namespaceLabels: (name) => (this.namespaces.has(name) ? { "kubernetes.io/metadata.name": name } : undefined),
			networkPolicies: (namespace) => this.policies.filter(({ metadata }) => metadata?.namespace === namespace),
			hasPod: (namespace, address) => this.pods.some((pod) => pod.metadata?.namespace === namespace && pod.status?.podIP === address),
			nodeByAddress: (address) => this.nodes.find((node) => node.address === address),
			nodeByName: (name) => this.nodes.find((node) => node.name === name),
			zoneOf: (name) => this.nodes.find((node) => node.name === name)?.zone,
			nodes: () => this.nodes,
			podsOn: (name) => this.pods.filter(({ spec }) => spec?.nodeName === name && spec.hostNetwork !== true),
		};
	}
}

export function endpoint(address: string, node: number, more: Partial<Endpoint> = {}): Endpoint {
	return { addresses: [address], conditions: { ready: true, serving: true, terminating: false }, nodeName: `node-${node}`, ...more };
}

/** It serves while it is being deleted. */
export const leaving: Partial<Endpoint> = { conditions: { ready: false, serving: true, terminating: true } };
export const notReady: Partial<Endpoint> = { conditions: { ready: false, serving: false, terminating: false } };
