/** The leases that clients took, and until when they may rely on them. */
import { type Chronicle, StoreViolation } from "./chronicle.ts";

export class LeaseEntry {
	readonly name: string;
	readonly id: bigint;
	/** Of keys that may be attached to it. */
	readonly keys = new Set<string>();
	/** Its owner asked for its end. */
	isGivenBack = false;
	/** Before this, its keys are there, virtual ms. */
	aliveUntilMs = 0;
	readonly #ttlMs: number;

	constructor(name: string, id: bigint, ttlMs: number) {
		this.name = name;
		this.id = id;
		this.#ttlMs = ttlMs;
	}

	/** @param askedAtMs when its owner asked, and was told that it is kept. */
	renewed(askedAtMs: number): void {
		this.aliveUntilMs = Math.max(this.aliveUntilMs, askedAtMs + this.#ttlMs);
	}
}

export class LeaseDiary {
	readonly #entries: LeaseEntry[] = [];

	open(name: string, ttlSeconds: number): LeaseEntry {
		const entry = new LeaseEntry(name, BigInt(this.#entries.length + 1), ttlSeconds * 1000);
		this.#entries.push(entry);
		return entry;
	}

	get size(): number {
		return this.#entries.length;
	}

	/** Nobody but its lease ever deletes a key of a lease. Throws `StoreViolation`. */
	judge(chronicle: Chronicle): void {
		const deletions = Map.groupBy(chronicle.deletions(), ({ key }) => key);
		for (const { id, keys, isGivenBack, aliveUntilMs } of this.#entries) {
			const ends = [...keys].flatMap((key) => deletions.get(key) ?? []);
			const [first] = ends;
			if (first === undefined) continue;
			if (ends.some(({ revision }) => revision !== first.revision))
				throw new StoreViolation(`the keys of lease ${id} went at revisions ${ends.map(({ revision }) => revision).join(", ")}`);
			if (!isGivenBack && first.atMs < aliveUntilMs)
				throw new StoreViolation(`lease ${id} ended at ${first.atMs}, ${aliveUntilMs - first.atMs} ms too early`);
		}
	}
}
