import { expect, test } from "vitest";
import { formatIpv4, isInIpv4Range, parseIpv4, parseIpv4Cidr } from "./ipv4.ts";

test.each([
	["0.0.0.0", 0],
	["10.0.0.1", 167_772_161],
	["255.255.255.255", 4_294_967_295],
	["1.2.3", undefined],
	["1.2.3.256", undefined],
	["01.2.3.4", undefined],
	["::1", undefined],
])("the address %s is %s", (text, value) => {
	expect(parseIpv4(text)).toBe(value);
	if (value !== undefined) expect(formatIpv4(value)).toBe(text);
});

test.each([
	["172.18.3.4/16", "172.18.0.0", "172.18.255.255"],
	["10.0.0.7/32", "10.0.0.7", "10.0.0.7"],
	["0.0.0.0/0", "0.0.0.0", "255.255.255.255"],
])("the network %s goes from %s to %s", (cidr, first, last) => {
	const range = parseIpv4Cidr(cidr);
	expect(range && [formatIpv4(range.first), formatIpv4(range.last)]).toEqual([first, last]);
	expect(range && isInIpv4Range(range, parseIpv4(last) ?? -1)).toBe(true);
});

test.each(["10.0.0.0", "10.0.0.0/33", "10.0.0.0/8/8", "a/8", "10.0.0.0/"])("%s is no network", (text) => {
	expect(parseIpv4Cidr(text)).toBe(undefined);
});
