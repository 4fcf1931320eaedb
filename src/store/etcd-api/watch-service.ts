/**
 * etcd's Watch service: any number of watches on one stream.
 *
 * A client that reads slowly holds nobody up and fills no memory: once too much waits to be sent, the stream's watches
 * stop where they are and go on from history when the client has caught up.
 *
 *     create ─> following ──(stream full)──> paused at a revision ──(drained)──> following from there
 *                   └──────cancel, compacted──────> over <──────────────┘
 *
 * Source: https://etcd.io/docs/v3.6/learning/api/#watch-api
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { CompactedError, type StoreEvent, type StoreWatch } from "../store.ts";
import { encode, type Sparse } from "./codec.ts";
import { type Event, EventType, FilterType, type WatchCreateRequest, type WatchRequest, type WatchResponse } from "./generated/messages.ts";
import type { Handlers, RequestSink, ResponseStream } from "./grpc/server.ts";
import { GrpcError } from "./grpc/status.ts";
import type { ServiceOptions } from "./kv-service.ts";
import { goErrorText } from "./rpc-errors.ts";

export interface WatchServiceOptions extends ServiceOptions {
	readonly clock: Clock;
	/** Responses larger than this come in pieces, for watches that ask for it. */
	readonly fragmentBytes: number;
}

/** How often a watch with progress_notify hears of the revision if nothing else comes. */
const progressPeriodMs = 10 * 60 * 1000;

/** Not a watch: on responses about the stream as a whole, and about watches that did not come to be. */
const noWatch = -1;

export function watchService(options: WatchServiceOptions): Handlers {
	return { "/etcdserverpb.Watch/Watch": (stream) => new WatchStream(stream, options) };
}

interface Watch {
	readonly id: number;
	readonly request: WatchCreateRequest;
	/** The first revision not yet sent. */
	nextRevision: number;
	/** Undefined while paused. */
	running: StoreWatch | undefined;
	/** Something was sent since progress was last due. */
	hasSent: boolean;
}

class WatchStream implements RequestSink<WatchRequest> {
	readonly #stream: ResponseStream<Sparse<WatchResponse>>;
	readonly #options: WatchServiceOptions;
	readonly #watches = new Map<number, Watch>();
	#nextId = 0;
	/** More waits to be sent than should. */
	#isFull = false;

	constructor(stream: ResponseStream<Sparse<WatchResponse>>, options: WatchServiceOptions) {
		this.#stream = stream;
		this.#options = options;
		const progress = options.clock.setInterval(() => this.#reportProgress(), progressPeriodMs);
		stream.onDrain(() => this.#resume());
		stream.onClose(() => {
			progress.cancel();
			for (const watch of this.#watches.values()) watch.running?.cancel();
			this.#watches.clear();
		});
	}

	onRequest({ createRequest, cancelRequest, progressRequest }: WatchRequest): void {
		if (createRequest !== undefined) this.#create(createRequest);
		else if (cancelRequest !== undefined) this.#cancel(cancelRequest.watchId);
		else if (progressRequest !== undefined) this.#answerProgress();
	}

	onEnd(): void {
		this.#stream.end();
	}

	#create(request: WatchCreateRequest): void {
		const { gate } = this.#options;
		try {
			gate.checkRange(this.#stream.context, { ...request, key: request.key === "" ? "\0" : request.key });
		} catch (error) {
			if (!(error instanceof GrpcError)) throw error;
			this.#refuse(goErrorText(error));
			return;
		}
		if (request.rangeEnd !== "" && request.rangeEnd !== "\0" && request.rangeEnd <= request.key) {
			this.#refuse("mvcc: watcher range is empty");
			return;
		}
		if (request.watchId !== 0 && this.#watches.has(request.watchId)) {
			this.#refuse("mvcc: duplicate watch ID provided on the WatchStream");
			return;
		}
		const { revision } = this.#options.store.status();
		const nextRevision = request.startRevision > 0 ? request.startRevision : revision + 1;
		const watch: Watch = { id: this.#newId(request.watchId), request, nextRevision, running: undefined, hasSent: false };
		this.#watches.set(watch.id, watch);
		this.#send({ header: this.#options.member.header(revision), watchId: watch.id, created: true });
		this.#follow(watch);
	}

	#newId(wanted: number): number {
		if (wanted !== 0) return wanted;
		while (this.#watches.has(this.#nextId)) this.#nextId++;
		return this.#nextId++;
	}

	#refuse(cancelReason: string): void {
		this.#send({ header: this.#options.member.header(), watchId: noWatch, created: true, canceled: true, cancelReason });
	}

	#cancel(id: number): void {
		const watch = this.#watches.get(id);
		if (watch === undefined) return;
		watch.running?.cancel();
		this.#watches.delete(id);
		this.#send({ header: this.#options.member.header(), watchId: id, canceled: true });
	}

	#follow(watch: Watch): void {
		const { key, rangeEnd, prevKv } = watch.request;
		const range = rangeEnd === "" ? { key } : { key, rangeEnd };
		watch.running = this.#options.store.watch(
			{ ...range, startRevision: watch.nextRevision, prevKv },
			{
				onEvents: (events, revision) => this.#deliver(watch, events, revision),
				onEnd: (error) => this.#end(watch, error),
			},
		);
	}

	#deliver(watch: Watch, events: readonly StoreEvent[], revision: number): void {
		watch.nextRevision = revision + 1;
		const wanted = events.filter((event) => isWanted(event, watch.request.filters)).map(toEvent);
		if (wanted.length > 0) {
			watch.hasSent = true;
			this.#sendEvents(watch, wanted, revision);
		}
		if (this.#isFull) {
			watch.running?.cancel();
			watch.running = undefined;
		}
	}

	/** One response, or several of which all but the last say that there is more. */
	#sendEvents(watch: Watch, events: readonly Sparse<Event>[], revision: number): void {
		const header = this.#options.member.header(revision);
		const pieces = watch.request.fragment ? splitEvents(events, this.#options.fragmentBytes) : [events];
		for (const [index, piece] of pieces.entries())
			this.#send({ header, watchId: watch.id, events: piece, fragment: index < pieces.length - 1 });
	}

	/** The store ended the watch. */
	#end(watch: Watch, error: Error | undefined): void {
		if (!this.#watches.delete(watch.id)) return;
		if (error instanceof CompactedError) {
			const { compactRevision } = error;
			this.#send({ header: this.#options.member.header(), watchId: watch.id, canceled: true, compactRevision });
		} else this.#stream.end(error ?? new GrpcError(14, "etcdserver: server stopped"));
	}

	#resume(): void {
		this.#isFull = false;
		for (const watch of this.#watches.values()) if (watch.running === undefined) this.#follow(watch);
	}

	/** To all watches at once; a stream on which one lags behind has no progress to speak of. */
	#answerProgress(): void {
		if (!this.#isFull) this.#send({ header: this.#options.member.header(), watchId: noWatch });
	}

	#reportProgress(): void {
		for (const watch of this.#watches.values()) {
			if (watch.request.progressNotify && !watch.hasSent && watch.running !== undefined)
				this.#send({ header: this.#options.member.header(), watchId: watch.id });
			watch.hasSent = false;
		}
	}

	#send(response: Sparse<WatchResponse>): void {
		if (!this.#stream.send(response)) this.#isFull = true;
	}
}

function isWanted(event: StoreEvent, filters: readonly number[]): boolean {
	return !filters.includes(event.type === "put" ? FilterType.NOPUT : FilterType.NODELETE);
}

function toEvent({ type, kv, prevKv }: StoreEvent): Sparse<Event> {
	return { type: type === "put" ? EventType.PUT : EventType.DELETE, kv, prevKv };
}

function splitEvents(events: readonly Sparse<Event>[], limitBytes: number): readonly (readonly Sparse<Event>[])[] {
	const pieces: Sparse<Event>[][] = [];
	let room = 0;
	for (const event of events) {
		const size = encode("Event", event).length;
		const piece = pieces.at(-1);
		if (piece === undefined || size > room) {
			pieces.push([event]);
			room = limitBytes - size;
		} else {
			piece.push(event);
			room -= size;
		}
	}
	return pieces;
}
