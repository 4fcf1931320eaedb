/**
 * XSalsa20, the stream cipher of NaCl's secretbox, which node:crypto does not have.
 * Source: https://cr.yp.to/snuffle/spec.pdf (Salsa20), https://cr.yp.to/snuffle/xsalsa-20110204.pdf
 */

/** "expand 32-byte k", as four words. */
const sigma = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;
/** One quarter round works on four words of the state, in this order: columns, then rows. */
const quarters = [
	[0, 4, 8, 12],
	[5, 9, 13, 1],
	[10, 14, 2, 6],
	[15, 3, 7, 11],
	[0, 1, 2, 3],
	[5, 6, 7, 4],
	[10, 11, 8, 9],
	[15, 12, 13, 14],
] as const;

/** Where key, input and constants stand in the state. */
function stateOf(key: Uint8Array, input: Uint8Array): Uint32Array {
	const state = new Uint32Array(16);
	const keyView = new DataView(key.buffer, key.byteOffset, key.byteLength);
	const inputView = new DataView(input.buffer, input.byteOffset, input.byteLength);
	for (let index = 0; index < 4; index++) {
		state[index * 5] = sigma[index] ?? 0;
		state[1 + index] = keyView.getUint32(index * 4, true);
		state[11 + index] = keyView.getUint32(16 + index * 4, true);
		state[6 + index] = inputView.getUint32(index * 4, true);
	}
	return state;
}

function rotate(word: number, bits: number): number {
	return (word << bits) | (word >>> (32 - bits));
}

/** Ten double rounds, in place. */
function mix(x: Uint32Array): void {
	for (let round = 0; round < 10; round++) {
		for (const [a, b, c, d] of quarters) {
			x[b] = (x[b] ?? 0) ^ rotate(((x[a] ?? 0) + (x[d] ?? 0)) | 0, 7);
			x[c] = (x[c] ?? 0) ^ rotate(((x[b] ?? 0) + (x[a] ?? 0)) | 0, 9);
			x[d] = (x[d] ?? 0) ^ rotate(((x[c] ?? 0) + (x[b] ?? 0)) | 0, 13);
			x[a] = (x[a] ?? 0) ^ rotate(((x[d] ?? 0) + (x[c] ?? 0)) | 0, 18);
		}
	}
}

/** HSalsa20: a key of its own for the first 16 bytes of a long nonce. */
function deriveKey(key: Uint8Array, input: Uint8Array): Uint8Array {
	const state = stateOf(key, input);
	mix(state);
	const derived = new DataView(new ArrayBuffer(32));
	for (const [place, index] of [0, 5, 10, 15, 6, 7, 8, 9].entries()) derived.setUint32(place * 4, state[index] ?? 0, true);
	return new Uint8Array(derived.buffer);
}

/** @param key 32 bytes. @param nonce 24 bytes, never used twice with one key. @param length of the key stream, in bytes */
export function xsalsa20(key: Uint8Array, nonce: Uint8Array, length: number): Uint8Array {
	const subkey = deriveKey(key, nonce.subarray(0, 16));
	const input = new Uint8Array(16);
	input.set(nonce.subarray(16, 24));
	const counter = new DataView(input.buffer);
	const stream = new DataView(new ArrayBuffer(Math.ceil(length / 64) * 64));
	for (let block = 0; block * 64 < length; block++) {
		counter.setUint32(8, block, true);
		const start = stateOf(subkey, input);
		const mixed = start.slice();
		mix(mixed);
		for (let index = 0; index < 16; index++) {
			stream.setUint32(block * 64 + index * 4, ((mixed[index] ?? 0) + (start[index] ?? 0)) >>> 0, true);
		}
	}
	return new Uint8Array(stream.buffer, 0, length);
}
