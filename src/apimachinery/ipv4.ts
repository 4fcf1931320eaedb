/** IPv4 addresses as numbers, and ranges of them. */

/** First and last address, as numbers: first <= last. */
export interface Ipv4Range {
	readonly first: number;
	readonly last: number;
}

/** Undefined for what is none. */
export function parseIpv4(text: string): number | undefined {
	const parts = text.split(".");
	if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return undefined;
	return parts.reduce((value, part) => value * 256 + Number(part), 0);
}

export function formatIpv4(value: number): string {
	return [2 ** 24, 2 ** 16, 2 ** 8, 1].map((unit) => Math.floor(value / unit) % 256).join(".");
}

/** All addresses of a network, `172.18.0.0/16`; undefined for what is none. */
export function parseIpv4Cidr(text: string): Ipv4Range | undefined {
	const [address = "", bits = "", ...rest] = text.split("/");
	const value = parseIpv4(address);
	if (value === undefined || rest.length > 0 || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return undefined;
	const size = 2 ** (32 - Number(bits));
	const first = value - (value % size);
	return { first, last: first + size - 1 };
}

export function isInIpv4Range({ first, last }: Ipv4Range, value: number): boolean {
	return value >= first && value <= last;
}
