import { expect, test } from "vitest";
import { fnv1a32, fnv132 } from "./hash.ts";

// Test vectors of http://www.isthe.com/chongo/src/fnv/test_fnv.c
test.each([
	["", 0x811c9dc5, 0x811c9dc5],
	["a", 0x050c5d7e, 0xe40c292c],
	["foobar", 0x31f0b262, 0xbf9cf968],
])("the hashes of %j", (text, fnv1, fnv1a) => {
	expect(fnv132(text)).toBe(fnv1);
	expect(fnv1a32(text)).toBe(fnv1a);
	expect(fnv1a32(Buffer.from(text))).toBe(fnv1a);
});
