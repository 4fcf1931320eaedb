/**
 * Poly1305, the one-time authenticator of NaCl's secretbox. node:crypto has it only together with ChaCha20.
 * Source: RFC 8439, section 2.5
 */

const prime = (1n << 130n) - 5n;
const clamp = 0x0ffffffc0ffffffc0ffffffc0fffffffn;
const tagMask = (1n << 128n) - 1n;

/** @param key 32 bytes, never used for two messages. Returns 16 bytes. */
export function poly1305(key: Uint8Array, message: Uint8Array): Uint8Array {
	const r = littleEndian(key.subarray(0, 16)) & clamp;
	const s = littleEndian(key.subarray(16, 32));
	let sum = 0n;
	for (let start = 0; start < message.length; start += 16) {
		const block = message.subarray(start, start + 16);
		// A one follows each block, so that zeros at its end count.
		const number = littleEndian(block) | (1n << BigInt(block.length * 8));
		sum = ((sum + number) * r) % prime;
	}
	return bytesOf((sum + s) & tagMask);
}

function littleEndian(bytes: Uint8Array): bigint {
	const hex = Buffer.from(bytes).reverse().toString("hex");
	return hex === "" ? 0n : BigInt(`0x${hex}`);
}

function bytesOf(number: bigint): Uint8Array {
	return Buffer.from(number.toString(16).padStart(32, "0"), "hex").reverse();
}
