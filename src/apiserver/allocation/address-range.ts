/** A range of IPv4 addresses in CIDR notation, and the addresses in it that can be given out. */

export interface AddressRange {
	readonly cidr: string;
	/** The first address that can be given out, as a number: the network's own address is left out. */
	readonly first: number;
	/** How many can be given out: all but the network's own address and the broadcast one. */
	readonly size: number;
}

/** Reads `10.96.0.0/12`. Throws a RangeError for anything else than an IPv4 network of at least four addresses. */
export function parseAddressRange(cidr: string): AddressRange {
	const [address = "", bits = ""] = cidr.split("/");
	const network = parseIpv4(address);
	const prefix = Number(bits);
	if (network === undefined || !/^\d+$/.test(bits) || prefix > 30) throw new RangeError(`not an IPv4 network: ${cidr}`);
	const total = 2 ** (32 - prefix);
	return { cidr, first: network - (network % total) + 1, size: total - 2 };
}

/** The address at an index, 0 <= index < size. */
export function addressAt(range: AddressRange, index: number): string {
	const value = range.first + index;
	return [value / 2 ** 24, value / 2 ** 16, value / 2 ** 8, value].map((part) => Math.floor(part) % 256).join(".");
}

export function containsAddress(range: AddressRange, address: string): boolean {
	const value = parseIpv4(address);
	return value !== undefined && value >= range.first && value < range.first + range.size;
}

function parseIpv4(text: string): number | undefined {
	const parts = text.split(".");
	if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined;
	return parts.reduce((value, part) => value * 256 + Number(part), 0);
}
