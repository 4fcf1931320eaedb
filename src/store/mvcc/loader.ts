/**
 * Rebuilds the state from what an engine holds, and refuses what cannot have been written: a store that lost a piece
 * must not come up as if the piece had never been.
 *
 * Checked: revisions after the compaction follow each other without a gap, the changes of each are numbered from 0, and
 * every put counts on from the one before it. A compaction that was interrupted leaves more history than needed, which
 * is no damage.
 */
import type { BackendVisitor } from "../backend/backend.ts";
import { StoreCorruptError } from "../errors.ts";
import type { Position } from "../raft/entry.ts";
import { firstRevision, MvccState } from "./state.ts";
import { isDelete, type Version } from "./version.ts";

export class StateLoader implements BackendVisitor {
	readonly #location: string;
	readonly #state = new MvccState();
	#last = { revision: firstRevision, sub: 0 };

	/** @param location names the store in errors. */
	constructor(location: string) {
		this.#location = location;
	}

	/** Of the last command that the engine has; undefined if it knows no positions. */
	position: Position | undefined;

	applied(position: Position): void {
		this.position = position;
	}

	compacted(revision: number): void {
		this.#state.restoreCompaction(revision);
	}

	lease(id: bigint, ttlSeconds: number): void {
		this.#state.leases.grant(id, ttlSeconds);
	}

	record(name: string, value: Uint8Array): void {
		this.#state.setRecord(name, value);
	}

	version(version: Version): void {
		this.#checkSequence(version);
		this.#state.restoreVersion(version);
		this.#checkHistory(version);
		this.#last = version;
	}

	/** To be called when the engine has handed over everything. */
	finish(): MvccState {
		if (this.#last.revision < this.#state.compactRevision) this.#fail(`changes after revision ${this.#last.revision} are missing`);
		return this.#state;
	}

	/** History before the compaction has gaps by nature; at and after it there are none. */
	#checkSequence(version: Version): void {
		if (version.revision <= this.#state.compactRevision) return;
		const last = this.#last;
		const previousRevision = Math.max(last.revision, this.#state.compactRevision);
		const follows =
			version.revision === last.revision ? version.sub === last.sub + 1 : version.revision === previousRevision + 1 && version.sub === 0;
		if (!follows)
			this.#fail(`after revision ${previousRevision} (change ${last.sub}) comes revision ${version.revision} (change ${version.sub})`);
	}

	#checkHistory(version: Version): void {
		const previous = version.previous;
		const mayLackHistory = version.revision <= this.#state.compactRevision && previous === undefined;
		if (mayLackHistory) return;
		const alive = previous === undefined || isDelete(previous) ? undefined : previous;
		const consistent = isDelete(version)
			? alive !== undefined
			: version.version === (alive?.version ?? 0) + 1 && version.createRevision === (alive?.createRevision ?? version.revision);
		if (!consistent)
			this.#fail(`${JSON.stringify(version.key)} at revision ${version.revision} does not follow from what was there before`);
	}

	#fail(detail: string): never {
		throw new StoreCorruptError(this.#location, detail);
	}
}
