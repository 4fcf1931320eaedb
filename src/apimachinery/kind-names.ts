/** From the names that people use for kinds, as kubectl takes them, to what the server serves. */
import { formatApiVersion, type GroupVersionResource, type KubeObject } from "./meta.ts";

/** What is asked of a kind to be known by name. */
export interface NamedKind {
	readonly group: string;
	/** The first is preferred. */
	readonly versions: readonly string[];
	readonly kind: string;
	readonly resource: string;
	readonly singular: string;
	readonly shortNames?: readonly string[];
	readonly namespaced: boolean;
}

export interface KindOfName extends GroupVersionResource {
	readonly kind: string;
	readonly namespaced: boolean;
}

/**
 * `Pod`, `pod`, `pods`, `po`, `deployments.apps`, `deployments.v1.apps`.
 * @throws Error as kubectl says it: the server doesn't have a resource type "x"
 */
export function kindOfName(kinds: readonly NamedKind[], text: string): KindOfName {
	const name = text.toLowerCase();
	const found =
		kinds.find((kind) => namesOf(kind).some((known) => name === known)) ?? kinds.find((kind) => longNamesOf(kind).includes(name));
	if (found === undefined) throw new Error(`the server doesn't have a resource type "${text}"`);
	const version = found.versions.find((served) => name.split(".").includes(served)) ?? found.versions[0] ?? "";
	return { group: found.group, version, kind: found.kind, resource: found.resource, namespaced: found.namespaced };
}

/** @throws Error as kubectl says it: no matches for kind "x" in version "y" */
export function kindOfObject(kinds: readonly NamedKind[], { apiVersion = "", kind = "" }: KubeObject): KindOfName {
	for (const known of kinds) {
		const version = known.versions.find((served) => formatApiVersion({ group: known.group, version: served }) === apiVersion);
		if (known.kind !== kind || version === undefined) continue;
		return { group: known.group, version, kind, resource: known.resource, namespaced: known.namespaced };
	}
	throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
}

function namesOf({ kind, resource, singular, shortNames = [] }: NamedKind): readonly string[] {
	return [resource, singular, kind.toLowerCase(), ...shortNames];
}

function longNamesOf(kind: NamedKind): readonly string[] {
	return namesOf(kind).flatMap((name) => [`${name}.${kind.group}`, ...kind.versions.map((version) => `${name}.${version}.${kind.group}`)]);
}
