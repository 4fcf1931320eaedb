/**
 * What the endpoints of one group version are called, take and allow, in the order of discovery documents: the common
 * source of plain and of aggregated discovery.
 */
import { createHash } from "node:crypto";
import type { GroupVersionKind } from "../../apimachinery/meta.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { KindDefinition } from "../registry/kind.ts";
import { compareText } from "./group-order.ts";

export interface DiscoveredSubresource {
	readonly name: string;
	/** Kind of the object that it takes. */
	readonly responseKind: GroupVersionKind;
	readonly verbs: readonly string[];
}

export interface DiscoveredResource {
	readonly name: string;
	readonly singular: string;
	readonly namespaced: boolean;
	readonly responseKind: GroupVersionKind;
	readonly verbs: readonly string[];
	readonly shortNames: readonly string[];
	readonly categories: readonly string[];
	/** Absent for resources that nothing stores, e.g. reviews. */
	readonly storageVersionHash?: string;
	readonly subresources: readonly DiscoveredSubresource[];
}

/** Streams name their options as kind, as kube-apiserver does. */
const streamKinds: Readonly<Record<string, string>> = {
	"pods/attach": "PodAttachOptions",
	"pods/exec": "PodExecOptions",
	"pods/portforward": "PodPortForwardOptions",
	"pods/proxy": "PodProxyOptions",
	"pods/log": "Pod",
	"services/proxy": "ServiceProxyOptions",
	"nodes/proxy": "NodeProxyOptions",
};

/** Kinds that subresources borrow from another group. */
const foreignKinds: Readonly<Record<string, { readonly group: string; readonly version: string }>> = {
	Scale: { group: "autoscaling", version: "v1" },
	Eviction: { group: "policy", version: "v1" },
	TokenRequest: { group: "authentication.k8s.io", version: "v1" },
};

/** What can be done with objects whose CustomResourceDefinition is going. */
const terminatingVerbs = ["delete", "deletecollection", "get", "list", "watch"];
const proxyVerbs = ["create", "delete", "get", "patch", "update"];

/** The resources of one group version. @param endpoints all endpoints of that group version */
export function discoverResources(endpoints: readonly GeneratedResource[], kinds: readonly KindDefinition[]): DiscoveredResource[] {
	const subresources = Map.groupBy(
		endpoints.filter((endpoint) => endpoint.subresource !== ""),
		(endpoint) => endpoint.resource,
	);
	const [first] = endpoints;
	const inGroup = kinds.filter(({ group }) => group === first?.group);
	const byName = new Map(inGroup.flatMap((kind) => kind.versions.map((version) => [`${kind.resource}/${version}`, kind])));
	const main = new Map(endpoints.filter((endpoint) => endpoint.subresource === "").map((endpoint) => [endpoint.resource, endpoint]));
	return [...main.values()]
		.sort((a, b) => compareText(a.resource, b.resource))
		.map((endpoint) => {
			const kind = byName.get(`${endpoint.resource}/${endpoint.version}`);
			return describeResource(endpoint, subresources.get(endpoint.resource) ?? [], kind);
		});
}

function describeResource(
	endpoint: GeneratedResource,
	subresources: readonly GeneratedResource[],
	kind: KindDefinition | undefined,
): DiscoveredResource {
	const { group, version, resource } = endpoint;
	const isStored = endpoint.verbs.includes("update");
	return {
		name: resource,
		singular: kind?.singular ?? endpoint.kind.toLowerCase(),
		namespaced: endpoint.namespaced,
		responseKind: { group, version, kind: endpoint.kind },
		// A componentstatus is made up for every read: there is nothing to watch.
		verbs: resource === "componentstatuses" ? ["get", "list"] : kind?.isTerminating === true ? terminatingVerbs : endpoint.verbs,
		shortNames: kind?.shortNames ?? [],
		categories: kind?.categories ?? [],
		...(isStored ? { storageVersionHash: storageVersionHash(group, kind?.storageVersion ?? version, endpoint.kind) } : {}),
		subresources: [...subresources].sort((a, b) => compareText(a.subresource, b.subresource)).map(describeSubresource),
	};
}

function describeSubresource(endpoint: GeneratedResource): DiscoveredSubresource {
	const { group, version, resource, subresource } = endpoint;
	const kind = streamKinds[`${resource}/${subresource}`] ?? endpoint.kind;
	const responseKind = { group, version, kind, ...foreignKinds[kind] };
	return { name: subresource, responseKind, verbs: subresource === "proxy" ? proxyVerbs : endpoint.verbs };
}

/** What tells clients that the stored form has changed: the first 8 bytes of SHA-256 over GROUP/VERSION/KIND. */
function storageVersionHash(group: string, version: string, kind: string): string {
	return createHash("sha256").update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString("base64");
}
