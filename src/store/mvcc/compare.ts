/**
 * One condition of a transaction. Source: https://etcd.io/docs/v3.6/learning/api/#transaction
 */
import type { Compare } from "../store.ts";
import type { ReadValue } from "./command.ts";
import type { Version } from "./version.ts";

/**
 * Whether `compare` holds for every one of `versions`, the keys it names that exist. When none does it is held against
 * a key of version, revisions and lease 0; a compare of the value then fails whatever it asks.
 */
export function holds(compare: Compare, versions: readonly Version[], read: ReadValue): boolean {
	if (versions.length === 0) return compare.target !== "value" && matches(compare, orderOf(compare, undefined, read));
	return versions.every((version) => matches(compare, orderOf(compare, version, read)));
}

/** How the key's field lies to the value asked for: < 0 before, 0 equal, > 0 after. */
function orderOf(compare: Compare, version: Version | undefined, read: ReadValue): number {
	switch (compare.target) {
		case "version":
			return (version?.version ?? 0) - compare.value;
		case "create":
			return (version?.createRevision ?? 0) - compare.value;
		case "mod":
			return (version?.revision ?? 0) - compare.value;
		case "lease":
			return Number((version?.lease ?? 0n) - compare.value);
		case "value":
			return version === undefined ? -1 : Buffer.compare(read(version), compare.value);
	}
}

function matches(compare: Compare, order: number): boolean {
	switch (compare.result) {
		case "=":
			return order === 0;
		case "!=":
			return order !== 0;
		case "<":
			return order < 0;
		case ">":
			return order > 0;
	}
}
