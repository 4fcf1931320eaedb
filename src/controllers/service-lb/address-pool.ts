/** The addresses that load balancers are given. */
import { formatIpv4, type Ipv4Range, isInIpv4Range, parseIpv4, parseIpv4Cidr } from "../../apimachinery/ipv4.ts";

/** The end of the simulated nodes' own network, as is usual for MetalLB on kind. */
export const defaultAddressPool = "172.18.255.200-172.18.255.250";

/** A text that names no addresses. */
export class AddressPoolError extends Error {
	override readonly name = "AddressPoolError";
}

export class AddressPool {
	/** As it was given. */
	readonly text: string;
	readonly #ranges: readonly Ipv4Range[];

	/**
	 * @param text ranges (`172.18.255.200-172.18.255.250`), networks (`192.0.2.0/24`) and single addresses, separated by commas
	 * @throws AddressPoolError
	 */
	constructor(text: string) {
		this.text = text;
		this.#ranges = text.split(",").map((part) => parseRange(part.trim()));
	}

	contains(address: string): boolean {
		const value = parseIpv4(address);
		return value !== undefined && this.#ranges.some((range) => isInIpv4Range(range, value));
	}

	/** The lowest address that is not taken; undefined if all are. */
	firstFree(taken: { has(address: string): boolean }): string | undefined {
		for (const { first, last } of this.#ranges) {
			for (let value = first; value <= last; value++) {
				const address = formatIpv4(value);
				if (!taken.has(address)) return address;
			}
		}
		return undefined;
	}
}

function parseRange(text: string): Ipv4Range {
	const network = parseIpv4Cidr(text);
	if (network !== undefined) return network;
	const [first = "", last = first, ...rest] = text.split("-").map((each) => each.trim());
	const [from, to] = [parseIpv4(first), parseIpv4(last)];
	if (from === undefined || to === undefined || from > to || rest.length > 0) {
		throw new AddressPoolError(
			`${JSON.stringify(text)} is no range of IPv4 addresses: it is FIRST-LAST, a network in CIDR notation, or one address`,
		);
	}
	return { first: from, last: to };
}
