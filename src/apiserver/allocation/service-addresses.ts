/**
 * Cluster IPs and node ports of Services, from the cluster's ranges. What is taken is read from the Services
 * themselves, in the watch cache; what a write under way has taken is held until it is stored or fails.
 * Source: https://kubernetes.io/docs/reference/networking/virtual-ips/ and pkg/registry/core/service (1.36).
 */

import type { Random } from "../../apimachinery/random.ts";
import type { Service, ServicePort } from "../../apimachinery/schema/generated/types.ts";
import { newInvalid } from "../../apimachinery/status-error.ts";
import { type FieldError, fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { type AddressRange, addressAt, containsAddress } from "./address-range.ts";

/** Inclusive. */
export interface PortRange {
	readonly first: number;
	readonly last: number;
}

/** What one write took; given back if it is not stored, dropped once it is. */
export interface Allocation {
	readonly service: Service;
	release(): void;
}

export class ServiceAddresses {
	readonly #addresses: AddressRange;
	readonly #ports: PortRange;
	readonly #random: Random;
	readonly #services: () => Iterable<Service>;
	/** Taken by writes that are not stored yet. */
	readonly #heldAddresses = new Set<string>();
	readonly #heldPorts = new Set<string>();

	constructor(options: {
		readonly addresses: AddressRange;
		readonly ports: PortRange;
		readonly random: Random;
		/** The stored services. */
		readonly services: () => Iterable<Service>;
	}) {
		this.#addresses = options.addresses;
		this.#ports = options.ports;
		this.#random = options.random;
		this.#services = options.services;
	}

	/** Fills in cluster IP and node ports of a service about to be stored. Throws Invalid if one is taken or outside its range. */
	allocate(service: Service, old: Service | undefined): Allocation {
		const heldAddresses: string[] = [];
		const heldPorts: string[] = [];
		const release = () => {
			for (const address of heldAddresses) this.#heldAddresses.delete(address);
			for (const port of heldPorts) this.#heldPorts.delete(port);
		};
		try {
			const withAddress = this.#withClusterIp(service, old, heldAddresses);
			return { service: this.#withNodePorts(withAddress, heldPorts), release };
		} catch (error) {
			release();
			throw error;
		}
	}

	#withClusterIp(service: Service, old: Service | undefined, held: string[]): Service {
		const spec = service.spec ?? {};
		if (spec.type === "ExternalName") {
			const { clusterIP: _, clusterIPs: __, ipFamilies: ___, ipFamilyPolicy: ____, internalTrafficPolicy: _____, ...rest } = spec;
			return { ...service, spec: rest };
		}
		const asked = spec.clusterIP || spec.clusterIPs?.[0] || (old?.spec?.type === "ExternalName" ? "" : (old?.spec?.clusterIP ?? ""));
		const address = asked === "" ? this.#nextAddress() : asked;
		if (address !== "None" && address !== old?.spec?.clusterIP) {
			if (asked !== "") this.#checkAddress(service, address);
			this.#heldAddresses.add(address);
			held.push(address);
		}
		return {
			...service,
			spec: {
				...spec,
				clusterIP: address,
				clusterIPs: [address],
				ipFamilies: ["IPv4"],
				ipFamilyPolicy: spec.ipFamilyPolicy ?? "SingleStack",
			},
		};
	}

	#checkAddress(service: Service, address: string): void {
		const fail = (why: string): never => {
			throw invalid(service, [fieldInvalid("spec.clusterIPs", [address], `failed to allocate IP ${address}: ${why}`)]);
		};
		if (!containsAddress(this.#addresses, address)) fail(`the provided network does not match the current range`);
		if (this.#takenAddresses().has(address)) fail("provided IP is already allocated");
	}

	/**
	 * A free address. The lower band of the range is kept for addresses that users choose (KEP-3070: 16 to 256, a
	 * sixteenth of the range) and used only when the upper one is full.
	 */
	#nextAddress(): string {
		const taken = this.#takenAddresses();
		const size = this.#addresses.size;
		const band = Math.min(Math.max(16, Math.floor(size / 16)), 256, size);
		for (const [first, end] of [[band, size] as const, [0, band] as const]) {
			const count = end - first;
			const start = count > 0 ? this.#random.int(count) : 0;
			for (let step = 0; step < count; step++) {
				const address = addressAt(this.#addresses, first + ((start + step) % count));
				if (!taken.has(address)) return address;
			}
		}
		throw new Error("failed to allocate a serviceIP: range is full");
	}

	#takenAddresses(): Set<string> {
		const taken = new Set(this.#heldAddresses);
		for (const service of this.#services()) for (const address of service.spec?.clusterIPs ?? []) taken.add(address);
		return taken;
	}

	#withNodePorts(service: Service, held: string[]): Service {
		const { type, ports = [], allocateLoadBalancerNodePorts } = service.spec ?? {};
		const wantsPorts = type === "NodePort" || (type === "LoadBalancer" && allocateLoadBalancerNodePorts !== false);
		if (!wantsPorts && !ports.some((port) => port.nodePort !== undefined)) return service;
		const taken = this.#takenPorts(service);
		const errors: FieldError[] = [];
		const allocated = ports.map((port, index): ServicePort => {
			const protocol = port.protocol ?? "TCP";
			if (port.nodePort !== undefined && port.nodePort !== 0) {
				const error = this.#portError(port.nodePort, protocol, taken);
				if (error !== "") errors.push(fieldInvalid(`spec.ports[${index}].nodePort`, port.nodePort, error));
			}
			if (!wantsPorts && !port.nodePort) return port;
			const nodePort = port.nodePort || this.#nextPort(protocol, taken);
			taken.add(`${nodePort}/${protocol}`);
			this.#heldPorts.add(`${nodePort}/${protocol}`);
			held.push(`${nodePort}/${protocol}`);
			return { ...port, nodePort };
		});
		if (errors.length > 0) throw invalid(service, errors);
		return { ...service, spec: { ...service.spec, ports: allocated } };
	}

	#portError(port: number, protocol: string, taken: ReadonlySet<string>): string {
		const { first, last } = this.#ports;
		if (port < first || port > last) return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
		return taken.has(`${port}/${protocol}`) ? "provided port is already allocated" : "";
	}

	#nextPort(protocol: string, taken: ReadonlySet<string>): number {
		const { first, last } = this.#ports;
		const count = last - first + 1;
		const start = this.#random.int(count);
		for (let step = 0; step < count; step++) {
			const port = first + ((start + step) % count);
			if (!taken.has(`${port}/${protocol}`)) return port;
		}
		throw new Error("failed to allocate a nodePort: range is full");
	}

	/** Ports of other services: those that a service has already are its own. */
	#takenPorts(service: Service): Set<string> {
		const taken = new Set(this.#heldPorts);
		const { namespace, name } = service.metadata ?? {};
		for (const other of this.#services()) {
			if (other.metadata?.name === name && other.metadata?.namespace === namespace) continue;
			for (const port of other.spec?.ports ?? []) if (port.nodePort) taken.add(`${port.nodePort}/${port.protocol ?? "TCP"}`);
		}
		return taken;
	}
}

function invalid(service: Service, errors: readonly FieldError[]) {
	return newInvalid({ group: "", kind: "Service" }, service.metadata?.name ?? "", errors);
}
