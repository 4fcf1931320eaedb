/**
 * Which leases there are and which keys hang on them. Knows no time: when a lease has run out is decided outside, and
 * arrives here as a revocation, so that every replica of the state does the same at the same place in the log.
 * Source: https://etcd.io/docs/v3.6/learning/api/#lease-api
 */
import { noLease } from "./version.ts";

export interface LeaseRecord {
	readonly id: bigint;
	/** As granted; > 0. */
	readonly ttlSeconds: number;
	readonly keys: Set<string>;
}

export class LeaseBook {
	readonly #leases = new Map<bigint, LeaseRecord>();

	get(id: bigint): LeaseRecord | undefined {
		return this.#leases.get(id);
	}

	has(id: bigint): boolean {
		return this.#leases.has(id);
	}

	/** In the order they were granted. */
	all(): Iterable<LeaseRecord> {
		return this.#leases.values();
	}

	grant(id: bigint, ttlSeconds: number): void {
		this.#leases.set(id, { id, ttlSeconds, keys: new Set() });
	}

	remove(id: bigint): void {
		this.#leases.delete(id);
	}

	/** A key hangs on one lease at most: each put takes it off the old one, even a put without a lease. */
	move(key: string, from: bigint, to: bigint): void {
		if (from === to) return;
		if (from !== noLease) this.#leases.get(from)?.keys.delete(key);
		if (to !== noLease) this.#leases.get(to)?.keys.add(key);
	}
}
