/**
 * The network of the simulated cluster, as pods see it: every pod reaches every pod by address, Services by their
 * cluster addresses and all of them by name. A connection to a Service goes to one of its ready endpoints, at random,
 * as kube-proxy's iptables rules choose; without any it is refused. Names are those of cluster DNS.
 * A load balancer's address leads to its Service from those whom loadBalancerSourceRanges lets in, as kube-proxy takes a
 * load balancer of the mode VIP for its own; to others nothing answers.
 * Not simulated: NetworkPolicy, NodePort and external addresses, UDP, the world outside.
 */
import { isInIpv4Range, parseIpv4, parseIpv4Cidr } from "../../apimachinery/ipv4.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { EndpointSlice, Service } from "../../apimachinery/schema/generated/types.ts";
import { type Connection, isIpv4, isLoopback, LoopbackNetwork, NetworkError } from "../../host/index.ts";

/** Where the network has a Service. */
export function serviceAddresses({ spec, status }: Service): readonly string[] {
	const own = spec?.clusterIP === undefined || spec.clusterIP === "" ? [] : [spec.clusterIP];
	const balancer = (status?.loadBalancer?.ingress ?? []).filter(({ ipMode }) => ipMode !== "Proxy").flatMap(({ ip }) => ip ?? []);
	return [...own, ...balancer];
}

/** Whether a Service's load balancer lets somebody in. */
function admits({ spec }: Service, from: string): boolean {
	const ranges = spec?.loadBalancerSourceRanges ?? [];
	const value = parseIpv4(from);
	return ranges.length === 0 || (value !== undefined && ranges.some((range) => isInCidr(range.trim(), value)));
}

function isInCidr(cidr: string, value: number): boolean {
	const range = parseIpv4Cidr(cidr);
	return range !== undefined && isInIpv4Range(range, value);
}

export const clusterDomain = "cluster.local";
const maxCnames = 8;

/** What the network knows of Services; the fleet answers from its caches. */
export interface ServiceLookups {
	service(namespace: string, name: string): Service | undefined;
	serviceByAddress(address: string): Service | undefined;
	endpointSlices(namespace: string, service: string): readonly EndpointSlice[];
}

/** The network of one pod, which its containers share; or of a node, for pods with hostNetwork. */
export class PodNetwork extends LoopbackNetwork {
	readonly #cluster: ClusterNetwork;
	readonly #namespace: string;

	constructor(cluster: ClusterNetwork, address: string, namespace: string) {
		super(address);
		this.#cluster = cluster;
		this.#namespace = namespace;
	}

	override async connect(host: string, port: number): Promise<Connection> {
		const [address = host] = await this.resolve(host);
		if (address === this.address || isLoopback(address)) return super.connect(address, port);
		return this.#cluster.connect(this.address, address, port);
	}

	override async resolve(name: string): Promise<readonly string[]> {
		if (isIpv4(name) || name === "localhost") return super.resolve(name);
		return this.#cluster.resolve(name, this.#namespace);
	}
}

export class ClusterNetwork {
	readonly #services: ServiceLookups;
	readonly #random: Random;
	readonly #pods = new Map<string, PodNetwork>();
	/** Whether nothing passes between two addresses: somebody's network is broken. */
	isLost: (from: string, to: string) => boolean = () => false;

	constructor(services: ServiceLookups, random: Random) {
		this.#services = services;
		this.#random = random;
	}

	/** Makes the network of a pod, reachable at its address until `remove`. */
	add(address: string, namespace: string): PodNetwork {
		const network = new PodNetwork(this, address, namespace);
		this.#pods.set(address, network);
		return network;
	}

	remove(network: PodNetwork): void {
		if (this.#pods.get(network.address) === network) this.#pods.delete(network.address);
	}

	/** Throws `NetworkError`. */
	connect(fromAddress: string, address: string, port: number): Connection {
		if (this.isLost(fromAddress, address)) throw new NetworkError("ETIMEDOUT");
		const pod = this.#pods.get(address);
		if (pod !== undefined) return pod.accept(port, fromAddress);
		const service = this.#services.serviceByAddress(address);
		if (service === undefined) throw new NetworkError("EHOSTUNREACH");
		if (address !== service.spec?.clusterIP && !admits(service, fromAddress)) throw new NetworkError("ETIMEDOUT");
		const backend = this.#chooseBackend(service, port);
		if (backend === undefined) throw new NetworkError("ECONNREFUSED");
		const target = this.#pods.get(backend.address);
		if (target === undefined) throw new NetworkError("EHOSTUNREACH");
		if (this.isLost(fromAddress, backend.address)) throw new NetworkError("ETIMEDOUT");
		return target.accept(backend.port, fromAddress);
	}

	/** Source: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ */
	resolve(name: string, namespace: string): readonly string[] {
		let wanted = name.replace(/\.$/, "");
		for (let hops = 0; hops < maxCnames; hops++) {
			const found = this.#lookUp(wanted, namespace);
			if (found === undefined) break;
			if (!("cname" in found)) return found;
			wanted = found.cname;
		}
		throw new NetworkError("ENOTFOUND");
	}

	/** Addresses, or the name to look up instead (ExternalName). */
	#lookUp(name: string, namespace: string): readonly string[] | { readonly cname: string } | undefined {
		const labels = stripDomain(name).split(".");
		const [first = "", second = namespace, third] = labels;
		if (labels.length <= 2) {
			const service = this.#services.service(second, first);
			if (service !== undefined) return this.#addressesOf(service);
		}
		// A pod of a headless Service: web-0.nginx or web-0.nginx.default.
		const host = this.#services.service(third ?? namespace, second);
		if (host === undefined) return undefined;
		const addresses = this.#endpointsOf(host)
			.filter(({ hostname }) => hostname === first)
			.flatMap((endpoint) => endpoint.addresses);
		return addresses.length === 0 ? undefined : addresses;
	}

	#addressesOf(service: Service): readonly string[] | { readonly cname: string } | undefined {
		const { clusterIP, type, externalName } = service.spec ?? {};
		if (type === "ExternalName") return externalName === undefined ? undefined : { cname: externalName };
		if (clusterIP !== undefined && clusterIP !== "" && clusterIP !== "None") return [clusterIP];
		const addresses = this.#endpointsOf(service).flatMap((endpoint) => endpoint.addresses);
		return addresses.length === 0 ? undefined : addresses;
	}

	#endpointsOf({ metadata, spec }: Service) {
		const slices = this.#services.endpointSlices(metadata?.namespace ?? "", metadata?.name ?? "");
		return slices
			.flatMap(({ endpoints }) => endpoints ?? [])
			.filter(({ conditions }) => spec?.publishNotReadyAddresses === true || conditions?.ready !== false);
	}

	#chooseBackend({ metadata, spec }: Service, port: number): { readonly address: string; readonly port: number } | undefined {
		const servicePort = spec?.ports?.find((each) => each.port === port);
		if (servicePort === undefined) return undefined;
		const slices = this.#services.endpointSlices(metadata?.namespace ?? "", metadata?.name ?? "");
		const backends = slices.flatMap(({ endpoints = [], ports = [] }) => {
			const target = ports?.find(({ name = "" }) => (name ?? "") === (servicePort.name ?? ""))?.port;
			if (target === undefined) return [];
			return (endpoints ?? [])
				.filter(({ conditions }) => conditions?.ready !== false)
				.flatMap(({ addresses }) => addresses.map((address) => ({ address, port: target })));
		});
		return backends.length === 0 ? undefined : backends[this.#random.int(backends.length)];
	}
}

/** `web.default.svc.cluster.local` and `web.default.svc` to `web.default`. */
function stripDomain(name: string): string {
	const suffix = [`.svc.${clusterDomain}`, ".svc"].find((each) => name.endsWith(each));
	return suffix === undefined ? name : name.slice(0, -suffix.length);
}
