/** Reads a bbolt database out of one buffer; believes nothing in it. See bolt-format.ts. */
import { SnapshotError } from "../errors.ts";
import {
	bucketFlag,
	bucketHeadBytes,
	elementBytes,
	fnv1a64,
	formatVersion,
	magic,
	metaBytes,
	pageFlag,
	pageHeadBytes,
} from "./bolt-format.ts";

export interface BoltEntry {
	readonly key: Buffer;
	readonly value: Buffer;
}

interface Element extends BoltEntry {
	readonly flags: number;
}

/** No tree of pages is deeper; a damaged one may go in circles. */
const maxDepth = 40;

export class BoltReader {
	readonly #file: Buffer;
	readonly #pageBytes: number;
	/** Bucket values, by name. */
	readonly #buckets = new Map<string, Buffer>();

	/** @throws SnapshotError */
	constructor(file: Buffer) {
		this.#file = file;
		const meta = newestMeta(file);
		this.#pageBytes = meta.readUInt32LE(8);
		for (const { key, value, flags } of this.#walk(Number(meta.readBigUInt64LE(16)), 0))
			if (flags === bucketFlag) this.#buckets.set(key.toString(), value);
	}

	/** In the file's order. */
	bucketNames(): readonly string[] {
		return [...this.#buckets.keys()];
	}

	has(name: string): boolean {
		return this.#buckets.has(name);
	}

	/** The entries of a bucket in order of key; none for a bucket that is not there. */
	*entries(name: string): Generator<BoltEntry> {
		const bucket = this.#buckets.get(name);
		if (bucket === undefined) return;
		if (bucket.length < bucketHeadBytes) throw damaged(`bucket ${name}`);
		const root = Number(bucket.readBigUInt64LE(0));
		if (root === 0) yield* readLeaf(bucket.subarray(bucketHeadBytes));
		else yield* this.#walk(root, 0);
	}

	*#walk(id: number, depth: number): Generator<Element> {
		const page = this.#page(id);
		const flags = page.readUInt16LE(8);
		if (flags === pageFlag.leaf) {
			yield* readLeaf(page);
			return;
		}
		if (flags !== pageFlag.branch || depth > maxDepth) throw damaged(`page ${id}`);
		for (let index = 0; index < page.readUInt16LE(10); index++) {
			const element = pageHeadBytes + index * elementBytes;
			if (element + elementBytes > page.length) throw damaged(`page ${id}`);
			yield* this.#walk(Number(page.readBigUInt64LE(element + 8)), depth + 1);
		}
	}

	#page(id: number): Buffer {
		const begin = id * this.#pageBytes;
		if (begin + this.#pageBytes > this.#file.length) throw damaged(`page ${id}`);
		const end = begin + (this.#file.readUInt32LE(begin + 12) + 1) * this.#pageBytes;
		if (end > this.#file.length) throw damaged(`page ${id}`);
		return this.#file.subarray(begin, end);
	}
}

function* readLeaf(page: Buffer): Generator<Element> {
	if (page.length < pageHeadBytes) throw damaged("a page");
	for (let index = 0; index < page.readUInt16LE(10); index++) {
		const element = pageHeadBytes + index * elementBytes;
		if (element + elementBytes > page.length) throw damaged("a leaf");
		const begin = element + page.readUInt32LE(element + 4);
		const middle = begin + page.readUInt32LE(element + 8);
		const end = middle + page.readUInt32LE(element + 12);
		if (end > page.length) throw damaged("a leaf");
		yield { flags: page.readUInt32LE(element), key: page.subarray(begin, middle), value: page.subarray(middle, end) };
	}
}

/** Of the two metas, the valid one with the higher transaction. */
function newestMeta(file: Buffer): Buffer {
	const first = metaAt(file, 0);
	const pageBytes = first?.readUInt32LE(8) ?? 4096;
	const metas = [first, metaAt(file, pageBytes)].filter((meta) => meta !== undefined);
	const newest = metas.sort((a, b) => Number(b.readBigUInt64LE(48) - a.readBigUInt64LE(48)))[0];
	if (newest === undefined) throw new SnapshotError("it is not a snapshot of etcd or kubesim");
	return newest;
}

function metaAt(file: Buffer, page: number): Buffer | undefined {
	const meta = file.subarray(page + pageHeadBytes, page + pageHeadBytes + metaBytes);
	const isMeta = meta.length === metaBytes && meta.readUInt32LE(0) === magic && meta.readUInt32LE(4) === formatVersion;
	return isMeta && meta.readUInt32LE(8) >= 512 && meta.readBigUInt64LE(56) === fnv1a64(meta.subarray(0, 56)) ? meta : undefined;
}

function damaged(what: string): SnapshotError {
	return new SnapshotError(`it is damaged: ${what} cannot be read`);
}
