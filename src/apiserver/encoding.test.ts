import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entryFor } from "../apimachinery/apply/managers.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import {
	decodeFromStorage,
	encodeForStorage,
	encodeListItem,
	encodeObject,
	isStoredStale,
	packStoredBytes,
	presetDecoded,
	storedAs,
	storedBytesOf,
} from "./encoding.ts";
import { markGeneration } from "./storage/value-marks.ts";

const id = { manager: 'a "quoted" name', operation: "Update", apiVersion: "v1", subresource: "status" } as const;
const owners = [
	entryFor(id, { "f:data": { ".": {}, "f:a": {} } }, "2026-01-01T00:00:00Z"),
	{ manager: "plain", operation: "Apply", apiVersion: "v1", fieldsType: "FieldsV1" },
];

/** Objects with everything that JSON has to write otherwise than it is: quotes, letters of several bytes, keys with nothing in them. */
const part = fc.dictionary(fc.string({ maxLength: 4 }), fc.oneof(fc.string({ unit: "grapheme" }), fc.integer(), fc.constant(undefined)), {
	noNullPrototype: true,
});
const anyObject = fc.record(
	{
		metadata: fc.record({ name: fc.string({ unit: "grapheme" }), managedFields: fc.constantFrom(undefined, owners) }),
		spec: fc.oneof(part, fc.constant(undefined)),
		status: part,
		data: part,
	},
	{ requiredKeys: ["metadata"], noNullPrototype: true },
) as fc.Arbitrary<KubeObject>;

describe("bytes in the store", () => {
	it("are the same, whether a version before had the same spec or not", () => {
		const law = (first: KubeObject, change: KubeObject) => {
			const isText = (bytes: Uint8Array, object: KubeObject) =>
				expect(JSON.parse(Buffer.from(bytes).toString())).toEqual(JSON.parse(JSON.stringify(object)));
			let bytes = encodeForStorage(first);
			isText(bytes, first);
			const changed = { ...first, ...change, ...("spec" in first ? { spec: (first as { spec?: unknown }).spec } : {}) } as KubeObject;
			// A spec is handed on from version to version, until there is another.
			for (const next of [changed, first, change, changed]) {
				const previous = decodeFromStorage(bytes, 7);
				bytes = encodeForStorage(next, previous);
				expect(Buffer.from(bytes).toString()).toBe(Buffer.from(encodeForStorage(next)).toString());
				isText(bytes, next);
			}
		};
		fc.assert(fc.property(anyObject, anyObject, law));
	});

	it("are the same when they were packed and somebody asks for them", () => {
		const law = (object: KubeObject) => {
			const [plain, packed] = [decodeFromStorage(encodeForStorage(object), 7), decodeFromStorage(encodeForStorage(object), 7)];
			packStoredBytes(packed);
			expect(storedBytesOf(packed)).toEqual(storedBytesOf(plain));
			expect(encodeObject(packed)).toEqual(encodeObject(plain));
			expect(encodeForStorage(plain, packed)).toEqual(encodeForStorage(packed, plain));
		};
		fc.assert(fc.property(anyObject, law));
	});

	it("are not packed where it is known in which way they were stored", () => {
		const bytes = encodeForStorage({ metadata: { name: "a" } });
		const generation = { isOver: false };
		markGeneration(bytes, generation);
		const object = decodeFromStorage(bytes, 7);
		packStoredBytes(object);
		generation.isOver = true;
		expect([storedBytesOf(object), isStoredStale(object)]).toEqual([bytes, true]);
		expect(storedBytesOf(object)).toBe(bytes);
	});

	it.each<[string, KubeObject]>([
		["without owners", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } }],
		["with owners", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", managedFields: owners } }],
		["with owners and more", { kind: "ConfigMap", metadata: { managedFields: owners, name: "a" }, data: { a: "b" } } as KubeObject],
		["with nothing but owners", { metadata: { managedFields: owners } }],
		["with nothing", { metadata: {} }],
	])("are the object %s", (_, object) => {
		const bytes = encodeForStorage(object);
		expect(JSON.parse(Buffer.from(bytes).toString())).toEqual(JSON.parse(JSON.stringify(object)));
		const read = decodeFromStorage(Uint8Array.from(bytes), 7);
		const metadata = { ...object.metadata, resourceVersion: "7" };
		expect(JSON.parse(encodeObject(read).toString())).toEqual({ ...object, metadata });
		const { kind: _kind, apiVersion: _apiVersion, ...item } = { ...object, metadata };
		expect(JSON.parse(encodeListItem(read).toString())).toEqual(item);
	});

	it("are the object's that they were made from, without a parsing and without a change to it", () => {
		const object: KubeObject = {
			apiVersion: "v1",
			kind: "ConfigMap",
			metadata: { name: "a", resourceVersion: "3", managedFields: owners },
		};
		const bytes = encodeForStorage(object);
		const [shared, read] = [storedAs(object, bytes, 7), decodeFromStorage(bytes, 7)];
		expect(read).toEqual({ ...object, metadata: { ...object.metadata, resourceVersion: "7" } });
		expect(read.metadata?.managedFields).toBe(owners);
		expect(shared).toEqual(read);
		expect([storedBytesOf(shared), storedBytesOf(read)]).toEqual([bytes, bytes]);
		expect(object.metadata?.resourceVersion).toBe("3");
	});

	it("are not parsed where somebody has said what they say, and are again after that", () => {
		const bytes = new TextEncoder().encode('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}');
		const known: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
		presetDecoded(bytes, known);
		const [first, second] = [decodeFromStorage(bytes, 7), decodeFromStorage(bytes, 8)];
		expect(first).toBe(known);
		expect([first.metadata, second.metadata]).toEqual([
			{ name: "a", resourceVersion: "7" },
			{ name: "a", resourceVersion: "8" },
		]);
	});

	it.each(["{}", '{"metadata":null}', "5"])("that somebody else wrote (%s) get a revision all the same", (text) => {
		expect(decodeFromStorage(new TextEncoder().encode(text), 7).metadata).toEqual({ resourceVersion: "7" });
	});
});
