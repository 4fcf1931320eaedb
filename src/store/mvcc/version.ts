/**
 * One change of one key: what the index, the change log and the disk are made of.
 *
 * The versions of a key form a list from the newest back:
 *
 *     index ──> put @9 ──> delete @7 ──> put @5 ──> put @3        (`previous`)
 *
 * Values are not here: the level engine keeps them on disk only.
 */
import type { KeyValue } from "../store.ts";

export interface Version {
	readonly key: string;
	/** The revision that made the change; > 1. */
	readonly revision: number;
	/** Counts the changes of one revision, from 0, in the order they took effect. */
	readonly sub: number;
	/** Revision of the put that made the key; 0 for a delete. */
	readonly createRevision: number;
	/** Puts since the key was made; 0 for a delete. */
	readonly version: number;
	/** 0n for none, and for a delete. */
	readonly lease: bigint;
	/** The change of the same key before this one; undefined when there is none, or history has dropped it. */
	previous: Version | undefined;
}

export const noLease = 0n;

/** The value of a delete, and of keys read without their values. */
export const noValue: Uint8Array = new Uint8Array(0);

export function isDelete(version: Version): boolean {
	return version.version === 0;
}

/** The key as it was at `revision`; undefined if it did not exist then. Walks back from `newest`. */
export function versionAt(newest: Version | undefined, revision: number): Version | undefined {
	let version = newest;
	while (version !== undefined && version.revision > revision) version = version.previous;
	return version === undefined || isDelete(version) ? undefined : version;
}

/** The key as it was at the revision before `version`, if it existed and history still has it. */
export function putBefore(version: Version): Version | undefined {
	return versionAt(version.previous, version.revision - 1);
}

/** Order in which changes took effect. */
export function compareVersions(a: Version, b: Version): number {
	return a.revision - b.revision || a.sub - b.sub;
}

export function toKeyValue(version: Version, value: Uint8Array): KeyValue {
	return {
		key: version.key,
		value,
		createRevision: version.createRevision,
		modRevision: version.revision,
		version: version.version,
		lease: version.lease,
	};
}
