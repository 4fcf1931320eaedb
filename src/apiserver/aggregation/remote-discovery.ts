/**
 * What other servers' group versions add to discovery. They are asked for their plain documents, which every API server has.
 * Source: k8s.io/kube-aggregator/pkg/apiserver/handler_discovery.go, handler_apis.go; KEP-3352.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../../apimachinery/json.ts";
import type { APIGroup, APIServiceSpec } from "../../apimachinery/schema/generated/types.ts";

/** One group version that another server answers for. */
export interface RemoteVersion {
	readonly spec: APIServiceSpec;
	/** Its APIResourceList, as it was last seen; undefined if it never was. */
	readonly resources: JsonObject | undefined;
	readonly isAvailable: boolean;
}

interface RemoteGroup {
	readonly name: string;
	/** The preferred one first. */
	readonly versions: readonly RemoteVersion[];
}

/** Groups by their greatest priority, versions by theirs. */
function groupsOf(versions: readonly RemoteVersion[]): readonly RemoteGroup[] {
	const byGroup = Map.groupBy(versions, ({ spec }) => spec.group ?? "");
	const priority = (list: readonly RemoteVersion[]) => Math.max(...list.map(({ spec }) => spec.groupPriorityMinimum));
	return [...byGroup]
		.sort(([a, ofA], [b, ofB]) => priority(ofB) - priority(ofA) || (a < b ? -1 : 1))
		.map(([name, list]) => ({ name, versions: [...list].sort((a, b) => b.spec.versionPriority - a.spec.versionPriority) }));
}

/** `/apis/GROUP`, and the entries of `/apis`: only of versions whose server answers. */
export function describeGroups(versions: readonly RemoteVersion[]): readonly APIGroup[] {
	return groupsOf(versions.filter(({ isAvailable }) => isAvailable)).map(({ name, versions: list }) => {
		const described = list.map(({ spec }) => ({ groupVersion: `${name}/${spec.version}`, version: spec.version ?? "" }));
		const [preferredVersion] = described;
		return { name, versions: described, ...(preferredVersion === undefined ? {} : { preferredVersion }) };
	});
}

/** Entries of the aggregated document; a version whose server does not answer is as it was seen last, and said to be stale. */
export function aggregateGroups(versions: readonly RemoteVersion[]): readonly object[] {
	return groupsOf(versions).map(({ name, versions: list }) => ({
		metadata: { name, creationTimestamp: null },
		versions: list.map(({ spec, resources, isAvailable }) => {
			const discovered = aggregateResources(name, spec.version ?? "", resources);
			return {
				version: spec.version,
				...(discovered.length === 0 ? {} : { resources: discovered }),
				freshness: isAvailable ? "Current" : "Stale",
			};
		}),
	}));
}

function aggregateResources(group: string, version: string, list: JsonObject | undefined): readonly object[] {
	const entries = Array.isArray(list?.resources) ? list.resources.filter(isJsonObject) : [];
	const kindOf = (entry: JsonObject) => ({
		group: textOf(entry.group) || group,
		version: textOf(entry.version) || version,
		kind: textOf(entry.kind),
	});
	const nameOf = (entry: JsonObject) => textOf(entry.name);
	return entries
		.filter((entry) => !nameOf(entry).includes("/"))
		.map((entry) => {
			const subresources = entries.filter((other) => nameOf(other).startsWith(`${nameOf(entry)}/`));
			return {
				resource: nameOf(entry),
				responseKind: kindOf(entry),
				scope: entry.namespaced === true ? "Namespaced" : "Cluster",
				singularResource: textOf(entry.singularName),
				verbs: entry.verbs ?? [],
				...(entry.shortNames === undefined ? {} : { shortNames: entry.shortNames }),
				...(entry.categories === undefined ? {} : { categories: entry.categories }),
				...(subresources.length === 0
					? {}
					: {
							subresources: subresources.map((subresource) => ({
								subresource: nameOf(subresource).slice(nameOf(entry).length + 1),
								responseKind: kindOf(subresource),
								verbs: subresource.verbs ?? [],
							})),
						}),
			};
		});
}

const textOf = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "");
