/**
 * Which transactions are refused for their keys; the cases are etcd's rules for nested transactions.
 */
import { expect, test } from "vitest";
import type { TxnOperation } from "../store.ts";
import { checkTxn } from "./request-check.ts";

const limits = { requestBytes: 1000, txnOperations: 4 };
const put = (key: string): TxnOperation => ({ type: "put", request: { key, value: new Uint8Array(0) } });
const del = (key: string, rangeEnd?: string): TxnOperation => ({
	type: "delete",
	request: rangeEnd === undefined ? { key } : { key, rangeEnd },
});
const txn = (success: TxnOperation[], failure: TxnOperation[] = []): TxnOperation => ({
	type: "txn",
	request: { compare: [], success, failure },
});
const verdict = (...success: TxnOperation[]): string => {
	try {
		checkTxn({ compare: [], success, failure: [] }, limits);
		return "ok";
	} catch (error) {
		return error instanceof Error ? error.name : String(error);
	}
};

test.each([
	["two keys", [put("a"), put("b")], "ok"],
	["a key twice", [put("a"), put("a")], "DuplicateKeyError"],
	["a key put and deleted", [put("b"), del("a", "c")], "DuplicateKeyError"],
	["a key put and all deleted", [put("b"), del("\0", "\0")], "DuplicateKeyError"],
	["the end of a deleted range put", [put("c"), del("a", "c")], "ok"],
	["ranges deleted that overlap", [del("a", "c"), del("b", "d")], "ok"],
	["both branches of a nested one put the key", [txn([put("a")], [put("a")])], "ok"],
	["one branch puts what the other deletes", [txn([put("a")], [del("a")])], "ok"],
	["a nested one puts the key again", [put("a"), txn([put("a")])], "DuplicateKeyError"],
	["a nested else puts the key again", [txn([put("a")]), txn([put("b")], [put("a")])], "DuplicateKeyError"],
	["two nested ones put the key", [txn([put("a")]), txn([put("a")])], "DuplicateKeyError"],
	["a nested one puts what is deleted outside", [txn([put("a")]), del("a")], "DuplicateKeyError"],
	["a nested one deletes what is put outside", [txn([del("a")]), put("a")], "DuplicateKeyError"],
	["a nested one puts what one before it deletes", [txn([del("a")]), txn([put("a")])], "DuplicateKeyError"],
	["a nested one deletes what one before it puts", [txn([put("a")]), txn([del("a")])], "ok"],
	["as many operations as allowed, nested ones on top", [txn([put("a"), put("b"), put("c")])], "ok"],
	["one more than that", [txn([put("a"), put("b"), put("c"), put("d")])], "TooManyOperationsError"],
	["an empty key inside", [txn([del("")])], "EmptyKeyError"],
])("%s", (_, operations, expected) => {
	expect(verdict(...operations)).toBe(expected);
});
