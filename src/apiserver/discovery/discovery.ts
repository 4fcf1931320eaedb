/**
 * Discovery: which groups, versions and resources there are. Plain documents, one a group version, and the aggregated
 * one that answers everything at once.
 * Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api and KEP-3352.
 */
import { createHash } from "node:crypto";
import { formatApiVersion, type GroupVersion } from "../../apimachinery/meta.ts";
import type { APIGroup, APIResource } from "../../apimachinery/schema/generated/types.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import { newPathNotFound } from "../../apimachinery/status-error.ts";
import { type Encoding, negotiateObject, parseAccept } from "../http/media-types.ts";
import type { KindDefinition } from "../registry/kind.ts";
import { type DiscoveredResource, type DiscoveredSubresource, discoverResources } from "./api-resources.ts";
import { compareGroups, compareVersions } from "./group-order.ts";

export interface DiscoveryDocument {
	readonly value: unknown;
	readonly encoding: Encoding;
	/** Set where it is not the encoding's own. */
	readonly contentType?: string;
	readonly etag?: string;
}

interface Version extends GroupVersion {
	readonly resources: readonly DiscoveredResource[];
}

interface Group {
	readonly name: string;
	/** The preferred one first. */
	readonly versions: readonly Version[];
}

const paths = /^\/(?:api(?:\/(?<core>[^/]+))?|apis(?:\/(?<group>[^/]+)(?:\/(?<version>[^/]+))?)?)\/?$/;

/** Discovery of one set of served resources. */
export class Discovery {
	readonly #groups: readonly Group[];
	readonly #aggregated = new Map<string, DiscoveryDocument>();

	constructor(kinds: readonly KindDefinition[], resources: readonly GeneratedResource[]) {
		const byGroup = Map.groupBy(resources, ({ group }) => group);
		this.#groups = [...byGroup.keys()].sort(compareGroups).map((name) => {
			const byVersion = Map.groupBy(byGroup.get(name) ?? [], ({ version }) => version);
			const versions = [...byVersion.keys()].sort(compareVersions);
			return {
				name,
				versions: versions.map((version) => ({ group: name, version, resources: discoverResources(byVersion.get(version) ?? [], kinds) })),
			};
		});
	}

	/** Whether `path` has the form of a discovery path: /api, /apis, a group or a group version. */
	serves(path: string): boolean {
		return paths.test(path);
	}

	/** `/api/v1`, `/apis/apps`, `/apis/apps/v1` … */
	groupVersionPaths(): string[] {
		return this.#groups.flatMap(({ name, versions }) => {
			const prefix = name === "" ? "/api" : `/apis/${name}`;
			return [...(name === "" ? [] : [prefix]), ...versions.map(({ version }) => `${prefix}/${version}`)];
		});
	}

	/** Every served group version, in the order of its group. */
	groupVersions(): GroupVersion[] {
		return this.#groups.flatMap(({ versions }) => versions.map(({ group, version }) => ({ group, version })));
	}

	/** @throws StatusError NotFound, or NotAcceptable */
	document(path: string, accept: string | undefined): DiscoveryDocument {
		const { core, group, version } = paths.exec(path)?.groups ?? {};
		const isRoot = core === undefined && group === undefined;
		const aggregated = isRoot ? aggregatedVersion(accept) : undefined;
		const isCore = path.startsWith("/api/") || path === "/api";
		if (aggregated !== undefined) return this.#aggregatedDocument(isCore, aggregated);
		const value = isRoot
			? isCore
				? coreVersions(this.#find(""))
				: this.#groupList()
			: this.#plain(isCore ? "" : (group ?? ""), core ?? version);
		return { value, encoding: negotiateObject(accept).encoding };
	}

	#find(name: string): Group | undefined {
		return this.#groups.find((group) => group.name === name);
	}

	#plain(groupName: string, versionName: string | undefined): unknown {
		const group = this.#find(groupName);
		if (group === undefined) throw newPathNotFound();
		if (versionName === undefined) return { kind: "APIGroup", apiVersion: "v1", ...describeGroup(group) };
		const version = group.versions.find((candidate) => candidate.version === versionName);
		if (version === undefined) throw newPathNotFound();
		return resourceList(version);
	}

	#groupList(): unknown {
		return { kind: "APIGroupList", apiVersion: "v1", groups: this.#groups.filter(({ name }) => name !== "").map(describeGroup) };
	}

	#aggregatedDocument(isCore: boolean, version: string): DiscoveryDocument {
		const key = `${isCore}/${version}`;
		let document = this.#aggregated.get(key);
		if (document === undefined) {
			const groups = this.#groups.filter(({ name }) => (name === "") === isCore);
			const value = {
				kind: "APIGroupDiscoveryList",
				apiVersion: `apidiscovery.k8s.io/${version}`,
				metadata: {},
				items: groups.map(aggregateGroup),
			};
			document = {
				value,
				encoding: "json",
				contentType: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
				etag: `"${createHash("sha512").update(JSON.stringify(value)).digest("hex").toUpperCase()}"`,
			};
			this.#aggregated.set(key, document);
		}
		return document;
	}
}

/** The version of the aggregated document that the caller prefers to a plain one. */
function aggregatedVersion(accept: string | undefined): string | undefined {
	for (const { type, parameters } of parseAccept(accept ?? "")) {
		if (type !== "application/json") continue;
		const { as, g, v } = parameters;
		if (as === undefined) return undefined;
		if (as === "APIGroupDiscoveryList" && g === "apidiscovery.k8s.io" && (v === "v2" || v === "v2beta1")) return v;
	}
	return undefined;
}

function coreVersions(core: Group | undefined): unknown {
	return { kind: "APIVersions", versions: core?.versions.map(({ version }) => version) ?? [], serverAddressByClientCIDRs: [] };
}

function describeGroup({ name, versions }: Group): APIGroup {
	const described = versions.map((version) => ({ groupVersion: formatApiVersion(version), version: version.version }));
	const [preferredVersion] = described;
	return { name, versions: described, ...(preferredVersion === undefined ? {} : { preferredVersion }) };
}

function resourceList(version: Version): unknown {
	const resources = version.resources.flatMap((resource) => [
		describeResource(resource),
		...resource.subresources.map((subresource) => describeSubresource(resource, subresource, version)),
	]);
	return { kind: "APIResourceList", apiVersion: "v1", groupVersion: formatApiVersion(version), resources };
}

function describeResource(resource: DiscoveredResource): APIResource {
	const { name, singular, namespaced, responseKind, verbs, shortNames, categories, storageVersionHash } = resource;
	return {
		name,
		singularName: singular,
		namespaced,
		kind: responseKind.kind,
		verbs,
		...(shortNames.length === 0 ? {} : { shortNames }),
		...(categories.length === 0 ? {} : { categories }),
		...(storageVersionHash === undefined ? {} : { storageVersionHash }),
	};
}

function describeSubresource(resource: DiscoveredResource, subresource: DiscoveredSubresource, version: Version): APIResource {
	const { group, version: kindVersion, kind } = subresource.responseKind;
	const isForeign = group !== version.group || kindVersion !== version.version;
	return {
		name: `${resource.name}/${subresource.name}`,
		singularName: "",
		namespaced: resource.namespaced,
		...(isForeign ? { group, version: kindVersion } : {}),
		kind,
		verbs: subresource.verbs,
	};
}

function aggregateGroup({ name, versions }: Group): unknown {
	return {
		metadata: { name, creationTimestamp: null },
		versions: versions.map(({ version, resources }) => ({ version, resources: resources.map(aggregateResource), freshness: "Current" })),
	};
}

function aggregateResource(resource: DiscoveredResource): unknown {
	const { shortNames, categories, subresources } = resource;
	return {
		resource: resource.name,
		responseKind: resource.responseKind,
		scope: resource.namespaced ? "Namespaced" : "Cluster",
		singularResource: resource.singular,
		verbs: resource.verbs,
		...(shortNames.length === 0 ? {} : { shortNames }),
		...(categories.length === 0 ? {} : { categories }),
		...(subresources.length === 0
			? {}
			: { subresources: subresources.map(({ name, responseKind, verbs }) => ({ subresource: name, responseKind, verbs })) }),
	};
}
