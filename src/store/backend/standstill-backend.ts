/**
 * An engine on a disk for virtual time: it answers as memory does, in the same turn, and the disk follows behind. What the disk has not
 * got yet is read from here, and what it has is read at once.
 *
 *     write ─> unwritten ─────────────> answered
 *                  └─(all that gathered)─> engine ─> forgotten here
 *
 * Only for an engine behind a durable log: what a crash takes from it is applied again from there. Nobody waits for it, except for room:
 * when too much is unwritten, and while it is flushed, time stands still.
 */
import type { Mutation } from "../mvcc/command.ts";
import { isDelete, type Version } from "../mvcc/version.ts";
import type { Position } from "../raft/entry.ts";
import type { Backend, BackendVisitor } from "./backend.ts";

/** Bounds what waits for the disk, and so memory. */
const maxUnwritten = 8192;

export class StandstillBackend implements Backend {
	readonly #engine: Backend;
	readonly #holdTime: () => () => void;
	#unwritten: Mutation[] = [];
	#position: Position | undefined;
	/** Of versions that the engine does not have yet. */
	readonly #values = new Map<Version, Uint8Array>();
	#following: Promise<void> | undefined;
	/** What the disk had when it was opened, and keys and values since: files shrink and grow when LevelDB has time for it. */
	#sizeBytes = 0;
	/** Why nothing is written any more. */
	#failure: unknown;
	#releaseTime: (() => void) | undefined;

	/** @param holdTime from its call on time stands still, until what it returns is called. */
	constructor(engine: Backend, holdTime: () => () => void) {
		this.#engine = engine;
		this.#holdTime = holdTime;
	}

	get location(): string {
		return this.#engine.location;
	}

	get isInMemory(): boolean {
		return this.#engine.isInMemory;
	}

	async load(visitor: BackendVisitor): Promise<void> {
		let isEmpty = true;
		const version = (found: Version) => {
			isEmpty = false;
			visitor.version(found);
		};
		await this.#engine.load({
			applied: (position) => visitor.applied(position),
			compacted: (revision) => visitor.compacted(revision),
			lease: (id, ttlSeconds) => visitor.lease(id, ttlSeconds),
			record: (name, value) => visitor.record(name, value),
			version,
		});
		this.#sizeBytes = isEmpty ? 0 : this.#engine.sizeBytes();
	}

	/** Over when it returns, as in memory. Throws if an earlier one has failed. */
	write(mutations: readonly Mutation[], position?: Position): undefined {
		if (this.#failure !== undefined) throw this.#failure;
		for (const mutation of mutations) {
			this.#unwritten.push(mutation);
			this.#count(mutation);
			if (mutation.type === "change") this.#values.set(mutation.version, mutation.value);
		}
		this.#position = position ?? this.#position;
		if (this.#unwritten.length > maxUnwritten) this.#releaseTime ??= this.#holdTime();
		this.#following ??= this.#follow();
	}

	async flush(): Promise<void> {
		const release = this.#holdTime();
		try {
			await this.#caughtUp();
			await this.#engine.flush();
		} finally {
			release();
		}
	}

	read(version: Version): Uint8Array {
		return this.#values.get(version) ?? this.#engine.read(version);
	}

	async readMany(versions: readonly Version[]): Promise<readonly Uint8Array[]> {
		return versions.map((version) => this.read(version));
	}

	async defragment(): Promise<void> {
		await this.#caughtUp();
		await this.#engine.defragment();
	}

	sizeBytes(): number {
		return this.#sizeBytes;
	}

	async close(): Promise<void> {
		await this.#following;
		await this.#engine.close();
	}

	#count(mutation: Mutation): void {
		if (mutation.type === "change") this.#sizeBytes += mutation.version.key.length + mutation.value.length;
		else if (mutation.type === "forget") {
			const { version } = mutation;
			this.#sizeBytes -= version.key.length + (isDelete(version) ? 0 : this.read(version).length);
		}
	}

	/** Rejects if the engine failed. */
	async #caughtUp(): Promise<void> {
		await this.#following;
		if (this.#failure !== undefined) throw this.#failure;
	}

	/** Takes all that has gathered each time. */
	async #follow(): Promise<void> {
		try {
			while (this.#unwritten.length > 0 || this.#position !== undefined) {
				const [mutations, position] = [this.#unwritten, this.#position];
				this.#unwritten = [];
				this.#position = undefined;
				await this.#engine.write(mutations, position);
				for (const mutation of mutations) if (mutation.type === "change") this.#values.delete(mutation.version);
			}
		} catch (error) {
			this.#failure = error;
		} finally {
			this.#following = undefined;
			this.#releaseTime?.();
			this.#releaseTime = undefined;
		}
	}
}
