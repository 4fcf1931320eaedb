/** The network of one pod, which its containers share; or of a node, for pods with hostNetwork and for its own programs. */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import {
	type ClusterZoneOptions,
	type ClusterZoneServer,
	type Connection,
	type DnsQuestion,
	type DnsResponse,
	isLoopback,
	isPort,
	LoopbackNetwork,
	NetworkError,
	type NetworkView,
	type PingAnswer,
} from "../../host/index.ts";

/** A node as the network sees it. */
export interface NetworkNode {
	readonly name: string;
	readonly address: string;
	/** A /24. */
	readonly podCidr: string;
	/** Its machine has no power. */
	readonly isOff: boolean;
	/** The node's own, made when somebody asks. */
	readonly network: PodNetwork;
}

/** Whose network it is; a node's has none. */
export interface NetworkOwner {
	readonly pod: Pod;
}

/** What joins the networks of pods and nodes. */
export interface NetworkFabric {
	readonly clock: Clock;
	/** Throws `NetworkError`; ETIMEDOUT at once. */
	connect(from: PodNetwork, address: string, port: number): Connection;
	query(from: PodNetwork, server: string, question: DnsQuestion): Promise<DnsResponse | undefined>;
	ping(from: PodNetwork, address: string): Promise<PingAnswer>;
	isNodePort(network: PodNetwork, port: number): boolean;
	view(network: PodNetwork): NetworkView;
	clusterZone(options: ClusterZoneOptions): ClusterZoneServer;
}

/** When a connection is given up to which nothing answers. Source: net.ipv4.tcp_syn_retries and tcp_syn_linear_timeouts. */
const connectTimeoutMs = 131_000;

export class PodNetwork extends LoopbackNetwork {
	readonly #fabric: NetworkFabric;
	readonly node: NetworkNode;
	/** Undefined for the node's own. */
	readonly owner: NetworkOwner | undefined;

	constructor(fabric: NetworkFabric, address: string, node: NetworkNode, owner: NetworkOwner | undefined) {
		super(address);
		this.#fabric = fabric;
		this.node = node;
		this.owner = owner;
	}

	override get view(): NetworkView {
		return this.#fabric.view(this);
	}

	override async connect(host: string, port: number, signal?: AbortSignal): Promise<Connection> {
		if (!isPort(port)) throw new NetworkError("ECONNREFUSED");
		try {
			if ((isLoopback(host) && !this.#fabric.isNodePort(this, port)) || (host === this.address && this.owner !== undefined)) {
				return await super.connect(host, port);
			}
			return this.#fabric.connect(this, host, port);
		} catch (error) {
			if (error instanceof NetworkError && error.code === "ETIMEDOUT") await sleep(this.#fabric.clock, connectTimeoutMs, signal);
			throw error;
		}
	}

	override async query(server: string, question: DnsQuestion): Promise<DnsResponse | undefined> {
		if (isLoopback(server) || server === this.address) return super.query(server, question);
		return this.#fabric.query(this, server, question);
	}

	override clusterZone(options: ClusterZoneOptions): ClusterZoneServer {
		return this.#fabric.clusterZone(options);
	}

	override async ping(address: string): Promise<PingAnswer> {
		if (isLoopback(address) || address === this.address) return super.ping(address);
		return this.#fabric.ping(this, address);
	}
}
