/**
 * The leases of a store, at one member. They run where the leader is: the one who decides that a lease is over proposes
 * its revocation, so that every member deletes its keys at the same place in the log. A new leader gives every lease its
 * whole time once more, as etcd does, so that nobody loses a lease to an election.
 * Source: https://etcd.io/docs/v3.6/learning/api/#lease-api
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { LeaseTimers } from "./lease-timers.ts";
import type { WriteCommand } from "./mvcc/command.ts";
import type { LeaseBook } from "./mvcc/lease-book.ts";
import { type Lease, LeaseNotFoundError } from "./store.ts";

export interface LessorOptions {
	readonly clock: Clock;
	/** Of the state machine as it is now. */
	readonly leases: () => LeaseBook;
	/** Its time is up. */
	readonly expired: (id: bigint) => void;
}

export class Lessor {
	readonly #clock: Clock;
	readonly #leases: () => LeaseBook;
	readonly #timers: LeaseTimers;
	#isPrimary = false;
	/** Ids handed out. */
	#count = 0;

	constructor({ clock, leases, expired }: LessorOptions) {
		this.#clock = clock;
		this.#leases = leases;
		this.#timers = new LeaseTimers(clock, expired);
	}

	/** Leases run here. */
	get isPrimary(): boolean {
		return this.#isPrimary;
	}

	setPrimary(isPrimary: boolean): void {
		this.#timers.stopAll();
		this.#isPrimary = isPrimary;
		if (isPrimary) for (const lease of this.#leases().all()) this.#timers.start(lease.id, lease.ttlSeconds);
	}

	/** Its time is up, here, where leases run. A member that leads again meanwhile has given it its whole time once more. */
	isOver(id: bigint): boolean {
		return this.#isPrimary && !this.#timers.runs(id);
	}

	applied(command: WriteCommand): void {
		if (!this.#isPrimary) return;
		if (command.type === "grantLease") this.#timers.start(command.id, command.ttlSeconds);
		else if (command.type === "revokeLease") this.#timers.stop(command.id);
	}

	/** @throws LeaseNotFoundError */
	keepAlive(id: bigint): Lease {
		if (!this.#timers.renew(id)) throw new LeaseNotFoundError();
		return this.describe(id);
	}

	/** Seconds left are known where leases run only. */
	describe(id: bigint): Lease {
		const lease = this.#leases().get(id);
		return {
			id,
			grantedTtlSeconds: lease?.ttlSeconds ?? 0,
			ttlSeconds: this.#timers.remainingSeconds(id),
			keys: lease === undefined ? [] : [...lease.keys].sort(),
		};
	}

	/**
	 * Positive, and made of the member, the time and a count as etcd's are, so that neither another member nor a reopened
	 * store hands out an id again. Source: https://github.com/etcd-io/etcd/blob/main/pkg/idutil/id.go
	 */
	newId(memberId: bigint): bigint {
		const base = ((memberId & 0xffffn) << 48n) | ((BigInt(this.#clock.now()) & 0xffff_ffffn) << 16n);
		let id: bigint;
		do id = (base + BigInt(++this.#count & 0xffff)) & 0x7fff_ffff_ffff_ffffn;
		while (id === 0n || this.#leases().has(id));
		return id;
	}

	stop(): void {
		this.#timers.stopAll();
	}
}
