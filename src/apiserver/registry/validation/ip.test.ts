import { BlockList, isIP } from "node:net";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ipFamily, ipToNumber, isStrictSubset, isValidCidr, isValidIp, parseCidr } from "./ip.ts";

it("reads every address that Node reads, and orders as its bytes do", () => {
	fc.assert(
		fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
			expect(ipFamily(text)).toBe(isIP(text) === 4 ? "IPv4" : "IPv6");
			expect(ipToNumber(text)).toBeLessThan(2n ** (isIP(text) === 4 ? 32n : 128n));
		}),
	);
	expect(ipToNumber("10.0.0.1")).toBe(0x0a000001n);
	expect(ipToNumber("2001:db8::1")).toBe(0x20010db8000000000000000000000001n);
	expect(ipToNumber("::ffff:10.0.0.1")).toBe(0xffff0a000001n);
});

it("knows what lies in a range as Node's block list does", () => {
	const prefix = fc.integer({ min: 0, max: 31 });
	fc.assert(
		fc.property(fc.ipV4(), prefix, fc.ipV4(), (network, length, address) => {
			const list = new BlockList();
			list.addSubnet(network, length, "ipv4");
			const [inner, outer] = [parseCidr(`${address}/32`), parseCidr(`${network}/${length}`)];
			expect(inner !== undefined && outer !== undefined && isStrictSubset(inner, outer)).toBe(list.check(address, "ipv4"));
		}),
	);
});

it("refuses what is ambiguous", () => {
	expect(isValidIp("10.0.0.1")).toEqual([]);
	expect(isValidIp("010.0.0.1")).toEqual(["must not have leading 0s"]);
	expect(isValidIp("::ffff:10.0.0.1")).toEqual(["must not be an IPv4-mapped IPv6 address"]);
	expect(isValidIp("example.com")).toEqual(["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]);
	expect(isValidCidr("10.96.0.0/12")).toEqual([]);
	expect(isValidCidr("10.0.0.1/8")).toEqual(["must not have bits set beyond the prefix length"]);
	expect(isValidCidr("10.0.0.0")).toEqual(["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]);
	expect(isValidCidr("2001:db8::/64")).toEqual([]);
});
