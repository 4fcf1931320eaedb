/** The store's requests to etcd's messages, and its responses back: the reverse of etcd-api/kv-messages.ts. */
import type { Sparse } from "../etcd-api/codec.ts";
import {
	CompareResult,
	CompareTarget,
	EventType,
	type RequestOp,
	type ResponseHeader,
	type ResponseOp,
	type Compare as WireCompare,
	type DeleteRangeResponse as WireDeleteRangeResponse,
	type Event as WireEvent,
	type PutRequest as WirePutRequest,
	type PutResponse as WirePutResponse,
	type RangeResponse as WireRangeResponse,
	type TxnRequest as WireTxnRequest,
	type TxnResponse as WireTxnResponse,
} from "../etcd-api/generated/messages.ts";
import { checkKey } from "../mvcc/request-check.ts";
import type {
	Compare,
	DeleteRangeResponse,
	PutRequest,
	PutResponse,
	RangeResponse,
	StoreEvent,
	TxnOperation,
	TxnOperationResponse,
	TxnRequest,
	TxnResponse,
} from "../store.ts";

const compareResults: Readonly<Record<Compare["result"], number>> = {
	"=": CompareResult.EQUAL,
	"!=": CompareResult.NOTEQUAL,
	"<": CompareResult.LESS,
	">": CompareResult.GREATER,
};

/** @throws RangeError, EmptyKeyError: what is no string of bytes would be another key on the wire. */
export function checked<T extends { readonly key: string; readonly rangeEnd?: string }>(request: T): T {
	checkKey(request.key, request.rangeEnd);
	return request;
}

/** etcd refuses a value or a lease beside the wish to keep the old one. */
export function toPut({ value, lease, ...request }: PutRequest): Sparse<WirePutRequest> {
	const { ignoreValue, ignoreLease } = checked(request);
	return { ...request, ...(ignoreValue === true ? {} : { value }), ...(ignoreLease === true ? {} : { lease }) };
}

export function toTxn({ compare, success, failure }: TxnRequest): Sparse<WireTxnRequest> {
	return { compare: compare.map(toCompare), success: success.map(toOperation), failure: failure.map(toOperation) };
}

function toCompare(compare: Compare): Sparse<WireCompare> {
	const { key, rangeEnd, result } = compare;
	checkKey(key, rangeEnd);
	const common = { key, rangeEnd, result: compareResults[result] };
	switch (compare.target) {
		case "version":
			return { ...common, target: CompareTarget.VERSION, version: compare.value };
		case "create":
			return { ...common, target: CompareTarget.CREATE, createRevision: compare.value };
		case "mod":
			return { ...common, target: CompareTarget.MOD, modRevision: compare.value };
		case "value":
			return { ...common, target: CompareTarget.VALUE, value: compare.value };
		case "lease":
			return { ...common, target: CompareTarget.LEASE, lease: compare.value };
	}
}

function toOperation(operation: TxnOperation): Sparse<RequestOp> {
	switch (operation.type) {
		case "range":
			return { requestRange: checked(operation.request) };
		case "put":
			return { requestPut: toPut(operation.request) };
		case "delete":
			return { requestDeleteRange: checked(operation.request) };
		case "txn":
			return { requestTxn: toTxn(operation.request) };
	}
}

/** The store's revision in a response's head. */
export function revisionOf({ header }: { readonly header?: ResponseHeader }): number {
	return header?.revision ?? 0;
}

export function fromRange(response: WireRangeResponse, revision = revisionOf(response)): RangeResponse {
	const { kvs, more, count } = response;
	return { revision, kvs, more, count };
}

export function fromPut(response: WirePutResponse, revision = revisionOf(response)): PutResponse {
	const { prevKv } = response;
	return prevKv === undefined ? { revision } : { revision, prevKv };
}

export function fromDelete(response: WireDeleteRangeResponse, revision = revisionOf(response)): DeleteRangeResponse {
	const { deleted, prevKvs } = response;
	return { revision, deleted, prevKvs };
}

export function fromTxn(response: WireTxnResponse, revision = revisionOf(response)): TxnResponse {
	const { succeeded, responses } = response;
	return { revision, succeeded, responses: responses.map((part) => fromOperation(part, revision)) };
}

/** A part's head names the revision as of that part, where etcd fills it in; a nested transaction's is the whole one's. */
function fromOperation(part: ResponseOp, revision: number): TxnOperationResponse {
	const { responseRange, responsePut, responseDeleteRange, responseTxn } = part;
	if (responseRange !== undefined) return { type: "range", response: fromRange(responseRange, revisionOf(responseRange) || revision) };
	if (responsePut !== undefined) return { type: "put", response: fromPut(responsePut, revisionOf(responsePut) || revision) };
	if (responseDeleteRange !== undefined)
		return { type: "delete", response: fromDelete(responseDeleteRange, revisionOf(responseDeleteRange) || revision) };
	if (responseTxn !== undefined) return { type: "txn", response: fromTxn(responseTxn, revision) };
	throw new Error("etcd's answer to a transaction has a part that is none");
}

/** Undefined for an event without a key, which no etcd sends. */
export function fromEvent({ type, kv, prevKv }: WireEvent): StoreEvent | undefined {
	if (kv === undefined) return undefined;
	return { type: type === EventType.DELETE ? "delete" : "put", kv, ...(prevKv === undefined ? {} : { prevKv }) };
}
