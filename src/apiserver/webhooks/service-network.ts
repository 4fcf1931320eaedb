/**
 * Where the control plane's own connections go: a Service's endpoints, and addresses of the simulated network or of the
 * machine's.
 *
 *   webhook, APIService ──▶ Service ──▶ its endpoints, as kube-proxy would choose ──┬─▶ a Pod or Node: the simulated network
 *                      └──▶ a URL ────────────────────────────────────────────────┴─▶ any other address: a real TCP connection
 *
 * A server that runs beside kubesim is reached through a Service without a selector whose EndpointSlice, or Endpoints, holds
 * the machine's address. Programs in simulated containers speak no TLS, so a webhook that runs in one answers in plain text,
 * which a client of HTTPS refuses.
 * Source: the ClusterIP resolver of k8s.io/kube-aggregator/pkg/apiserver/resolvers.go and kube-proxy's rules.
 */
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { PortStream } from "../../apimachinery/node-connector.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { EndpointSlice, Endpoints, Node, Pod, Service, ServicePort } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError, newServiceUnavailable } from "../../apimachinery/status-error.ts";
import { portDuplex } from "../streaming/port-duplex.ts";
import { dialError } from "./go-network-errors.ts";

export interface NetworkAddress {
	readonly host: string;
	readonly port: number;
}

export interface ServiceNetworkOptions {
	/** An object as the server's cache has it. */
	find(group: string, resource: string, namespace: string, name: string): KubeObject | undefined;
	list(group: string, resource: string, namespace?: string): readonly KubeObject[];
	/** Connects to an address of the simulated network; absent: there is none. */
	dial?: ((address: string, port: number) => Promise<PortStream>) | undefined;
	readonly random: Random;
}

/** Connections of the control plane. Errors are `Error`s with Go's text. */
export class ServiceNetwork {
	readonly #options: ServiceNetworkOptions;

	constructor(options: ServiceNetworkOptions) {
		this.#options = options;
	}

	/** The endpoint to connect to for a port of a Service. Throws an Error with upstream's text. */
	resolve(namespace: string, name: string, port: number): NetworkAddress {
		const service = this.#options.find("", "services", namespace, name) as Service | undefined;
		if (service === undefined) throw new Error(`service ${JSON.stringify(name)} not found`);
		const { type = "ClusterIP", externalName = "", clusterIP = "", ports = [] } = service.spec ?? {};
		if (type === "ExternalName") return { host: externalName, port };
		if (clusterIP === "None" || clusterIP === "") throw newServiceUnavailable(`no cluster IP for service ${JSON.stringify(name)}`);
		const declared = ports.find((each) => each.port === port);
		if (declared === undefined) throw newServiceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
		const endpoints = this.endpoints(namespace, name, declared);
		const chosen = endpoints[endpoints.length < 2 ? 0 : this.#options.random.int(endpoints.length)];
		// Packets to a Service without endpoints are rejected.
		if (chosen === undefined) throw new Error(`dial tcp ${clusterIP}:${port}: connect: connection refused`);
		return chosen;
	}

	/** Every ready endpoint of a Service's port, whoever wrote it down. */
	endpoints(namespace: string, service: string, port: Pick<ServicePort, "name">): readonly NetworkAddress[] {
		const slices = (this.#options.list("discovery.k8s.io", "endpointslices", namespace) as readonly EndpointSlice[]).filter(
			({ metadata }) => metadata?.labels?.["kubernetes.io/service-name"] === service,
		);
		const sliced = slices.flatMap(({ endpoints = [], ports = [] }) => {
			const target = ports.find(({ name = "" }) => name === (port.name ?? ""))?.port;
			const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
			return target === undefined ? [] : ready.flatMap(({ addresses }) => addresses.map((host) => ({ host, port: target })));
		});
		if (sliced.length > 0) return sliced;
		// Nothing mirrors Endpoints that somebody wrote by hand into slices yet.
		const written = this.#options.find("", "endpoints", namespace, service) as Endpoints | undefined;
		return (written?.subsets ?? []).flatMap(({ addresses = [], ports = [] }) => {
			const target = ports.find(({ name = "" }) => name === (port.name ?? ""))?.port;
			return target === undefined ? [] : addresses.map(({ ip }) => ({ host: ip, port: target }));
		});
	}

	/** A connection, in the simulated network if the address is of there. */
	async dial({ host, port }: NetworkAddress): Promise<Duplex> {
		const { dial } = this.#options;
		if (dial !== undefined && this.isSimulated(host)) {
			try {
				return portDuplex(await dial(host, port));
			} catch (error) {
				throw isStatusError(error) ? new Error(error.message) : error;
			}
		}
		const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
		const socket = connect({ host, port, noDelay: true });
		socket.once("connect", () => resolve(socket));
		socket.once("error", (error) => reject(new Error(dialError(error, host, port))));
		return promise;
	}

	/** Whether a Pod or a Node has this address. */
	isSimulated(address: string): boolean {
		if (this.#options.dial === undefined) return false;
		const isOfNode = (this.#options.list("", "nodes") as readonly Node[]).some(({ status }) =>
			status?.addresses?.some((each) => each.address === address),
		);
		if (isOfNode) return true;
		return (this.#options.list("", "pods") as readonly Pod[]).some(({ status }) => status?.podIPs?.some(({ ip }) => ip === address));
	}
}
