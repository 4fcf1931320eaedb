/**
 * Writes DER, the byte form of certificates: as much of it as certificates and requests for them need. Our own, because a library for
 * it takes longer to import than the whole of the PKI takes to make.
 * Source: ITU-T X.690 (DER).
 */

/** Tag, length, content. @param tag identifier octet, e.g. 0x30 for SEQUENCE */
function encode(tag: number, content: Uint8Array): Buffer {
	return Buffer.concat([Buffer.from([tag]), encodeLength(content.length), content]);
}

function encodeLength(length: number): Buffer {
	if (length < 0x80) return Buffer.from([length]);
	const bytes: number[] = [];
	for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
	return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export const sequence = (...items: readonly Uint8Array[]) => encode(0x30, Buffer.concat(items));
export const set = (...items: readonly Uint8Array[]) => encode(0x31, Buffer.concat(items));
export const octetString = (content: Uint8Array) => encode(0x04, content);
export const utf8String = (text: string) => encode(0x0c, Buffer.from(text, "utf8"));
export const boolean = (value: boolean) => encode(0x01, Buffer.from([value ? 0xff : 0x00]));
/** `[number] EXPLICIT`: a constructed, context-specific wrapper. */
export const explicit = (number: number, content: Uint8Array) => encode(0xa0 | number, content);
/** `[number] IMPLICIT` of a primitive type. */
export const implicit = (number: number, content: Uint8Array) => encode(0x80 | number, content);

/** A non-negative INTEGER from its big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
	let start = 0;
	while (start < bytes.length - 1 && bytes[start] === 0) start++;
	const digits = bytes.subarray(start);
	const needsSign = ((digits[0] ?? 0) & 0x80) !== 0;
	return encode(0x02, needsSign ? Buffer.concat([Buffer.from([0]), digits]) : digits);
}

/** @param unusedBits bits at the end of the last byte that do not count, 0-7 */
export function bitString(content: Uint8Array, unusedBits = 0): Buffer {
	return encode(0x03, Buffer.concat([Buffer.from([unusedBits]), content]));
}

/** @param dotted e.g. `2.5.4.3` */
export function objectIdentifier(dotted: string): Buffer {
	const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
	const bytes = [40 * first + second, ...rest].flatMap((arc) => {
		const groups = [arc & 0x7f];
		for (let high = arc >>> 7; high > 0; high >>>= 7) groups.unshift((high & 0x7f) | 0x80);
		return groups;
	});
	return encode(0x06, Buffer.from(bytes));
}

/** A moment in whole seconds, Unix ms: UTCTime until 2049, GeneralizedTime from then on, as RFC 5280 section 4.1.2.5 wants. */
export function time(timeMs: number): Buffer {
	const text = `${new Date(timeMs).toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
	return Number(text.slice(0, 4)) < 2050 ? encode(0x17, Buffer.from(text.slice(2))) : encode(0x18, Buffer.from(text));
}
