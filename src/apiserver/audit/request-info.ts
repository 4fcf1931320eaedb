/**
 * What a request is about, read from its method and URL alone, whether or not anything serves it: what audit policies see.
 * Source: k8s.io/apiserver/pkg/endpoints/request/requestinfo.go
 */
import { parseFieldSelector } from "../../apimachinery/field-selector.ts";

export interface RequestInfo {
	readonly isResource: boolean;
	/** Kubernetes' verb of a resource request; else the method in lower case. */
	readonly verb: string;
	/** Without the query, decoded. */
	readonly path: string;
	/** "" where there is none, as everything below. */
	readonly group: string;
	readonly version: string;
	readonly resource: string;
	readonly subresource: string;
	readonly namespace: string;
	readonly name: string;
}

const verbs: Readonly<Record<string, string>> = {
	POST: "create",
	GET: "get",
	HEAD: "get",
	PUT: "update",
	PATCH: "patch",
	DELETE: "delete",
};
/** Segments that follow a namespace's name and are its subresources, not resources in it. */
const namespaceSubresources: ReadonlySet<string> = new Set(["status", "finalize"]);

/** @param url path and query as they were sent */
export function readRequestInfo(method: string, url: string): RequestInfo {
	const [rawPath = "", rawQuery = ""] = url.split("?", 2);
	const path = decoded(rawPath);
	const parts = path.split("/").filter((part) => part !== "");
	const [prefix, ...rest] = parts;
	const isGrouped = prefix === "apis";
	const none = { group: "", version: "", resource: "", subresource: "", namespace: "", name: "" };
	if (parts.length < 3 || (prefix !== "api" && !isGrouped) || (isGrouped && parts.length < 4)) {
		return { isResource: false, verb: method.toLowerCase(), path, ...none };
	}
	const [group = "", version = ""] = isGrouped ? rest : ["", ...rest];
	const segments = rest.slice(isGrouped ? 2 : 1);
	const isOldWatch = segments[0] === "watch";
	if (isOldWatch || segments[0] === "proxy") segments.shift();
	const place = readPlace(segments);
	const verb = verbOf(isOldWatch ? "watch" : (verbs[method] ?? ""), place.name, new URLSearchParams(rawQuery));
	return { isResource: true, path, group, version, ...place, ...verb };
}

/** `namespaces/NS/pods/NAME/log`. */
function readPlace(segments: readonly string[]): Pick<RequestInfo, "namespace" | "resource" | "name" | "subresource"> {
	const [first = "", namespace = "", inside = ""] = segments;
	if (first !== "namespaces" || namespace === "") {
		const [resource = "", name = "", subresource = ""] = segments;
		return { namespace: "", resource, name, subresource };
	}
	if (segments.length === 2 || namespaceSubresources.has(inside)) {
		return { namespace, resource: "namespaces", name: namespace, subresource: inside };
	}
	const [, , resource = "", name = "", subresource = ""] = segments;
	return { namespace, resource, name, subresource };
}

/** A GET or DELETE of no object in particular is of them all; a query may ask for a watch, or for one object by a selector. */
function verbOf(verb: string, name: string, query: URLSearchParams): Pick<RequestInfo, "verb" | "name"> {
	if (name !== "" || (verb !== "get" && verb !== "delete")) return { verb, name };
	if (verb === "delete") return { verb: "deletecollection", name };
	const watch = query.get("watch");
	const isWatch = watch !== null && watch !== "0" && watch.toLowerCase() !== "false";
	return { verb: isWatch ? "watch" : "list", name: selectedName(query.get("fieldSelector")) };
}

function selectedName(fieldSelector: string | null): string {
	if (fieldSelector === null) return "";
	try {
		return parseFieldSelector(fieldSelector).requiredValue("metadata.name") ?? "";
	} catch {
		// What is no selector is for whoever serves the request to refuse.
		return "";
	}
}

function decoded(path: string): string {
	try {
		return decodeURIComponent(path);
	} catch {
		return path;
	}
}
