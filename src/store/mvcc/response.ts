/**
 * From plans to responses: which values a plan needs, and the response once they are there.
 */
import type { DeleteRangeResponse, PutResponse, RangeResponse, TxnOperationResponse, TxnResponse } from "../store.ts";
import type { DeletePlan, Plan, PutPlan, RangePlan, ReadValue, TxnPlan } from "./command.ts";
import { noValue, toKeyValue, type Version } from "./version.ts";

/** Every version whose value the response will show. */
export function versionsOf(plan: Plan | undefined): readonly Version[] {
	switch (plan?.type) {
		case undefined:
			return [];
		case "range":
			return plan.keysOnly ? [] : plan.versions;
		case "put":
			return plan.previous === undefined ? [] : [plan.previous];
		case "delete":
			return plan.previous;
		case "txn":
			return plan.responses.flatMap(versionsOf);
	}
}

/** @param plan undefined for a command that has nothing to say. */
export function buildResponse(
	plan: Plan | undefined,
	read: ReadValue,
): RangeResponse | PutResponse | DeleteRangeResponse | TxnResponse | undefined {
	return plan === undefined ? undefined : buildOperation(plan, read).response;
}

export function buildRange(plan: RangePlan, read: ReadValue): RangeResponse {
	return {
		revision: plan.revision,
		kvs: plan.versions.map((version) => toKeyValue(version, plan.keysOnly ? noValue : read(version))),
		more: plan.more,
		count: plan.count,
	};
}

function buildPut(plan: PutPlan, read: ReadValue): PutResponse {
	if (plan.previous === undefined) return { revision: plan.revision };
	return { revision: plan.revision, prevKv: toKeyValue(plan.previous, read(plan.previous)) };
}

function buildDelete(plan: DeletePlan, read: ReadValue): DeleteRangeResponse {
	return {
		revision: plan.revision,
		deleted: plan.deleted,
		prevKvs: plan.previous.map((version) => toKeyValue(version, read(version))),
	};
}

function buildTxn(plan: TxnPlan, read: ReadValue): TxnResponse {
	return {
		revision: plan.revision,
		succeeded: plan.succeeded,
		responses: plan.responses.map((response) => buildOperation(response, read)),
	};
}

function buildOperation(plan: Plan, read: ReadValue): TxnOperationResponse {
	switch (plan.type) {
		case "range":
			return { type: "range", response: buildRange(plan, read) };
		case "put":
			return { type: "put", response: buildPut(plan, read) };
		case "delete":
			return { type: "delete", response: buildDelete(plan, read) };
		case "txn":
			return { type: "txn", response: buildTxn(plan, read) };
	}
}
