/**
 * Reads DER, the byte form of certificates and of requests for them. What comes from strangers is never trusted to be
 * complete: a cut-off element makes the whole unreadable. Source: ITU-T X.690 (DER).
 */

export interface Element {
	/** Identifier octet, e.g. 0x30 for SEQUENCE. */
	readonly tag: number;
	/** With tag and length. */
	readonly whole: Buffer;
	readonly content: Buffer;
}

export const tags = { sequence: 0x30, set: 0x31, bitString: 0x03, octetString: 0x04, objectIdentifier: 0x06 } as const;

/** The elements in the content of a constructed one; undefined where they are cut off. */
export function readElements(bytes: Buffer): readonly Element[] | undefined {
	const elements: Element[] = [];
	for (let at = 0; at < bytes.length; ) {
		const short = bytes[at + 1];
		if (short === undefined) return undefined;
		const lengthBytes = short < 0x80 ? 0 : short - 0x80;
		if (lengthBytes > 4 || at + 2 + lengthBytes > bytes.length) return undefined;
		const length = lengthBytes === 0 ? short : bytes.readUIntBE(at + 2, lengthBytes);
		const start = at + 2 + lengthBytes;
		if (start + length > bytes.length) return undefined;
		elements.push({ tag: bytes[at] ?? 0, whole: bytes.subarray(at, start + length), content: bytes.subarray(start, start + length) });
		at = start + length;
	}
	return elements;
}

/** The elements of a SEQUENCE or SET; undefined for anything else. */
export function childrenOf(element: Element | undefined, tag: number = tags.sequence): readonly Element[] | undefined {
	return element?.tag === tag ? readElements(element.content) : undefined;
}

/** `2.5.4.3` of an OBJECT IDENTIFIER's content. */
export function readObjectIdentifier(content: Buffer): string {
	const arcs: number[] = [];
	let value = 0;
	for (const byte of content) {
		value = value * 128 + (byte & 0x7f);
		if ((byte & 0x80) !== 0) continue;
		if (arcs.length === 0) arcs.push(Math.min(Math.floor(value / 40), 2), value - 40 * Math.min(Math.floor(value / 40), 2));
		else arcs.push(value);
		value = 0;
	}
	return arcs.join(".");
}
