import fc from "fast-check";
import { expect, it } from "vitest";
import { ipToNumber } from "./ip.ts";
import { cidrWarnings, formatIpv6, ipWarnings, validateLegacyCidr, validateLegacyIp } from "./legacy-ip.ts";

it("writes IPv6 addresses as the URL standard does, and they mean the same", () => {
	fc.assert(
		fc.property(fc.ipV6(), (text) => {
			const canonical = formatIpv6(ipToNumber(text));
			expect(canonical).toBe(new URL(`http://[${text}]`).hostname.slice(1, -1));
			expect(ipToNumber(canonical)).toBe(ipToNumber(text));
		}),
	);
});

it.each([
	["10.0.0.1", []],
	["010.0.0.1", ['x: Invalid value: "010.0.0.1": must not have leading 0s']],
	["::ffff:1.2.3.4", ['x: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address']],
])("an address %s", (text, expected) => {
	expect(validateLegacyIp(text, "x").map(String)).toEqual(expected);
	expect(validateLegacyIp(text, "x", [text])).toEqual([]);
});

it.each([
	["10.0.0.0/8", []],
	["010.0.0.0/8", ['x: Invalid value: "010.0.0.0/8": must not have leading 0s in IP or prefix length']],
	["10.0.0.0/08", ['x: Invalid value: "10.0.0.0/08": must not have leading 0s in IP or prefix length']],
	["10.0.0.1/8", ['x: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length']],
	["10.0.0.0/33", ['x: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
])("a range %s", (text, expected) => {
	expect(validateLegacyCidr(text, "x").map(String)).toEqual(expected);
	expect(validateLegacyCidr(text, "x", [text])).toEqual([]);
});

it("warns of IPv6 in unusual forms, and of nothing else", () => {
	expect(ipWarnings("2001:DB8::1", "x")).toEqual(['x: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")']);
	expect(cidrWarnings("2001:db8:0::/64", "x")).toEqual([
		'x: IPv6 CIDR value "2001:db8:0::/64" should be in RFC 5952 canonical format ("2001:db8::/64")',
	]);
	for (const text of ["2001:db8::1", "10.0.0.1", "x", ""]) expect(ipWarnings(text, "x")).toEqual([]);
	for (const text of ["2001:db8::/64", "10.0.0.0/8", "x"]) expect(cidrWarnings(text, "x")).toEqual([]);
});
