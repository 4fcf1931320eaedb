/**
 * Reads LevelDB's log format to find damage. A log is blocks of 32 KiB; a block is records, each with a header of 7 bytes
 * (CRC-32C of type and payload, length, type), and up to 6 bytes of padding. A record does not cross the end of a block.
 *
 * What a power failure leaves is a torn end: something unreadable, and nothing readable behind it. It was never answered,
 * and LevelDB may drop it. Something unreadable with a readable record behind it is damage.
 * Source: https://github.com/google/leveldb/blob/main/doc/log_format.md
 */

const blockBytes = 32 * 1024;
const headerBytes = 7;
const lastType = 4;

/** Where the first damaged record begins; undefined if the log is sound, a torn end included. */
export function damagedOffset(log: Uint8Array): number | undefined {
	const first = firstUnreadable(log);
	return first !== undefined && hasRecordBehind(log, first) ? first : undefined;
}

function firstUnreadable(log: Uint8Array): number | undefined {
	let offset = 0;
	while (offset < log.length) {
		const rest = blockRest(log, offset);
		// Padding; or space that was reserved and not written to (type 0, length 0).
		if (rest < headerBytes || isUnused(log, offset)) offset += rest;
		else {
			const end = recordEnd(log, offset);
			if (end === undefined) return offset;
			offset = end;
		}
	}
	return undefined;
}

/** A damaged length hides where the next record begins, so every byte is tried. */
function hasRecordBehind(log: Uint8Array, damaged: number): boolean {
	for (let offset = damaged + 1; offset < log.length; offset++) if (recordEnd(log, offset) !== undefined) return true;
	return false;
}

function blockRest(log: Uint8Array, offset: number): number {
	return Math.min(blockBytes - (offset % blockBytes), log.length - offset);
}

function isUnused(log: Uint8Array, offset: number): boolean {
	return log[offset + 4] === 0 && log[offset + 5] === 0 && log[offset + 6] === 0;
}

/** The end of the record that begins at `offset`; undefined if none does. */
function recordEnd(log: Uint8Array, offset: number): number | undefined {
	const rest = blockRest(log, offset);
	if (rest < headerBytes) return undefined;
	const header = Buffer.from(log.buffer, log.byteOffset + offset, headerBytes);
	const end = offset + headerBytes + header.readUInt16LE(4);
	const type = header.readUInt8(6);
	if (type === 0 || type > lastType || end > offset + rest) return undefined;
	return mask(crc32c(log, offset + 6, end)) === header.readUInt32LE(0) ? end : undefined;
}

/** LevelDB stores a checksum rotated and shifted, since a checksum of data that holds checksums is weak. */
function mask(checksum: number): number {
	return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), bit by bit for each byte value: RFC 3720, appendix B.4. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
	let value = byte;
	for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
	return value;
});

function crc32c(bytes: Uint8Array, start: number, end: number): number {
	let value = 0xffffffff;
	for (let index = start; index < end; index++) value = (crcTable[(value ^ (bytes[index] ?? 0)) & 0xff] ?? 0) ^ (value >>> 8);
	return (value ^ 0xffffffff) >>> 0;
}
