/**
 * What the plugins of one scheduling cycle leave for later extension points of the same cycle.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/#extension-points (CycleState).
 */

/** Names a value of type T in a cycle's state; told apart by identity. */
export interface StateKey<T> {
	readonly name: string;
	/** Never set: ties the type to the key. */
	readonly valueType?: T;
}

export function stateKey<T>(name: string): StateKey<T> {
	return { name };
}

/** A value that changes during a cycle says how to copy itself; others are shared between the copies of a state. */
interface CloneableState {
	clone(): unknown;
}

export class CycleState {
	readonly #values: Map<StateKey<unknown>, unknown>;
	/** Plugins whose PreFilter answered Skip: their Filter is not called. */
	readonly skippedFilters: ReadonlySet<string>;

	constructor(values = new Map<StateKey<unknown>, unknown>(), skippedFilters: ReadonlySet<string> = new Set()) {
		this.#values = values;
		this.skippedFilters = skippedFilters;
	}

	write<T>(key: StateKey<T>, value: T): void {
		this.#values.set(key, value);
	}

	/** Undefined if nobody wrote it in this cycle. */
	find<T>(key: StateKey<T>): T | undefined {
		return this.#values.get(key) as T | undefined;
	}

	/** Throws if nobody wrote it in this cycle: the plugin's earlier extension point was not run. */
	read<T>(key: StateKey<T>): T {
		const value = this.#values.get(key);
		if (value === undefined) throw new Error(`reading "${key.name}" from cycleState: not found`);
		return value as T;
	}

	/** For trying something out (preemption, nominated pods) without disturbing the cycle. */
	clone(): CycleState {
		const values = new Map<StateKey<unknown>, unknown>();
		for (const [key, value] of this.#values) values.set(key, isCloneable(value) ? value.clone() : value);
		return new CycleState(values, this.skippedFilters);
	}
}

function isCloneable(value: unknown): value is CloneableState {
	return typeof value === "object" && value !== null && "clone" in value && typeof value.clone === "function";
}
