/**
 * A binary heap whose entries can be found, changed and taken out by key. Entries that compare equal leave in the
 * order in which they came.
 */
interface Slot<T> {
	readonly key: string;
	item: T;
	/** Grows with each push: breaks ties. */
	readonly order: number;
}

export class KeyedHeap<T> {
	readonly #less: (a: T, b: T) => boolean;
	readonly #keyOf: (item: T) => string;
	/** Invariant: no slot comes before its parent, the one at (index - 1) >> 1. */
	readonly #slots: Slot<T>[] = [];
	/** Invariant: indexes.get(slots[i].key) === i. */
	readonly #indexes = new Map<string, number>();
	#order = 0;

	constructor(keyOf: (item: T) => string, less: (a: T, b: T) => boolean) {
		this.#keyOf = keyOf;
		this.#less = less;
	}

	get size(): number {
		return this.#slots.length;
	}

	get(key: string): T | undefined {
		const index = this.#indexes.get(key);
		return index === undefined ? undefined : this.#slots[index]?.item;
	}

	peek(): T | undefined {
		return this.#slots[0]?.item;
	}

	/** Adds the item, or puts it in the place of the one with its key. */
	set(item: T): void {
		const key = this.#keyOf(item);
		const index = this.#indexes.get(key);
		const known = index === undefined ? undefined : this.#slots[index];
		if (index !== undefined && known !== undefined) {
			known.item = item;
			this.#sink(this.#rise(index));
			return;
		}
		this.#slots.push({ key, item, order: this.#order++ });
		this.#indexes.set(key, this.#slots.length - 1);
		this.#rise(this.#slots.length - 1);
	}

	pop(): T | undefined {
		const first = this.#slots[0];
		return first === undefined ? undefined : this.delete(first.key);
	}

	delete(key: string): T | undefined {
		const index = this.#indexes.get(key);
		if (index === undefined) return undefined;
		const removed = this.#slots[index];
		const last = this.#slots.pop();
		this.#indexes.delete(key);
		if (last !== undefined && last !== removed) {
			this.#place(last, index);
			this.#sink(this.#rise(index));
		}
		return removed?.item;
	}

	/** In no particular order. */
	*values(): IterableIterator<T> {
		for (const { item } of this.#slots) yield item;
	}

	#place(slot: Slot<T>, index: number): void {
		this.#slots[index] = slot;
		this.#indexes.set(slot.key, index);
	}

	#isBefore(a: Slot<T>, b: Slot<T>): boolean {
		if (this.#less(a.item, b.item)) return true;
		return !this.#less(b.item, a.item) && a.order < b.order;
	}

	/** Moves a slot up to where it belongs; returns its index there. */
	#rise(from: number): number {
		const slot = this.#slots[from];
		let index = from;
		while (slot !== undefined && index > 0) {
			const parentIndex = (index - 1) >> 1;
			const parent = this.#slots[parentIndex];
			if (parent === undefined || !this.#isBefore(slot, parent)) break;
			this.#place(parent, index);
			index = parentIndex;
			this.#place(slot, index);
		}
		return index;
	}

	/** Moves a slot down to where it belongs. */
	#sink(from: number): void {
		const slot = this.#slots[from];
		let index = from;
		while (slot !== undefined) {
			const left = this.#slots[2 * index + 1];
			if (left === undefined) break;
			const right = this.#slots[2 * index + 2];
			const childIndex = right !== undefined && this.#isBefore(right, left) ? 2 * index + 2 : 2 * index + 1;
			const child = this.#slots[childIndex];
			if (child === undefined || !this.#isBefore(child, slot)) break;
			this.#place(child, index);
			index = childIndex;
			this.#place(slot, index);
		}
	}
}
