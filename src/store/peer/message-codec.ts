/**
 * Raft's messages as bytes, between members of different processes:
 *
 *     frame    length of what follows 4 │ head │ entries
 *     head     the message without its entries, as JSON (4 + text)
 *     entries  as in the log (raft/log-codec.ts); of a forwarded proposal the one entry that it is to become
 *
 * A snapshot's data are not here: they come behind its frame.
 */
import { ByteReader, ByteWriter } from "../raft/bytes.ts";
import type { Entry, Message, Proposal } from "../raft/index.ts";
import { readEntries, writeEntries } from "../raft/index.ts";

/** The bytes on a connection are no messages of ours. */
export class MalformedMessageError extends Error {
	constructor(detail: string) {
		super(`a message from a peer can't be read: ${detail}`);
		this.name = "MalformedMessageError";
	}
}

/** No frame is larger than this: an append is bounded by the leader's limits, a single entry by the largest request. */
const maxFrameBytes = 64 * 1024 * 1024;

export function encodeMessage(message: Message): Uint8Array {
	const writer = new ByteWriter(512);
	writer.uint32(0);
	switch (message.type) {
		case "append": {
			const { entries, ...head } = message;
			writeHead(writer, head);
			writeEntries(writer, entries);
			break;
		}
		case "propose": {
			const { proposal, ...head } = message;
			writeHead(writer, head);
			writeEntries(writer, [{ term: 0, index: 0, ...proposal }]);
			break;
		}
		case "snapshot": {
			const { snapshot, ...head } = message;
			writeHead(writer, { ...head, metadata: snapshot.metadata });
			break;
		}
		default:
			writeHead(writer, message);
	}
	const frame = writer.finish();
	frame.writeUInt32BE(frame.length - 4, 0);
	return frame;
}

function writeHead(writer: ByteWriter, head: object): void {
	writer.text(JSON.stringify(head));
}

/** Takes the bytes of a connection, hands out whole messages; what is behind a snapshot's frame is left to whoever wants it. */
export class MessageReader {
	#pending: Buffer = Buffer.alloc(0);

	/** Throws `MalformedMessageError`. */
	push(chunk: Buffer): readonly Message[] {
		this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
		const messages: Message[] = [];
		for (let message = this.#take(); message !== undefined; message = this.#take()) {
			messages.push(message);
			if (message.type === "snapshot") break;
		}
		return messages;
	}

	/** Bytes that belong to no message yet. */
	get rest(): Buffer {
		return this.#pending;
	}

	#take(): Message | undefined {
		if (this.#pending.length < 4) return undefined;
		const length = this.#pending.readUInt32BE(0);
		if (length > maxFrameBytes) throw new MalformedMessageError(`it has ${length} bytes`);
		if (this.#pending.length < 4 + length) return undefined;
		const frame = this.#pending.subarray(4, 4 + length);
		this.#pending = this.#pending.subarray(4 + length);
		try {
			return decodeMessage(frame);
		} catch (error) {
			throw new MalformedMessageError(error instanceof Error ? error.message : String(error));
		}
	}
}

/** The peer is one of us, as its certificate says: what it sends is taken at its word. */
function decodeMessage(frame: Buffer): Message {
	const reader = new ByteReader(frame);
	const head = JSON.parse(reader.text()) as Message & { readonly metadata?: unknown };
	switch (head.type) {
		case "append":
			return { ...head, entries: copied(readEntries(reader)) };
		case "propose": {
			const [entry] = copied(readEntries(reader));
			if (entry === undefined) throw new RangeError("it proposes nothing");
			const proposal: Proposal = entry.type === "normal" ? { type: "normal", data: entry.data } : { type: "config", change: entry.change };
			return { ...head, proposal };
		}
		case "snapshot": {
			const { metadata, ...rest } = head;
			return { ...rest, snapshot: { metadata, data: new Uint8Array() } } as Message;
		}
		default:
			return head;
	}
}

/** Entries outlive the chunk that brought them. */
function copied(entries: readonly Entry[]): readonly Entry[] {
	return entries.map((entry) => (entry.type === "normal" ? { ...entry, data: new Uint8Array(entry.data) } : entry));
}
