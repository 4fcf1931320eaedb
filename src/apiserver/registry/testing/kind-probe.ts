/**
 * What tests ask of a kind: how it prints an object, fills it in and judges it, as plain text.
 */
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { KindDefinition } from "../kind.ts";

/** Moment at which tests print; objects of `created` are five minutes old. */
export const nowMs = Date.UTC(2026, 0, 1, 0, 5);
export const created = "2026-01-01T00:00:00Z";

/** The kind of this resource in a group's list. Throws if it is not there. */
export function kindOf(kinds: readonly KindDefinition[], resource: string): KindDefinition {
	const kind = kinds.find((candidate) => candidate.resource === resource);
	if (kind === undefined) throw new Error(`no ${resource} among ${kinds.map((candidate) => candidate.resource).join(", ")}`);
	return kind;
}

/** Header and row as `kubectl get -o wide` shows them, cells separated by ` | `. */
export function printed(kind: KindDefinition, object: KubeObject): string {
	const header = kind.columns.map(({ name, priority }) => (priority === 0 ? name : `(${name})`).toUpperCase());
	const cells = kind.columns.map((column) => String(column.cell(object, { nowMs })));
	return `${header.join(" | ")}\n${cells.join(" | ")}`;
}

/** The object with its defaults. */
export function defaulted(kind: KindDefinition, object: KubeObject): KubeObject {
	return kind.setDefaults?.(object) ?? object;
}

/** The object as it is stored when a client creates it, before admission: defaulted and prepared, its status the server's. */
export function stored(kind: KindDefinition, object: KubeObject): KubeObject {
	const { status: _, ...sent } = defaulted(kind, object) as KubeObject & { readonly status?: unknown };
	return kind.prepareForCreate?.(sent, { nowMs }) ?? sent;
}

/** What is wrong with the defaulted object, one text an error. */
export function problems(kind: KindDefinition, object: KubeObject): readonly string[] {
	return (kind.validate?.(defaulted(kind, object)) ?? []).map(String);
}

/** What is wrong with a change. */
export function updateProblems(kind: KindDefinition, object: KubeObject, old: KubeObject): readonly string[] {
	return (kind.validateUpdate?.(defaulted(kind, object), defaulted(kind, old)) ?? []).map(String);
}

/** What is wrong with the object that the pipeline makes of a new one, allocation apart. */
export function createProblems(kind: KindDefinition, object: KubeObject): readonly string[] {
	return (kind.validate?.(stored(kind, object)) ?? []).map(String);
}

/** What is wrong with the object that the pipeline makes of a change to the main resource, allocation apart. */
export function changeProblems(kind: KindDefinition, object: KubeObject, old: KubeObject): readonly string[] {
	const [sent, before] = [defaulted(kind, object), defaulted(kind, old)];
	const next = kind.prepareForUpdate?.(sent, before, { nowMs }) ?? sent;
	return [...(kind.validate?.(next, before) ?? []), ...(kind.validateUpdate?.(next, before) ?? [])].map(String);
}

/** What is wrong with a change through /status. */
export function statusProblems(kind: KindDefinition, object: KubeObject, old: KubeObject): readonly string[] {
	return (kind.validateStatusUpdate?.(defaulted(kind, object), defaulted(kind, old)) ?? []).map(String);
}
