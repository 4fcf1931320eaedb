/**
 * The resources whose objects can be listed, watched and deleted: what the garbage collector follows and what a
 * namespace's end sweeps away. Derived from the same table as the server's discovery.
 */
import { defaultFeatureGates, type FeatureGates } from "../apimachinery/feature-gates.ts";
import { formatApiVersion, formatGroupResource, type KubeObject } from "../apimachinery/meta.ts";
import { gatedResources, generatedResources } from "../apimachinery/schema/resources.ts";
import type { ResourceRef } from "../client/resources.ts";

/** A resource that holds its objects in namespaces, or not. */
export interface DeletableResource extends ResourceRef<KubeObject> {
	readonly namespaced: boolean;
}

/** Every built-in resource once, in its preferred version. @param gates those behind them are served */
export function builtInDeletableResources({ genericWorkload }: FeatureGates = defaultFeatureGates): readonly DeletableResource[] {
	const resources = genericWorkload ? [...generatedResources, ...gatedResources] : generatedResources;
	const byName = new Map<string, DeletableResource>();
	for (const { group, version, resource, subresource, kind, namespaced, verbs } of resources) {
		if (subresource !== "" || !["delete", "list", "watch"].every((verb) => verbs.includes(verb))) continue;
		const name = formatGroupResource({ group, resource });
		const known = byName.get(name);
		if (known === undefined || isPreferred(version, known.version)) byName.set(name, { group, version, resource, kind, namespaced });
	}
	return [...byName.values()];
}

/** Kubernetes' order of versions: stable before beta before alpha, then the higher number. */
export function isPreferred(version: string, other: string): boolean {
	const [a, b] = [rankOf(version), rankOf(other)];
	return a.stage !== b.stage ? a.stage > b.stage : a.major > b.major;
}

function rankOf(version: string): { stage: number; major: number } {
	const match = /^v(\d+)(alpha|beta)?/.exec(version);
	return { stage: match?.[2] === "alpha" ? 0 : match?.[2] === "beta" ? 1 : 2, major: Number(match?.[1] ?? 0) };
}

/** Finds resources by what an owner reference says. */
export function resourceIndex(resources: readonly DeletableResource[]): ReadonlyMap<string, DeletableResource> {
	return new Map(resources.map((resource) => [kindKey(formatApiVersion(resource), resource.kind), resource]));
}

export function kindKey(apiVersion: string, kind: string): string {
	return `${apiVersion} ${kind}`;
}
