import { describe, expect, it } from "vitest";
import { entryFor } from "../apimachinery/apply/managers.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import { decodeFromStorage, encodeForStorage, encodeListItem, encodeObject } from "./encoding.ts";

const id = { manager: 'a "quoted" name', operation: "Update", apiVersion: "v1", subresource: "status" } as const;
const owners = [
	entryFor(id, { "f:data": { ".": {}, "f:a": {} } }, "2026-01-01T00:00:00Z"),
	{ manager: "plain", operation: "Apply", apiVersion: "v1", fieldsType: "FieldsV1" },
];

describe("bytes in the store", () => {
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
});
