/**
 * The bytes of watch events, each made once for all the watchers that are told of it in the same turn of the event loop: the JSON
 * line, already framed as a chunk of HTTP/1.1 (RFC 9112, section 7.1). Of what a watcher costs the server, that leaves the
 * encryption and the system call.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import { encodeObject } from "../encoding.ts";

export type EventType = keyof typeof eventHeads;

export interface EventFrame {
	/** Of the object's JSON. */
	readonly objectBytes: number;
	/** The line alone, for answers that do not go over a socket. */
	readonly line: Buffer;
	readonly chunk: Buffer;
}

const eventHeads = {
	ADDED: '{"type":"ADDED","object":',
	MODIFIED: '{"type":"MODIFIED","object":',
	DELETED: '{"type":"DELETED","object":',
	BOOKMARK: '{"type":"BOOKMARK","object":',
	ERROR: '{"type":"ERROR","object":',
} as const;

const chunkEnd = Buffer.from("}\n\r\n");

export class EventFrames {
	/** Frames of this turn, by object; emptied in the next, so that no object's bytes are kept twice. */
	readonly #frames = new Map<KubeObject, { readonly type: EventType; readonly frame: EventFrame }>();

	frameOf(type: EventType, object: KubeObject): EventFrame {
		const known = this.#frames.get(object);
		if (known?.type === type) return known.frame;
		const frame = newFrame(type, encodeObject(object));
		if (this.#frames.size === 0) setImmediate(() => this.#frames.clear());
		this.#frames.set(object, { type, frame });
		return frame;
	}
}

function newFrame(type: EventType, object: Buffer): EventFrame {
	const head = eventHeads[type];
	// The line's end belongs to the chunk, the chunk's does not.
	const sizeBytes = head.length + object.length + 2;
	const size = `${sizeBytes.toString(16)}\r\n`;
	const chunk = Buffer.concat([Buffer.from(size + head, "latin1"), object, chunkEnd]);
	return { objectBytes: object.length, line: chunk.subarray(size.length, size.length + sizeBytes), chunk };
}
