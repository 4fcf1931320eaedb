/** IP addresses as numbers, read and written as Go's net/netip does. */

export interface IpAddress {
	readonly bits: 32 | 128;
	readonly value: bigint;
}

/** Undefined for what is none, for zones, and for IPv4 in IPv6, with the reason. */
export function parseIp(text: string): IpAddress | { readonly problem: string } {
	if (text.includes("%")) return { problem: `IP address ${JSON.stringify(text)} with zone value is not allowed` };
	const address = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
	if (address === undefined) {
		return {
			problem: `IP Address ${JSON.stringify(text)} parse error during conversion from string: ParseAddr(${JSON.stringify(text)}): unable to parse IP`,
		};
	}
	if (address.bits === 128 && address.value >> 32n === 0xffffn) {
		return { problem: `IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed` };
	}
	return address;
}

function parseIpv4(text: string): IpAddress | undefined {
	const fields = text.split(".");
	if (fields.length !== 4 || !fields.every((field) => /^(0|[1-9]\d{0,2})$/.test(field) && Number(field) < 256)) return undefined;
	return { bits: 32, value: fields.reduce((value, field) => (value << 8n) | BigInt(field), 0n) };
}

function parseIpv6(text: string): IpAddress | undefined {
	const halves = text.split("::");
	if (halves.length > 2) return undefined;
	const [head, tail] = halves.map((half) => (half === "" ? [] : groupsOf(half)));
	if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
	const given = head.length + (tail?.length ?? 0);
	if (halves.length === 1 ? given !== 8 : given > 7) return undefined;
	const groups = halves.length === 1 ? head : [...head, ...new Array<bigint>(8 - given).fill(0n), ...(tail ?? [])];
	return { bits: 128, value: groups.reduce((value, group) => (value << 16n) | group, 0n) };
}

/** Groups of 16 bits; the last may be an IPv4 address. */
function groupsOf(text: string): bigint[] | undefined {
	const fields = text.split(":");
	const last = fields.at(-1) ?? "";
	const embedded = last.includes(".") ? parseIpv4(last) : undefined;
	if (last.includes(".") && embedded === undefined) return undefined;
	const plain = embedded === undefined ? fields : fields.slice(0, -1);
	if (!plain.every((field) => /^[0-9a-fA-F]{1,4}$/.test(field))) return undefined;
	const groups = plain.map((field) => BigInt(`0x${field}`));
	return embedded === undefined ? groups : [...groups, embedded.value >> 16n, embedded.value & 0xffffn];
}

/** The canonical text: RFC 5952 for IPv6. */
export function formatIp({ bits, value }: IpAddress): string {
	if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
	const groups = Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16));
	let best = { start: 0, length: 1 };
	for (let start = 0; start < 8; start++) {
		let length = 0;
		while (groups[start + length] === "0") length++;
		if (length > best.length) best = { start, length };
	}
	if (best.length < 2) return groups.join(":");
	return `${groups.slice(0, best.start).join(":")}::${groups.slice(best.start + best.length).join(":")}`;
}

export interface Cidr {
	readonly address: IpAddress;
	readonly prefix: number;
}

export function parseCidr(text: string): Cidr | { readonly problem: string } {
	const slash = text.lastIndexOf("/");
	const refuse = (reason: string) => ({
		problem: `network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): ${reason}`,
	});
	if (slash < 0) return refuse("no '/'");
	const address = parseIp(text.slice(0, slash));
	if ("problem" in address) {
		if (address.problem.startsWith("IPv4-mapped")) return { problem: `IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed` };
		return refuse(`ParseAddr(${JSON.stringify(text.slice(0, slash))}): unable to parse IP`);
	}
	const bits = text.slice(slash + 1);
	if (!/^(0|[1-9]\d*)$/.test(bits)) return refuse(`bad bits after slash: ${JSON.stringify(bits)}`);
	if (Number(bits) > address.bits) return refuse("prefix length out of range");
	return { address, prefix: Number(bits) };
}

/** The first address of the network. */
export function maskedAddress({ address, prefix }: Cidr): IpAddress {
	const host = BigInt(address.bits - prefix);
	return { bits: address.bits, value: (address.value >> host) << host };
}

export function cidrContains(cidr: Cidr, address: IpAddress): boolean {
	if (cidr.address.bits !== address.bits) return false;
	return maskedAddress(cidr).value === maskedAddress({ address, prefix: cidr.prefix }).value;
}
