/**
 * KV's messages to the store's requests and back.
 *
 * A range with an order of its own or bounds on revisions is asked of the store whole; what the client wants of it is
 * chosen here, as etcd does it. Inside a transaction the same.
 */
import type * as store from "../store.ts";
import type { Sparse } from "./codec.ts";
import type {
	DeleteRangeRequest,
	DeleteRangeResponse,
	PutRequest,
	PutResponse,
	RangeResponse,
	ResponseOp,
	TxnResponse,
} from "./generated/messages.ts";
import {
	type Compare,
	CompareResult,
	CompareTarget,
	type RangeRequest,
	type RequestOp,
	type ResponseHeader,
	SortOrder,
	SortTarget,
	type TxnRequest,
} from "./generated/messages.ts";
import { rpcErrors } from "./rpc-errors.ts";

export type Header = Sparse<ResponseHeader>;

/** Absent and empty mean the one key. */
export function rangeOf({ key, rangeEnd }: { readonly key: string; readonly rangeEnd: string }): { key: string; rangeEnd?: string } {
	return rangeEnd === "" ? { key } : { key, rangeEnd };
}

/** @throws GrpcError */
export function checkRange(request: RangeRequest): void {
	if (request.key === "") throw rpcErrors.keyNotProvided();
	if (request.sortOrder > SortOrder.DESCEND || request.sortTarget > SortTarget.VALUE) throw rpcErrors.invalidSortOption();
}

/** @throws GrpcError */
export function checkPut(request: PutRequest): void {
	if (request.key === "") throw rpcErrors.keyNotProvided();
	if (request.ignoreValue && request.value.length > 0) throw rpcErrors.valueProvided();
	if (request.ignoreLease && request.lease !== 0n) throw rpcErrors.leaseProvided();
}

/** Whether the store's own answer is not yet the client's. */
function isArranged(request: RangeRequest): boolean {
	return (
		request.sortOrder !== SortOrder.NONE ||
		request.sortTarget !== SortTarget.KEY ||
		request.minModRevision !== 0 ||
		request.maxModRevision !== 0 ||
		request.minCreateRevision !== 0 ||
		request.maxCreateRevision !== 0
	);
}

export function fromRange(request: RangeRequest): store.RangeRequest {
	const arranged = isArranged(request);
	return {
		...rangeOf(request),
		revision: Math.max(0, request.revision),
		limit: arranged ? 0 : Math.max(0, request.limit),
		// Values are needed to sort by them.
		keysOnly: request.keysOnly && request.sortTarget !== SortTarget.VALUE,
		countOnly: request.countOnly,
		serializable: request.serializable,
	};
}

export function toRange(request: RangeRequest, response: store.RangeResponse, header?: Header): Sparse<RangeResponse> {
	if (!isArranged(request)) return { header, kvs: response.kvs, more: response.more, count: response.count };
	const chosen = response.kvs.filter((kv) => isWithinBounds(request, kv));
	const sorted = sort(request, chosen);
	const limited = request.limit > 0 ? sorted.slice(0, request.limit) : sorted;
	const kvs = request.keysOnly ? limited.map((kv) => ({ ...kv, value: new Uint8Array(0) })) : limited;
	return { header, kvs, more: limited.length < sorted.length, count: response.count };
}

function isWithinBounds(request: RangeRequest, { modRevision, createRevision }: store.KeyValue): boolean {
	return (
		(request.minModRevision === 0 || modRevision >= request.minModRevision) &&
		(request.maxModRevision === 0 || modRevision <= request.maxModRevision) &&
		(request.minCreateRevision === 0 || createRevision >= request.minCreateRevision) &&
		(request.maxCreateRevision === 0 || createRevision <= request.maxCreateRevision)
	);
}

function sort(request: RangeRequest, kvs: store.KeyValue[]): readonly store.KeyValue[] {
	const compare = comparisons[request.sortTarget];
	if (compare === undefined) return kvs;
	const sorted = kvs.sort(compare);
	// Of targets other than the key, no order means ascending.
	return request.sortOrder === SortOrder.DESCEND ? sorted.reverse() : sorted;
}

type Comparison = (a: store.KeyValue, b: store.KeyValue) => number;

const comparisons: Readonly<Record<number, Comparison>> = {
	[SortTarget.KEY]: (a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)),
	[SortTarget.VERSION]: (a, b) => a.version - b.version,
	[SortTarget.CREATE]: (a, b) => a.createRevision - b.createRevision,
	[SortTarget.MOD]: (a, b) => a.modRevision - b.modRevision,
	[SortTarget.VALUE]: (a, b) => Buffer.compare(a.value, b.value),
};

export function fromPut({ key, value, lease, prevKv, ignoreValue, ignoreLease }: PutRequest): store.PutRequest {
	return { key, value, lease, prevKv, ignoreValue, ignoreLease };
}

export function toPut(response: store.PutResponse, header?: Header): Sparse<PutResponse> {
	return { header, prevKv: response.prevKv };
}

export function fromDelete(request: DeleteRangeRequest): store.DeleteRangeRequest {
	return { ...rangeOf(request), prevKv: request.prevKv };
}

export function toDelete(response: store.DeleteRangeResponse, header?: Header): Sparse<DeleteRangeResponse> {
	return { header, deleted: response.deleted, prevKvs: response.prevKvs };
}

export function fromTxn(request: TxnRequest): store.TxnRequest {
	return {
		compare: request.compare.map(fromCompare),
		success: request.success.map(fromOperation),
		failure: request.failure.map(fromOperation),
	};
}

const compareResults: Readonly<Record<number, store.Compare["result"]>> = {
	[CompareResult.EQUAL]: "=",
	[CompareResult.GREATER]: ">",
	[CompareResult.LESS]: "<",
	[CompareResult.NOTEQUAL]: "!=",
};

/** What is not set is compared with zero, as Go's getters have it. An unknown result holds always, as in etcd. */
function fromCompare(compare: Compare): store.Compare {
	if (compare.key === "") throw rpcErrors.keyNotProvided();
	const result = compareResults[compare.result] ?? "=";
	const range = { ...rangeOf(compare), result };
	switch (compare.target) {
		case CompareTarget.VERSION:
			return { ...range, target: "version", value: compare.version ?? 0 };
		case CompareTarget.CREATE:
			return { ...range, target: "create", value: compare.createRevision ?? 0 };
		case CompareTarget.MOD:
			return { ...range, target: "mod", value: compare.modRevision ?? 0 };
		case CompareTarget.LEASE:
			return { ...range, target: "lease", value: compare.lease ?? 0n };
		default:
			return { ...range, target: "value", value: compare.value ?? new Uint8Array(0) };
	}
}

function fromOperation(operation: RequestOp): store.TxnOperation {
	const { requestRange, requestPut, requestDeleteRange, requestTxn } = operation;
	if (requestRange !== undefined) {
		checkRange(requestRange);
		return { type: "range", request: fromRange(requestRange) };
	}
	if (requestPut !== undefined) {
		checkPut(requestPut);
		return { type: "put", request: fromPut(requestPut) };
	}
	if (requestDeleteRange !== undefined) {
		if (requestDeleteRange.key === "") throw rpcErrors.keyNotProvided();
		return { type: "delete", request: fromDelete(requestDeleteRange) };
	}
	if (requestTxn !== undefined) return { type: "txn", request: fromTxn(requestTxn) };
	// etcd's answer to an operation that is none.
	throw rpcErrors.keyNotFound();
}

export function toTxn(request: TxnRequest, response: store.TxnResponse, header: Header): Sparse<TxnResponse> {
	const operations = response.succeeded ? request.success : request.failure;
	return {
		header,
		succeeded: response.succeeded,
		responses: response.responses.map((answer, index) => toOperation(operations[index], answer, header)),
	};
}

/** Responses within a transaction have a head of the revision alone. */
function toOperation(operation: RequestOp | undefined, answer: store.TxnOperationResponse, header: Header): Sparse<ResponseOp> {
	const inner = { revision: answer.response.revision };
	switch (answer.type) {
		case "range":
			return operation?.requestRange === undefined ? {} : { responseRange: toRange(operation.requestRange, answer.response, inner) };
		case "put":
			return { responsePut: toPut(answer.response, inner) };
		case "delete":
			return { responseDeleteRange: toDelete(answer.response, inner) };
		case "txn":
			return operation?.requestTxn === undefined ? {} : { responseTxn: toTxn(operation.requestTxn, answer.response, header) };
	}
}
