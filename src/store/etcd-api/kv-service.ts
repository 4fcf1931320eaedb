/** etcd's KV service. Source: https://etcd.io/docs/v3.6/learning/api/#key-value-api */
import type { MaintainedStore } from "../store.ts";
import type { AuthGate } from "./auth/auth-gate.ts";
import type { Handlers } from "./grpc/server.ts";
import { checkPut, checkRange, fromDelete, fromPut, fromRange, fromTxn, toDelete, toPut, toRange, toTxn } from "./kv-messages.ts";
import type { Member } from "./member.ts";
import { rpcErrors } from "./rpc-errors.ts";

export interface ServiceOptions {
	readonly store: MaintainedStore;
	readonly member: Member;
	readonly gate: AuthGate;
}

export function kvService({ store, member, gate }: ServiceOptions): Handlers {
	/** A member that found its data damaged serves none. */
	const checkHealth = () => {
		if (store.alarms().includes("CORRUPT")) throw rpcErrors.corrupt();
	};
	return {
		async "/etcdserverpb.KV/Range"(request, context) {
			checkRange(request);
			checkHealth();
			gate.checkRange(context, request);
			const response = await store.range(fromRange(request));
			return toRange(request, response, member.header(response.revision));
		},
		async "/etcdserverpb.KV/Put"(request, context) {
			checkPut(request);
			checkHealth();
			await gate.checkPut(context, request);
			const response = await store.put(fromPut(request));
			return toPut(response, member.header(response.revision));
		},
		async "/etcdserverpb.KV/DeleteRange"(request, context) {
			if (request.key === "") throw rpcErrors.keyNotProvided();
			checkHealth();
			gate.checkDelete(context, request);
			const response = await store.deleteRange(fromDelete(request));
			return toDelete(response, member.header(response.revision));
		},
		async "/etcdserverpb.KV/Txn"(request, context) {
			const converted = fromTxn(request);
			checkHealth();
			await gate.checkTxn(context, request);
			const response = await store.txn(converted);
			return toTxn(request, response, member.header(response.revision));
		},
		async "/etcdserverpb.KV/Compact"(request, context) {
			checkHealth();
			gate.checkUser(context);
			await store.compact(request.revision);
			return { header: member.header() };
		},
	};
}
