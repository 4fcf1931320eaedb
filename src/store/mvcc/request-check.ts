/**
 * What is wrong with a request whatever the state: judged before it is proposed. Throws the error etcd answers with
 * (https://github.com/etcd-io/etcd/blob/main/server/etcdserver/api/v3rpc/key.go).
 */
import { DuplicateKeyError, EmptyKeyError, RequestTooLargeError, TooManyOperationsError } from "../errors.ts";
import type { PutRequest, TxnOperation, TxnRequest } from "../store.ts";
import { contains, type Interval, intervalOf } from "./interval.ts";

export interface RequestLimits {
	/** Most bytes of keys and values in one write. */
	readonly requestBytes: number;
	/** Most compares, and most operations in one branch, of one transaction; those of nested ones count on top. */
	readonly txnOperations: number;
}

const beyondByte = /[^\0-\xff]/;

export function checkKey(key: string, rangeEnd?: string): void {
	if (key === "") throw new EmptyKeyError();
	if (beyondByte.test(key) || (rangeEnd !== undefined && beyondByte.test(rangeEnd)))
		throw new RangeError(`a key is a string of bytes, each character 0-255: ${JSON.stringify(key)}`);
}

export function checkPut(request: PutRequest, limits: RequestLimits): void {
	checkKey(request.key);
	if (putBytes(request) > limits.requestBytes) throw new RequestTooLargeError();
}

export function checkTxn(request: TxnRequest, limits: RequestLimits): void {
	checkTxnShape(request, limits.txnOperations);
	if (txnBytes(request) > limits.requestBytes) throw new RequestTooLargeError();
	if (mayClash(request.success)) writesOf(request.success);
	if (mayClash(request.failure)) writesOf(request.failure);
}

/** Whether operations could write one key twice: a single one does not, and most transactions have no more. */
function mayClash(operations: readonly TxnOperation[]): boolean {
	return operations.length > 1 || operations[0]?.type === "txn";
}

function checkTxnShape(request: TxnRequest, operationsLeft: number): void {
	const operations = Math.max(request.compare.length, request.success.length, request.failure.length);
	if (operations > operationsLeft) throw new TooManyOperationsError();
	for (const compare of request.compare) checkKey(compare.key, compare.rangeEnd);
	for (const operation of [...request.success, ...request.failure]) {
		if (operation.type === "txn") checkTxnShape(operation.request, operationsLeft - operations);
		else if (operation.type === "put") checkKey(operation.request.key);
		else checkKey(operation.request.key, operation.request.rangeEnd);
	}
}

function putBytes(request: PutRequest): number {
	return request.key.length + request.value.length;
}

function txnBytes(request: TxnRequest): number {
	let bytes = 0;
	for (const operation of [...request.success, ...request.failure]) {
		if (operation.type === "txn") bytes += txnBytes(operation.request);
		else bytes += operation.type === "put" ? putBytes(operation.request) : operation.request.key.length;
	}
	return bytes;
}

interface Writes {
	readonly puts: Set<string>;
	readonly deletes: Interval[];
}

/**
 * The keys a branch may put and delete, nested branches included. Of a nested transaction only one branch runs, so its
 * two branches may put the same key. Anything else that puts a key twice, or puts one that is deleted, is an error, with
 * one exception that etcd makes: a nested transaction may delete what one before it, beside it, has put.
 */
function writesOf(operations: readonly TxnOperation[]): Writes {
	const puts = new Set<string>();
	const deletes = operations.flatMap((operation) =>
		operation.type === "delete" ? [intervalOf(operation.request.key, operation.request.rangeEnd)] : [],
	);
	const addPut = (key: string, mayRepeat?: ReadonlySet<string>) => {
		if ((puts.has(key) && mayRepeat?.has(key) !== true) || deletes.some((interval) => contains(interval, key)))
			throw new DuplicateKeyError();
		puts.add(key);
	};
	for (const operation of operations) {
		if (operation.type !== "txn") continue;
		const success = writesOf(operation.request.success);
		const failure = writesOf(operation.request.failure);
		for (const key of success.puts) addPut(key);
		for (const key of failure.puts) addPut(key, success.puts);
		deletes.push(...success.deletes, ...failure.deletes);
	}
	for (const operation of operations) if (operation.type === "put") addPut(operation.request.key);
	return { puts, deletes };
}
