/**
 * From the bytes of a log file to what a member knew. Decides what a damaged record means:
 *
 *     valid │ valid │ damaged, nothing readable behind    -> torn: the crash cut a write short; it was never confirmed
 *     valid │ damaged │ ... │ valid                       -> corrupt: what was confirmed is damaged; nothing is opened
 *
 * A last record that was confirmed and is damaged later looks like a torn one. The state machine may know better: a
 * `RaftNode` refuses a log that ends before what is applied.
 */
import type { Snapshot } from "./entry.ts";
import { decodeRecord, type LogRecord, peekSequence, recordHeaderBytes } from "./log-codec.ts";
import { MemoryStorage } from "./memory-storage.ts";

export interface Replayed {
	readonly storage: MemoryStorage;
	/** Of the newest record. */
	readonly sequence: number;
	/** Up to here all is well; what is behind is a torn tail. */
	readonly validBytes: number;
	readonly tornBytes: number;
}

/** The file contradicts itself in the middle. */
export class DamagedLogError extends Error {
	readonly offset: number;
	constructor(offset: number, detail: string) {
		super(`${detail} at byte ${offset}`);
		this.name = "DamagedLogError";
		this.offset = offset;
	}
}

/** How far ahead the sequence of a record behind a damaged one may be. */
const sequenceWindow = 1_000_000;

/** Throws `DamagedLogError`. The first record must have a snapshot: it is written, and synced, before the file has its name. */
export function replayLog(bytes: Uint8Array): Replayed {
	const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const first = decodeRecord(file, 0);
	if (first?.record.snapshot === undefined) throw new DamagedLogError(0, "the first record is damaged");
	const storage = new MemoryStorage({ metadata: first.record.snapshot, data: new Uint8Array() });
	storage.save({ hardState: first.record.hardState, snapshot: undefined, entries: first.record.entries });

	let { sequence } = first.record;
	let offset = first.end;
	for (let next = decodeRecord(file, offset); next !== undefined; next = decodeRecord(file, offset)) {
		if (next.record.sequence !== sequence + 1)
			throw new DamagedLogError(offset, `record ${next.record.sequence} follows record ${sequence}`);
		saveRecord(storage, next.record);
		sequence = next.record.sequence;
		offset = next.end;
	}
	const later = findRecord(file, offset + 1, sequence);
	if (later !== undefined) throw new DamagedLogError(offset, `record ${sequence + 1} is damaged, there is an intact one at byte ${later},`);
	return { storage, sequence, validBytes: offset, tornBytes: file.length - offset };
}

function saveRecord(storage: MemoryStorage, record: LogRecord): void {
	const snapshot: Snapshot | undefined = record.snapshot === undefined ? undefined : { metadata: record.snapshot, data: new Uint8Array() };
	storage.save({ hardState: record.hardState, snapshot, entries: record.entries });
}

/** Where an intact record begins whose sequence is after `sequence`. */
function findRecord(file: Buffer, from: number, sequence: number): number | undefined {
	for (let offset = from; offset + recordHeaderBytes < file.length; offset++) {
		const candidate = peekSequence(file, offset);
		if (candidate === undefined || candidate <= sequence || candidate > sequence + sequenceWindow) continue;
		if (decodeRecord(file, offset) !== undefined) return offset;
	}
	return undefined;
}
