import { assert, constant, dictionary, jsonValue, oneof, property, string } from "fast-check";
import { expect, test } from "vitest";
import { PackedJson } from "./packed-json.ts";

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** What the packed form makes of bytes; undefined for what it does not take. */
function roundTrip(bytes: Uint8Array): Uint8Array | undefined {
	return PackedJson.of(bytes)?.bytes();
}

test("what was packed comes back byte for byte, whatever JSON it is", () => {
	const key = oneof(string({ unit: "grapheme" }), constant(""), constant('v:"a"'), constant('"'), constant("\\"), constant('a""b'));
	const value = dictionary(key, oneof(jsonValue(), string({ unit: "grapheme" }), constant(""), constant('\n"\\')));
	assert(
		property(value, (object) => {
			const bytes = bytesOf(object);
			const back = roundTrip(bytes);
			if (back !== undefined) expect(back).toEqual(bytes);
		}),
		{ numRuns: 1000 },
	);
});

test("spaces between what it says come back, too", () => {
	const bytes = new TextEncoder().encode('{ "a" : "" , "b": [ "x", 1.50, true ],\n"é":"ü" }');
	expect(roundTrip(bytes)).toEqual(bytes);
});

test.each([
	["an empty key", { "": "a" }],
	["a key that ends with a quote", { 'v:"10.0.0.0/24"': {} }],
])("%s is not packed, because it looks like the place of a text", (_, object) => {
	expect(PackedJson.of(bytesOf(object))).toBeUndefined();
});

test("an event is packed", () => {
	const event = {
		kind: "Event",
		metadata: { name: "web.18a2", managedFields: [{ fieldsV1: { 'k:{"uid":"1"}': { ".": {} } } }] },
		count: 1,
	};
	expect(roundTrip(bytesOf(event))).toEqual(bytesOf(event));
});
