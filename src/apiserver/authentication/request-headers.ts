/**
 * Headers that say who somebody is. Node joins repeated headers with commas, or drops them; who may name himself thus
 * must be read as it was sent: line by line, names in any case.
 */
import type { IncomingMessage } from "node:http";

type Message = Pick<IncomingMessage, "headers" | "rawHeaders">;

/** The values of every line of a header, in order. @param name lower case */
export function headerLines({ rawHeaders }: Pick<Message, "rawHeaders">, name: string): readonly string[] {
	const values: string[] = [];
	for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
		if (rawHeaders[at]?.toLowerCase() === name) values.push(String(rawHeaders[at + 1]));
	}
	return values;
}

/** Every line of the headers whose names begin so, by what follows (percent-decoded; malformed keys are taken as they are). */
export function prefixedHeaders({ rawHeaders }: Pick<Message, "rawHeaders">, prefix: string): Readonly<Record<string, readonly string[]>> {
	const found = new Map<string, string[]>();
	for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
		const name = rawHeaders[at]?.toLowerCase() ?? "";
		if (!name.startsWith(prefix)) continue;
		const key = unescapeKey(name.slice(prefix.length));
		found.set(key, [...(found.get(key) ?? []), String(rawHeaders[at + 1])]);
	}
	return Object.fromEntries(found);
}

function unescapeKey(key: string): string {
	try {
		return decodeURIComponent(key);
	} catch {
		return key;
	}
}

/** Takes headers away, so that nobody behind this server takes them for a promise of it. */
export function removeHeaders(message: Message, isRemoved: (name: string) => boolean): void {
	for (const name in message.headers) if (isRemoved(name)) delete message.headers[name];
}
