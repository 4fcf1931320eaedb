/**
 * Every key the store knows, in order, each with its newest version: a B+ tree of two levels. Leaves are sorted arrays
 * of at most `maxLeaf` versions; the root is the array of leaves. A lookup is two binary searches. With 100,000 keys
 * the root has some hundred entries, so that an insert moves a few hundred pointers at most, and a key costs one
 * pointer here besides its version.
 *
 * Invariants: no leaf is empty; keys rise strictly within a leaf and from leaf to leaf.
 */
import type { Interval } from "./interval.ts";
import type { Version } from "./version.ts";

const maxLeaf = 512;
/** Two neighbours that together are no larger than this become one. */
const mergeBelow = maxLeaf / 2;

export class KeyIndex {
	readonly #leaves: Version[][] = [];
	#size = 0;
	/** Where the last key was found, or is to go: a transaction compares a key, looks it up and sets it. Undefined once positions have moved. */
	#last: { readonly key: string; readonly leafIndex: number; readonly position: number } | undefined;

	/** Keys held, those whose newest version is a delete included. */
	get size(): number {
		return this.#size;
	}

	get(key: string): Version | undefined {
		const { leafIndex, position } = this.#locate(key);
		const version = this.#leaves[leafIndex]?.[position];
		return version?.key === key ? version : undefined;
	}

	#locate(key: string): { readonly leafIndex: number; readonly position: number } {
		if (this.#last?.key === key) return this.#last;
		const leafIndex = this.#leafOf(key);
		const leaf = this.#leaves[leafIndex];
		this.#last = { key, leafIndex, position: leaf === undefined ? 0 : lowerBound(leaf, key) };
		return this.#last;
	}

	/** Makes `version` the newest of its key. */
	set(version: Version): void {
		const { leafIndex, position } = this.#locate(version.key);
		const leaf = this.#leaves[leafIndex];
		if (leaf !== undefined && leaf[position]?.key === version.key) {
			leaf[position] = version;
			return;
		}
		this.#last = undefined;
		this.#size++;
		if (leaf === undefined) {
			this.#leaves.push([version]);
			return;
		}
		if (leaf.length < maxLeaf) leaf.splice(position, 0, version);
		else this.#insertIntoFullLeaf(leafIndex, leaf, position, version);
	}

	delete(key: string): void {
		const { leafIndex, position } = this.#locate(key);
		const leaf = this.#leaves[leafIndex];
		if (leaf?.[position]?.key !== key) return;
		this.#last = undefined;
		leaf.splice(position, 1);
		this.#size--;
		this.#mergeAround(leafIndex);
	}

	/** Calls `visit` with the newest version of each key of the interval, in key order. The index must not change meanwhile. */
	scan(interval: Interval, visit: (newest: Version) => void): void {
		let leafIndex = this.#leafOf(interval.from);
		let leaf = this.#leaves[leafIndex];
		let position = leaf === undefined ? 0 : lowerBound(leaf, interval.from);
		while (leaf !== undefined) {
			for (; position < leaf.length; position++) {
				const version = leaf[position];
				if (version === undefined || (interval.to !== undefined && version.key >= interval.to)) return;
				visit(version);
			}
			leaf = this.#leaves[++leafIndex];
			position = 0;
		}
	}

	/** The last leaf whose first key is not after `key`; the first leaf if there is none. */
	#leafOf(key: string): number {
		let low = 0;
		let high = this.#leaves.length;
		while (high - low > 1) {
			const middle = (low + high) >>> 1;
			const first = this.#leaves[middle]?.[0];
			if (first !== undefined && first.key <= key) low = middle;
			else high = middle;
		}
		return low;
	}

	/** Keys often come in rising order (a load, generated names): then a new leaf is begun instead of leaving two half full. */
	#insertIntoFullLeaf(leafIndex: number, leaf: Version[], position: number, version: Version): void {
		if (position === leaf.length && leafIndex === this.#leaves.length - 1) {
			this.#leaves.push([version]);
			return;
		}
		const upper = leaf.splice(maxLeaf / 2);
		this.#leaves.splice(leafIndex + 1, 0, upper);
		if (position <= leaf.length) leaf.splice(position, 0, version);
		else upper.splice(position - leaf.length, 0, version);
	}

	#mergeAround(leafIndex: number): void {
		const leaf = this.#leaves[leafIndex];
		if (leaf?.length === 0) {
			this.#leaves.splice(leafIndex, 1);
			return;
		}
		const next = this.#leaves[leafIndex + 1];
		if (leaf === undefined || next === undefined || leaf.length + next.length > mergeBelow) return;
		leaf.push(...next);
		this.#leaves.splice(leafIndex + 1, 1);
	}
}

/** Position of the first version whose key is not before `key`. */
function lowerBound(leaf: readonly Version[], key: string): number {
	let low = 0;
	let high = leaf.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		const version = leaf[middle];
		if (version !== undefined && version.key < key) low = middle + 1;
		else high = middle;
	}
	return low;
}
