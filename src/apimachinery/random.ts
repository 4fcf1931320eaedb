import { createHash, randomBytes } from "node:crypto";

/**
 * The cluster's only source of chance: uids, generated names, jitter, election timeouts, addresses. From one seed
 * comes one sequence. Keys and certificates are not made from it: they need real entropy.
 */
export interface Random {
	/** Uniform in [0, 1). */
	next(): number;
	/** Uniform integer in [0, bound); bound >= 1. */
	int(bound: number): number;
	/** A version 4 UUID. */
	uuid(): string;
	/** `length` characters of Kubernetes' alphabet for generated names (no vowels, no 0, 1, 3). */
	suffix(length: number): string;
	/** A source of its own for one component, so that what another one draws does not shift it. */
	fork(label: string): Random;
}

/** The 27 characters of k8s.io/apimachinery/pkg/util/rand: hard to misread, and no bad words. */
const suffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/** Every write draws an id: two digits at a time is four times as fast as `toString(16)`. */
const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const hex16 = (word: number) => `${hexOfByte[word >>> 8]}${hexOfByte[word & 0xff]}`;
const hex32 = (word: number) => hex16(word >>> 16) + hex16(word & 0xffff);

/** xoshiro128** (Blackman and Vigna, 2018), seeded with the first 128 bits of the seed's SHA-256. */
export class SeededRandom implements Random {
	readonly #seed: string;
	/** Made at the first draw: of the sources that a cluster forks for its components many are only forked again, or never drawn from. */
	#state: Uint32Array | undefined;

	constructor(seed: string | number) {
		this.#seed = String(seed);
	}

	next(): number {
		// 53 bits, as Math.random has them.
		return ((this.#nextUint32() >>> 5) * 2 ** 26 + (this.#nextUint32() >>> 6)) / 2 ** 53;
	}

	int(bound: number): number {
		return Math.floor(this.next() * bound);
	}

	uuid(): string {
		const [a, b, c, d] = [this.#nextUint32(), this.#nextUint32(), this.#nextUint32(), this.#nextUint32()];
		const version = (b & 0x0fff) | 0x4000;
		const variant = ((c >>> 16) & 0x3fff) | 0x8000;
		return `${hex32(a)}-${hex16(b >>> 16)}-${hex16(version)}-${hex16(variant)}-${hex16(c & 0xffff)}${hex32(d)}`;
	}

	suffix(length: number): string {
		let text = "";
		while (text.length < length) text += suffixAlphabet.charAt(this.int(suffixAlphabet.length));
		return text;
	}

	fork(label: string): Random {
		return new SeededRandom(`${this.#seed}/${label}`);
	}

	#nextUint32(): number {
		this.#state ??= stateOf(this.#seed);
		const s = this.#state;
		// By index: taking an array apart goes through its iterator, which costs more than all the rest.
		const s0 = s[0] ?? 0;
		const s1 = s[1] ?? 0;
		const s2 = s[2] ?? 0;
		const s3 = s[3] ?? 0;
		const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
		const mixed2 = s2 ^ s0;
		const mixed3 = s3 ^ s1;
		s[0] = s0 ^ mixed3;
		s[1] = s1 ^ mixed2;
		s[2] = mixed2 ^ (s1 << 9);
		s[3] = rotateLeft(mixed3, 11);
		return result;
	}
}

function stateOf(seed: string): Uint32Array {
	const digest = createHash("sha256").update(seed).digest();
	return Uint32Array.from([0, 4, 8, 12], (offset) => digest.readUInt32LE(offset));
}

/** A source with a seed of real entropy, for clusters that nobody replays. */
export function createEntropyRandom(): Random {
	return new SeededRandom(randomBytes(16).toString("hex"));
}

function rotateLeft(value: number, bits: number): number {
	return (value << bits) | (value >>> (32 - bits));
}
