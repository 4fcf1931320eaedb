/**
 * Every change that history still has, in the order they took effect. Watches replay from it, compaction walks it.
 * It holds the very versions the index holds, so a change costs one pointer here.
 */
import { compareVersions, type Version } from "./version.ts";

/** Whole revisions of the log. */
export interface LogSlice {
	readonly versions: readonly Version[];
	/** The last revision the slice covers. */
	readonly throughRevision: number;
}

export class ChangeLog {
	#versions: Version[] = [];
	/** Entries before this one are dropped; 0 <= start <= versions.length. */
	#start = 0;

	get size(): number {
		return this.#versions.length - this.#start;
	}

	/** @param version newer than everything in the log. */
	push(version: Version): void {
		this.#versions.push(version);
	}

	last(): Version | undefined {
		return this.size === 0 ? undefined : this.#versions[this.#versions.length - 1];
	}

	/** Takes the oldest change out if it is older than `revision`. */
	shiftBefore(revision: number): Version | undefined {
		const version = this.#versions[this.#start];
		if (version === undefined || version.revision >= revision) return undefined;
		this.#start++;
		if (this.#start > 1024 && this.#start * 2 > this.#versions.length) {
			this.#versions = this.#versions.slice(this.#start);
			this.#start = 0;
		}
		return version;
	}

	/** The changes of one revision. */
	at(revision: number): readonly Version[] {
		return this.slice(revision, revision, 0).versions;
	}

	/**
	 * Changes of the revisions `from` to `through`, stopping at the end of the revision in which `limit` was reached;
	 * a limit of 0 stops after the first revision.
	 */
	slice(from: number, through: number, limit: number): LogSlice {
		const begin = this.#lowerBound(from);
		let end = begin;
		let lastRevision = from;
		for (let version = this.#versions[end]; version !== undefined; version = this.#versions[++end]) {
			if (version.revision > through) break;
			if (version.revision !== lastRevision && end - begin >= limit && end > begin)
				return { versions: this.#versions.slice(begin, end), throughRevision: lastRevision };
			lastRevision = version.revision;
		}
		return { versions: this.#versions.slice(begin, end), throughRevision: through };
	}

	/** Position of the first change at or after `revision`. */
	#lowerBound(revision: number): number {
		let low = this.#start;
		let high = this.#versions.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			const version = this.#versions[middle];
			if (version !== undefined && version.revision < revision) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	/** Whether `version` may be pushed. */
	accepts(version: Version): boolean {
		const last = this.last();
		return last === undefined || compareVersions(last, version) < 0;
	}
}
