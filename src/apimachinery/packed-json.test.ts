import { array, assert, constant, dictionary, jsonValue, oneof, property, string } from "fast-check";
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

test("keys that are empty, or full of quotes, are no texts", () => {
	for (const object of [{ "": "a" }, { 'v:"10.0.0.0/24"': {}, a: 'v:""' }, { a: { "": "" } }]) {
		expect(roundTrip(bytesOf(object))).toEqual(bytesOf(object));
	}
});

test("bytes that are no JSON come back, too, or are not taken", () => {
	const piece = oneof(string({ unit: "binary" }), constant('"'), constant('"\n"'), constant('":'), constant("\\"), constant("\0"));
	assert(
		property(array(piece), (pieces) => {
			const bytes = Buffer.from(pieces.join(""), "latin1");
			const back = roundTrip(bytes);
			if (back !== undefined) expect(Buffer.from(back)).toEqual(bytes);
		}),
		{ numRuns: 500 },
	);
});

const event = (name: string, count: number, uid = "8e1f") => ({
	kind: "Event",
	metadata: { name, uid, managedFields: [{ fieldsV1: { 'k:{"uid":"1"}': { ".": {} } } }] },
	count,
});

test("the second of a sort is kept as what differs from the first, and comes back as it was", () => {
	for (const other of [event("web.18a2", 1), event("web.18a3", 1), event("", 1, '\n"ü'), event("web.18a2", 2)]) {
		expect(roundTrip(bytesOf(other))).toEqual(bytesOf(other));
	}
});

test("what is said more than once comes back each time", () => {
	const times = (text: string) => ({
		kind: "Pod",
		status: { times: Array.from({ length: 40 }, (_, index) => (index % 3 === 0 ? text : `${text}${index % 7}`)) },
	});
	for (const text of ["2026-01-01T00:00:00Z", "2026-01-01T00:00:07Z", "short", "a", ""])
		expect(roundTrip(bytesOf(times(text)))).toEqual(bytesOf(times(text)));
	const many = (prefix: string) => Array.from({ length: 1200 }, (_, index) => `${prefix}${index % 400}`);
	for (const prefix of ["name", "other"]) expect(roundTrip(bytesOf(many(prefix)))).toEqual(bytesOf(many(prefix)));
});

test("of many texts each has its place", () => {
	const texts = Array.from({ length: 70_000 }, (_, index) => `${index}`);
	const other = texts.map((text, index) => (index % 100 === 0 ? `${text}!` : text));
	for (const all of [texts.slice(0, 65_536), other.slice(0, 65_536)]) expect(roundTrip(bytesOf(all))).toEqual(bytesOf(all));
	expect(PackedJson.of(bytesOf(texts))).toBeUndefined();
});

test("the same bytes are packed once", () => {
	const bytes = bytesOf(event("web.18a2", 1));
	expect(PackedJson.of(bytes)).toBe(PackedJson.of(bytes));
});
