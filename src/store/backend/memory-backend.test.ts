import { expect, test } from "vitest";
import { noLease, type Version } from "../mvcc/version.ts";
import { MemoryBackend } from "./memory-backend.ts";

const count = 600;

function versionAt(revision: number): Version {
	return { key: `/k${revision}`, revision, sub: 0, createRevision: revision, version: 1, lease: noLease, previous: undefined };
}

function filled(valueAt: (revision: number) => Uint8Array) {
	const backend = new MemoryBackend();
	const puts = Array.from({ length: count }, (_, revision) => ({ version: versionAt(revision), value: valueAt(revision) }));
	for (const put of puts) backend.write([{ type: "change", ...put }]);
	return { backend, puts };
}

const json = (revision: number) => Buffer.from(JSON.stringify({ kind: "ConfigMap", data: { a: `${revision}`, b: 'ü"\n' } }));
const anything = (revision: number) => Buffer.from(Array.from({ length: 64 }, (_, index) => (index * revision) % 256));

test.each([
	["JSON", json],
	["anything", anything],
])("values come back byte for byte, long after they came: %s", async (_, valueAt) => {
	const { backend, puts } = filled(valueAt);
	for (const { version, value } of puts) expect(Buffer.from(backend.read(version))).toEqual(Buffer.from(value));
	expect((await backend.readMany(puts.map(({ version }) => version))).map((value) => Buffer.from(value))).toEqual(
		puts.map(({ value }) => Buffer.from(value)),
	);
	expect(backend.puts()?.map(({ value }) => Buffer.from(value))).toEqual(puts.map(({ value }) => Buffer.from(value)));
});

test("all but the latest 256 values are packed; their size is that of their bytes", () => {
	const { backend, puts } = filled(json);
	const isAsItCame = ({ version, value }: (typeof puts)[number]) => backend.read(version) === value;
	expect(puts.filter(isAsItCame)).toEqual(puts.slice(-256));
	for (const { version } of puts) backend.write([{ type: "forget", version }]);
	expect(backend.sizeBytes()).toBe(0);
});
