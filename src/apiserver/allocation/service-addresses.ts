/**
 * Cluster IPs and node ports of Services, from the cluster's ranges. What is taken is read from the Services
 * themselves, in the watch cache; what a write under way has taken is held until it is stored or fails.
 * Source: https://kubernetes.io/docs/reference/networking/virtual-ips/ and pkg/registry/core/service/storage/alloc.go (1.36).
 *
 * The cluster has one range, of IPv4 addresses; a Service that wants others is told that they are not configured.
 */
import type { Random } from "../../apimachinery/random.ts";
import type { Service, ServiceSpec } from "../../apimachinery/schema/generated/types.ts";
import { newInternalError, newInvalid } from "../../apimachinery/status-error.ts";
import { type FieldError, fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { isHeadless, needsClusterIp, specOf } from "../registry/core/service-fields.ts";
import type { IpFamily } from "../registry/validation/ip.ts";
import { type AddressRange, addressAt, containsAddress } from "./address-range.ts";
import { addressBand, bandSize, pickIndex, portBand } from "./bands.ts";
import { followService, type Handle } from "./ip-addresses.ts";
import { planFamilies } from "./ip-families.ts";
import { type PortTaker, withNodePorts } from "./node-ports.ts";

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

const clusterFamilies: readonly IpFamily[] = ["IPv4"];

export class ServiceAddresses {
	readonly #addresses: AddressRange;
	readonly #ports: PortRange;
	readonly #random: Random;
	readonly #services: () => Iterable<Service>;
	readonly #recorded: () => Iterable<string>;
	readonly #handle: Handle;
	/** Taken by writes that are not stored yet. */
	readonly #heldAddresses = new Set<string>();
	readonly #heldPorts = new Set<number>();

	constructor(options: {
		readonly addresses: AddressRange;
		readonly ports: PortRange;
		readonly random: Random;
		/** The stored services. */
		readonly services: () => Iterable<Service>;
		/** Names of the IPAddress objects: somebody else's count, too. */
		readonly recorded: () => Iterable<string>;
		readonly handle: Handle;
	}) {
		this.#addresses = options.addresses;
		this.#ports = options.ports;
		this.#random = options.random;
		this.#services = options.services;
		this.#recorded = options.recorded;
		this.#handle = options.handle;
	}

	/** Called when a write is stored, before it is answered; undefined where there was, or is, no Service. */
	follow(before: Service | undefined, after: Service | undefined): Promise<void> {
		return followService(before, after, this.#handle);
	}

	/**
	 * Fills in families, cluster IP and node ports of a service about to be stored. Throws Invalid if one is taken or
	 * outside its range, InternalError if a range is full.
	 */
	allocate(service: Service, old: Service | undefined): Allocation {
		const heldAddresses: string[] = [];
		const heldPorts: number[] = [];
		const release = () => {
			for (const address of heldAddresses) this.#heldAddresses.delete(address);
			for (const port of heldPorts) this.#heldPorts.delete(port);
		};
		try {
			const before = old === undefined ? undefined : specOf(old);
			const plan = planFamilies(specOf(service), before, clusterFamilies);
			if ("errors" in plan) throw invalid(service, plan.errors);
			const addressed = this.#withClusterIp(service, plan.spec, before, heldAddresses);
			const spec = withNodePorts(addressed, before, this.#portTaker(service, heldPorts));
			return { service: { ...service, spec }, release };
		} catch (error) {
			release();
			throw error;
		}
	}

	/** A new Service, and one that was an ExternalName, gets an address; every other keeps what it has. */
	#withClusterIp(service: Service, spec: ServiceSpec, old: ServiceSpec | undefined, held: string[]): ServiceSpec {
		if (!needsClusterIp(spec) || isHeadless(spec)) return spec;
		if (old !== undefined && needsClusterIp(old)) return spec;
		const asked = spec.clusterIPs?.[0] ?? "";
		const address = asked === "" ? this.#nextAddress() : asked;
		if (asked !== "") this.#checkAddress(service, address);
		this.#heldAddresses.add(address);
		held.push(address);
		return { ...spec, clusterIP: address, clusterIPs: [address] };
	}

	#checkAddress(service: Service, address: string): void {
		const fail = (why: string): never => {
			throw invalid(service, [fieldInvalid("spec.clusterIPs", [address], `failed to allocate IP ${address}: ${why}`)]);
		};
		if (!containsAddress(this.#addresses, address)) fail("the provided network does not match the current range");
		if (this.#takenAddresses().has(address)) fail("provided IP is already allocated");
	}

	#nextAddress(): string {
		const taken = this.#takenAddresses();
		const { size } = this.#addresses;
		// The network's own address and the broadcast one count where the band is measured.
		const band = bandSize(size + 2, addressBand);
		const index = pickIndex(size, band, (candidate) => taken.has(addressAt(this.#addresses, candidate)), this.#random);
		if (index === undefined) throw newInternalError("failed to allocate a serviceIP: range is full");
		return addressAt(this.#addresses, index);
	}

	#takenAddresses(): Set<string> {
		const taken = new Set(this.#heldAddresses);
		for (const address of this.#recorded()) taken.add(address);
		for (const service of this.#services()) for (const address of service.spec?.clusterIPs ?? []) taken.add(address);
		return taken;
	}

	#portTaker(service: Service, held: number[]): PortTaker {
		const { first, last } = this.#ports;
		const size = last - first + 1;
		let known: Set<number> | undefined;
		const taken = () => {
			known ??= this.#takenPorts();
			return known;
		};
		const hold = (port: number) => {
			taken().add(port);
			this.#heldPorts.add(port);
			held.push(port);
		};
		return {
			take: (port) => {
				if (port < first || port > last) return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
				if (taken().has(port)) return "provided port is already allocated";
				hold(port);
				return undefined;
			},
			takeNext: () => {
				const index = pickIndex(size, bandSize(size, portBand), (candidate) => taken().has(first + candidate), this.#random);
				if (index === undefined) return undefined;
				hold(first + index);
				return first + index;
			},
			refuse: (index, port, why) => {
				throw invalid(service, [fieldInvalid(`spec.ports[${index}].nodePort`, port, why)]);
			},
		};
	}

	#takenPorts(): Set<number> {
		const taken = new Set(this.#heldPorts);
		for (const { spec } of this.#services()) {
			for (const { nodePort = 0 } of spec?.ports ?? []) if (nodePort !== 0) taken.add(nodePort);
			if ((spec?.healthCheckNodePort ?? 0) !== 0) taken.add(spec?.healthCheckNodePort ?? 0);
		}
		return taken;
	}
}

function invalid(service: Service, errors: readonly FieldError[]) {
	return newInvalid({ group: "", kind: "Service" }, service.metadata?.name ?? "", errors);
}
