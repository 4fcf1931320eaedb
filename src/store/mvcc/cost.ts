/**
 * How much room a request is going to take, for the quota: an estimate on the high side, as in etcd
 * (https://github.com/etcd-io/etcd/blob/main/server/storage/quota.go). Zero for what takes none.
 */
import type { PutRequest, TxnOperation, TxnRequest } from "../store.ts";

/** Bytes of a change besides its key and value, and of a lease. */
export const changeBytes = 256;

export function putBytes(request: PutRequest): number {
	return changeBytes + request.key.length + request.value.length;
}

/** The larger branch's puts. */
export function txnBytesTaken(request: TxnRequest): number {
	return Math.max(branchBytes(request.success), branchBytes(request.failure));
}

function branchBytes(operations: readonly TxnOperation[]): number {
	let bytes = 0;
	for (const operation of operations) {
		if (operation.type === "put") bytes += putBytes(operation.request);
		else if (operation.type === "txn") bytes += txnBytesTaken(operation.request);
	}
	return bytes;
}
