/**
 * The name of a certificate's subject. Read from the bytes and not from a printed form, so that nothing in a name can
 * pass for the beginning of another. Source: RFC 5280 section 4.1.2.4; Go's crypto/x509/pkix.
 */
import { childrenOf, type Element, readElements, readObjectIdentifier, tags } from "./der-reader.ts";

export interface Attribute {
	/** `2.5.4.3` for the common name. */
	readonly type: string;
	readonly value: string;
}

export interface DistinguishedName {
	/** The last one, if there are several, as in Go; "" for none. */
	readonly commonName: string;
	readonly organizations: readonly string[];
	readonly attributes: readonly Attribute[];
}

export const attributeTypes = { commonName: "2.5.4.3", organization: "2.5.4.10" } as const;

/** Undefined for what is not a name, or holds a text that is none. @param name the SEQUENCE of sets */
export function readName(name: Element | undefined): DistinguishedName | undefined {
	const attributes: Attribute[] = [];
	for (const set of childrenOf(name) ?? [undefined]) {
		for (const pair of childrenOf(set, tags.set) ?? [undefined]) {
			const [type, value] = childrenOf(pair) ?? [];
			if (type?.tag !== tags.objectIdentifier || value === undefined) return undefined;
			const text = readText(value);
			if (text === undefined) return undefined;
			attributes.push({ type: readObjectIdentifier(type.content), value: text });
		}
	}
	const valuesOf = (type: string) => attributes.filter((attribute) => attribute.type === type).map(({ value }) => value);
	return {
		commonName: valuesOf(attributeTypes.commonName).at(-1) ?? "",
		organizations: valuesOf(attributeTypes.organization),
		attributes,
	};
}

/** The subject of a certificate. @param der the whole certificate */
export function readSubject(der: Buffer): DistinguishedName | undefined {
	const [certificate] = readElements(der) ?? [];
	const [body] = childrenOf(certificate) ?? [];
	const fields = childrenOf(body) ?? [];
	// The version is left out by certificates of version 1.
	const first = fields[0]?.tag === 0xa0 ? 1 : 0;
	return readName(fields[first + 4]);
}

/** UTF8String, and the older kinds of text. */
function readText({ tag, content }: Element): string | undefined {
	switch (tag) {
		case 0x0c:
			return decode(content);
		case 0x12:
		case 0x13:
		case 0x14:
		case 0x16:
			return content.toString("latin1");
		case 0x1e:
			return content.length % 2 === 0 ? Buffer.from(content).swap16().toString("utf16le") : undefined;
		default:
			return undefined;
	}
}

function decode(content: Buffer): string | undefined {
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
	} catch {
		return undefined;
	}
}
