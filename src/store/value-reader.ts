/**
 * Reads values wherever they are: still on their way to the disk, or there.
 */
import type { Backend } from "./backend/backend.ts";
import type { Mutation, ReadValue } from "./mvcc/command.ts";
import { isDelete, type Version } from "./mvcc/version.ts";

export class ValueReader {
	readonly #backend: Backend;
	/** Values applied but not yet durable, until their batch is settled. */
	readonly #pending = new Map<Version, Uint8Array>();

	constructor(backend: Backend) {
		this.#backend = backend;
	}

	addPending(mutations: readonly Mutation[]): void {
		for (const mutation of mutations)
			if (mutation.type === "change" && !isDelete(mutation.version)) this.#pending.set(mutation.version, mutation.value);
	}

	dropPending(mutations: readonly Mutation[]): void {
		for (const mutation of mutations) if (mutation.type === "change") this.#pending.delete(mutation.version);
	}

	/** The value at once; may read the disk, so only for what cannot wait. */
	readonly now: ReadValue = (version) => this.#pending.get(version) ?? this.#backend.read(version);

	/** The values of puts, as of the moment of the call. One trip to the disk, none if all are at hand. */
	async load(versions: readonly Version[]): Promise<ReadValue> {
		const values = new Map<Version, Uint8Array>();
		const missing: Version[] = [];
		for (const version of versions) {
			const pending = this.#pending.get(version);
			if (pending === undefined) missing.push(version);
			else values.set(version, pending);
		}
		if (missing.length > 0) {
			const loaded = await this.#backend.readMany(missing);
			for (const [position, version] of missing.entries()) {
				const value = loaded[position];
				if (value !== undefined) values.set(version, value);
			}
		}
		return (version) => values.get(version) ?? this.now(version);
	}
}
