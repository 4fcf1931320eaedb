/** Writes a bbolt database in one go, each tree from its leaves up. See bolt-format.ts. */
import {
	bucketFlag,
	bucketHeadBytes,
	elementBytes,
	fnv1a64,
	formatVersion,
	magic,
	metaBytes,
	pageBytes,
	pageFlag,
	pageHeadBytes,
} from "./bolt-format.ts";

interface Entry {
	readonly key: Uint8Array;
	readonly value: Uint8Array;
}

/** A page as its parent needs it. */
interface Child {
	readonly firstKey: Uint8Array;
	readonly page: number;
}

/** The two metas and the freelist. */
const fixedPages = 3;

export class BoltWriter {
	readonly #pages: Buffer[] = [];
	readonly #buckets: { readonly name: Buffer; readonly root: number }[] = [];
	#nextPage = fixedPages;

	/** A bucket that `add` fills. One at a time. */
	bucket(name: string): BucketWriter {
		return new BucketWriter(
			(entries, flag) => this.#writePage(entries, flag),
			(root) => this.#buckets.push({ name: Buffer.from(name), root }),
		);
	}

	/** The file's pages, in order. */
	finish(): readonly Buffer[] {
		const buckets = [...this.#buckets].sort((a, b) => Buffer.compare(a.name, b.name));
		const root = this.#writePage(
			buckets.map(({ name, root: page }) => ({ key: name, value: bucketHead(page) })),
			bucketFlag,
		);
		const freelist = Buffer.alloc(pageBytes);
		writePageHead(freelist, { id: 2, flags: pageFlag.freelist, count: 0, overflow: 0 });
		return [metaPage(0, root, this.#nextPage), metaPage(1, root, this.#nextPage), freelist, ...this.#pages];
	}

	/** A leaf (entries with values) or, if `flag` is undefined, a branch (values are page numbers). */
	#writePage(entries: readonly Entry[], flag: number | undefined): number {
		const size = entries.reduce(
			(sum, { key, value }) => sum + elementBytes + key.length + (flag === undefined ? 0 : value.length),
			pageHeadBytes,
		);
		const count = Math.max(1, Math.ceil(size / pageBytes));
		const page = Buffer.alloc(count * pageBytes);
		const id = this.#nextPage;
		this.#nextPage += count;
		writePageHead(page, { id, flags: flag === undefined ? pageFlag.branch : pageFlag.leaf, count: entries.length, overflow: count - 1 });
		let data = pageHeadBytes + entries.length * elementBytes;
		for (const [index, { key, value }] of entries.entries()) {
			const element = pageHeadBytes + index * elementBytes;
			if (flag === undefined) {
				page.writeUInt32LE(data - element, element);
				page.writeUInt32LE(key.length, element + 4);
				page.set(value, element + 8);
			} else {
				page.writeUInt32LE(flag, element);
				page.writeUInt32LE(data - element, element + 4);
				page.writeUInt32LE(key.length, element + 8);
				page.writeUInt32LE(value.length, element + 12);
				page.set(value, data + key.length);
			}
			page.set(key, data);
			data += key.length + (flag === undefined ? 0 : value.length);
		}
		this.#pages.push(page);
		return id;
	}
}

export class BucketWriter {
	readonly #write: (entries: readonly Entry[], flag: number | undefined) => number;
	readonly #done: (root: number) => void;
	#leaf: Entry[] = [];
	#leafBytes = pageHeadBytes;
	#leaves: Child[] = [];

	constructor(write: (entries: readonly Entry[], flag: number | undefined) => number, done: (root: number) => void) {
		this.#write = write;
		this.#done = done;
	}

	/** @param key greater than every one before it. */
	add(key: Uint8Array, value: Uint8Array): void {
		const size = elementBytes + key.length + value.length;
		if (this.#leaf.length > 0 && this.#leafBytes + size > pageBytes) this.#flush();
		this.#leaf.push({ key, value });
		this.#leafBytes += size;
	}

	/** To be called once, after the last `add`. */
	end(): void {
		if (this.#leaf.length > 0 || this.#leaves.length === 0) this.#flush();
		let level = this.#leaves;
		while (level.length > 1) level = this.#branches(level);
		this.#done(level[0]?.page ?? 0);
	}

	#flush(): void {
		const firstKey = this.#leaf[0]?.key ?? new Uint8Array(0);
		this.#leaves.push({ firstKey, page: this.#write(this.#leaf, 0) });
		this.#leaf = [];
		this.#leafBytes = pageHeadBytes;
	}

	#branches(children: readonly Child[]): Child[] {
		const branches: Child[] = [];
		let begin = 0;
		let size = pageHeadBytes;
		const flush = (end: number) => {
			const part = children.slice(begin, end);
			const page = this.#write(
				part.map(({ firstKey, page: child }) => ({ key: firstKey, value: uint64(child) })),
				undefined,
			);
			branches.push({ firstKey: part[0]?.firstKey ?? new Uint8Array(0), page });
			begin = end;
			size = pageHeadBytes;
		};
		for (const [index, { firstKey }] of children.entries()) {
			const element = elementBytes + firstKey.length;
			// A branch has two children at least, or the tree would never end.
			if (index - begin >= 2 && size + element > pageBytes) flush(index);
			size += element;
		}
		flush(children.length);
		return branches;
	}
}

function writePageHead(
	page: Buffer,
	head: { readonly id: number; readonly flags: number; readonly count: number; readonly overflow: number },
): void {
	page.writeBigUInt64LE(BigInt(head.id), 0);
	page.writeUInt16LE(head.flags, 8);
	page.writeUInt16LE(head.count, 10);
	page.writeUInt32LE(head.overflow, 12);
}

/** @param id 0 or 1, also the transaction's number. */
function metaPage(id: number, root: number, pages: number): Buffer {
	const page = Buffer.alloc(pageBytes);
	writePageHead(page, { id, flags: pageFlag.meta, count: 0, overflow: 0 });
	const meta = page.subarray(pageHeadBytes, pageHeadBytes + metaBytes);
	meta.writeUInt32LE(magic, 0);
	meta.writeUInt32LE(formatVersion, 4);
	meta.writeUInt32LE(pageBytes, 8);
	meta.set(bucketHead(root), 16);
	meta.writeBigUInt64LE(2n, 32);
	meta.writeBigUInt64LE(BigInt(pages), 40);
	meta.writeBigUInt64LE(BigInt(id), 48);
	meta.writeBigUInt64LE(fnv1a64(meta.subarray(0, 56)), 56);
	return page;
}

function bucketHead(root: number): Buffer {
	const head = Buffer.alloc(bucketHeadBytes);
	head.writeBigUInt64LE(BigInt(root), 0);
	return head;
}

function uint64(value: number): Buffer {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64LE(BigInt(value));
	return bytes;
}
