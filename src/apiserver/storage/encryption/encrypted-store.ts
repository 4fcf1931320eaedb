/**
 * The store as the API server sees it when it encrypts: values of some keys are transformed on their way in and out. Whoever
 * looks into the store itself, with etcdctl, sees them as they are stored.
 *
 *   API server ── JSON ──▶ here ── k8s:enc:… ──▶ store
 *
 * A value that cannot be made out stays what it is, marked with the reason (see value-marks.ts): one bad Secret does not keep
 * the others from being read.
 * Source: k8s.io/apiserver/pkg/storage/etcd3/store.go (TransformFromStorage, TransformToStorage).
 */
import { newInternalError } from "../../../apimachinery/status-error.ts";
import type {
	KeyValue,
	Lease,
	PutRequest,
	PutResponse,
	RangeRequest,
	RangeResponse,
	Store,
	StoreEvent,
	StoreStatus,
	StoreWatch,
	StoreWatchSink,
	TxnOperation,
	TxnOperationResponse,
	TxnRequest,
	TxnResponse,
	WatchRequest,
} from "../../../store/store.ts";
import type { KindDefinition } from "../../registry/kind.ts";
import { type Generation, markGeneration, markUnreadable } from "../value-marks.ts";
import type { TransformerFor } from "./configuration.ts";
import { TransformError, type Transformer } from "./transformers.ts";

export class EncryptedStore implements Store {
	readonly #store: Store;
	readonly #kinds: readonly KindDefinition[];
	#transformerFor: TransformerFor;
	#generation: Generation = { isOver: false };
	/** Of built-in kinds, by storage prefix such as `/registry/secrets/`. */
	readonly #transformers = new Map<string, Transformer | undefined>();
	/** Plain bytes of what this server has written, so that its own watch event needs no decryption. */
	readonly #written = new WeakMap<Uint8Array, Uint8Array>();

	constructor(store: Store, transformerFor: TransformerFor, kinds: readonly KindDefinition[]) {
		this.#store = store;
		this.#kinds = kinds;
		this.#transformerFor = transformerFor;
		this.#findTransformers();
	}

	/** Reads and writes in another way from now on. What was stored before counts as stale, once. */
	replace(transformerFor: TransformerFor): void {
		this.#generation.isOver = true;
		this.#generation = { isOver: false };
		this.#transformerFor = transformerFor;
		this.#transformers.clear();
		this.#findTransformers();
	}

	#findTransformers(): void {
		for (const { group, resource, storagePrefix = resource } of this.#kinds) {
			const prefix = `/registry/${storagePrefix}/`;
			// Two groups can share a place, as events do: it has the name of the older one.
			if (!this.#transformers.has(prefix)) this.#transformers.set(prefix, this.#transformerFor(group, resource));
		}
	}

	get isShared(): boolean {
		return this.#store.isShared === true;
	}

	get isReplicated(): boolean {
		return this.#store.isReplicated === true;
	}

	async range(request: RangeRequest): Promise<RangeResponse> {
		return this.#readable(await this.#store.range(request));
	}

	put(request: PutRequest): Promise<PutResponse> {
		return this.#store.put(this.#hidden(request));
	}

	deleteRange(request: Parameters<Store["deleteRange"]>[0]): ReturnType<Store["deleteRange"]> {
		return this.#store.deleteRange(request);
	}

	async txn(request: TxnRequest): Promise<TxnResponse> {
		return this.#readableTxn(await this.#store.txn(this.#hiddenTxn(request)));
	}

	watch(request: WatchRequest, sink: StoreWatchSink): StoreWatch {
		return this.#store.watch(request, {
			onEvents: (events, revision) =>
				sink.onEvents(
					events.map((event) => this.#readableEvent(event)),
					revision,
				),
			onEnd: (error) => sink.onEnd(error),
		});
	}

	compact(revision: number): Promise<void> {
		return this.#store.compact(revision);
	}

	grantLease(ttlSeconds: number, id?: bigint): Promise<Lease> {
		return this.#store.grantLease(ttlSeconds, id);
	}

	revokeLease(id: bigint): Promise<void> {
		return this.#store.revokeLease(id);
	}

	keepAliveLease(id: bigint): Promise<Lease> {
		return this.#store.keepAliveLease(id);
	}

	lease(id: bigint): Promise<Lease> {
		return this.#store.lease(id);
	}

	leases(): Promise<readonly Lease[]> {
		return this.#store.leases();
	}

	status(): StoreStatus {
		return this.#store.status();
	}

	close(): Promise<void> {
		return this.#store.close();
	}

	/** Prefixes are one to three segments below /registry/; what no built-in kind has is a custom resource's: group, then resource. */
	#transformerOf(key: string): Transformer | undefined {
		const [, root, ...segments] = key.split("/");
		if (root !== "registry") return undefined;
		for (let depth = Math.min(3, segments.length - 1); depth > 0; depth--) {
			const prefix = `/registry/${segments.slice(0, depth).join("/")}/`;
			if (this.#transformers.has(prefix)) return this.#transformers.get(prefix);
		}
		const [group = "", resource = ""] = segments;
		return segments.length > 2 && group.includes(".") ? this.#transformerFor(group, resource) : undefined;
	}

	#hidden(request: PutRequest): PutRequest {
		const transformer = this.#transformerOf(request.key);
		if (transformer === undefined || request.ignoreValue === true) return request;
		const value = transformer.write(request.value, request.key);
		this.#written.set(value, request.value);
		markGeneration(request.value, this.#generation);
		return { ...request, value };
	}

	#hiddenTxn(request: TxnRequest): TxnRequest {
		const hide = (operation: TxnOperation): TxnOperation => {
			if (operation.type === "put") return { type: "put", request: this.#hidden(operation.request) };
			return operation.type === "txn" ? { type: "txn", request: this.#hiddenTxn(operation.request) } : operation;
		};
		return { ...request, success: request.success.map(hide), failure: request.failure.map(hide) };
	}

	#readable(response: RangeResponse): RangeResponse {
		return { ...response, kvs: response.kvs.map((kv) => this.#readableValue(kv)) };
	}

	#readableTxn(response: TxnResponse): TxnResponse {
		const show = (each: TxnOperationResponse): TxnOperationResponse => {
			if (each.type === "range") return { type: "range", response: this.#readable(each.response) };
			return each.type === "txn" ? { type: "txn", response: this.#readableTxn(each.response) } : each;
		};
		return { ...response, responses: response.responses.map(show) };
	}

	#readableEvent(event: StoreEvent): StoreEvent {
		const { type, kv, prevKv } = event;
		if (this.#transformerOf(kv.key) === undefined) return event;
		return {
			...event,
			kv: type === "delete" ? kv : this.#readableValue(kv),
			...(prevKv === undefined ? {} : { prevKv: this.#readableValue(prevKv) }),
		};
	}

	#readableValue(kv: KeyValue): KeyValue {
		const transformer = this.#transformerOf(kv.key);
		if (transformer === undefined || kv.value.length === 0) return kv;
		const own = this.#written.get(kv.value);
		if (own !== undefined) return { ...kv, value: own };
		try {
			const { value, isStale } = transformer.read(kv.value, kv.key);
			// The mark must not go to bytes that the store itself holds.
			const plain = isStale ? Buffer.from(value) : value;
			if (isStale || plain !== kv.value) markGeneration(plain, isStale ? formerly : this.#generation);
			return { ...kv, value: plain };
		} catch (error) {
			if (!(error instanceof TransformError)) throw error;
			const value = Buffer.from(kv.value);
			markUnreadable(value, newInternalError(`unable to transform key ${JSON.stringify(kv.key)}: ${error.message}`));
			return { ...kv, value };
		}
	}
}

/** Of values that were stored in another way when this server came. */
const formerly: Generation = { isOver: true };
