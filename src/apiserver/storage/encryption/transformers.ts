/**
 * How one value is encrypted and decrypted: the providers of an EncryptionConfiguration, with the form that kube-apiserver
 * gives values in etcd.
 *
 *   k8s:enc:aescbc:v1:key1:<iv, ciphertext>      the first provider writes, whichever knows the value reads
 *
 * Source: k8s.io/apiserver/pkg/storage/value (transformer.go, encrypt/{aes,secretbox,identity}) and
 * pkg/server/options/encryptionconfig/config.go.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { openSecretbox, sealSecretbox, secretboxNonceBytes, secretboxOverheadBytes } from "./secretbox.ts";

/** A value that cannot be made out; the text is upstream's. */
export class TransformError extends Error {
	override readonly name = "TransformError";
}

export interface Transformed {
	readonly value: Buffer;
	/** It would be written in another way today. */
	readonly isStale: boolean;
}

/** @param key of the store: some ciphers bind a value to its place */
export interface Transformer {
	write(value: Uint8Array, key: string): Buffer;
	/** @throws TransformError */
	read(value: Uint8Array, key: string): Transformed;
}

const encrypted = Buffer.from("k8s:enc:");
const tooShort = "the stored data was shorter than the required size";
const aesBlockBytes = 16;
const gcmNonceBytes = 12;
const gcmTagBytes = 16;

const startsWith = (value: Uint8Array, prefix: Buffer): boolean => prefix.equals(value.subarray(0, prefix.length));

/** What is not encrypted; it does not pretend to read what is. */
export const identityTransformer: Transformer = {
	write: (value) => Buffer.from(value.buffer, value.byteOffset, value.byteLength),
	read(value) {
		if (startsWith(value, encrypted)) throw new TransformError("identity transformer tried to read encrypted data");
		return { value: Buffer.from(value.buffer, value.byteOffset, value.byteLength), isStale: false };
	},
};

/** AES in CBC mode, padded by PKCS #7, behind its initialization vector. @param secret 16, 24 or 32 bytes */
export function aesCbcTransformer(secret: Buffer): Transformer {
	const cipher = `aes-${secret.length * 8}-cbc`;
	return {
		write(value) {
			const iv = randomBytes(aesBlockBytes);
			const making = createCipheriv(cipher, secret, iv);
			return Buffer.concat([iv, making.update(value), making.final()]);
		},
		read(value) {
			if (value.length < aesBlockBytes) throw new TransformError(tooShort);
			if (value.length % aesBlockBytes !== 0) throw new TransformError("the stored data is not a multiple of the block size");
			const reading = createDecipheriv(cipher, secret, value.subarray(0, aesBlockBytes)).setAutoPadding(false);
			return { value: unpadded(Buffer.concat([reading.update(value.subarray(aesBlockBytes)), reading.final()])), isStale: false };
		},
	};
}

function unpadded(padded: Buffer): Buffer {
	const size = padded.at(-1) ?? 0;
	if (size === 0 || size > padded.length) throw new TransformError("invalid PKCS7 data (empty or not padded)");
	const end = padded.length - size;
	if (!padded.subarray(end).every((byte) => byte === size)) throw new TransformError("invalid padding on input");
	return padded.subarray(0, end);
}

/** AES in GCM mode, behind its nonce; a value counts only at its own key. @param secret 16, 24 or 32 bytes */
export function aesGcmTransformer(secret: Buffer): Transformer {
	const cipher = secret.length === 16 ? "aes-128-gcm" : secret.length === 24 ? "aes-192-gcm" : "aes-256-gcm";
	return {
		write(value, key) {
			const nonce = randomBytes(gcmNonceBytes);
			const making = createCipheriv(cipher, secret, nonce).setAAD(Buffer.from(key));
			return Buffer.concat([nonce, making.update(value), making.final(), making.getAuthTag()]);
		},
		read(value, key) {
			if (value.length < gcmNonceBytes) throw new TransformError(tooShort);
			const tagStart = Math.max(gcmNonceBytes, value.length - gcmTagBytes);
			try {
				const reading = createDecipheriv(cipher, secret, value.subarray(0, gcmNonceBytes), { authTagLength: gcmTagBytes });
				reading.setAAD(Buffer.from(key)).setAuthTag(value.subarray(tagStart));
				return { value: Buffer.concat([reading.update(value.subarray(gcmNonceBytes, tagStart)), reading.final()]), isStale: false };
			} catch {
				throw new TransformError("cipher: message authentication failed");
			}
		},
	};
}

/** NaCl's secretbox, behind its nonce. @param secret 32 bytes */
export function secretboxTransformer(secret: Buffer): Transformer {
	return {
		write(value) {
			const nonce = randomBytes(secretboxNonceBytes);
			return Buffer.concat([nonce, sealSecretbox(secret, nonce, value)]);
		},
		read(value) {
			if (value.length < secretboxNonceBytes + secretboxOverheadBytes) throw new TransformError(tooShort);
			const opened = openSecretbox(secret, value.subarray(0, secretboxNonceBytes), value.subarray(secretboxNonceBytes));
			// Upstream's words, whatever the reason.
			if (opened === undefined) throw new TransformError("output array was not large enough for encryption");
			return { value: opened, isStale: false };
		},
	};
}

export interface PrefixedTransformer {
	/** `k8s:enc:aescbc:v1:`, `key1:`; "" for the identity. */
	readonly prefix: string;
	readonly transformer: Transformer;
}

/** Writes with the first; reads with the first that knows the prefix and makes sense of what follows. @param none what is said if none does */
export function prefixTransformers(none: string, transformers: readonly [PrefixedTransformer, ...PrefixedTransformer[]]): Transformer {
	const known = transformers.map(({ prefix, transformer }) => ({ prefix: Buffer.from(prefix), transformer }));
	const [{ prefix: firstPrefix, transformer: first }] = transformers;
	return {
		write: (value, key) => Buffer.concat([Buffer.from(firstPrefix), first.write(value, key)]),
		read(value, key) {
			const errors: string[] = [];
			for (const [index, { prefix, transformer }] of known.entries()) {
				if (!startsWith(value, prefix)) continue;
				try {
					const { value: plain, isStale } = transformer.read(value.subarray(prefix.length), key);
					return { value: plain, isStale: isStale || index > 0 };
				} catch (error) {
					if (!(error instanceof TransformError)) throw error;
					// That the identity cannot read something does not tell whoever else could why he could not.
					if (prefix.length > 0) errors.push(error.message);
				}
			}
			const said = [...new Set(errors)];
			throw new TransformError(said.length === 0 ? none : said.length === 1 ? (said[0] ?? none) : `[${said.join(", ")}]`);
		},
	};
}
