/**
 * Entries of metadata.managedFields: one for each manager, operation, version and subresource, with the fields it owns.
 * An applier has one entry whatever version it applies.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers and KEP-555.
 */
import { type JsonValue, jsonEqual } from "../json.ts";
import type { ManagedFieldsEntry } from "../schema/generated/types.ts";
import { difference, differenceWithParts, emptySet, type FieldSet, isEmptySet, parseFieldSet, setOf, union } from "./field-set.ts";
import { intern } from "./intern.ts";
import { fieldElement } from "./path-element.ts";
import { untrackedFields, untrackedMetadata } from "./tracked-node.ts";

export type Operation = "Apply" | "Update";

/** Who writes, how, and in which form. */
export interface ManagerId {
	readonly manager: string;
	readonly operation: Operation;
	/** The version of the object that the manager wrote: `apps/v1`. */
	readonly apiVersion: string;
	/** "" for the object itself. */
	readonly subresource: string;
}

/** An entry that this server made or has checked: its fields are a set. */
export interface OwnedFields extends ManagedFieldsEntry {
	readonly manager: string;
	readonly operation: Operation;
	readonly apiVersion: string;
	readonly fieldsV1: FieldSet & JsonValue;
}

/** Updaters that an object remembers; the oldest above it are merged into `ancient-changes`. */
const maxUpdaters = 10;
const ancientChanges = "ancient-changes";

/** What nobody owns: the server's own fields, and what names the object. */
const systemFields: FieldSet = setOf(
	[fieldElement("metadata")],
	...untrackedFields.map((name) => [fieldElement(name)]),
	...untrackedMetadata.map((name) => [fieldElement("metadata"), fieldElement(name)]),
);

export function withoutSystemFields(set: FieldSet): FieldSet {
	return difference(set, systemFields);
}

/** What is left of a set on an endpoint that may not change some fields. */
export function withoutReset(set: FieldSet, reset: FieldSet | undefined): FieldSet {
	return reset === undefined ? set : differenceWithParts(set, reset);
}

/** Whether an entry is a manager's own: an applier is the same in all versions. */
export function isEntryOf(entry: OwnedFields, id: ManagerId): boolean {
	return (
		entry.manager === id.manager &&
		entry.operation === id.operation &&
		(entry.subresource ?? "") === id.subresource &&
		(id.operation === "Apply" || entry.apiVersion === id.apiVersion)
	);
}

/** Kubernetes' key of an entry, by which conflicts are put in order. */
export function entryKey({ manager, operation, apiVersion, subresource }: OwnedFields): string {
	return JSON.stringify({ manager, operation, apiVersion: operation === "Apply" ? undefined : apiVersion, subresource });
}

/** @param time RFC 3339 */
export function entryFor(id: ManagerId, fields: FieldSet, time: string): OwnedFields {
	return {
		manager: id.manager,
		operation: id.operation,
		apiVersion: id.apiVersion,
		time,
		fieldsType: "FieldsV1",
		fieldsV1: asJson(fields),
		...(id.subresource === "" ? {} : { subresource: id.subresource }),
	};
}

/** The same entry with other fields; undefined if none are left. */
export function withFields(entry: OwnedFields, fields: FieldSet): OwnedFields | undefined {
	if (fields === entry.fieldsV1) return entry;
	return isEmptySet(fields) ? undefined : { ...entry, fieldsV1: asJson(fields) };
}

/** A set is plain JSON; its type says less than JSON's. Equal sets are shared between objects. */
function asJson(fields: FieldSet): FieldSet & JsonValue {
	return intern(fields) as FieldSet & JsonValue;
}

/**
 * Reads entries that a client wrote or the store holds. Undefined if one of them is not well formed, which makes the
 * server ignore them all.
 */
export function parseEntries(entries: readonly ManagedFieldsEntry[]): readonly OwnedFields[] | undefined {
	const parsed = new Map<string, OwnedFields>();
	for (const entry of entries) {
		const { operation, apiVersion = "", fieldsType } = entry;
		if ((operation !== "Apply" && operation !== "Update") || apiVersion === "" || fieldsType !== "FieldsV1") return undefined;
		const fields = parseFieldSet(entry.fieldsV1 ?? {});
		if (fields === undefined) return undefined;
		const owned: OwnedFields = {
			...entry,
			manager: entry.manager ?? "",
			operation,
			apiVersion,
			fieldsV1: asJson(withoutSystemFields(fields)),
		};
		parsed.set(entryKey(owned), owned);
	}
	return sortEntries([...parsed.values()]);
}

/** Whether a client asks to forget all owners: an empty list, or one entry with nothing in it. */
export function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
	const [first] = entries;
	return first === undefined || (entries.length === 1 && Object.keys(first).length === 0);
}

/** In Kubernetes' order: appliers before updaters, each by time, then by name. */
export function sortEntries(entries: readonly OwnedFields[]): readonly OwnedFields[] {
	if (entries.length < 2) return entries;
	return [...entries].sort(
		(a, b) =>
			compareTexts(a.operation, b.operation) ||
			compareTexts(a.time ?? "", b.time ?? "") ||
			compareTexts(a.manager, b.manager) ||
			compareTexts(a.apiVersion, b.apiVersion) ||
			compareTexts(a.subresource ?? "", b.subresource ?? ""),
	);
}

/** Merges the oldest updaters of each version into one, once there are more than ten. */
export function capUpdaters(entries: readonly OwnedFields[]): readonly OwnedFields[] {
	if (entries.length <= maxUpdaters) return entries;
	const updaters = entries.filter(({ operation }) => operation === "Update").sort(byAge);
	let surplus = updaters.length - maxUpdaters;
	if (surplus <= 0) return entries;
	/** By version: the bucket, or the only old entry met so far, which stays as it is if no other joins it. */
	const buckets = new Map<string, OwnedFields>();
	const merged = new Set<OwnedFields>();
	for (const entry of updaters) {
		if (surplus === 0) break;
		const first = buckets.get(entry.apiVersion);
		if (first !== undefined) {
			merged.add(first).add(entry);
			const id: ManagerId = { manager: ancientChanges, operation: "Update", apiVersion: entry.apiVersion, subresource: "" };
			buckets.set(entry.apiVersion, entryFor(id, union(first.fieldsV1, entry.fieldsV1), entry.time ?? ""));
			surplus--;
		} else {
			buckets.set(entry.apiVersion, entry);
		}
	}
	const made = [...buckets.values()].filter((entry) => !entries.includes(entry) && !merged.has(entry));
	return [...entries.filter((entry) => !merged.has(entry)), ...made];
}

function byAge(a: OwnedFields, b: OwnedFields): number {
	return compareTexts(a.time ?? "", b.time ?? "") || compareTexts(entryKey(a), entryKey(b));
}

/** Whether two lists of entries differ in nothing but their times. */
export function equalButTimes(a: readonly OwnedFields[], b: readonly OwnedFields[]): boolean {
	if (a === b) return true;
	return a.length === b.length && a.every((entry, index) => isSameClaim(entry, b[index]));
}

function isSameClaim(a: OwnedFields, b: OwnedFields | undefined): boolean {
	if (a === b) return true;
	return b !== undefined && a.apiVersion === b.apiVersion && entryKey(a) === entryKey(b) && jsonEqual(a.fieldsV1, b.fieldsV1);
}

/** The union of all sets of entries. */
export function allFields(entries: readonly OwnedFields[]): FieldSet {
	return entries.reduce((set, { fieldsV1 }) => union(set, fieldsV1), emptySet);
}

function compareTexts(a: string, b: string): number {
	return a === b ? 0 : a < b ? -1 : 1;
}
