/**
 * Sets of fields of an object, as managedFields write them (FieldsV1):
 *
 *   {"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{".":{},"f:image":{}}},"f:replicas":{}}}
 *
 * holds .spec.containers[name="main"], .spec.containers[name="main"].image and .spec.replicas. A step that leads to `{}`
 * is in the set; one that leads to more is in it only if `.` says so. The set is its own JSON: immutable, with its steps
 * in order, so that reading, writing and sharing it cost nothing. What changes nothing returns what it was given.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
import { isJsonObject } from "../json.ts";
import { canonicalElement, compareElements, displayElement, self } from "./path-element.ts";

export interface FieldSet {
	readonly [element: string]: FieldSet;
}

/** Steps from the root of the object. */
export type FieldPath = readonly string[];

/** The set without fields; as the part of a set, the thing itself and nothing below it. */
export const emptySet: FieldSet = Object.freeze({});

export function isEmptySet(set: FieldSet): boolean {
	for (const _ in set) return false;
	return true;
}

/** Whether the part of a set at some step holds the thing itself. */
export function holdsSelf(part: FieldSet): boolean {
	return self in part || isEmptySet(part);
}

/** The part of a set below one step; undefined if the set has nothing there. */
export function partAt(set: FieldSet, element: string): FieldSet | undefined {
	return Object.hasOwn(set, element) ? set[element] : undefined;
}

/** Whether this very path is in the set. */
export function hasPath(set: FieldSet, path: FieldPath): boolean {
	let part: FieldSet | undefined = set;
	for (const element of path) {
		part = partAt(part, element);
		if (part === undefined) return false;
	}
	return path.length > 0 && holdsSelf(part);
}

/** The set of one path. */
export function setOf(...paths: readonly FieldPath[]): FieldSet {
	return paths.reduce(
		(set, path) =>
			union(
				set,
				path.reduceRight<FieldSet>((part, element) => ({ [element]: part }), emptySet),
			),
		emptySet,
	);
}

/** All that is in `a` or in `b`. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
	if (a === b || isEmptySet(b)) return a;
	return isEmptySet(a) ? b : mergeParts(a, b);
}

function mergeParts(a: FieldSet, b: FieldSet): FieldSet {
	let merged: Record<string, FieldSet> | undefined;
	let isSorted = true;
	for (const element in b) {
		const theirs = b[element] ?? emptySet;
		const ours = partAt(a, element);
		const part = ours === undefined ? theirs : unionOfParts(ours, theirs);
		if (part === ours) continue;
		merged ??= { ...a };
		isSorted &&= ours !== undefined;
		merged[element] = part;
	}
	return merged === undefined ? a : isSorted ? merged : sorted(merged);
}

/** Below the root an empty part is no empty set: it is the thing itself. */
function unionOfParts(a: FieldSet, b: FieldSet): FieldSet {
	if (a === b) return a;
	if (isEmptySet(b)) return holdsSelf(a) ? a : { [self]: emptySet, ...a };
	if (isEmptySet(a)) return holdsSelf(b) ? b : { [self]: emptySet, ...b };
	return mergeParts(a, b);
}

/** What is in `a` and not in `b`. Taking out a thing leaves its parts. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
	return a === b ? emptySet : (walk(a, b, remainderOfParts) ?? emptySet);
}

/** What is in `a` and neither in `b` nor below anything that is in `b`. */
export function differenceWithParts(a: FieldSet, b: FieldSet): FieldSet {
	const drop = (ours: FieldSet, theirs: FieldSet): FieldSet | undefined =>
		holdsSelf(theirs) || isEmptySet(ours) ? (holdsSelf(theirs) ? undefined : ours) : walk(ours, theirs, drop);
	return walk(a, b, drop) ?? emptySet;
}

type Remainder = (ours: FieldSet, theirs: FieldSet) => FieldSet | undefined;

/** `a` with each part that `b` has, too, replaced by what `remainder` leaves of it; undefined if nothing is left. */
function walk(a: FieldSet, b: FieldSet, remainder: Remainder): FieldSet | undefined {
	let changed: Map<string, FieldSet | undefined> | undefined;
	for (const element in b) {
		const ours = element === self ? undefined : partAt(a, element);
		if (ours === undefined) continue;
		const rest = remainder(ours, b[element] ?? emptySet);
		if (rest === ours) continue;
		changed ??= new Map();
		changed.set(element, rest);
	}
	return changed === undefined ? a : tidied(replaceParts(a, changed));
}

/** Made anew rather than by deleting keys, which would leave a slow and large object. */
function replaceParts(set: FieldSet, parts: ReadonlyMap<string, FieldSet | undefined>): FieldSet {
	const replaced: Record<string, FieldSet> = {};
	for (const element in set) {
		const part = parts.has(element) ? parts.get(element) : set[element];
		if (part !== undefined) replaced[element] = part;
	}
	return replaced;
}

/** A part in its one form: undefined without anything in it, `{}` for nothing but the thing itself. */
function tidied(part: FieldSet): FieldSet | undefined {
	let holdsMore = false;
	for (const element in part) {
		if (element === self) continue;
		holdsMore = true;
		break;
	}
	if (holdsMore) return part;
	return self in part ? emptySet : undefined;
}

function remainderOfParts(ours: FieldSet, theirs: FieldSet): FieldSet | undefined {
	if (ours === theirs) return undefined;
	if (isEmptySet(ours)) return holdsSelf(theirs) ? undefined : ours;
	const rest = walk(ours, theirs, remainderOfParts);
	if (rest === undefined || !holdsSelf(rest) || !holdsSelf(theirs)) return rest;
	const { [self]: _, ...parts } = rest;
	return isEmptySet(parts) ? undefined : parts;
}

/** What is in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
	if (a === b) return a;
	const common: Record<string, FieldSet> = {};
	for (const element in a) {
		const theirs = element === self ? undefined : partAt(b, element);
		if (theirs === undefined) continue;
		const part = intersectionOfParts(a[element] ?? emptySet, theirs);
		if (part !== undefined) common[element] = part;
	}
	return isEmptySet(common) ? emptySet : common;
}

function intersectionOfParts(a: FieldSet, b: FieldSet): FieldSet | undefined {
	const below = intersection(a, b);
	const isIn = holdsSelf(a) && holdsSelf(b);
	if (isEmptySet(below)) return isIn ? emptySet : undefined;
	return isIn && !(self in below) ? { [self]: emptySet, ...below } : below;
}

/** Every path of the set; of one place, what is in the set there comes before what is below. */
export function pathsOf(set: FieldSet): FieldPath[] {
	const paths: FieldPath[] = [];
	const visit = (part: FieldSet, prefix: FieldPath) => {
		const elements = Object.keys(part).filter((element) => element !== self);
		for (const element of elements) {
			if (holdsSelf(part[element] ?? emptySet)) paths.push([...prefix, element]);
		}
		for (const element of elements) visit(part[element] ?? emptySet, [...prefix, element]);
	};
	visit(set, []);
	return paths;
}

/** `.spec.template.spec.containers[name="main"].image` */
export function displayPath(path: FieldPath): string {
	return path.map(displayElement).join("");
}

/** A part whose steps are in order; the same object if they are already. */
export function sorted(part: Readonly<Record<string, FieldSet>>): FieldSet {
	let last = "";
	for (const element in part) {
		if (last !== "" && compareElements(last, element) > 0) return inOrder(part);
		last = element;
	}
	return part;
}

function inOrder(part: Readonly<Record<string, FieldSet>>): FieldSet {
	const ordered: Record<string, FieldSet> = {};
	for (const element of Object.keys(part).sort(compareElements)) ordered[element] = part[element] ?? emptySet;
	return ordered;
}

/** Reads FieldsV1 as a client wrote it: steps in any order, keys with blanks. Undefined if it is not FieldsV1. */
export function parseFieldSet(value: unknown): FieldSet | undefined {
	if (!isJsonObject(value)) return undefined;
	let isCanonical = true;
	const parts: Record<string, FieldSet> = {};
	for (const [key, below] of Object.entries(value)) {
		const element = key === self ? self : canonicalElement(key);
		const part = parseFieldSet(below);
		if (element === undefined || part === undefined) return undefined;
		if (element === self && !isEmptySet(part)) return undefined;
		isCanonical &&= element === key && part === below;
		const known = partAt(parts, element);
		parts[element] = known === undefined ? part : unionOfParts(known, part);
	}
	const keys = Object.keys(parts);
	if (keys.length === 1 && keys[0] === self) return emptySet;
	const ordered = sorted(parts);
	return isCanonical && ordered === parts ? (value as unknown as FieldSet) : ordered;
}
