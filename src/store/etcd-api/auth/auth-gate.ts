/**
 * Who calls and what they may do. While authentication is off everybody may do everything.
 *
 * A caller is the user of the token, else the one that the common name of the client's certificate names, else nobody.
 * Source: https://etcd.io/docs/v3.6/op-guide/authentication/rbac/ and https://etcd.io/docs/v3.6/learning/design-auth-v3/
 */
import type { MaintainedStore } from "../../store.ts";
import type { Compare, DeleteRangeRequest, PutRequest, RequestOp, TxnRequest } from "../generated/messages.ts";
import type { CallContext } from "../grpc/server.ts";
import { rpcErrors } from "../rpc-errors.ts";
import type { AuthStore } from "./auth-store.ts";
import { type Access, isCovered } from "./permissions.ts";
import type { Tokens } from "./tokens.ts";

interface KeyRange {
	readonly key: string;
	readonly rangeEnd: string;
}

export class AuthGate {
	readonly #store: MaintainedStore;
	readonly #auth: AuthStore;
	readonly #tokens: Tokens;

	constructor(store: MaintainedStore, auth: AuthStore, tokens: Tokens) {
		this.#store = store;
		this.#auth = auth;
		this.#tokens = tokens;
	}

	/** Undefined for nobody. Throws for a token that is not good. */
	userOf(context: CallContext): string | undefined {
		const token = context.metadata("token") ?? context.metadata("authorization");
		if (token === undefined) return context.commonName;
		const user = this.#tokens.userOf(token);
		if (user === undefined) throw rpcErrors.invalidAuthToken();
		return user;
	}

	/** Throws if the caller claims to be somebody and is not. */
	checkUser(context: CallContext): void {
		if (this.#auth.enabled) this.userOf(context);
	}

	checkAdmin(context: CallContext): void {
		if (!this.#auth.enabled) return;
		if (!this.#auth.isRoot(this.#named(context))) throw rpcErrors.permissionDenied();
	}

	checkRange(context: CallContext, range: KeyRange): void {
		this.#check(context, "read", range);
	}

	/** A put that gives a key to a lease takes part in what the lease's end deletes. */
	checkPut(context: CallContext, request: PutRequest): Promise<void> | undefined {
		if (!this.#auth.enabled) return undefined;
		this.#checkOnePut(context, request);
		return request.lease === 0n ? undefined : this.checkLease(context, request.lease);
	}

	checkDelete(context: CallContext, request: DeleteRangeRequest): void {
		this.#check(context, "write", request);
		if (request.prevKv) this.#check(context, "read", request);
	}

	async checkTxn(context: CallContext, request: TxnRequest): Promise<void> {
		if (!this.#auth.enabled) return;
		for (const compare of request.compare) this.#checkCompare(context, compare);
		for (const operation of [...request.success, ...request.failure]) await this.#checkOperation(context, operation);
	}

	/** The caller may write every key of the lease. */
	checkLease(context: CallContext, lease: bigint): Promise<void> {
		return this.#checkLease(context, "write", lease);
	}

	/** The caller may read every key of the lease. */
	checkLeaseKeys(context: CallContext, lease: bigint): Promise<void> {
		return this.#checkLease(context, "read", lease);
	}

	async #checkLease(context: CallContext, access: Access, lease: bigint): Promise<void> {
		if (!this.#auth.enabled) return;
		const { keys } = await this.#store.lease(lease);
		for (const key of keys) this.#check(context, access, { key, rangeEnd: "" });
	}

	#checkCompare(context: CallContext, { key, rangeEnd }: Compare): void {
		this.#check(context, "read", { key, rangeEnd });
	}

	#checkOnePut(context: CallContext, { key, prevKv }: PutRequest): void {
		this.#check(context, "write", { key, rangeEnd: "" });
		if (prevKv) this.#check(context, "read", { key, rangeEnd: "" });
	}

	async #checkOperation(context: CallContext, operation: RequestOp): Promise<void> {
		if (operation.requestRange !== undefined) this.checkRange(context, operation.requestRange);
		if (operation.requestPut !== undefined) await this.checkPut(context, operation.requestPut);
		if (operation.requestDeleteRange !== undefined) this.checkDelete(context, operation.requestDeleteRange);
		if (operation.requestTxn !== undefined) await this.checkTxn(context, operation.requestTxn);
	}

	#check(context: CallContext, access: Access, range: KeyRange): void {
		if (!this.#auth.enabled) return;
		const user = this.#named(context);
		if (this.#auth.isRoot(user)) return;
		if (!isCovered(this.#auth.permissionsOf(user), access, range)) throw rpcErrors.permissionDenied();
	}

	#named(context: CallContext): string {
		const user = this.userOf(context);
		if (user === undefined || user === "") throw rpcErrors.userEmpty();
		return user;
	}
}
