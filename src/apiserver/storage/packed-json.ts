/**
 * JSON that is kept and rarely read, in half the room: events of one sort differ in names, times and messages, and all the rest of their
 * bytes they have in common.
 *
 *   {"kind":"Event","metadata":{"name":"web.18a2","uid":"8e1f"},"count":1}
 *   frame   {"kind":"","metadata":{"name":"","uid":""},"count":1}      shared by all that look like it
 *   texts   Event ⏎ web.18a2 ⏎ 8e1f                                    its own, without the room that an array of bytes takes for itself
 *
 * To pack costs a look at each string in it, to unpack somewhat less.
 */

const quote = '"';
/** Where a text goes. A key that is empty, or ends with a quote, would look like it: what has one is not packed. */
const slot = '""';
/** Control characters are never in a string of JSON but escaped. */
const separator = "\n";

/** Frames that are remembered; what is forgotten is kept by those who have it. */
const maxFrames = 256;

/** One value for equal frames: a pure memo. */
const frames = new Map<string, string>();

export class PackedJson {
	readonly #frame: string;
	readonly #texts: string;

	private constructor(frame: string, texts: string) {
		this.#frame = frame;
		this.#texts = texts;
	}

	/** @param bytes JSON in UTF-8. Undefined for what cannot be packed. */
	static of(bytes: Uint8Array): PackedJson | undefined {
		const json = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
		let frame = "";
		let texts = "";
		let taken = 0;
		let close = -1;
		for (let open = json.indexOf(quote); open >= 0; open = json.indexOf(quote, close + 1)) {
			close = endOfString(json, open + 1);
			if (close < 0) return undefined;
			if (json[close + 1] === ":") {
				if (json[close - 1] === quote) return undefined;
				continue;
			}
			frame += json.slice(taken, open + 1);
			texts += json.slice(open + 1, close) + separator;
			taken = close;
		}
		return new PackedJson(shared(frame + json.slice(taken)), flat(texts));
	}

	/** The bytes that were packed. */
	bytes(): Uint8Array {
		const texts = this.#texts.split(separator);
		const [first = "", ...rest] = this.#frame.split(slot);
		const json = first + rest.map((part, index) => `"${texts[index] ?? ""}"${part}`).join("");
		const bytes = new Uint8Array(json.length);
		Buffer.from(bytes.buffer).write(json, "latin1");
		return bytes;
	}
}

/** Where the quote is that ends a string of JSON which begins at `start`; -1 without one. */
function endOfString(json: string, start: number): number {
	let close = json.indexOf(quote, start);
	while (close >= 0 && isEscaped(json, close)) close = json.indexOf(quote, close + 1);
	return close;
}

/** Whether an odd number of backslashes comes before it. */
function isEscaped(json: string, at: number): boolean {
	let begin = at;
	while (json[begin - 1] === "\\") begin--;
	return (at - begin) % 2 === 1;
}

function shared(frame: string): string {
	const known = frames.get(frame);
	if (known !== undefined) return known;
	if (frames.size >= maxFrames) frames.clear();
	const own = flat(frame);
	frames.set(own, own);
	return own;
}

/** The same text, a byte a character, which holds no other one in memory. */
function flat(text: string): string {
	return Buffer.from(text, "latin1").toString("latin1");
}
