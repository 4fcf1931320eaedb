/**
 * A real etcd cluster as the store. Every call is one or two calls of etcd's API; what is remembered here is the newest
 * revision that an answer named, so that a watch "from now on" misses nothing that its caller does next.
 */
import type { Timer } from "../../apimachinery/clock/clock.ts";
import { StoreClosedError } from "../errors.ts";
import type { LeaseKeepAliveResponse } from "../etcd-api/generated/messages.ts";
import type { ClientRequestOf, ClientResponseOf } from "../etcd-api/grpc/client.ts";
import type { MethodPath } from "../etcd-api/grpc/server.ts";
import { GrpcError, grpcCode } from "../etcd-api/grpc/status.ts";
import {
	CompactedError,
	type DeleteRangeRequest,
	type DeleteRangeResponse,
	type Lease,
	LeaseNotFoundError,
	type PutRequest,
	type PutResponse,
	type RangeRequest,
	type RangeResponse,
	type Store,
	type StoreStatus,
	type StoreWatch,
	type StoreWatchSink,
	type TxnRequest,
	type TxnResponse,
	type WatchRequest,
} from "../store.ts";
import { EtcdCluster, type EtcdClusterOptions } from "./etcd-cluster.ts";
import { isCompacted, toStoreError } from "./etcd-errors.ts";
import { checked, fromDelete, fromPut, fromRange, fromTxn, revisionOf, toPut, toTxn } from "./messages.ts";
import { RemoteWatch } from "./remote-watch.ts";

/** How often size and number of keys are asked for. Nothing hangs on them but what is shown. */
const statusPeriodMs = 60_000;

const read = { isWrite: false };
const write = { isWrite: true };

/** Connects to the cluster. Rejects with `StoreUnavailableError` if no endpoint answers, `StoreAccessError` if the user is refused. */
export async function openEtcdStore(options: EtcdClusterOptions): Promise<Store> {
	const store = new EtcdStore(options);
	try {
		await store.open();
		return store;
	} catch (error) {
		await store.close();
		throw error;
	}
}

class EtcdStore implements Store {
	readonly isShared = true;
	readonly #cluster: EtcdCluster;
	readonly #log: EtcdClusterOptions["log"];
	readonly #watches = new Set<RemoteWatch>();
	/** Calls that are under way. */
	readonly #calls = new Set<Promise<unknown>>();
	#status: StoreStatus = { revision: 0, compactRevision: 0, dbSizeBytes: 0, keys: 0 };
	#statusTimer: Timer | undefined;
	#isClosed = false;

	constructor(options: EtcdClusterOptions) {
		this.#cluster = new EtcdCluster(options);
		this.#log = options.log;
	}

	async open(): Promise<void> {
		await this.#refreshStatus(0);
		this.#statusTimer = this.#cluster.clock.setInterval(() => {
			this.#refreshStatus().catch((error: unknown) => this.#log.debug("etcd does not tell its status", { error: String(error) }));
		}, statusPeriodMs);
	}

	async range(request: RangeRequest): Promise<RangeResponse> {
		try {
			return fromRange(await this.#call("/etcdserverpb.KV/Range", checked(request), read));
		} catch (error) {
			throw await this.#explain(error, request.revision);
		}
	}

	async put(request: PutRequest): Promise<PutResponse> {
		return fromPut(await this.#call("/etcdserverpb.KV/Put", toPut(request), write));
	}

	async deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
		return fromDelete(await this.#call("/etcdserverpb.KV/DeleteRange", checked(request), write));
	}

	async txn(request: TxnRequest): Promise<TxnResponse> {
		try {
			return fromTxn(await this.#call("/etcdserverpb.KV/Txn", toTxn(request), isReading(request) ? read : write));
		} catch (error) {
			throw await this.#explain(error, oldestRevision(request));
		}
	}

	watch(request: WatchRequest, sink: StoreWatchSink): StoreWatch {
		if (this.#isClosed) {
			queueMicrotask(() => sink.onEnd());
			return { cancel: () => undefined };
		}
		const { startRevision = 0 } = request;
		const watch: RemoteWatch = new RemoteWatch({
			cluster: this.#cluster,
			request: { ...request, startRevision: startRevision > 0 ? startRevision : this.#status.revision + 1 },
			sink,
			onRevision: (revision) => this.#see({ revision }),
			onOver: (over) => this.#watches.delete(over),
		});
		this.#watches.add(watch);
		return watch;
	}

	async compact(revision: number): Promise<void> {
		try {
			await this.#call("/etcdserverpb.KV/Compact", { revision }, write);
			this.#see({ compactRevision: revision });
		} catch (error) {
			// This revision may be the compact revision itself, from which one may watch.
			throw await this.#explain(error, revision - 1);
		}
	}

	async grantLease(ttlSeconds: number, id = 0n): Promise<Lease> {
		// Two leases would do no harm, one that nobody knows of would end by itself; but a lease that is named must be the caller's.
		const { ID, TTL } = await this.#call("/etcdserverpb.Lease/LeaseGrant", { TTL: ttlSeconds, ID: id }, { isWrite: id !== 0n });
		return { id: ID, grantedTtlSeconds: TTL, ttlSeconds: TTL, keys: [] };
	}

	async revokeLease(id: bigint): Promise<void> {
		await this.#call("/etcdserverpb.Lease/LeaseRevoke", { ID: id }, write);
	}

	async keepAliveLease(id: bigint): Promise<Lease> {
		const { TTL } = await this.#track(() => this.#keepAliveOnce(id));
		if (TTL <= 0) throw new LeaseNotFoundError();
		return { ...(await this.lease(id)), ttlSeconds: TTL };
	}

	async lease(id: bigint): Promise<Lease> {
		const { TTL, grantedTTL, keys } = await this.#call("/etcdserverpb.Lease/LeaseTimeToLive", { ID: id, keys: true }, read);
		return { id, grantedTtlSeconds: grantedTTL, ttlSeconds: TTL, keys };
	}

	async leases(): Promise<readonly Lease[]> {
		const { leases } = await this.#call("/etcdserverpb.Lease/LeaseLeases", {}, read);
		const known = await Promise.all(leases.map(({ ID }) => this.lease(ID)));
		// One may have run out since they were listed.
		return known.filter(({ grantedTtlSeconds }) => grantedTtlSeconds > 0);
	}

	status(): StoreStatus {
		return this.#status;
	}

	async close(): Promise<void> {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#statusTimer?.cancel();
		for (const watch of [...this.#watches]) watch.close();
		await Promise.allSettled(this.#calls);
		this.#cluster.close();
	}

	async #call<P extends MethodPath>(
		path: P,
		request: ClientRequestOf<P>,
		options: { readonly isWrite: boolean; readonly patienceMs?: number },
	): Promise<ClientResponseOf<P>> {
		const response = await this.#track(() => this.#cluster.call(path, request, options));
		if ("header" in response) this.#see({ revision: revisionOf(response) });
		return response;
	}

	/** What the store has accepted is brought to its end before it closes. */
	#track<T>(begin: () => Promise<T>): Promise<T> {
		if (this.#isClosed) return Promise.reject(new StoreClosedError());
		const call = begin();
		this.#calls.add(call);
		const forget = () => this.#calls.delete(call);
		call.then(forget, forget);
		return call;
	}

	/** Revisions only grow. */
	#see({ revision = 0, compactRevision = 0 }: { readonly revision?: number; readonly compactRevision?: number }): void {
		if (revision <= this.#status.revision && compactRevision <= this.#status.compactRevision) return;
		this.#status = {
			...this.#status,
			revision: Math.max(revision, this.#status.revision),
			compactRevision: Math.max(compactRevision, this.#status.compactRevision),
		};
	}

	async #refreshStatus(patienceMs?: number): Promise<void> {
		const options = { ...read, ...(patienceMs === undefined ? {} : { patienceMs }) };
		const { count } = await this.#call("/etcdserverpb.KV/Range", { key: "\0", rangeEnd: "\0", countOnly: true }, options);
		const { dbSize } = await this.#call("/etcdserverpb.Maintenance/Status", {}, options);
		this.#status = { ...this.#status, keys: count, dbSizeBytes: dbSize };
	}

	/**
	 * etcd says that a revision is compacted, and only to a watch which ones are left.
	 * @param firstRevision one before the compact revision, as far as the failed call shows.
	 */
	async #explain(error: unknown, firstRevision = 0): Promise<unknown> {
		if (!(error instanceof GrpcError) || !isCompacted(error)) return error;
		const compactRevision = await this.#track(() => this.#compactRevision(firstRevision));
		this.#see({ compactRevision });
		return new CompactedError(compactRevision);
	}

	/** A watch that begins before the compact revision is refused at once, and told. */
	async #compactRevision(firstRevision: number): Promise<number> {
		const atLeast = Math.max(firstRevision + 1, this.#status.compactRevision);
		if (firstRevision <= 0) return atLeast;
		const { promise, resolve } = Promise.withResolvers<number>();
		const onEnd = (error?: Error) => resolve(error instanceof CompactedError ? error.compactRevision : atLeast);
		const watch = this.watch({ key: "\0", startRevision: firstRevision }, { onEvents: () => undefined, onEnd });
		const limit = this.#cluster.clock.setTimeout(() => resolve(atLeast), this.#cluster.limits.connectTimeoutMs);
		try {
			return await promise;
		} finally {
			limit.cancel();
			watch.cancel();
		}
	}

	/** etcd renews leases on a stream; one question and one answer of it are enough here. */
	async #keepAliveOnce(id: bigint): Promise<LeaseKeepAliveResponse> {
		const { promise, resolve, reject } = Promise.withResolvers<LeaseKeepAliveResponse>();
		const opened = await this.#cluster.stream("/etcdserverpb.Lease/LeaseKeepAlive", {
			onResponse: resolve,
			onEnd: (error) => reject(toStoreError(error ?? new GrpcError(grpcCode.unavailable, "the server ended the stream"))),
		});
		const expired = () => reject(toStoreError(new GrpcError(grpcCode.deadlineExceeded, "context deadline exceeded")));
		const limit = this.#cluster.clock.setTimeout(expired, this.#cluster.limits.answerTimeoutMs);
		opened.stream.send({ ID: id });
		try {
			return await promise;
		} finally {
			limit.cancel();
			opened.stream.cancel();
		}
	}
}

/** A transaction that writes nothing may be asked twice. */
function isReading({ success, failure }: TxnRequest): boolean {
	return [...success, ...failure].every(({ type, request }) => type === "range" || (type === "txn" && isReading(request)));
}

/** Of the ranges of a transaction, which may be compacted; 0 if none names a revision. */
function oldestRevision({ success, failure }: TxnRequest): number {
	const revisions = [...success, ...failure].map((operation) => {
		if (operation.type === "txn") return oldestRevision(operation.request);
		return operation.type === "range" ? (operation.request.revision ?? 0) : 0;
	});
	return Math.min(...revisions.filter((revision) => revision > 0), Number.MAX_SAFE_INTEGER) % Number.MAX_SAFE_INTEGER;
}
