/** Discovery documents with what other servers answer for: `/apis`, plain and aggregated, and `/apis/GROUP`. */
import { createHash } from "node:crypto";
import type { APIGroup, APIGroupList } from "../../apimachinery/schema/generated/types.ts";
import type { Discovery, DiscoveryDocument } from "../discovery/discovery.ts";
import type { RemoteApis } from "../http/api-handler.ts";
import { negotiateObject } from "../http/media-types.ts";

/** @throws StatusError as `Discovery.document` does */
export function discoveryDocument(
	discovery: Discovery,
	remote: RemoteApis | undefined,
	path: string,
	accept: string | undefined,
): DiscoveryDocument {
	if (remote === undefined || remote.isEmpty) return discovery.document(path, accept);
	const [, groupName] = /^\/apis\/([^/]+)\/?$/.exec(path) ?? [];
	if (groupName !== undefined) return groupDocument(discovery, remote, path, groupName, accept);
	const own = discovery.document(path, accept);
	return /^\/apis\/?$/.test(path) ? withRemoteGroups(own, remote) : own;
}

function groupDocument(
	discovery: Discovery,
	remote: RemoteApis,
	path: string,
	name: string,
	accept: string | undefined,
): DiscoveryDocument {
	const group = remote.groups().find((each) => each.name === name);
	if (group === undefined) return discovery.document(path, accept);
	if (!discovery.groupVersions().some((version) => version.group === name)) {
		return { value: { kind: "APIGroup", apiVersion: "v1", ...group }, encoding: negotiateObject(accept).encoding };
	}
	const own = discovery.document(path, accept);
	return { ...own, value: joined(own.value as APIGroup, group) };
}

function withRemoteGroups(document: DiscoveryDocument, remote: RemoteApis): DiscoveryDocument {
	const value = document.value as { readonly kind: string; readonly items?: readonly object[] };
	if (value.kind !== "APIGroupDiscoveryList") {
		const { groups, ...list } = document.value as APIGroupList;
		const others = remote.groups();
		const own = groups.map((group) => {
			const other = others.find(({ name }) => name === group.name);
			return other === undefined ? group : joined(group, other);
		});
		const further = others.filter(({ name }) => !groups.some((group) => group.name === name));
		return { ...document, value: { ...list, groups: [...own, ...further] } };
	}
	const merged = { ...value, items: [...(value.items ?? []), ...remote.aggregatedGroups()] };
	// Clients keep the document for as long as it has this name.
	return { ...document, value: merged, etag: `"${createHash("sha512").update(JSON.stringify(merged)).digest("hex").toUpperCase()}"` };
}

/** Versions of both; this server's own preference counts. */
function joined(own: APIGroup, other: APIGroup): APIGroup {
	return { ...own, versions: [...own.versions, ...other.versions] };
}
