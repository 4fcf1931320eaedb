/**
 * JSON that is kept and rarely read, in a tenth of the room: objects of one sort look alike, and of their texts, too, most are the same.
 *
 *   {"kind":"Event","metadata":{"name":"web.18a2","uid":"8e1f"},"count":1}
 *   frame   {"kind":"","metadata":{"name":"","uid":""},"count":1}      shared by all that look like it,
 *           with the texts of the first that came: Event, web.18a2, 8e1f
 *   own     (1)web.18a3 ⏎ (2)90aa ⏎                                    where it has another one than that: its place, and it,
 *           or, of what it has said before (a time, a name), which of its own texts that was
 *
 * To pack costs a look at each string in it, to unpack somewhat less.
 */
import { Note } from "./note.ts";

const quote = '"';
/** Control characters are never in a string of JSON but escaped. */
const separator = "\n";
/** A place is written as two characters of a byte each. */
const placeBase = 256;
const maxPlaces = placeBase * placeBase;
/** Begins what stands for an own text that came before, whose number follows as a character. No text of JSON begins so. */
const again = "\0";
/** No text is shorter for standing for another. */
const minLengthOfRepeated = 4;

/** Values of one kind begin with the same so many characters. */
const beginningLength = 24;
/** Beginnings that are remembered, and frames of each; what is forgotten is kept by those who have it. */
const maxBeginnings = 64;
const maxFrames = 8;

/** What values that look alike have in common. */
interface Frame {
	/** What stands before, between and behind the texts: one more than there are texts. */
	readonly parts: readonly string[];
	/** Of the first value. */
	readonly texts: readonly string[];
}

/** Frames by what their values begin with, the latest first: a pure memo. */
const framesByBeginning = new Map<string, readonly Frame[]>();

/** What some bytes were packed to, for the next who packs them: the room is shared. */
class Known extends Note {
	#packed: PackedJson;

	constructor(bytes: Uint8Array, packed: PackedJson) {
		super(bytes);
		this.#packed = packed;
	}

	static of(bytes: Uint8Array): PackedJson | undefined {
		return #packed in bytes ? bytes.#packed : undefined;
	}
}

export class PackedJson {
	readonly #frame: Frame;
	/** Texts that are not the frame's, in order of their places, which come before them. */
	readonly #own: string;
	/** Of the bytes that were packed. */
	readonly length: number;

	private constructor(frame: Frame, own: string, length: number) {
		this.#frame = frame;
		this.#own = own;
		this.length = length;
	}

	/** @param bytes JSON in UTF-8; others may come, too. Undefined for what cannot be packed. */
	static of(bytes: Uint8Array): PackedJson | undefined {
		const known = Known.of(bytes);
		if (known !== undefined) return known;
		const json = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
		const fitting = fittingFrame(json) ?? newFrame(json);
		if (fitting === undefined) return undefined;
		const { frame, own } = fitting;
		const packed = new PackedJson(frame, flat(own), bytes.length);
		new Known(bytes, packed);
		return packed;
	}

	/** The bytes that were packed. */
	bytes(): Uint8Array {
		const { parts, texts } = this.#frame;
		const own = this.#own;
		let json = parts[0] ?? "";
		let ownAt = 0;
		let ownPlace = placeAt(own, ownAt);
		const said: string[] = [];
		for (let place = 0; place < texts.length; place++) {
			let text = texts[place] ?? "";
			if (place === ownPlace) {
				if (own[ownAt + 2] === again) {
					text = said[own.charCodeAt(ownAt + 3)] ?? "";
					ownAt += 4;
				} else {
					const end = own.indexOf(separator, ownAt + 2);
					text = own.slice(ownAt + 2, end);
					said.push(text);
					ownAt = end + 1;
				}
				ownPlace = placeAt(own, ownAt);
			}
			json += text;
			json += parts[place + 1] ?? "";
		}
		const bytes = new Uint8Array(json.length);
		Buffer.from(bytes.buffer).write(json, "latin1");
		return bytes;
	}
}

interface Fitting {
	readonly frame: Frame;
	readonly own: string;
}

/** One of those that are remembered; undefined if none of them fits. */
function fittingFrame(json: string): Fitting | undefined {
	const beginning = json.slice(0, beginningLength);
	const known = framesByBeginning.get(beginning) ?? [];
	for (const [index, frame] of known.entries()) {
		const own = ownTexts(json, frame);
		if (own === undefined) continue;
		if (index > 0) framesByBeginning.set(beginning, [frame, ...known.filter((other) => other !== frame)]);
		return { frame, own };
	}
	return undefined;
}

/** The texts that are not the frame's; undefined if it is not the frame of this. */
function ownTexts(json: string, { parts, texts }: Frame): string | undefined {
	const [first = ""] = parts;
	if (!json.startsWith(first)) return undefined;
	let own = "";
	let at = first.length;
	const said: string[] = [];
	for (let place = 0; place < texts.length; place++) {
		const text = texts[place] ?? "";
		const next = parts[place + 1] ?? "";
		// The part behind it begins with the quote that ends it.
		if (isAt(json, at, text) && isAt(json, at + text.length, next)) {
			at += text.length + next.length;
			continue;
		}
		const end = endOfString(json, at);
		if (end < 0 || !isAt(json, end, next)) return undefined;
		const other = json.slice(at, end);
		// That is no JSON.
		if (other.includes(separator) || other.startsWith(again)) return undefined;
		own += String.fromCharCode(Math.floor(place / placeBase), place % placeBase);
		const before = other.length < minLengthOfRepeated ? -1 : said.indexOf(other);
		own += before < 0 || before >= placeBase ? other + separator : again + String.fromCharCode(before);
		if (before < 0 || before >= placeBase) said.push(other);
		at = end + next.length;
	}
	return at === json.length ? own : undefined;
}

/** As `startsWith`, in a third of its time where all is the same: equality compares words, and not characters. */
function isAt(json: string, at: number, text: string): boolean {
	return json.slice(at, at + text.length) === text;
}

/** The frame of what is the first of its sort; undefined for what is no JSON. */
function newFrame(json: string): Fitting | undefined {
	const parts: string[] = [];
	const texts: string[] = [];
	let taken = 0;
	for (let open = json.indexOf(quote); open >= 0; ) {
		const close = endOfString(json, open + 1);
		if (close < 0) return undefined;
		if (json[close + 1] !== ":" || isValueKey(json, open)) {
			parts.push(flat(json.slice(taken, open + 1)));
			texts.push(flat(json.slice(open + 1, close)));
			taken = close;
		}
		open = json.indexOf(quote, close + 1);
	}
	if (texts.length > maxPlaces) return undefined;
	parts.push(flat(json.slice(taken)));
	const frame = { parts, texts };
	remember(flat(json.slice(0, beginningLength)), frame);
	return { frame, own: "" };
}

function remember(beginning: string, frame: Frame): void {
	const known = framesByBeginning.get(beginning);
	if (known === undefined && framesByBeginning.size >= maxBeginnings) framesByBeginning.clear();
	framesByBeginning.set(beginning, [frame, ...(known ?? []).slice(0, maxFrames - 1)]);
}

/** In managedFields items of lists stand under their values: `k:{"ip":"10.244.0.7"}`, `v:"10.244.1.0/24"`. */
function isValueKey(json: string, open: number): boolean {
	const first = json[open + 1];
	return (first === "k" || first === "v") && json[open + 2] === ":";
}

/** The place that is written here; NaN behind the last. */
function placeAt(own: string, at: number): number {
	return own.charCodeAt(at) * placeBase + own.charCodeAt(at + 1);
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

/** The same text, a byte a character, which holds no other one in memory. */
function flat(text: string): string {
	return Buffer.from(text, "latin1").toString("latin1");
}
