/**
 * A member's engine on its simulated disk: what was flushed stays; of the batches written since then a power failure leaves
 * a first part, each as a whole, as backend.ts says.
 */
import type { Random } from "../../../src/apimachinery/random.ts";
import type { Backend, BackendVisitor } from "../../../src/store/backend/backend.ts";
import { StoreCorruptError } from "../../../src/store/errors.ts";
import type { Mutation } from "../../../src/store/mvcc/command.ts";
import type { Version } from "../../../src/store/mvcc/version.ts";
import type { Position, SnapshotMetadata } from "../../../src/store/raft/index.ts";
import type { SimMachine } from "./sim-machine.ts";

interface Batch {
	readonly mutations: readonly Mutation[];
	readonly position: Position | undefined;
}

/** What lies on the disk: plain data, shared with nobody. */
class Image {
	readonly #versions = new Map<string, { readonly version: Version; readonly value: Uint8Array }>();
	readonly #leases = new Map<bigint, number>();
	readonly #records = new Map<string, Uint8Array>();
	#applied: Position | undefined;
	#compactRevision = 0;

	write({ mutations, position }: Batch): void {
		for (const mutation of mutations) this.#apply(mutation);
		this.#applied = position ?? this.#applied;
	}

	load(visitor: BackendVisitor): void {
		if (this.#applied !== undefined) visitor.applied(this.#applied);
		if (this.#compactRevision > 0) visitor.compacted(this.#compactRevision);
		for (const [id, ttlSeconds] of this.#leases) visitor.lease(id, ttlSeconds);
		for (const [name, value] of this.#records) visitor.record(name, value);
		for (const { version } of this.#versions.values()) visitor.version({ ...version });
	}

	value(version: Version): Uint8Array | undefined {
		return this.#versions.get(placeOf(version))?.value;
	}

	get size(): number {
		return this.#versions.size;
	}

	#apply(mutation: Mutation): void {
		switch (mutation.type) {
			case "change":
				this.#versions.set(placeOf(mutation.version), { version: { ...mutation.version, previous: undefined }, value: mutation.value });
				return;
			case "forget":
				this.#versions.delete(placeOf(mutation.version));
				return;
			case "grantLease":
				this.#leases.set(mutation.id, mutation.ttlSeconds);
				return;
			case "revokeLease":
				this.#leases.delete(mutation.id);
				return;
			case "compact":
				this.#compactRevision = mutation.revision;
				return;
			case "record":
				if (mutation.value === undefined) this.#records.delete(mutation.name);
				else this.#records.set(mutation.name, mutation.value);
				return;
		}
	}
}

function placeOf({ revision, sub }: Version): string {
	return `${revision}/${sub}`;
}

export class SimEngine {
	/** Of a trip to the disk, virtual ms. */
	maxDelayMs = 3;
	/** The snapshot that it was made of. */
	readonly madeOf: SnapshotMetadata | undefined;
	readonly #random: Random;
	#flushed = new Image();
	#unflushed: Batch[] = [];
	/** With what is not flushed. */
	#written = new Image();

	/** @param content is there, durably. */
	constructor(random: Random, madeOf?: SnapshotMetadata, content: readonly Mutation[] = []) {
		this.#random = random;
		this.madeOf = madeOf;
		const batch = { mutations: content, position: madeOf === undefined ? undefined : { index: madeOf.index, term: madeOf.term } };
		this.#flushed.write(batch);
		this.#written.write(batch);
	}

	/** The power fails: what was not flushed stays up to a batch somewhere. (The end of the process alone takes nothing away.) */
	losePower(): void {
		for (const batch of this.#unflushed.slice(0, this.#random.int(this.#unflushed.length + 1))) this.#flushed.write(batch);
		this.#unflushed = [];
		this.#written = this.#copyOfFlushed();
	}

	/** As a process on `machine` has it open. @param isBroken nothing can be written any more: the disk is full, say. */
	open(machine: SimMachine, isBroken: () => boolean): Backend {
		let isOpen = true;
		const check = () => {
			if (!isOpen) throw new Error("the engine is closed");
			if (isBroken()) throw new Error("no space left on device");
		};
		const read = (version: Version) => {
			if (!isOpen) throw new Error("the engine is closed");
			const value = this.#written.value(version);
			if (value === undefined) throw new StoreCorruptError("simulated", `no value of ${version.key} at revision ${version.revision}`);
			return value;
		};
		return {
			location: "simulated",
			isInMemory: false,
			load: async (visitor) => {
				await this.#delay(machine);
				this.#written.load(visitor);
			},
			write: async (mutations, position) => {
				check();
				await this.#delay(machine);
				check();
				this.#written.write({ mutations, position });
				this.#unflushed.push({ mutations, position });
			},
			flush: async () => {
				check();
				const count = this.#unflushed.length;
				await this.#delay(machine);
				check();
				for (const batch of this.#unflushed.splice(0, count)) this.#flushed.write(batch);
			},
			read,
			readMany: async (versions) => {
				// Nobody reads on a machine that is off.
				if (!machine.isRunning) return await new Promise(() => undefined);
				const values = versions.map(read);
				if (this.#random.next() < 0.3) await this.#delay(machine);
				return values;
			},
			defragment: async () => undefined,
			sizeBytes: () => 100 * this.#written.size,
			close: async () => {
				if (isOpen) await this.#delay(machine);
				isOpen = false;
			},
		};
	}

	#delay(machine: SimMachine): Promise<void> {
		return machine.sleep(this.#random.int(this.maxDelayMs + 1));
	}

	#copyOfFlushed(): Image {
		const copy = new Image();
		const mutations: Mutation[] = [];
		let position: Position | undefined;
		this.#flushed.load({
			applied: (applied) => {
				position = applied;
			},
			compacted: (revision) => mutations.push({ type: "compact", revision }),
			lease: (id, ttlSeconds) => mutations.push({ type: "grantLease", id, ttlSeconds }),
			record: (name, value) => mutations.push({ type: "record", name, value }),
			version: (version) => mutations.push({ type: "change", version, value: this.#flushed.value(version) ?? new Uint8Array() }),
		});
		copy.write({ mutations, position });
		return copy;
	}
}
