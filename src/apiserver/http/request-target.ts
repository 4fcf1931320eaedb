/**
 * The grammar of the API's URLs: which resource, object and verb a method and a path mean.
 *
 *   /api/v1 | /apis/GROUP/VERSION
 *       [/watch]                                    deprecated spelling of ?watch=true
 *       [/namespaces/NAMESPACE] /RESOURCE [/NAME [/SUBRESOURCE [/REST…]]]
 *
 * `namespaces` itself is a cluster-scoped resource; /namespaces/NAME/status and /finalize are its subresources.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris and RequestInfo of k8s.io/apiserver.
 */
import type { Verb } from "../../apimachinery/api-request.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import { newBadRequest, newMethodNotAllowed, newPathNotFound } from "../../apimachinery/status-error.ts";
import { decodePath, placeOf } from "../request-info.ts";

/** A request's path and verb, resolved against the served resources. */
export interface RequestTarget {
	/** The endpoint: the resource or its subresource. */
	readonly resource: GeneratedResource;
	readonly verb: Verb;
	readonly namespace?: string;
	readonly name?: string;
	/** What follows a `proxy` subresource, without the leading slash. */
	readonly rest: string;
}

/** A place in the API as routing sees it: nothing in it is empty that is there. */
interface PathParts {
	readonly group: string;
	readonly version: string;
	readonly watch: boolean;
	readonly namespace?: string;
	readonly resource: string;
	readonly name?: string;
	readonly subresource: string;
	readonly rest: string;
}

/** Finds endpoints by group, version, resource and subresource. */
export class ResourceIndex {
	readonly #byKey = new Map<string, GeneratedResource>();

	constructor(resources: readonly GeneratedResource[]) {
		for (const resource of resources) this.#byKey.set(indexKey(resource), resource);
	}

	find(endpoint: Pick<GeneratedResource, "group" | "version" | "resource" | "subresource">): GeneratedResource | undefined {
		return this.#byKey.get(indexKey(endpoint));
	}
}

function indexKey({ group, version, resource, subresource }: Pick<GeneratedResource, "group" | "version" | "resource" | "subresource">) {
	return `${group}/${version}/${resource}/${subresource}`;
}

/** The path of a `proxy` subresource and what follows it, both as the client sent them. */
export function splitProxyPath(path: string, { namespace }: RequestTarget): { readonly prefix: string; readonly path: string } {
	// /api/v1/nodes/NAME/proxy or /api/v1/namespaces/NAMESPACE/pods/NAME/proxy
	const prefix = path
		.split("/")
		.slice(0, namespace === undefined ? 6 : 8)
		.join("/");
	return { prefix, path: path.slice(prefix.length) };
}

/**
 * Resolves a request below a group version.
 * @param path the URL's path, still percent-encoded
 * @param watch whether the query asks for a watch
 * @throws StatusError NotFound for a path that names nothing served, MethodNotAllowed for a verb it does not have
 */
export function resolveTarget(index: ResourceIndex, method: string, path: string, watch: boolean): RequestTarget {
	const parts = splitPath(path);
	const resource = parts === undefined ? undefined : index.find(parts);
	if (parts === undefined || resource === undefined || !scopeMatches(resource, parts)) throw newPathNotFound();
	const verb = verbOf(method, parts, watch);
	if (verb === undefined || !allows(resource, verb, method, parts)) throw newMethodNotAllowed();
	return {
		resource,
		verb,
		...(parts.namespace === undefined ? {} : { namespace: parts.namespace }),
		...(parts.name === undefined ? {} : { name: parts.name }),
		rest: parts.rest,
	};
}

/**
 * The place that everybody else sees, too, or undefined where nothing is served: between slashes there has to be something, and
 * a slash has to be written as one.
 */
function splitPath(path: string): PathParts | undefined {
	const decoded = decodePath(path);
	if (decoded === undefined) throw newBadRequest(`invalid URL escape in ${JSON.stringify(path.split("/").find(isMalformed) ?? path)}`);
	const place = placeOf(decoded);
	if (place === undefined || place.special === "proxy") return undefined;
	const { group, version, namespace, resource, name, subresource, isInNamespace, special, depth } = place;
	const raw = path.split("/").slice(1);
	const segments = decoded.split("/").slice(1);
	const isPlain = raw.slice(0, depth).every((segment, index) => segment !== "" && decodePath(segment) === segments[index]);
	const tail = segments.slice(depth);
	// Nothing but objects was ever watched in the old spelling.
	if (special === "watch" && subresource !== "") return undefined;
	if (!isPlain || resource === "" || raw.length < depth || (tail.length > 0 && subresource !== "proxy")) return undefined;
	return {
		group,
		version,
		watch: special === "watch",
		...(isInNamespace ? { namespace } : {}),
		resource,
		...(name === "" ? {} : { name }),
		subresource,
		rest: tail.join("/"),
	};
}

const isMalformed = (segment: string): boolean => decodePath(segment) === undefined;

/** A namespaced resource is addressed without a namespace only as a collection; a cluster-scoped one never within one. */
function scopeMatches(resource: GeneratedResource, parts: PathParts): boolean {
	return resource.namespaced ? parts.namespace !== undefined || parts.name === undefined : parts.namespace === undefined;
}

function verbOf(method: string, parts: PathParts, watch: boolean): Verb | undefined {
	const named = parts.name !== undefined;
	if (parts.watch) return method === "GET" ? "watch" : undefined;
	// The proxied server has to know these methods; asking for them is reading.
	if (parts.subresource === "proxy" && (method === "HEAD" || method === "OPTIONS")) return "get";
	switch (method) {
		case "GET":
			if (named) return "get";
			return watch ? "watch" : "list";
		case "POST":
			return "create";
		case "PUT":
			return "update";
		case "PATCH":
			return "patch";
		case "DELETE":
			return named ? "delete" : "deletecollection";
		default:
			return undefined;
	}
}

function allows(resource: GeneratedResource, verb: Verb, method: string, parts: PathParts): boolean {
	if (!resource.verbs.includes(verb)) return resource.subresource === "proxy" && resource.verbs.length > 0;
	const named = parts.name !== undefined;
	if (verb === "create") {
		// A collection is posted to within its namespace; an object only through a subresource.
		return named ? parts.subresource !== "" : !resource.namespaced || parts.namespace !== undefined;
	}
	if (verb === "deletecollection") return !resource.namespaced || parts.namespace !== undefined;
	return method === "GET" || method === "DELETE" || named;
}
