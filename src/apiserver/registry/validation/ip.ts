/**
 * IP addresses and CIDR ranges as API fields hold them: in canonical form, no leading zeros, no IPv4 mapped into IPv6.
 * Source: k8s.io/apimachinery/pkg/util/validation/ip.go, pkg/apis/core/validation (special addresses).
 */
import { BlockList, isIP, SocketAddress } from "node:net";
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";

export type IpFamily = "IPv4" | "IPv6";

/** An IP range in numbers. */
export interface Cidr {
	readonly family: IpFamily;
	/** The address as written, as a number of 32 or 128 bits. */
	readonly address: bigint;
	/** 0 to 32 or 128. */
	readonly prefixLength: number;
}

const bits = (family: IpFamily) => (family === "IPv4" ? 32 : 128);

/** Family of an address, undefined for what is none. Scopes (`fe80::1%eth0`) are refused. */
export function ipFamily(text: string): IpFamily | undefined {
	if (text.includes("%")) return undefined;
	const version = isIP(text);
	return version === 4 ? "IPv4" : version === 6 ? "IPv6" : undefined;
}

/** Reads `10.96.0.0/12`; undefined for what is no range. Bits beyond the prefix are kept. */
export function parseCidr(text: string): Cidr | undefined {
	const [address = "", length = "", ...rest] = text.split("/");
	const family = ipFamily(address);
	if (family === undefined || rest.length > 0 || !/^(0|[1-9]\d*)$/.test(length)) return undefined;
	const prefixLength = Number(length);
	return prefixLength > bits(family) ? undefined : { family, address: ipToNumber(address), prefixLength };
}

/** The address as a number of 32 or 128 bits. `text` must be an address. */
export function ipToNumber(text: string): bigint {
	if (!text.includes(":")) return text.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
	const [head = "", tail] = withoutDottedQuad(text).split("::");
	const groups = (part: string) => (part === "" ? [] : part.split(":"));
	const [front, back] = [groups(head), groups(tail ?? "")];
	const zeros = tail === undefined ? 0 : 8 - front.length - back.length;
	return [...front, ...Array<string>(zeros).fill("0"), ...back].reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}

/** `::ffff:10.0.0.1` → `::ffff:a00:1`. */
function withoutDottedQuad(text: string): string {
	const quad = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
	if (quad === null) return text;
	const [a = 0, b = 0, c = 0, d = 0] = quad.slice(1).map(Number);
	return `${text.slice(0, quad.index)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** Whether `inner` lies in `outer` and is smaller. */
export function isStrictSubset(inner: Cidr, outer: Cidr): boolean {
	if (inner.family !== outer.family || inner.prefixLength <= outer.prefixLength) return false;
	const shift = BigInt(bits(outer.family) - outer.prefixLength);
	return inner.address >> shift === outer.address >> shift;
}

/** What is wrong with an IP address, in Kubernetes' words. */
export function isValidIp(text: string): string[] {
	if (ipFamily(text) === undefined) return [ipWithLeadingZeros(text) ? "must not have leading 0s" : IP_TEXT];
	return isMapped(text) ? ["must not be an IPv4-mapped IPv6 address"] : [];
}

/** What is wrong with an IP range. */
export function isValidCidr(text: string): string[] {
	const cidr = parseCidr(text);
	if (cidr === undefined) return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];
	if (isMapped(text.split("/")[0] ?? "")) return ["must not have an IPv4-mapped IPv6 address"];
	const hostBits = BigInt(bits(cidr.family) - cidr.prefixLength);
	return (cidr.address >> hostBits) << hostBits === cidr.address ? [] : ["must not have bits set beyond the prefix length"];
}

const IP_TEXT = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

/** An address of one family: an endpoint's. */
export function validateIpOfFamily(text: string, family: IpFamily, path: string): readonly FieldError[] {
	const errors = isValidIp(text).map((message) => fieldInvalid(path, text, message));
	if (errors.length > 0 || ipFamily(text) === family) return errors;
	return [fieldInvalid(path, text, `must be a valid ${family} address`)];
}

/** Addresses that traffic cannot be sent to from another machine. `text` may be no address at all: then nothing is said. */
export function validateNonSpecialIp(text: string, path: string): readonly FieldError[] {
	const family = ipFamily(text);
	if (family === undefined) return [];
	const type = family === "IPv4" ? "ipv4" : "ipv6";
	const address = new SocketAddress({ address: text, family: type });
	if (ipToNumber(text) === 0n) return [fieldInvalid(path, text, `may not be unspecified (${text})`)];
	const special = specialRanges.find(({ ranges }) => ranges().check(address));
	return special === undefined ? [] : [fieldInvalid(path, text, special.text)];
}

const specialRanges: readonly { readonly text: string; ranges(): BlockList }[] = [
	{ text: "may not be in the loopback range (127.0.0.0/8, ::1/128)", ranges: () => blockList(["127.0.0.0", 8], ["::1", 128]) },
	{ text: "may not be in the link-local range (169.254.0.0/16, fe80::/10)", ranges: () => blockList(["169.254.0.0", 16], ["fe80::", 10]) },
	{
		text: "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
		ranges: () => blockList(["224.0.0.0", 24], ["ff02::", 16]),
	},
];

function blockList(v4: readonly [string, number], v6: readonly [string, number]): BlockList {
	const list = new BlockList();
	list.addSubnet(v4[0], v4[1], "ipv4");
	list.addSubnet(v6[0], v6[1], "ipv6");
	return list;
}

function isMapped(text: string): boolean {
	return text.includes(":") && ipToNumber(text) >> 32n === 0xffffn;
}

function ipWithLeadingZeros(text: string): boolean {
	return /^\d+(\.\d+){3}$/.test(text) && isIP(text.replace(/(^|\.)0+(?=\d)/g, "$1")) === 4;
}
