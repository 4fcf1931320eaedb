/**
 * The network of the simulated cluster, as a bridge CNI with routes between nodes and kube-proxy in iptables mode make it: every pod
 * reaches every pod by address, Services by their cluster, external and load balancer addresses and at each node's port, and all of
 * them by name.
 *
 *   connect ──> kube-proxy's rules of the node it comes from ──> kube-proxy's rules of the node it comes to ──> pod, hostPort, node
 *
 * A connection to a Service goes to one of its endpoints, at random; without any it is refused; where a policy leaves none it is
 * dropped, and so is what comes to a cluster address on a port that the Service does not have. Sources are rewritten as kube-proxy
 * and the CNI do. Load balancers' addresses lead to their Services from those whom loadBalancerSourceRanges lets in.
 * Not simulated: UDP but for names, IPv6, packets (a connection is made at once and loses nothing), the world outside, to which there
 * is no route.
 * Source: https://kubernetes.io/docs/reference/networking/virtual-ips/
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Pod, Service, ServicePort } from "../../apimachinery/schema/generated/types.ts";
import {
	type ClusterZoneOptions,
	type ClusterZoneServer,
	type Connection,
	type DnsQuestion,
	type DnsResponse,
	emptyResponse,
	type LoopbackNetwork,
	NetworkError,
	type NetworkView,
	type PingAnswer,
} from "../../host/index.ts";
import { ClusterZone } from "./dns/cluster-zone.ts";
import { HealthCheckPorts } from "./health-check.ts";
import { machineView, namespaceName } from "./machine-view.ts";
import { bridgeAddress, type NetworkLookups } from "./network-lookups.ts";
import { mayEnter, mayLeave, type PolicyPeer, type PolicyRequest } from "./network-policy.ts";
import { type NetworkFabric, type NetworkNode, type NetworkOwner, PodNetwork } from "./pod-network.ts";
import { admits, isInCidr } from "./service-addresses.ts";
import { affinitySeconds, type Backend, backendsOf, protocolOf, servicePortName } from "./service-routing.ts";
import { SessionAffinity } from "./session-affinity.ts";

export const clusterDomain = "cluster.local";
/** Of the names that kubesim answers itself: what kubeadm's Corefile has. */
const ownTtlSeconds = 30;
/** What a machine's own name server is, for names outside the cluster. */
export const outsideNameServer = "172.18.0.1";
const dnsPort = 53;
/** What kubesim's own name server is for policies. */
const ownDnsPod: Pod = { metadata: { namespace: "kube-system", name: "coredns", labels: { "k8s-app": "kube-dns" } } };

export interface ClusterNetworkOptions {
	readonly lookups: NetworkLookups;
	readonly clock: Clock;
	readonly random: Random;
	/** Where pods ask for names. */
	readonly clusterDns: string;
	/** Where cluster addresses are from; default 10.96.0.0/12. */
	readonly serviceCidr?: string;
	/** Whether names are answered at `clusterDns` although no Service is there; default true. */
	readonly ownDns?: boolean;
}

type Protocol = "TCP" | "UDP";

/** Where something comes from. */
interface Origin {
	/** As the other end sees it. */
	readonly address: string;
	/** The node on which it is now; undefined outside the nodes. */
	readonly node: NetworkNode | undefined;
	/** It has not left the pod or node on that node which it began in. */
	readonly isLocal: boolean;
	readonly port?: number;
}

/** Whose address it is: a pod's, a node's, or, without a node, one's beside them. */
type Host = LoopbackNetwork & { readonly node?: NetworkNode; readonly owner?: NetworkOwner | undefined };

/** Where it ends. */
interface Destination {
	readonly network: Host;
	readonly port: number;
	/** The client, as the server sees it. */
	readonly from: string;
}

export class ClusterNetwork implements NetworkFabric {
	readonly clock: Clock;
	readonly lookups: NetworkLookups;
	readonly clusterDns: string;
	readonly #random: Random;
	readonly #pods = new Map<string, PodNetwork>();
	/** Machines on the nodes' network that are none of them: the control plane. */
	readonly #besideNodes = new Map<string, Host>();
	readonly #affinity = new SessionAffinity();
	readonly #healthChecks: HealthCheckPorts;
	readonly #serviceCidr: string;
	readonly #ownDns: boolean;
	readonly #ownZone: ClusterZoneServer;
	/** Whether nothing passes between two addresses: somebody's network is broken. */
	isLost: (from: string, to: string) => boolean = () => false;

	constructor({ lookups, clock, random, clusterDns, serviceCidr = "10.96.0.0/12", ownDns = true }: ClusterNetworkOptions) {
		this.lookups = lookups;
		this.#healthChecks = new HealthCheckPorts(lookups);
		this.clock = clock;
		this.#random = random;
		this.clusterDns = clusterDns;
		this.#serviceCidr = serviceCidr;
		this.#ownDns = ownDns;
		this.#ownZone = this.clusterZone({ domain: clusterDomain, ttlSeconds: ownTtlSeconds, podNames: "insecure" });
	}

	/** Makes the network of a pod or node, reachable at its address until `remove`. @param owner absent: the node itself */
	add(address: string, node: NetworkNode, owner?: NetworkOwner): PodNetwork {
		const network = new PodNetwork(this, address, node, owner);
		this.#pods.set(address, network);
		return network;
	}

	/** Makes a machine known that is beside the nodes. */
	addBesideNodes(machine: LoopbackNetwork): void {
		this.#besideNodes.set(machine.address, machine);
	}

	remove(network: PodNetwork): void {
		network.close();
		if (this.#pods.get(network.address) === network) this.#pods.delete(network.address);
	}

	/** Throws `NetworkError`; ETIMEDOUT at once, where a real client would wait. */
	connect(from: PodNetwork, address: string, port: number): Connection {
		const { network, port: targetPort, from: source } = this.#reach(from, address, port, "TCP");
		const localPort = from.ephemeralPort();
		const client: Connection = network.accept(targetPort, {
			address: source,
			port: localPort,
			dialled: { address, port },
			onEnd: () => from.over(client),
		});
		from.opened(client, localPort);
		return client;
	}

	/** From outside the nodes: the control plane. Throws likewise. */
	connectFromOutside(fromAddress: string, address: string, port: number): Connection {
		const destination = this.#route({ address: fromAddress, node: undefined, isLocal: false }, address, port, "TCP");
		this.#admit({ address: fromAddress, pod: undefined }, destination, "TCP");
		return destination.network.accept(destination.port, { address: destination.from, dialled: { address, port } });
	}

	/** Asks a name server; undefined: nothing comes back. Throws `NetworkError`. */
	async query(from: PodNetwork, server: string, question: DnsQuestion): Promise<DnsResponse | undefined> {
		const isOwn = server === this.clusterDns && this.#ownDns && this.lookups.serviceByAddress(server) === undefined;
		if (isOwn || server === outsideNameServer) {
			const client = { address: from.address, pod: from.owner?.pod };
			const to = { address: server, pod: isOwn ? ownDnsPod : undefined };
			if (this.isLost(from.address, server) || !mayLeave(this.lookups, { from: client, to, port: dnsPort, protocol: "UDP" }))
				return undefined;
			return isOwn ? this.#answer(question) : this.#outside(question);
		}
		try {
			const { network, from: client } = this.#reach(from, server, dnsPort, "UDP");
			if (network.nameServer === undefined) throw new NetworkError("ECONNREFUSED");
			return await network.nameServer(question, client);
		} catch (error) {
			// Only a port that nobody listens on says so: a host that is not there is as silent as one that drops.
			if (error instanceof NetworkError && error.code !== "ECONNREFUSED") return undefined;
			throw error;
		}
	}

	async ping(from: PodNetwork, address: string): Promise<PingAnswer> {
		const service = this.lookups.serviceByAddress(address);
		const node = this.#nodeAt(address);
		if (service !== undefined && node === undefined) return { type: "silence" };
		if (node !== undefined)
			return node.isOff || this.isLost(from.address, address) ? { type: "silence" } : replyBy(node === from.node ? [] : wayOut(from));
		if (this.#besideNodes.has(address)) return this.isLost(from.address, address) ? { type: "silence" } : replyBy(wayOut(from));
		const target = this.#pods.get(address);
		if (target === undefined) return this.#isServiceAddress(address) ? { type: "silence" } : { type: "unreachable", from: gatewayOf(from) };
		if (target.node.isOff || !this.#mayPing(from, target)) return { type: "silence" };
		return replyBy(from.node === target.node ? [] : [...wayOut(from), ...(target.owner === undefined ? [] : [target.node.address])]);
	}

	#mayPing(from: PodNetwork, target: PodNetwork): boolean {
		try {
			this.#admit({ address: from.address, pod: from.owner?.pod }, { network: target, port: 0, from: from.address }, "ICMP", from.node);
			return true;
		} catch (error) {
			if (error instanceof NetworkError) return false;
			throw error;
		}
	}

	/** Whether a port of a node is taken by a Service, seen from the node itself: also at its loopback address. */
	isNodePort(network: PodNetwork, port: number): boolean {
		return network.owner === undefined && this.#servicePortAt(port, "TCP") !== undefined;
	}

	/** What the CNI plugin made for a pod of the node, as seen from the node. */
	namespace({ node, owner }: PodNetwork, name: string): PodNetwork | undefined {
		if (owner !== undefined) return undefined;
		const addresses = this.lookups.podsOn(node.name).flatMap(({ status }) => status?.podIP ?? []);
		return this.#pods.get(addresses.find((address) => namespaceName(address) === name) ?? "");
	}

	/** The cluster's names, for a name server that a pod runs. */
	clusterZone(options: ClusterZoneOptions): ClusterZoneServer {
		const zone = new ClusterZone(this.lookups, this.clock, options);
		return (question, outside) => zone.answer(question, outside);
	}

	/** What programs of a pod or node see of the network. */
	view(network: PodNetwork): NetworkView {
		return machineView(network, this.lookups);
	}

	#reach(from: PodNetwork, address: string, port: number, protocol: Protocol): Destination {
		const destination = this.#route(originOf(from), address, port, protocol);
		this.#admit({ address: from.address, pod: from.owner?.pod }, destination, protocol, from.node);
		return destination;
	}

	/** Throws ETIMEDOUT if a network between is broken, or policies do not let it pass. @param node where it comes from: a node reaches its own pods */
	#admit(client: PolicyPeer, { network, port, from }: Destination, protocol: PolicyRequest["protocol"], node?: NetworkNode): void {
		if (this.isLost(client.address, network.address)) throw new NetworkError("ETIMEDOUT");
		if (client.pod === undefined ? node !== undefined && node === network.node : client.pod === network.owner?.pod) return;
		const to = { address: network.address, pod: network.owner?.pod };
		// Behind a node's address nobody knows who it is.
		const seen = client.address === from ? client : { address: from, pod: undefined };
		const isOpen =
			mayLeave(this.lookups, { from: client, to, port, protocol }) && mayEnter(this.lookups, { from: seen, to, port, protocol });
		if (!isOpen) throw new NetworkError("ETIMEDOUT");
	}

	#route(origin: Origin, address: string, port: number, protocol: Protocol): Destination {
		if (address.startsWith("127.") && origin.node !== undefined) return this.#atNode(origin, origin.node, port, protocol);
		const service = this.lookups.serviceByAddress(address);
		const servicePort = service?.spec?.ports?.find((each) => each.port === port && protocolOf(each) === protocol);
		if (service !== undefined && servicePort !== undefined) {
			const isExternal = address !== service.spec?.clusterIP;
			const isBalancer = isExternal && !(service.spec?.externalIPs ?? []).includes(address);
			if (isBalancer && !admits(service, origin.address)) throw new NetworkError("ETIMEDOUT");
			return this.#toService(origin, service, servicePort, isExternal);
		}
		const node = this.#nodeAt(address);
		if (node !== undefined) return this.#toNode(origin, node, port, protocol);
		const pod = this.#pods.get(address);
		if (pod !== undefined) return this.#toPod(origin, pod, port);
		const beside = this.#besideNodes.get(address);
		if (beside !== undefined) return { network: beside, port, from: this.#leaving(origin) };
		throw new NetworkError(service !== undefined || this.#isServiceAddress(address) ? "ETIMEDOUT" : "EHOSTUNREACH");
	}

	#toService(origin: Origin, service: Service, servicePort: ServicePort, isExternal: boolean): Destination {
		const { node } = origin;
		const place = { name: node?.name ?? "", zone: node === undefined ? undefined : this.lookups.zoneOf(node.name) };
		const { namespace = "", name = "" } = service.metadata ?? {};
		const backends = backendsOf(servicePort, this.lookups.endpointSlices(namespace, name), place);
		if (!backends.isAnywhere) throw new NetworkError("ECONNREFUSED");
		const isLocalOnly = isExternal
			? service.spec?.externalTrafficPolicy === "Local" && !origin.isLocal
			: service.spec?.internalTrafficPolicy === "Local";
		const choice = isLocalOnly ? backends.local : backends.cluster;
		const backend = this.#choose(service, servicePort, choice, place.name, origin.address);
		if (backend === undefined) throw new NetworkError("ETIMEDOUT");
		const target = this.#hostAt(backend.address);
		if (target === undefined) throw new NetworkError("EHOSTUNREACH");
		if (target.node?.isOff === true) throw new NetworkError("ETIMEDOUT");
		// With the policy Local the client stays as it is, but for the node's own programs.
		const keepsSource = isExternal
			? service.spec?.externalTrafficPolicy === "Local" && (!origin.isLocal || this.#isPod(origin.address))
			: this.#isPod(origin.address);
		// The CNI plugin hides pods from whoever is no pod.
		const isMasqueraded = target.address === origin.address || !keepsSource || target.node === undefined;
		return { network: target, port: backend.port, from: isMasqueraded ? sourceOn(node, target, origin.address) : origin.address };
	}

	#choose(service: Service, servicePort: ServicePort, backends: readonly Backend[], node: string, client: string): Backend | undefined {
		if (backends.length === 0) return undefined;
		const seconds = affinitySeconds(service);
		const random = () => backends[this.#random.int(backends.length)];
		if (seconds === undefined) return random();
		const nowMs = this.clock.now();
		const key = servicePortName(service, servicePort);
		const chosen = this.#affinity.find(node, key, client, backends, nowMs) ?? random();
		if (chosen !== undefined) this.#affinity.remember(node, key, client, chosen, nowMs + seconds * 1000, nowMs);
		return chosen;
	}

	/** To a node's address: from elsewhere over its network card, with the source that the way there leaves. */
	#toNode(origin: Origin, node: NetworkNode, port: number, protocol: Protocol): Destination {
		if (node.isOff) throw new NetworkError("ETIMEDOUT");
		if (origin.node === node) return this.#atNode(origin, node, port, protocol);
		return this.#atNode({ address: this.#leaving(origin), node, isLocal: false }, node, port, protocol);
	}

	/** The source of what leaves for the nodes' network: pods' addresses are not known there. */
	#leaving({ address, node }: Origin): string {
		return node !== undefined && this.#isPod(address) ? node.address : address;
	}

	/** What arrives at a node for one of its own addresses: node ports first, then host ports of pods, then its programs. */
	#atNode(origin: Origin, node: NetworkNode, port: number, protocol: Protocol): Destination {
		const found = this.#servicePortAt(port, protocol);
		if (found !== undefined) return this.#toService(origin, found.service, found.servicePort, true);
		const pod = this.#hostPort(node, port, protocol);
		if (pod !== undefined)
			return pod.network.address === origin.address ? { ...pod, from: bridgeAddress(node) } : { ...pod, from: origin.address };
		if (protocol === "TCP") this.#healthChecks.prepare(node, port);
		return { network: node.network, port, from: origin.address };
	}

	#toPod(origin: Origin, pod: PodNetwork, port: number): Destination {
		if (pod.node.isOff) throw new NetworkError("ETIMEDOUT");
		const isFromNode = origin.node !== undefined && origin.address === origin.node.address;
		return { network: pod, port, from: isFromNode ? sourceOn(origin.node, pod, origin.address) : origin.address };
	}

	#servicePortAt(nodePort: number, protocol: Protocol): { readonly service: Service; readonly servicePort: ServicePort } | undefined {
		for (const service of this.lookups.servicesByNodePort(nodePort)) {
			const servicePort = service.spec?.ports?.find((each) => each.nodePort === nodePort && protocolOf(each) === protocol);
			if (servicePort !== undefined) return { service, servicePort };
		}
		return undefined;
	}

	/** What the CNI plugin portmap leads to. */
	#hostPort(node: NetworkNode, port: number, protocol: Protocol): Omit<Destination, "from"> | undefined {
		for (const { spec, status } of this.lookups.podsOn(node.name)) {
			const ports = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].flatMap((container) => container.ports ?? []);
			const found = ports.find((each) => each.hostPort === port && protocolOf(each) === protocol && isForNode(each.hostIP, node));
			const network = found === undefined ? undefined : this.#pods.get(status?.podIP ?? "");
			if (found !== undefined && network !== undefined) return { network, port: found.containerPort };
		}
		return undefined;
	}

	/** The node that has an address, on its network card or on its bridge. */
	#nodeAt(address: string): NetworkNode | undefined {
		const node = this.lookups.nodeByAddress(address);
		if (node !== undefined || !address.endsWith(".1")) return node;
		for (const each of this.lookups.nodes()) if (bridgeAddress(each) === address) return each;
		return undefined;
	}

	#hostAt(address: string): Host | undefined {
		return this.#pods.get(address) ?? this.lookups.nodeByAddress(address)?.network ?? this.#besideNodes.get(address);
	}

	#isPod(address: string): boolean {
		return this.#pods.get(address)?.owner !== undefined;
	}

	#isServiceAddress(address: string): boolean {
		return isInCidr(this.#serviceCidr, address);
	}

	async #answer(question: DnsQuestion): Promise<DnsResponse> {
		return (await this.#ownZone(question, async (next) => this.#outside(next))) ?? this.#outside(question);
	}

	/** What the name server of the nodes' network knows: the nodes. */
	#outside({ name, type }: DnsQuestion): DnsResponse {
		const address = this.lookups.nodeByName(name)?.address;
		if (address === undefined) return emptyResponse("NXDOMAIN");
		const answers = type === "A" ? [{ name, type, ttlSeconds: 600, data: address } as const] : [];
		return { ...emptyResponse("NOERROR"), answers };
	}
}

function originOf(network: PodNetwork): Origin {
	return { address: network.address, node: network.node, isLocal: true };
}

function isForNode(hostIp: string | undefined, { address }: NetworkNode): boolean {
	return hostIp === undefined || hostIp === "" || hostIp === "0.0.0.0" || hostIp === address;
}

/** What the node puts in the place of the client: its address on the device by which it reaches the target. */
function sourceOn(node: NetworkNode | undefined, target: Host, fallback: string): string {
	if (node === undefined) return fallback;
	return target.node === node && target.owner !== undefined ? bridgeAddress(node) : node.address;
}

function gatewayOf({ owner, node }: PodNetwork): string {
	return owner === undefined ? node.address : bridgeAddress(node);
}

/** Off the node: a pod's packets go over its bridge. */
function wayOut(from: PodNetwork): readonly string[] {
	return from.owner === undefined ? [] : [bridgeAddress(from.node)];
}

/** What an answer starts with, less one for each machine that passes it on. */
function replyBy(via: readonly string[]): PingAnswer {
	return { type: "reply", ttl: 64 - via.length, via };
}
