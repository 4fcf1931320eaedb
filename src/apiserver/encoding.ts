/**
 * An object's bytes, made once a version and shared by the store, every list and every watcher.
 *
 * What is stored is the object's JSON without its resourceVersion, which is the store's revision and known only after
 * the write:
 *
 *   {"kind":"Pod","apiVersion":"v1","metadata":{"name":"web",…},"spec":{…}}
 *    └──────────── head ──────────┘            └ tail
 *
 * Of an object that was not written for a while the bytes are packed (apimachinery/packed-json.ts), and unpacked for whoever asks for them.
 *
 * The wire form is head + `"resourceVersion":"42",` + tail, so a get copies bytes instead of writing JSON anew; an
 * item of a list leaves out kind and apiVersion, as kube-apiserver's lists of built-in kinds do.
 */
import type { FieldSet } from "../apimachinery/apply/field-set.ts";
import { textOfSet } from "../apimachinery/apply/intern.ts";
import { isJsonObject } from "../apimachinery/json.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import { Note } from "../apimachinery/note.ts";
import { PackedJson } from "../apimachinery/packed-json.ts";
import type { ManagedFieldsEntry } from "../apimachinery/schema/generated/types.ts";
import { hasGeneration, isStale, unreadableReason } from "./storage/value-marks.ts";

const metadataKey = Buffer.from('"metadata":{');
const encoder = new TextEncoder();
const itemHead = Buffer.from('{"metadata":{');

/** Stored bytes of objects that came from the store, and whether they were made here. */
class StoredBytes extends Note {
	#bytes: Uint8Array | PackedJson;
	#isOwn: boolean;

	constructor(object: object, bytes: Uint8Array, isOwn: boolean) {
		super(object);
		this.#bytes = bytes;
		this.#isOwn = isOwn;
	}

	static of(object: object): Uint8Array | undefined {
		const bytes = StoredBytes.kept(object);
		return bytes instanceof PackedJson ? bytes.bytes() : bytes;
	}

	/** In the form in which they are kept. */
	static kept(object: object): Uint8Array | PackedJson | undefined {
		return #bytes in object ? object.#bytes : undefined;
	}

	static pack(object: object): void {
		// What is known of bytes besides what they say would be lost.
		if (!(#bytes in object) || !(object.#bytes instanceof Uint8Array) || hasGeneration(object.#bytes)) return;
		object.#bytes = PackedJson.of(object.#bytes) ?? object.#bytes;
	}

	static isOwn(object: object): boolean {
		return #isOwn in object && object.#isOwn;
	}

	static set(object: object, bytes: Uint8Array, isOwn: boolean): void {
		if (#bytes in object) object.#bytes = bytes;
		else new StoredBytes(object, bytes, isOwn);
	}
}

/** The object that some stored bytes were made from, so that the writer's own watch event needs no parsing. */
class Decoded extends Note {
	#object: KubeObject | undefined;

	constructor(bytes: Uint8Array, object: KubeObject) {
		super(bytes);
		this.#object = object;
	}

	/** For the first who asks: it becomes his. */
	static take(bytes: Uint8Array): KubeObject | undefined {
		if (!(#object in bytes)) return undefined;
		const object = bytes.#object;
		bytes.#object = undefined;
		return object;
	}

	static set(bytes: Uint8Array, object: KubeObject): void {
		if (#object in bytes) bytes.#object = object;
		else new Decoded(bytes, object);
	}
}

/** Where the JSON of an object's spec is in bytes that were made here: the next version has mostly the same one. */
class SpecPlace extends Note {
	#start: number;
	#end: number;

	constructor(bytes: Uint8Array, start: number, end: number) {
		super(bytes);
		this.#start = start;
		this.#end = end;
	}

	/** The bytes of the spec; undefined where it is not known which they are. */
	static read(bytes: Uint8Array): Uint8Array | undefined {
		return #start in bytes ? bytes.subarray(bytes.#start, bytes.#end) : undefined;
	}
}

type WithSpec = KubeObject & { readonly spec?: unknown };

/**
 * Bytes to store: JSON with kind, apiVersion and metadata first, and without metadata.resourceVersion.
 * @param previous a version of the object that came from the store: a spec that is the very same is not written anew
 */
export function encodeForStorage(object: KubeObject, previous?: KubeObject): Uint8Array {
	const { kind, apiVersion, metadata, ...rest } = object;
	const { resourceVersion: _, ...storedMetadata } = metadata ?? {};
	const stored: KubeObject = {
		...(kind === undefined ? {} : { kind }),
		...(apiVersion === undefined ? {} : { apiVersion }),
		metadata: storedMetadata,
		...rest,
	};
	const bytes = beginsWithSpec(rest) ? bytesAroundSpec(headOf(stored), rest, previous) : unpooled(headOf(stored) + tailOf(rest));
	Decoded.set(bytes, stored);
	return bytes;
}

/** JSON up to the end of metadata, where owners of fields are written by the texts that many objects share. */
function headOf({ kind, apiVersion, metadata = {} }: KubeObject): string {
	const { managedFields, ...others } = metadata;
	const json = JSON.stringify(others);
	const owners = managedFields === undefined ? json : withEntry(json, `"managedFields":${textOfEntries(managedFields)}`);
	const names = JSON.stringify({ kind, apiVersion });
	// Joined and not cut: a cut text would be copied once more before it is written.
	return names === "{}" ? `{"metadata":${owners}` : `${names.slice(0, -1)},"metadata":${owners}`;
}

function textOfEntries(entries: readonly ManagedFieldsEntry[]): string {
	let text = "";
	for (const entry of entries) text += text === "" ? `[${textOfEntry(entry)}` : `,${textOfEntry(entry)}`;
	return text === "" ? "[]" : `${text}]`;
}

function beginsWithSpec(rest: object): rest is { readonly spec: object } {
	for (const key in rest) return key === "spec" && isJsonObject((rest as WithSpec).spec);
	return false;
}

function bytesAroundSpec(head: string, { spec, ...others }: { readonly spec: object }, previous: WithSpec | undefined): Uint8Array {
	const before = `${head},"spec":`;
	const after = tailOf(others);
	const start = Buffer.byteLength(before);
	const known = previous?.spec === spec ? StoredBytes.kept(previous) : undefined;
	const specBytes = known instanceof Uint8Array ? SpecPlace.read(known) : undefined;
	if (specBytes === undefined) {
		const json = JSON.stringify(spec);
		const bytes = unpooled(before + json + after);
		new SpecPlace(bytes, start, start + Buffer.byteLength(json));
		return bytes;
	}
	const end = start + specBytes.length;
	const bytes = new Uint8Array(end + Buffer.byteLength(after));
	encoder.encodeInto(before, bytes);
	bytes.set(specBytes, start);
	encoder.encodeInto(after, bytes.subarray(end));
	new SpecPlace(bytes, start, end);
	return bytes;
}

/** JSON of an object with one more entry at its end. */
function withEntry(json: string, entry: string): string {
	return json === "{}" ? `{${entry}}` : `${json.slice(0, -1)},${entry}}`;
}

/** What follows the last entry of an object that has some: more of them, and its end. */
function tailOf(rest: object): string {
	const json = JSON.stringify(rest);
	return json === "{}" ? "}" : `,${json.slice(1)}`;
}

function textOfEntry(entry: ManagedFieldsEntry): string {
	const { fieldsV1, ...rest } = entry;
	const json = JSON.stringify(rest);
	return isJsonObject(fieldsV1) ? withEntry(json, `"fieldsV1":${textOfSet(fieldsV1 as FieldSet)}`) : json;
}

/** Bytes of their own: a slice of Node's shared pool would keep 64 KiB alive for as long as one small object lives. */
function unpooled(text: string): Uint8Array {
	const bytes = new Uint8Array(Buffer.byteLength(text));
	encoder.encodeInto(text, bytes);
	return bytes;
}

/** The stored bytes of an object that came from the store; undefined for any other. */
export function storedBytesOf(object: KubeObject): Uint8Array | undefined {
	return StoredBytes.of(object);
}

/** Keeps the stored bytes of an object in less room: it will hardly be read, or written, soon. */
export function packStoredBytes(object: KubeObject): void {
	StoredBytes.pack(object);
}

/** Whether the object would be stored in another way today, whatever is in it. */
export function isStoredStale(object: KubeObject): boolean {
	const bytes = StoredBytes.kept(object);
	return bytes instanceof Uint8Array && isStale(bytes);
}

/** The object behind stored bytes, with the revision of its last write as resourceVersion. Throws a StatusError for what cannot be decrypted. */
export function decodeFromStorage(bytes: Uint8Array, revision: number): KubeObject {
	const own = Decoded.take(bytes);
	const stored = own ?? parsed(bytes);
	const { metadata } = stored;
	if (!isJsonObject(metadata)) return shownAs(stored, bytes, revision, false);
	// Nobody else has seen it, and its metadata, yet: it becomes the object of this version.
	(metadata as { resourceVersion?: string }).resourceVersion = String(revision);
	StoredBytes.set(stored, bytes, own !== undefined);
	return stored;
}

/** What `decodeFromStorage` would make of these bytes. @param object what they were made from by `encodeForStorage`; it stays as it is */
export function storedAs(object: KubeObject, bytes: Uint8Array, revision: number): KubeObject {
	return shownAs(object, bytes, revision, true);
}

/**
 * Whether this very version of an object is as this server wrote it: what is in it has been decoded, filled in and validated. What was
 * parsed from the store may come from anybody who writes there.
 */
export function isOwnWriting(object: KubeObject): boolean {
	return StoredBytes.isOwn(object);
}

function shownAs(object: KubeObject, bytes: Uint8Array, revision: number, isOwn: boolean): KubeObject {
	const { kind, apiVersion, metadata, ...rest } = object;
	const stored = {
		...(kind === undefined ? {} : { kind }),
		...(apiVersion === undefined ? {} : { apiVersion }),
		metadata: { ...metadata, resourceVersion: String(revision) },
		...rest,
	} as KubeObject;
	StoredBytes.set(stored, bytes, isOwn);
	return stored;
}

/** Where the entries of its metadata begin: behind kind and apiVersion; -1 for what has none. */
function offsetOfMetadata(bytes: Uint8Array): number {
	const offset = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(metadataKey);
	return offset < 0 ? -1 : offset + metadataKey.length;
}

/**
 * Tells what stored bytes say, so that the first who decodes them need not parse them.
 * @param object the same as JSON, without its resourceVersion; it becomes what is decoded, so nobody else may hold it or its metadata
 */
export function presetDecoded(bytes: Uint8Array, object: KubeObject): void {
	Decoded.set(bytes, object);
}

function parsed(bytes: Uint8Array): KubeObject {
	const reason = unreadableReason(bytes);
	if (reason !== undefined) throw reason;
	return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")) as KubeObject;
}

/** The whole wire JSON of an object. */
export function encodeObject(object: KubeObject): Buffer {
	const bytes = StoredBytes.of(object);
	const offset = bytes === undefined ? -1 : offsetOfMetadata(bytes);
	if (bytes === undefined || offset < 0) return Buffer.from(JSON.stringify(object));
	return splice(bytes.subarray(0, offset), object, bytes.subarray(offset));
}

/** The wire JSON of a list's item: without kind and apiVersion. */
export function encodeListItem(object: KubeObject): Buffer {
	const bytes = StoredBytes.of(object);
	const offset = bytes === undefined ? -1 : offsetOfMetadata(bytes);
	if (bytes === undefined || offset < 0) {
		const { kind: _, apiVersion: __, ...item } = object;
		return Buffer.from(JSON.stringify(item));
	}
	return splice(itemHead, object, bytes.subarray(offset));
}

/** @param tail from the first byte inside `"metadata":{` on */
function splice(head: Uint8Array, object: KubeObject, tail: Uint8Array): Buffer {
	const isEmptyMetadata = tail[0] === 0x7d;
	const version = Buffer.from(`"resourceVersion":"${object.metadata?.resourceVersion ?? ""}"${isEmptyMetadata ? "" : ","}`);
	return Buffer.concat([head, version, tail]);
}
