/**
 * What a request is about, by its method and URL alone. Authorization, audit, impersonation and routing all have it from here,
 * so that what is allowed, what is recorded and what is served can never be different things.
 *
 *   URL ──decode once, as a whole──> path ──split──> place ──method, query──> verb
 *
 * An encoded slash is a slash, as in Go's net/http; routing (http/request-target.ts) then serves no path that has one where the
 * API's own grammar counts segments.
 * Source: k8s.io/apiserver/pkg/endpoints/request/requestinfo.go
 */
import { parseFieldSelector } from "../apimachinery/field-selector.ts";

export interface RequestInfo extends Omit<ResourcePlace, "depth" | "special" | "isInNamespace"> {
	readonly isResource: boolean;
	/** Kubernetes' verb of a resource request; else the method in lower case. */
	readonly verb: string;
	/** Without the query, decoded. */
	readonly path: string;
}

/** Where a path points in the API. "" where there is none. */
export interface ResourcePlace {
	readonly group: string;
	readonly version: string;
	readonly resource: string;
	readonly subresource: string;
	/** Of a request for a namespace its own name. */
	readonly namespace: string;
	readonly name: string;
	/** What is meant is in the namespace, and not the namespace itself. */
	readonly isInNamespace: boolean;
	/** Old spellings, in which the path says the verb. */
	readonly special: "watch" | "proxy" | undefined;
	/** How many segments say that; what follows is for whoever serves it. */
	readonly depth: number;
}

const nowhere = { group: "", version: "", resource: "", subresource: "", namespace: "", name: "" };

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
	const end = url.indexOf("?");
	const rawPath = end === -1 ? url : url.slice(0, end);
	// What cannot be decoded is served by nobody; it is recorded as it came.
	const path = decodePath(rawPath) ?? rawPath;
	const place = placeOf(path);
	if (place === undefined) return { isResource: false, verb: method.toLowerCase(), path, ...nowhere };
	const { special, depth: _, isInNamespace: __, ...subject } = place;
	const query = new URLSearchParams(end === -1 ? "" : url.slice(end + 1));
	// To ask a proxied server what may be asked of it is reading.
	const verb = special ?? verbs[method === "OPTIONS" && place.subresource === "proxy" ? "GET" : method] ?? "";
	return { isResource: true, path, ...subject, ...verbOf(verb, place.name, query) };
}

/** Undefined for a path with an escape that is none. */
export function decodePath(path: string): string | undefined {
	if (!path.includes("%")) return path;
	try {
		return decodeURIComponent(path);
	} catch {
		return undefined;
	}
}

/** Undefined for what is no resource's path. @param path decoded */
export function placeOf(path: string): ResourcePlace | undefined {
	const segments = path.replace(/^\/+|\/+$/g, "").split("/");
	const [prefix, ...rest] = segments;
	const isGrouped = prefix === "apis";
	if ((prefix !== "api" && !isGrouped) || segments.length < (isGrouped ? 4 : 3)) return undefined;
	const [group = "", version = ""] = isGrouped ? rest : ["", ...rest];
	const inVersion = rest.slice(isGrouped ? 2 : 1);
	const special = inVersion[0] === "watch" || inVersion[0] === "proxy" ? inVersion[0] : undefined;
	if (special !== undefined && inVersion.length < 2) return undefined;
	const head = (isGrouped ? 3 : 2) + (special === undefined ? 0 : 1);
	const place = placeIn(special === undefined ? inVersion : inVersion.slice(1));
	// What is proxied in the old way is what follows the name.
	const subresource = special === "proxy" ? "" : place.subresource;
	const depth = head + (place.isInNamespace ? 2 : 0) + [place.resource, place.name, subresource].filter((part) => part !== "").length;
	return { group, version, ...place, subresource, special, depth };
}

/** `namespaces/NAMESPACE/pods/NAME/log`. */
function placeIn(segments: readonly string[]) {
	const [first = "", namespace = "", inside = ""] = segments;
	const isNamespaced = first === "namespaces" && segments.length > 1;
	const isInNamespace = isNamespaced && segments.length > 2 && !namespaceSubresources.has(inside);
	const [resource = "", name = "", subresource = ""] = isInNamespace ? segments.slice(2) : segments;
	return { namespace: isNamespaced ? namespace : "", resource, name, subresource, isInNamespace };
}

/** A GET or DELETE of no object in particular is of them all; a query may ask for a watch, or for one object by a selector. */
function verbOf(verb: string, name: string, query: URLSearchParams): Pick<RequestInfo, "verb" | "name"> {
	if (name === "" && verb === "delete") return { verb: "deletecollection", name };
	if (name !== "" || (verb !== "get" && verb !== "watch")) return { verb, name };
	const isWatch = verb === "watch" || isTrue(query.get("watch"));
	return { verb: isWatch ? "watch" : "list", name: selectedName(query.get("fieldSelector") ?? "") };
}

/** Whatever is there and does not say no. */
function isTrue(value: string | null): boolean {
	return value !== null && value !== "0" && value.toLowerCase() !== "false";
}

/** The one object that a list or a watch is about; "" if it is about none in particular, or the selector cannot be read. */
export function selectedName(fieldSelector: string): string {
	if (!fieldSelector.includes("metadata.name")) return "";
	try {
		const name = parseFieldSelector(fieldSelector).requiredValue("metadata.name") ?? "";
		// What cannot be a segment of a path is nobody's name. Source: k8s.io/apimachinery/pkg/api/validation/path.
		return name === "." || name === ".." || /[/%]/.test(name) ? "" : name;
	} catch {
		// What is no selector is for whoever serves the request to refuse.
		return "";
	}
}
