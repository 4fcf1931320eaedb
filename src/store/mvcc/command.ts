/**
 * What goes into the state machine and what comes out. A command is all that a replica needs to take the same step;
 * nothing in it depends on the machine or the moment it is applied.
 */
import type { DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse, TxnRequest, TxnResponse } from "../store.ts";
import type { Version } from "./version.ts";

export type PutCommand = { readonly type: "put"; readonly request: PutRequest };
export type DeleteCommand = { readonly type: "delete"; readonly request: DeleteRangeRequest };
export type TxnCommand = { readonly type: "txn"; readonly request: TxnRequest };
/** The other commands change no key by themselves (a revoked lease deletes its keys). */
export type AdminCommand =
	| { readonly type: "grantLease"; readonly id: bigint; readonly ttlSeconds: number }
	| { readonly type: "revokeLease"; readonly id: bigint }
	| { readonly type: "compact"; readonly revision: number }
	| { readonly type: "records"; readonly records: readonly RecordChange[] };
export type WriteCommand = PutCommand | DeleteCommand | TxnCommand | AdminCommand;

/** A note beside the keys; undefined removes it. */
export interface RecordChange {
	readonly name: string;
	readonly value: Uint8Array | undefined;
}

/** What a command is answered with. */
export type ResponseOf<C extends WriteCommand> = C extends PutCommand
	? PutResponse
	: C extends DeleteCommand
		? DeleteRangeResponse
		: C extends TxnCommand
			? TxnResponse
			: undefined;

/** What an engine has to make durable, together or not at all. */
export type Mutation =
	/** `value` is empty for a delete. */
	| { readonly type: "change"; readonly version: Version; readonly value: Uint8Array }
	/** History no longer needs this version, nor its value. */
	| { readonly type: "forget"; readonly version: Version }
	| { readonly type: "grantLease"; readonly id: bigint; readonly ttlSeconds: number }
	| { readonly type: "revokeLease"; readonly id: bigint }
	| { readonly type: "compact"; readonly revision: number }
	| ({ readonly type: "record" } & RecordChange);

/** A response without its values: the versions it speaks of. Values are read once the command is durable. */
export interface RangePlan {
	readonly type: "range";
	readonly revision: number;
	readonly versions: readonly Version[];
	readonly keysOnly: boolean;
	readonly more: boolean;
	readonly count: number;
}
export interface PutPlan {
	readonly type: "put";
	readonly revision: number;
	readonly previous: Version | undefined;
}
export interface DeletePlan {
	readonly type: "delete";
	readonly revision: number;
	readonly deleted: number;
	readonly previous: readonly Version[];
}
export interface TxnPlan {
	readonly type: "txn";
	readonly revision: number;
	readonly succeeded: boolean;
	readonly responses: readonly Plan[];
}
export type Plan = RangePlan | PutPlan | DeletePlan | TxnPlan;

export interface Applied<P> {
	readonly plan: P;
	readonly mutations: readonly Mutation[];
	/** The state's revision after the command. */
	readonly revision: number;
}

/** Reads a value that the store has; throws if it cannot. */
export type ReadValue = (version: Version) => Uint8Array;
