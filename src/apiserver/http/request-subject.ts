/**
 * What a request is about, by its method and path alone and whether or not anything is served there: what has to be
 * known of it before it is known who asks. Source: k8s.io/apiserver/pkg/endpoints/request (RequestInfoFactory).
 */
import type { RequestSubject } from "../authentication/impersonation.ts";

const verbs: Readonly<Record<string, string>> = {
	POST: "create",
	GET: "get",
	HEAD: "get",
	PUT: "update",
	PATCH: "patch",
	DELETE: "delete",
};
/** What may follow a namespace's own name without being a resource in it. */
const namespaceSubresources: ReadonlySet<string> = new Set(["status", "finalize"]);

/** @param url path and query, as the client sent them */
export function requestSubject(method: string, url: string): RequestSubject {
	const [path = "", query = ""] = splitOnce(url);
	const parts = path
		.split("/")
		.filter((part) => part !== "")
		.map(decode);
	const isCore = parts[0] === "api";
	if ((!isCore && parts[0] !== "apis") || parts.length < (isCore ? 3 : 4)) return { verb: method.toLowerCase(), path };
	const group = isCore ? "" : (parts[1] ?? "");
	let rest = parts.slice(isCore ? 2 : 3);
	const isWatchPath = rest[0] === "watch" && rest.length > 1;
	if (isWatchPath) rest = rest.slice(1);
	let namespace = "";
	if (rest[0] === "namespaces" && rest.length > 1) {
		namespace = rest[1] ?? "";
		if (rest.length > 2 && !namespaceSubresources.has(rest[2] ?? "")) rest = rest.slice(2);
	}
	const [resource = "", name = "", subresource = ""] = rest;
	return { verb: verbOf(method, name, isWatchPath, query), group, resource, subresource, namespace, name };
}

function splitOnce(url: string): readonly [string, string] {
	const at = url.indexOf("?");
	return at === -1 ? [url, ""] : [url.slice(0, at), url.slice(at + 1)];
}

function decode(part: string): string {
	try {
		return decodeURIComponent(part);
	} catch {
		return part;
	}
}

function verbOf(method: string, name: string, isWatchPath: boolean, query: string): string {
	const verb = verbs[method] ?? "";
	if (isWatchPath && verb === "get") return "watch";
	if (name !== "") return verb;
	if (verb === "delete") return "deletecollection";
	if (verb !== "get") return verb;
	const watch = new URLSearchParams(query).get("watch");
	return watch !== null && watch !== "0" && watch !== "false" ? "watch" : "list";
}
