/**
 * NaCl's secretbox: XSalsa20 and Poly1305.
 * Source: https://nacl.cr.yp.to/secretbox.html
 */
import { timingSafeEqual } from "node:crypto";
import { poly1305 } from "./poly1305.ts";
import { xsalsa20 } from "./xsalsa20.ts";

export const secretboxNonceBytes = 24;
/** How much longer a box is than what is in it. */
export const secretboxOverheadBytes = 16;

/** The first block of the key stream makes the authenticator's key. */
const authenticatorKeyBytes = 32;

export function sealSecretbox(key: Uint8Array, nonce: Uint8Array, message: Uint8Array): Buffer {
	const stream = xsalsa20(key, nonce, authenticatorKeyBytes + message.length);
	const hidden = masked(message, stream.subarray(authenticatorKeyBytes));
	return Buffer.concat([poly1305(stream.subarray(0, authenticatorKeyBytes), hidden), hidden]);
}

/** Undefined: it was not sealed with this key, or somebody has changed it. */
export function openSecretbox(key: Uint8Array, nonce: Uint8Array, box: Uint8Array): Buffer | undefined {
	const tag = box.subarray(0, secretboxOverheadBytes);
	const hidden = box.subarray(secretboxOverheadBytes);
	if (tag.length < secretboxOverheadBytes) return undefined;
	const stream = xsalsa20(key, nonce, authenticatorKeyBytes + hidden.length);
	if (!timingSafeEqual(tag, poly1305(stream.subarray(0, authenticatorKeyBytes), hidden))) return undefined;
	return masked(hidden, stream.subarray(authenticatorKeyBytes));
}

function masked(bytes: Uint8Array, stream: Uint8Array): Buffer {
	return Buffer.from(bytes.map((byte, index) => byte ^ (stream[index] ?? 0)));
}
