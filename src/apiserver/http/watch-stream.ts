/**
 * A watch over HTTP: one JSON event a line, in a chunked answer that lives until the client goes, the time is up or the
 * server stops.
 *
 *   sink.onEvent ──> queue of events (objects are shared, not copied) ──> encode as the socket takes it
 *
 * A client that reads too slowly makes the queue grow; at its limit the watch is ended, as kube-apiserver ends it, and
 * the client lists again. The events that the watch began with do not count against the limit.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { WatchEvent, WatchHandle, WatchSink } from "../../apimachinery/api-request.ts";
import type { EventFrames } from "./event-frames.ts";
import type { WatchSeries } from "./metrics.ts";

/** Events that may wait for a slow client, beyond those of the start. */
const maxQueuedEvents = 10_000;
/** Bytes gathered into one write. */
const writeSizeBytes = 64 * 1024;

/** Gives an event's object the shape that the client asked for. */
export type EventTransform = (event: WatchEvent) => WatchEvent["object"];

export interface EventWriter {
	/** Shared by all watches of a server. */
	readonly frames: EventFrames;
	readonly transform: EventTransform;
	/** An event cannot be given that shape: the server's own fault. */
	onBroken(error: unknown): void;
}

export class WatchStream implements WatchSink {
	readonly #response: ServerResponse;
	/** Chunks go past the response, which would frame each anew and write it in three pieces. Undefined where there is no socket. */
	readonly #socket: Socket | undefined;
	readonly #events: EventWriter;
	readonly #series: WatchSeries;
	readonly #onClosed: () => void;
	/** Events not yet written; `#next` is the first of them. */
	#queue: WatchEvent[] = [];
	#next = 0;
	/** Queue length at which the watch is ended; infinite until the start's events are in. */
	#limit = Number.POSITIVE_INFINITY;
	#handle: WatchHandle | undefined;
	/** Headers are sent with the first event, or when the watch is accepted: until then the answer may be an error. */
	#open = false;
	#writing = false;
	/** The client has not taken yet what was written. */
	#needsDrain = false;
	/** No more events will come: end the answer when the queue is empty. */
	#ending = false;
	#closed = false;

	constructor(response: ServerResponse, events: EventWriter, series: WatchSeries, onClosed: () => void) {
		this.#response = response;
		this.#events = events;
		this.#series = series;
		this.#onClosed = onClosed;
		// The connection may serve other requests afterwards, and then the response has it no more.
		this.#socket = response.socket instanceof Socket ? response.socket : undefined;
		(this.#socket ?? response).on("drain", this.#onDrain);
		response.on("close", () => this.#finish());
	}

	readonly #onDrain = () => {
		this.#needsDrain = false;
		this.#flush();
	};

	/** The server accepted the watch: sends the headers and what has come so far. */
	accept(handle: WatchHandle, headers: Readonly<Record<string, string>>): void {
		this.#handle = handle;
		if (this.#closed) {
			handle.stop();
			return;
		}
		this.#limit = this.#queue.length + maxQueuedEvents;
		this.#open = true;
		this.#response.writeHead(200, { ...headers, "Content-Type": "application/json", "Transfer-Encoding": "chunked" });
		this.#response.flushHeaders();
		this.#flush();
	}

	onEvent(event: WatchEvent): void {
		if (this.#closed || this.#ending) return;
		this.#queue.push(event);
		if (this.#queue.length - this.#next > this.#limit) {
			this.#response.destroy();
			return;
		}
		this.#schedule();
	}

	onEnd(): void {
		this.end();
	}

	/** Ends the answer in good order, after what is queued. */
	end(): void {
		if (this.#ending || this.#closed) return;
		this.#ending = true;
		this.#handle?.stop();
		this.#schedule();
	}

	/** Ends the watch at shutdown and waits until its bytes are on their way; a client that does not read is cut off. */
	async close(): Promise<void> {
		if (this.#closed) return;
		const closed = new Promise<void>((resolve) => this.#response.once("close", () => resolve()));
		this.end();
		if (this.#needsDrain) this.#response.destroy();
		await closed;
	}

	/** Events of one turn of the event loop go out in one write. */
	#schedule(): void {
		if (this.#writing || !this.#open) return;
		this.#writing = true;
		setImmediate(() => {
			this.#writing = false;
			this.#flush();
		});
	}

	#flush(): void {
		if (!this.#open || this.#closed) return;
		while (this.#next < this.#queue.length) {
			if (this.#needsDrain) return;
			const batch = this.#tryNextBatch();
			if (batch === undefined) return;
			this.#needsDrain = !(this.#socket ?? this.#response).write(batch);
		}
		this.#queue = [];
		this.#next = 0;
		if (this.#ending) this.#response.end();
	}

	/** Undefined, and the watch cut off, for an event that cannot be written: nobody but this client may suffer from it. */
	#tryNextBatch(): Buffer | undefined {
		try {
			return this.#nextBatch();
		} catch (error) {
			this.#events.onBroken(error);
			this.#response.destroy();
			return undefined;
		}
	}

	#nextBatch(): Buffer {
		const chunks: Buffer[] = [];
		let sizeBytes = 0;
		while (sizeBytes < writeSizeBytes) {
			const event = this.#queue[this.#next];
			if (event === undefined) break;
			this.#next++;
			const { chunk, line, objectBytes } = this.#events.frames.frameOf(event.type, this.#events.transform(event));
			chunks.push(this.#socket === undefined ? line : chunk);
			sizeBytes += chunk.length;
			this.#series.events.add();
			this.#series.sizes.observe(objectBytes);
		}
		const [only] = chunks;
		return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
	}

	#finish(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#queue = [];
		this.#next = 0;
		this.#socket?.off("drain", this.#onDrain);
		this.#handle?.stop();
		this.#onClosed();
	}
}
