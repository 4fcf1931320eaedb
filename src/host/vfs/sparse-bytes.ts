/**
 * The bytes of a file that is large or grows: pieces as they were written, where a run of zeros is no more than its length. So a file of a
 * gigabyte out of /dev/zero costs some bytes of memory, and appending costs what is appended.
 *
 * A run of zeros is either written, and takes disk, or a hole (`truncate`), and takes none.
 */

type Part = Uint8Array | { readonly zeros: number; readonly isHole: boolean };

/** What is read at once of a run of zeros; every reader gets the same block. */
const zeroBlock = new Uint8Array(1024 * 1024);
/** Less is not worth being looked at for zeros. */
const leastRunBytes = 512;
/** Small pieces are joined up to this. */
const joinedBytes = 16 * 1024;

export class SparseBytes {
	readonly #parts: Part[] = [];
	#byteLength = 0;
	#heldBytes = 0;
	#holeBytes = 0;

	/** Size of the file. */
	get byteLength(): number {
		return this.#byteLength;
	}

	/** What of it takes disk. */
	get allocatedBytes(): number {
		return this.#byteLength - this.#holeBytes;
	}

	/** What of it takes this process's memory. */
	get heldBytes(): number {
		return this.#heldBytes;
	}

	append(bytes: Uint8Array): void {
		if (bytes.byteLength === 0) return;
		if (bytes.byteLength >= leastRunBytes && isZero(bytes)) this.#appendZeros(bytes.byteLength, false);
		else this.#appendHeld(bytes);
	}

	/** Makes the file so long. @param isHole what is added takes no disk */
	resize(byteLength: number, isHole: boolean): void {
		if (byteLength > this.#byteLength) this.#appendZeros(byteLength - this.#byteLength, isHole);
		else this.#cut(byteLength);
	}

	/** Every hole takes disk from now on. */
	fillHoles(): void {
		for (const [index, part] of this.#parts.entries())
			if (!(part instanceof Uint8Array)) this.#parts[index] = { zeros: part.zeros, isHole: false };
		this.#holeBytes = 0;
	}

	/** What it is now, in pieces that nobody may change. */
	*read(): Generator<Uint8Array> {
		for (const part of [...this.#parts]) {
			if (part instanceof Uint8Array) yield part;
			else for (let left = part.zeros; left > 0; left -= zeroBlock.byteLength) yield zeroBlock.subarray(0, left);
		}
	}

	clone(): SparseBytes {
		const copy = new SparseBytes();
		for (const part of this.#parts) {
			if (part instanceof Uint8Array) copy.#appendHeld(part);
			else copy.#appendZeros(part.zeros, part.isHole);
		}
		return copy;
	}

	#appendZeros(zeros: number, isHole: boolean): void {
		const last = this.#parts.at(-1);
		if (last !== undefined && !(last instanceof Uint8Array) && last.isHole === isHole)
			this.#parts[this.#parts.length - 1] = { zeros: last.zeros + zeros, isHole };
		else this.#parts.push({ zeros, isHole });
		this.#byteLength += zeros;
		if (isHole) this.#holeBytes += zeros;
	}

	#appendHeld(bytes: Uint8Array): void {
		const last = this.#parts.at(-1);
		const isSmall = last instanceof Uint8Array && last.byteLength + bytes.byteLength <= joinedBytes;
		if (isSmall) this.#parts[this.#parts.length - 1] = Buffer.concat([last, bytes]);
		else this.#parts.push(Buffer.from(bytes));
		this.#byteLength += bytes.byteLength;
		this.#heldBytes += bytes.byteLength;
	}

	#cut(byteLength: number): void {
		const parts = this.#parts.splice(0);
		let left = byteLength;
		this.#byteLength = 0;
		this.#heldBytes = 0;
		this.#holeBytes = 0;
		for (const part of parts) {
			if (left === 0) return;
			const size = part instanceof Uint8Array ? part.byteLength : part.zeros;
			const kept = Math.min(size, left);
			left -= kept;
			if (part instanceof Uint8Array) this.#appendHeld(part.subarray(0, kept));
			else this.#appendZeros(kept, part.isHole);
		}
	}
}

function isZero(bytes: Uint8Array): boolean {
	if (bytes.buffer === zeroBlock.buffer) return true;
	const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	for (let at = 0; at < view.length; at += zeroBlock.byteLength) {
		const length = Math.min(zeroBlock.byteLength, view.length - at);
		if (view.compare(zeroBlock, 0, length, at, at + length) !== 0) return false;
	}
	return true;
}

/** Of /dev/zero, without end. */
export const zeros: Uint8Array = zeroBlock;
