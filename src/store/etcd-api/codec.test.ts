import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import fc from "fast-check";
import protobuf from "protobufjs";
import { expect, test } from "vitest";
import { decode, encode } from "./codec.ts";

/** The second implementation: protobufjs on the very .proto files. */
const reference = (() => {
	const directory = join(dirname(createRequire(import.meta.url).resolve("etcd3/package.json")), "proto");
	const root = new protobuf.Root();
	root.resolvePath = (_origin, path) => join(directory, path.replace(/^\.\//, ""));
	return root.loadSync("rpc.proto");
})();

const key = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 200 });
const value = fc.uint8Array({ maxLength: 400 });
const revision = fc.oneof(fc.integer({ min: -1, max: 200 }), fc.maxSafeInteger());
const lease = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const keyValue = fc.record({ key, createRevision: revision, modRevision: revision, version: revision, value, lease });
const rangeResponse = fc.record({
	header: fc.record({
		clusterId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
		memberId: fc.constant(0n),
		revision,
		raftTerm: fc.constant(7n),
	}),
	kvs: fc.array(keyValue, { maxLength: 4 }),
	more: fc.boolean(),
	count: revision,
});

function toReference(message: unknown): unknown {
	if (typeof message === "bigint") return message.toString();
	if (message instanceof Uint8Array || Array.isArray(message) === false) {
		if (typeof message !== "object" || message === null || message instanceof Uint8Array) return message;
		return Object.fromEntries(
			Object.entries(message).map(([name, field]) => [name, name === "key" ? Buffer.from(String(field), "latin1") : toReference(field)]),
		);
	}
	return (message as unknown[]).map(toReference);
}

test("a message comes back as it was, and is to protobufjs what it is to us", () => {
	const type = reference.lookupType("etcdserverpb.RangeResponse");
	fc.assert(
		fc.property(rangeResponse, (message) => {
			const bytes = encode("RangeResponse", message);
			expect(decode("RangeResponse", bytes)).toEqual(message);
			const theirs = type.encode(type.fromObject(toReference(message) as Record<string, unknown>)).finish();
			expect(decode("RangeResponse", theirs)).toEqual(message);
			expect(type.toObject(type.decode(bytes), { longs: String })).toEqual(type.toObject(type.decode(theirs), { longs: String }));
		}),
	);
});

test("nested transactions, members of a oneof and room for a frame's head", () => {
	const txn = {
		compare: [{ result: 0, target: 2, key: "a\xff", modRevision: 0, rangeEnd: "" }],
		success: [
			{ requestTxn: { compare: [], success: [{ requestPut: { key: "b", value: new Uint8Array(300), lease: -1n } }], failure: [] } },
		],
		failure: [],
	};
	const framed = encode("TxnRequest", txn, 5);
	expect(decode("TxnRequest", framed.subarray(5))).toMatchObject(txn);
	expect(decode("Compare", Buffer.from("2000", "hex"))).toEqual({ result: 0, target: 0, key: "", rangeEnd: "", version: 0 });
});

test("unknown fields are skipped, repeated numbers may be packed or not", () => {
	expect(decode("WatchCreateRequest", Buffer.from("2a020001fa07010028019a0600", "hex"))).toMatchObject({ filters: [0, 1, 1], watchId: 0 });
	expect(decode("WatchCancelRequest", Buffer.from("08ffffffffffffffffff01", "hex"))).toEqual({ watchId: -1 });
});

test.each(["0a05", "0a", "08ff", "0d01", "ffffffffffffffffffffff", "0f"])("%s is refused", (hex) => {
	expect(() => decode("RangeRequest", Buffer.from(hex, "hex"))).toThrow("malformed RangeRequest");
});

test("damaged bytes never do worse than being refused", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
			try {
				decode("TxnRequest", bytes);
			} catch (error) {
				expect(error).toMatchObject({ name: "MalformedMessageError" });
			}
		}),
	);
});
