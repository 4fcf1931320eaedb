/**
 * One watch of an etcd cluster, on a stream of its own, that outlives the stream: when it breaks, or its endpoint has no
 * leader, the watch goes on at another endpoint from the first revision it has not told.
 *
 *   opening ──created──> following ──canceled: compacted──────────────────────────> over
 *      ^  │                  │  └───canceled: not permitted, with a new token, too──^
 *      │  └──no answer──┐    │
 *      └─── pause <─────┴────┴── stream broken, no leader
 *
 * etcd sends whole revisions in one response. A large one comes in fragments, because this watch asks for that; they are
 * put together before anybody is told.
 * Source: https://etcd.io/docs/v3.6/learning/api_guarantees/#watch-apis, client/v3/watch.go
 */
import { StoreAccessError, StoreClosedError } from "../errors.ts";
import type { WatchResponse } from "../etcd-api/generated/messages.ts";
import { GrpcError, grpcCode } from "../etcd-api/grpc/status.ts";
import { CompactedError, type StoreEvent, type StoreWatch, type StoreWatchSink, type WatchRequest } from "../store.ts";
import type { Endpoint, EtcdCluster, OpenStream } from "./etcd-cluster.ts";
import { isStaleToken, toStoreError } from "./etcd-errors.ts";
import { fromEvent, revisionOf } from "./messages.ts";

const watchPath = "/etcdserverpb.Watch/Watch";
type WatchStream = OpenStream<typeof watchPath>;

export interface RemoteWatchOptions {
	readonly cluster: EtcdCluster;
	/** With a start revision > 0. */
	readonly request: WatchRequest & { readonly startRevision: number };
	readonly sink: StoreWatchSink;
	/** Told of the newest revision that a response names, before the sink is. */
	readonly onRevision: (revision: number) => void;
	/** Told once, when the watch is over for whatever reason. */
	readonly onOver: (watch: RemoteWatch) => void;
}

export class RemoteWatch implements StoreWatch {
	readonly #options: RemoteWatchOptions;
	readonly #cluster: EtcdCluster;
	/** The first revision not yet told. Never goes down. */
	#nextRevision: number;
	/** Of a response whose fragments are not all here. */
	#pieces: StoreEvent[] = [];
	#open: WatchStream | undefined;
	/** Which stream is listened to: what an earlier one still says does not count. */
	#turn = 0;
	/** Streams that failed in a row. */
	#failures = 0;
	/** The user was refused with the token of the last stream. */
	#wasRefused = false;
	#isOver = false;

	constructor(options: RemoteWatchOptions) {
		this.#options = options;
		this.#cluster = options.cluster;
		this.#nextRevision = options.request.startRevision;
		void this.#begin();
	}

	cancel(): void {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#leaveStream();
		this.#options.onOver(this);
	}

	/** The store closes. */
	close(): void {
		this.#end(undefined);
	}

	/** Never rejects. */
	async #begin(): Promise<void> {
		const turn = ++this.#turn;
		const isCurrent = () => !this.#isOver && this.#turn === turn;
		const unanswered = this.#cluster.clock.setTimeout(() => {
			if (isCurrent()) this.#fail(new GrpcError(grpcCode.deadlineExceeded, "context deadline exceeded"));
		}, this.#cluster.limits.answerTimeoutMs);
		try {
			const opened = await this.#cluster.stream(watchPath, {
				onResponse: (response) => {
					unanswered.cancel();
					if (isCurrent()) this.#take(response);
				},
				onEnd: (error) => {
					unanswered.cancel();
					if (isCurrent()) this.#fail(error ?? new GrpcError(grpcCode.unavailable, "the server ended the watch"));
				},
			});
			if (!isCurrent()) {
				opened.stream.cancel();
				return;
			}
			this.#open = opened;
			const { key, rangeEnd, prevKv } = this.#options.request;
			const createRequest = { key, rangeEnd, prevKv, startRevision: this.#nextRevision, progressNotify: true, fragment: true };
			opened.stream.send({ createRequest });
		} catch (error) {
			unanswered.cancel();
			if (isCurrent()) this.#failToOpen(error);
		}
	}

	#take(response: WatchResponse): void {
		if (response.canceled) {
			this.#cancelled(response);
			return;
		}
		this.#failures = 0;
		this.#wasRefused = false;
		const endpoint = this.#open?.endpoint;
		if (endpoint !== undefined) this.#cluster.stay(endpoint);
		for (const event of response.events) {
			const told = fromEvent(event);
			if (told !== undefined && told.kv.modRevision >= this.#nextRevision) this.#pieces.push(told);
		}
		if (!response.fragment) this.#tell(response);
	}

	#tell(response: WatchResponse): void {
		const events = this.#pieces;
		this.#pieces = [];
		const last = events.at(-1);
		if (last === undefined) {
			// Progress: everything up to this revision has been told, so that a later break need not go back behind a compaction.
			if (!response.created && response.events.length === 0) this.#nextRevision = Math.max(this.#nextRevision, revisionOf(response) + 1);
			return;
		}
		// The head's revision may be ahead of the events while the watch catches up.
		const { modRevision } = last.kv;
		this.#nextRevision = modRevision + 1;
		this.#options.onRevision(modRevision);
		try {
			this.#options.sink.onEvents(events, modRevision);
		} catch (error) {
			this.#end(error instanceof Error ? error : new Error(String(error)));
		}
	}

	#cancelled({ compactRevision, cancelReason }: WatchResponse): void {
		if (compactRevision > 0) this.#end(new CompactedError(compactRevision));
		else if (/permission denied|auth token|auth store/.test(cancelReason)) this.#refused(cancelReason);
		else this.#end(new Error(`etcd ended the watch: ${cancelReason}`));
	}

	/** A token that has run out is refused as one that was never given: once more with a new one. */
	#refused(reason: string): void {
		if (this.#wasRefused) {
			this.#end(new StoreAccessError(reason));
			return;
		}
		this.#wasRefused = true;
		this.#open?.renewToken();
		this.#leaveStream();
		void this.#begin();
	}

	#fail(error: GrpcError): void {
		if (isStaleToken(error)) {
			this.#refused(error.message);
			return;
		}
		// As etcd's client: any other code than these two is the server's last word.
		if (![grpcCode.unavailable, grpcCode.deadlineExceeded, grpcCode.internal].some((code) => code === error.code)) {
			this.#end(toStoreError(error));
			return;
		}
		const endpoint = this.#open?.endpoint;
		this.#leaveStream();
		void this.#again(endpoint, error);
	}

	/** No token was to be had. */
	#failToOpen(error: unknown): void {
		if (error instanceof StoreAccessError || error instanceof StoreClosedError) this.#end(error);
		else void this.#again(undefined, error instanceof GrpcError ? error : new GrpcError(grpcCode.unavailable, String(error)));
	}

	async #again(endpoint: Endpoint | undefined, error: GrpcError): Promise<void> {
		if (endpoint !== undefined) this.#cluster.leave(endpoint, error);
		this.#failures++;
		try {
			await this.#cluster.pause(this.#failures);
		} catch {
			// Closed meanwhile: the store ends the watch.
			return;
		}
		if (!this.#isOver) await this.#begin();
	}

	#leaveStream(): void {
		this.#turn++;
		this.#pieces = [];
		this.#open?.stream.cancel();
		this.#open = undefined;
	}

	#end(error: Error | undefined): void {
		if (this.#isOver) return;
		this.cancel();
		this.#options.sink.onEnd(error);
	}
}
