/**
 * The engine for tests, classrooms and virtual time: nothing lasts longer than this object. Settles with promises only,
 * so that a virtual clock can wait for it. A store opened on the same object again finds everything there, as after a
 * restart. Values that came a while ago are packed, if they are JSON, as all that Kubernetes stores is.
 */
import { PackedJson } from "../../apimachinery/packed-json.ts";
import { RecentItems } from "../../apimachinery/recent-items.ts";
import { StoreCorruptError } from "../errors.ts";
import type { Mutation } from "../mvcc/command.ts";
import { compareVersions, type Version } from "../mvcc/version.ts";
import type { Position } from "../raft/entry.ts";
import type { Backend, BackendVisitor } from "./backend.ts";

/** How many puts later a value is packed. */
const packedAfter = 256;

/** A put, apart from what was there before. */
export type StoredPut = Omit<Version, "previous"> & { readonly value: Uint8Array };

export class MemoryBackend implements Backend {
	readonly location = "in memory";
	readonly isInMemory = true;
	readonly #values = new Map<Version, Uint8Array | PackedJson>();
	/** Versions whose values are as they came. */
	readonly #unpacked = new RecentItems<Version>(packedAfter);
	readonly #leases = new Map<bigint, number>();
	readonly #records = new Map<string, Uint8Array>();
	#applied: Position | undefined;
	#compactRevision = 0;
	/** Of keys and values. */
	#sizeBytes = 0;

	async load(visitor: BackendVisitor): Promise<void> {
		if (this.#applied !== undefined) visitor.applied(this.#applied);
		if (this.#compactRevision > 0) visitor.compacted(this.#compactRevision);
		for (const [id, ttlSeconds] of this.#leases) visitor.lease(id, ttlSeconds);
		for (const [name, value] of this.#records) visitor.record(name, value);
		for (const version of [...this.#values.keys()].sort(compareVersions)) {
			version.previous = undefined;
			visitor.version(version);
		}
	}

	write(mutations: readonly Mutation[], position?: Position): Promise<void> | undefined {
		for (const mutation of mutations) this.#apply(mutation);
		this.#applied = position ?? this.#applied;
		return undefined;
	}

	async flush(): Promise<void> {
		// There is no power failure that this object survives.
	}

	read(version: Version): Uint8Array {
		const value = this.#values.get(version);
		if (value === undefined) throw new StoreCorruptError(this.location, `no value of ${version.key} at revision ${version.revision}`);
		return plain(value);
	}

	async readMany(versions: readonly Version[]): Promise<readonly Uint8Array[]> {
		return versions.map((version) => this.read(version));
	}

	/** Every put in it, in order; undefined if there is anything else: deletes, leases, notes, a compaction. */
	puts(): readonly StoredPut[] | undefined {
		if (this.#leases.size > 0 || this.#records.size > 0 || this.#compactRevision > 0 || this.#applied !== undefined) return undefined;
		const all = Array.from(this.#values, ([{ previous: _, ...version }, value]) => ({ ...version, value: plain(value) }));
		return all.some(({ version }) => version === 0) ? undefined : all.sort((a, b) => a.revision - b.revision || a.sub - b.sub);
	}

	async defragment(): Promise<void> {
		// Nothing to do: what is forgotten is collected.
	}

	sizeBytes(): number {
		return this.#sizeBytes;
	}

	async close(): Promise<void> {
		// Kept: a store may be opened on it again.
	}

	#apply(mutation: Mutation): void {
		switch (mutation.type) {
			case "change":
				this.#values.set(mutation.version, mutation.value);
				this.#pack(this.#unpacked.push(mutation.version));
				this.#sizeBytes += mutation.version.key.length + mutation.value.length;
				return;
			case "forget":
				this.#sizeBytes -= mutation.version.key.length + lengthOf(this.#values.get(mutation.version));
				this.#values.delete(mutation.version);
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

	#pack(version: Version | undefined): void {
		const value = version === undefined ? undefined : this.#values.get(version);
		if (version === undefined || !(value instanceof Uint8Array)) return;
		const packed = PackedJson.of(value);
		if (packed !== undefined) this.#values.set(version, packed);
	}
}

function plain(value: Uint8Array | PackedJson): Uint8Array {
	return value instanceof PackedJson ? value.bytes() : value;
}

function lengthOf(value: Uint8Array | PackedJson | undefined): number {
	return value === undefined ? 0 : value.length;
}
