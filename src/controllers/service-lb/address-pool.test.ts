import { expect, test } from "vitest";
import { AddressPool } from "./address-pool.ts";

test.each([
	["192.0.2.7", ["192.0.2.7"]],
	["192.0.2.7-192.0.2.9", ["192.0.2.7", "192.0.2.8", "192.0.2.9"]],
	["192.0.2.4/31, 192.0.2.255-192.0.3.0", ["192.0.2.4", "192.0.2.5", "192.0.2.255", "192.0.3.0"]],
])("%s gives %j, then nothing", (text, addresses) => {
	const pool = new AddressPool(text);
	const taken = new Set<string>();
	for (let next = pool.firstFree(taken); next !== undefined; next = pool.firstFree(taken)) taken.add(next);
	expect([...taken]).toEqual(addresses);
	expect(addresses.every((address) => pool.contains(address))).toBe(true);
	expect([pool.contains("192.0.2.6"), pool.contains("web")]).toEqual([false, false]);
});

test.each(["", "a", "192.0.2.9-192.0.2.7", "192.0.2.1-192.0.2.2-192.0.2.3", "192.0.2.0/40", "192.0.2.1,,"])("%j is refused", (text) => {
	expect(() => new AddressPool(text)).toThrow("is no range of IPv4 addresses");
});
