/** Addresses and networks. Source: k8s.io/apiserver/pkg/cel/library/{ip,cidr}.go; https://pkg.go.dev/net/netip. */
import { boolType, intType, opaqueType, stringType } from "../types/types.ts";
import { EvaluationError, noSuchOverload } from "../values/errors.ts";
import { asString, CelOpaque, type CelValue } from "../values/values.ts";
import { declare, type FunctionDeclaration, type Library, member, overload } from "./function.ts";
import { type Cidr, cidrContains, formatIp, type IpAddress, maskedAddress, parseCidr, parseIp } from "./ip-address.ts";

const ipType = opaqueType("net.IP");
const cidrType = opaqueType("net.CIDR");

class CelIp extends CelOpaque {
	readonly typeName = ipType.name;
	readonly address: IpAddress;

	constructor(address: IpAddress) {
		super();
		this.address = address;
	}

	equals(other: CelOpaque): boolean {
		return other instanceof CelIp && other.address.bits === this.address.bits && other.address.value === this.address.value;
	}

	/** Bytes. */
	override get costSize(): number {
		return this.address.bits / 8;
	}
}

class CelCidr extends CelOpaque {
	readonly typeName = cidrType.name;
	readonly cidr: Cidr;

	constructor(cidr: Cidr) {
		super();
		this.cidr = cidr;
	}

	equals(other: CelOpaque): boolean {
		if (!(other instanceof CelCidr)) return false;
		const { address, prefix } = other.cidr;
		return prefix === this.cidr.prefix && address.bits === this.cidr.address.bits && address.value === this.cidr.address.value;
	}

	/** Bytes that the prefix reaches into. */
	override get costSize(): number {
		return Math.ceil(this.cidr.prefix / 8);
	}
}

function ipOf(text: CelValue): IpAddress {
	const address = parseIp(asString(text));
	if ("problem" in address) throw new EvaluationError(address.problem);
	return address;
}

function cidrOf(text: CelValue): Cidr {
	const cidr = parseCidr(asString(text));
	if ("problem" in cidr) throw new EvaluationError(cidr.problem);
	return cidr;
}

function asIp(value: CelValue): IpAddress {
	if (!(value instanceof CelIp)) throw noSuchOverload();
	return value.address;
}

function asCidr(value: CelValue): Cidr {
	if (!(value instanceof CelCidr)) throw noSuchOverload();
	return value.cidr;
}

/** Whether an address lies in one of these networks; those of its own family count. */
const isIn =
	(...networks: readonly string[]) =>
	(address: IpAddress): boolean =>
		networks.map(parseCidr).some((network) => !("problem" in network) && cidrContains(network, address));

const isLoopback = isIn("127.0.0.0/8", "::1/128");
const isUnspecified = isIn("0.0.0.0/32", "::/128");
const isLinkLocalUnicast = isIn("169.254.0.0/16", "fe80::/10");
const isLinkLocalMulticast = isIn("224.0.0.0/24", "ff02::/16");
const isMulticast = isIn("224.0.0.0/4", "ff00::/8");
const isBroadcast = isIn("255.255.255.255/32");
const isGlobalUnicast = (address: IpAddress): boolean =>
	![isBroadcast, isUnspecified, isLoopback, isMulticast, isLinkLocalUnicast].some((test) => test(address));

const property = (name: string, id: string, test: (address: IpAddress) => boolean): FunctionDeclaration =>
	declare(name, [member(id, [ipType], boolType, (ip) => test(asIp(ip)))]);

const containsCidr = (outer: Cidr, inner: Cidr): boolean =>
	outer.address.bits === inner.address.bits && outer.prefix <= inner.prefix && cidrContains(outer, inner.address);

const cidrText = ({ address, prefix }: Cidr): string => `${formatIp(address)}/${prefix}`;

export const ipLibrary: Library = {
	functions: [
		declare("ip", [
			overload("string_to_ip", [stringType], ipType, (text) => new CelIp(ipOf(text))),
			member("cidr_ip", [cidrType], ipType, (cidr) => new CelIp(asCidr(cidr).address)),
		]),
		declare("family", [member("ip_family", [ipType], intType, (ip) => (asIp(ip).bits === 32 ? 4n : 6n))]),
		declare("ip.isCanonical", [overload("ip_is_canonical", [stringType], boolType, (text) => formatIp(ipOf(text)) === asString(text))]),
		declare("isIP", [overload("is_ip", [stringType], boolType, (text) => !("problem" in parseIp(asString(text))))]),
		property("isUnspecified", "ip_is_unspecified", isUnspecified),
		property("isLoopback", "ip_is_loopback", isLoopback),
		property("isLinkLocalMulticast", "ip_is_link_local_multicast", isLinkLocalMulticast),
		property("isLinkLocalUnicast", "ip_is_link_local_unicast", isLinkLocalUnicast),
		property("isGlobalUnicast", "ip_is_global_unicast", isGlobalUnicast),
		declare("cidr", [overload("string_to_cidr", [stringType], cidrType, (text) => new CelCidr(cidrOf(text)))]),
		declare("isCIDR", [overload("is_cidr", [stringType], boolType, (text) => !("problem" in parseCidr(asString(text))))]),
		declare("containsIP", [
			member("cidr_contains_ip_string", [cidrType, stringType], boolType, (cidr, text) => cidrContains(asCidr(cidr), ipOf(text))),
			member("cidr_contains_ip_ip", [cidrType, ipType], boolType, (cidr, ip) => cidrContains(asCidr(cidr), asIp(ip))),
		]),
		declare("containsCIDR", [
			member("cidr_contains_cidr_string", [cidrType, stringType], boolType, (a, b) => containsCidr(asCidr(a), cidrOf(b))),
			member("cidr_contains_cidr", [cidrType, cidrType], boolType, (a, b) => containsCidr(asCidr(a), asCidr(b))),
		]),
		declare("masked", [
			member("cidr_masked", [cidrType], cidrType, (cidr) => new CelCidr({ ...asCidr(cidr), address: maskedAddress(asCidr(cidr)) })),
		]),
		declare("prefixLength", [member("cidr_prefix_length", [cidrType], intType, (cidr) => BigInt(asCidr(cidr).prefix))]),
		declare("string", [
			overload("ip_to_string", [ipType], stringType, (ip) => formatIp(asIp(ip))),
			overload("cidr_to_string", [cidrType], stringType, (cidr) => cidrText(asCidr(cidr))),
		]),
	],
	typeNames: [
		[ipType.name, ipType],
		[cidrType.name, cidrType],
	],
};
