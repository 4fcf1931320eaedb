/**
 * The ports at which kube-proxy tells a load balancer whether a node has endpoints of a Service with externalTrafficPolicy Local.
 * Each listens from when somebody first asks for it until its Service is gone.
 * Source: pkg/proxy/healthcheck/service_health.go.
 */
import type { Service } from "../../apimachinery/schema/generated/types.ts";
import { type HttpResponse, httpServer, type Listener, NetworkError } from "../../host/index.ts";
import type { NetworkLookups } from "./network-lookups.ts";
import type { NetworkNode } from "./pod-network.ts";
import { backendsOf } from "./service-routing.ts";

export class HealthCheckPorts {
	readonly #lookups: NetworkLookups;
	/** By node and port. */
	#listeners: Map<string, Listener> | undefined;

	constructor(lookups: NetworkLookups) {
		this.#lookups = lookups;
	}

	/** Listens at a port of a node if it is one of these, and no longer if it was. */
	prepare(node: NetworkNode, port: number): void {
		const key = `${node.name} ${port}`;
		const listener = this.#listeners?.get(key);
		if ((this.#serviceAt(port) !== undefined) === (listener !== undefined)) return;
		if (listener !== undefined) {
			listener.close();
			this.#listeners?.delete(key);
			return;
		}
		try {
			const made = node.network.listen(
				port,
				httpServer(() => this.#answer(node, port)),
			);
			this.#listeners ??= new Map();
			this.#listeners.set(key, made);
		} catch (error) {
			// A program of the node has the port.
			if (!(error instanceof NetworkError)) throw error;
		}
	}

	#serviceAt(port: number): Service | undefined {
		return this.#lookups.servicesByNodePort(port).find(({ spec }) => spec?.healthCheckNodePort === port);
	}

	#answer(node: NetworkNode, port: number): HttpResponse {
		const service = this.#serviceAt(port);
		const { namespace = "", name = "" } = service?.metadata ?? {};
		const slices = this.#lookups.endpointSlices(namespace, name);
		const place = { name: node.name, zone: undefined };
		const addresses = (service?.spec?.ports ?? []).flatMap((each) => backendsOf(each, slices, place).local.map(({ address }) => address));
		const localEndpoints = new Set(addresses).size;
		return {
			status: localEndpoints > 0 ? 200 : 503,
			headers: {
				"Content-Type": "application/json",
				"X-Content-Type-Options": "nosniff",
				"X-Load-Balancing-Endpoint-Weight": String(localEndpoints),
			},
			body: JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true }, undefined, "\t"),
		};
	}
}
