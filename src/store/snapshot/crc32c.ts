/** CRC-32C (Castagnoli), which etcd hashes with; Node has the other one. Source: RFC 3720, section 12.1. */

const polynomial = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, index) => {
	let value = index;
	for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
	return value;
});

/** @param previous the checksum of what came before `bytes`. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
	let crc = ~previous;
	for (let index = 0; index < bytes.length; index++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[index] as number)) & 0xff] as number);
	return ~crc >>> 0;
}
