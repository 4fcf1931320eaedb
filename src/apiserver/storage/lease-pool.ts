/**
 * Leases for objects that expire by themselves. Objects written close together share a lease, so that thousands of
 * events do not mean thousands of leases. Source: kube-apiserver's lease manager (storage/etcd3/lease_manager.go):
 * reuse for 60 s or 5 % of the time to live, whichever is less, at most 1,000 objects a lease.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Store } from "../../store/store.ts";

const maxReuseSeconds = 60;
const maxReuseShare = 0.05;
const maxObjectsPerLease = 1000;

export class LeasePool {
	readonly #store: Store;
	readonly #clock: Clock;
	readonly #ttlSeconds: number;
	readonly #reuseMs: number;
	#current: Promise<bigint> | undefined;
	#grantedMs = 0;
	/** 0 <= uses <= maxObjectsPerLease. */
	#uses = 0;

	constructor(options: { readonly store: Store; readonly clock: Clock; readonly ttlSeconds: number }) {
		this.#store = options.store;
		this.#clock = options.clock;
		this.#ttlSeconds = options.ttlSeconds;
		this.#reuseMs = Math.min(maxReuseSeconds, maxReuseShare * options.ttlSeconds) * 1000;
	}

	/** A lease that lasts at least the time to live from now on. */
	lease(): Promise<bigint> {
		const nowMs = this.#clock.now();
		if (this.#current === undefined || nowMs - this.#grantedMs > this.#reuseMs || this.#uses >= maxObjectsPerLease) {
			this.#grantedMs = nowMs;
			this.#uses = 0;
			const ttlSeconds = Math.ceil(this.#ttlSeconds + this.#reuseMs / 1000);
			const granted = this.#store.grantLease(ttlSeconds).then((lease) => lease.id);
			this.#current = granted;
			granted.catch(() => {
				if (this.#current === granted) this.#current = undefined;
			});
		}
		this.#uses++;
		return this.#current;
	}
}
