import { expect, test } from "vitest";
import { fnv1a32 } from "./hash.ts";

// Test vectors of http://www.isthe.com/chongo/src/fnv/test_fnv.c
test.each([
	["", 0x811c9dc5],
	["a", 0xe40c292c],
	["foobar", 0xbf9cf968],
])("the hash of %j", (text, hash) => {
	expect(fnv1a32(text)).toBe(hash);
	expect(fnv1a32(Buffer.from(text))).toBe(hash);
});
