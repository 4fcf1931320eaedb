import fc from "fast-check";
import { expect, test } from "vitest";
import type { WriteCommand } from "../mvcc/command.ts";
import type { Compare, TxnOperation, TxnRequest } from "../store.ts";
import { decodeCommand, decodeProposalId, encodeProposal } from "./command-codec.ts";

const key = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const value = fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes));
const lease = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const number = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const bool = fc.boolean();
const rangeEnd = fc.option(key, { nil: undefined });
const withEnd = <T extends object>(value: T & { readonly rangeEnd?: string | undefined }) => {
	const { rangeEnd, ...rest } = value;
	return rangeEnd === undefined ? rest : { ...rest, rangeEnd };
};

const put = fc.record({ key, value, lease, prevKv: bool, ignoreValue: bool, ignoreLease: bool });
const del = fc.record({ key, rangeEnd, prevKv: bool }).map(withEnd);
const range = fc.record({ key, rangeEnd, revision: number, limit: number, keysOnly: bool, countOnly: bool }).map(withEnd);
const result = fc.constantFrom("=", "!=", "<", ">");
const compare = fc
	.oneof(
		fc.record({ key, rangeEnd, result, target: fc.constantFrom("version", "create", "mod"), value: number }),
		fc.record({ key, rangeEnd, result, target: fc.constant("value"), value }),
		fc.record({ key, rangeEnd, result, target: fc.constant("lease"), value: lease }),
	)
	.map(withEnd) as fc.Arbitrary<Compare>;

const { txn } = fc.letrec<{ readonly txn: TxnRequest; readonly operation: TxnOperation }>((tie) => ({
	operation: fc.oneof(
		{ depthSize: "small" },
		fc.record({ type: fc.constant("put"), request: put }),
		fc.record({ type: fc.constant("delete"), request: del }),
		fc.record({ type: fc.constant("range"), request: range }),
		fc.record({ type: fc.constant("txn"), request: tie("txn") }),
	) as fc.Arbitrary<TxnOperation>,
	txn: fc.record({
		compare: fc.array(compare, { maxLength: 4 }),
		success: fc.array(tie("operation"), { maxLength: 4 }),
		failure: fc.array(tie("operation"), { maxLength: 4 }),
	}),
}));

const commands = fc.oneof(
	fc.record({ type: fc.constant("put"), request: put }),
	fc.record({ type: fc.constant("delete"), request: del }),
	fc.record({ type: fc.constant("txn"), request: txn }),
	fc.record({ type: fc.constant("grantLease"), id: lease, ttlSeconds: fc.double({ min: 0.001, max: 9e9, noNaN: true }) }),
	fc.record({ type: fc.constant("revokeLease"), id: lease }),
	fc.record({ type: fc.constant("compact"), revision: number }),
	fc.record({
		type: fc.constant("records"),
		records: fc.array(fc.record({ name: fc.string({ unit: "grapheme" }), value: fc.option(value, { nil: undefined }) })),
	}),
) as fc.Arbitrary<WriteCommand>;

test("a command comes back as it went in, and says which proposal it is", () => {
	fc.assert(
		fc.property(commands, number, number, (command, origin, sequence) => {
			const data = encodeProposal({ origin, sequence }, command);
			expect(decodeCommand(data)).toEqual(command);
			expect(decodeProposalId(data)).toEqual({ origin, sequence });
		}),
	);
});

test("bytes that end too early are no command", () => {
	fc.assert(
		fc.property(commands, fc.nat(), (command, at) => {
			const data = encodeProposal({ origin: 1, sequence: 1 }, command);
			expect(() => decodeCommand(data.subarray(0, at % data.length))).toThrow(RangeError);
		}),
	);
});
