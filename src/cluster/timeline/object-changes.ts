/** What changed between two states of an object, field by field, in the words of a path: `spec.replicas: 3 → 5`. */
import { isJsonObject, jsonEqual } from "../../apimachinery/json.ts";

export interface FieldChange {
	/**
	 * `spec.containers[web].image`; items are named by what tells them apart, or numbered; keys that are no plain names stand in
	 * brackets: `metadata.labels["a/b"]`.
	 */
	readonly path: string;
	/** Undefined: the field was not there. */
	readonly before: unknown;
	/** Undefined: the field is gone. */
	readonly after: unknown;
}

/** Fields that change with every write, or say nothing of the object itself. */
const bookkeeping: ReadonlySet<string> = new Set(["metadata.resourceVersion", "metadata.managedFields"]);

/** Changed fields in the order of the newer object, those that are gone last; the smallest part that differs is named. */
export function changesBetween(before: unknown, after: unknown): readonly FieldChange[] {
	const changes: FieldChange[] = [];
	collect("", before, after, changes);
	return changes;
}

function collect(path: string, before: unknown, after: unknown, changes: FieldChange[]): void {
	if (before === after || bookkeeping.has(path)) return;
	if (isJsonObject(before) && isJsonObject(after)) {
		for (const key of new Set([...Object.keys(after), ...Object.keys(before)]))
			collect(fieldPath(path, key), before[key], after[key], changes);
		return;
	}
	if (Array.isArray(before) && Array.isArray(after)) {
		const key = keyOf([...before, ...after]);
		if (key !== undefined) {
			collectByKey(path, key, before as readonly Item[], after as readonly Item[], changes);
			return;
		}
		for (let index = 0; index < Math.max(before.length, after.length); index++)
			collect(`${path}[${index}]`, before[index], after[index], changes);
		return;
	}
	if (!jsonEqual(before, after)) changes.push({ path, before, after });
}

type Item = Readonly<Record<string, unknown>>;

/** By what the items of the API's lists are known, in the order in which it is tried. */
const itemKeys = ["type", "name", "uid", "ip"] as const;

/** The field that tells these items apart, if there is one that all of them have as text. */
function keyOf(items: readonly unknown[]): string | undefined {
	return itemKeys.find((key) => items.length > 0 && items.every((item) => isJsonObject(item) && typeof item[key] === "string"));
}

/** Items that moved are still the same: a new condition before another is one change. */
function collectByKey(path: string, key: string, before: readonly Item[], after: readonly Item[], changes: FieldChange[]): void {
	const old = new Map(before.map((item) => [item[key], item]));
	const next = new Map(after.map((item) => [item[key], item]));
	for (const [value, item] of next) collect(`${path}[${value}]`, old.get(value), item, changes);
	for (const [value, item] of old) if (!next.has(value)) collect(`${path}[${value}]`, item, undefined, changes);
}

function fieldPath(path: string, key: string): string {
	if (!/^\w+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
	return path === "" ? key : `${path}.${key}`;
}

/** A line's worth of a value. */
const maxValueText = 60;

/** `spec.replicas 3 → 5`, `+status.phase "Running"`, `-metadata.deletionTimestamp`. */
export function describeChange({ path, before, after }: FieldChange): string {
	if (after === undefined) return `-${path}`;
	if (before === undefined) return `+${path} ${valueText(after)}`;
	return `${path} ${valueText(before)} → ${valueText(after)}`;
}

function valueText(value: unknown): string {
	const text = JSON.stringify(value);
	return text.length <= maxValueText ? text : `${text.slice(0, maxValueText - 1)}…`;
}
