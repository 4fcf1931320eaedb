import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { generatedResources } from "../apimachinery/schema/resources.ts";
import { StatusError } from "../apimachinery/status-error.ts";
import { attributesOf } from "./authorization/server-authorization.ts";
import { isWatchQuery } from "./http/query-options.ts";
import { bareRequest } from "./http/request-reader.ts";
import { type RequestTarget, ResourceIndex, resolveTarget } from "./http/request-target.ts";
import { readRequestInfo } from "./request-info.ts";

it.each<readonly [method: string, url: string, info: string]>([
	["GET", "/", "get /"],
	["GET", "/api", "get /api"],
	["GET", "/api/v1", "get /api/v1"],
	["GET", "/apis/apps/v1", "get /apis/apps/v1"],
	["PUT", "/healthz", "put /healthz"],
	["GET", "/api/v1/pods", "list /v1 pods"],
	["GET", "/api/v1/pods?watch=true", "watch /v1 pods"],
	["GET", "/api/v1/pods?watch=0", "list /v1 pods"],
	["GET", "/api/v1/watch/namespaces/n/pods", "watch /v1 n/pods"],
	["GET", "/api/v1/namespaces/n/pods?fieldSelector=metadata.name%3Da", "list /v1 n/pods a"],
	["HEAD", "/api/v1/namespaces/n/pods/a", "get /v1 n/pods a"],
	["POST", "/api/v1/namespaces/n/pods/a/binding", "create /v1 n/pods/binding a"],
	["PATCH", "/apis/apps/v1/namespaces/n/deployments/a/scale", "patch apps/v1 n/deployments/scale a"],
	["DELETE", "/apis/apps/v1/namespaces/n/deployments", "deletecollection apps/v1 n/deployments"],
	["DELETE", "/api/v1/nodes/a", "delete /v1 /nodes a"],
	["GET", "/api/v1/namespaces", "list /v1 namespaces"],
	["GET", "/api/v1/namespaces/n", "get /v1 n/namespaces n"],
	["PUT", "/api/v1/namespaces/n/finalize", "update /v1 n/namespaces/finalize n"],
	["GET", "/api/v1/namespaces/n/pods/a/proxy/x/y", "get /v1 n/pods/proxy a"],
])("%s %s", (method, url, expected) => {
	const { isResource, verb, path, group, version, namespace, resource, subresource, name } = readRequestInfo(method, url);
	const place = `${namespace === "" && !resource.startsWith("nodes") ? "" : `${namespace}/`}${resource}${subresource === "" ? "" : `/${subresource}`}`;
	const text = isResource ? `${verb} ${group}/${version} ${place}${name === "" ? "" : ` ${name}`}` : `${verb} ${path}`;
	expect(text).toBe(expected);
});

describe("an encoded path", () => {
	it.each<readonly [url: string, place: string]>([
		["/api/v1/namespaces/kube-system%2Fsecrets", "list kube-system/secrets"],
		["/api/v1/%6eamespaces/n/p%6Fds/a", "get n/pods a"],
		["/api/v1/namespaces/n/secrets/", "list n/secrets"],
		["//api/v1/namespaces/n/secrets", "list n/secrets"],
		["/api/v1//namespaces/n/secrets", "get / namespaces n"],
		["/api/v1/namespaces//secrets", "list /secrets"],
		["/api/v1/proxy/namespaces/n/services/web/x", "proxy n/services web"],
	])("%s", (url, expected) => {
		const { verb, namespace, resource, subresource, name } = readRequestInfo("GET", url);
		const place = [`${namespace}/${resource}`, name, subresource].filter((part) => part !== "").join(" ");
		expect(`${verb} ${place}`).toBe(expected);
	});

	it("is decoded once", () => {
		expect(readRequestInfo("GET", "/api/v1/namespaces/n/secrets/a%252Fb")).toMatchObject({ name: "a%2Fb", resource: "secrets" });
	});
});

/** Paths out of pieces that mean something, with slashes too many, escapes, and what nobody should take for anything. */
const segment = fc.oneof(
	fc.constantFrom("api", "apis", "v1", "apps", "namespaces", "default", "pods", "secrets", "deployments", "nodes", "watch", "proxy", "log"),
	fc.constantFrom(
		"status",
		"scale",
		"finalize",
		"web",
		"..",
		".",
		"",
		"%2e%2e",
		"a%2Fb",
		"%2F",
		"%70ods",
		"w%65b",
		"a%252Fb",
		"%zz",
		"a;b",
		"é",
	),
);
const wild = fc
	.tuple(fc.constantFrom("/api/v1", "/apis/apps/v1", "//api/v1", "/%61pi/v1", "/api/v1/watch"), fc.array(segment, { maxLength: 6 }))
	.map(([head, rest]) => [head, ...rest].join("/"));
const good = fc.constantFrom(
	"/api/v1/pods",
	"/api/v1/nodes/web",
	"/api/v1/namespaces/default",
	"/api/v1/namespaces/default/finalize",
	"/api/v1/namespaces/default/pods",
	"/api/v1/namespaces/default/pods/web/log",
	"/api/v1/namespaces/default/services/web/proxy/a/b",
	"/api/v1/watch/namespaces/default/pods/web",
	"/api/v1/watch/pods",
	"/apis/apps/v1/namespaces/default/deployments/web/scale",
);
/** A good one, one segment of which is another, or written in another way. */
const bent = fc.tuple(good, fc.nat(8), fc.option(segment)).map(([whole, at, other]) => {
	const parts = whole.split("/");
	const index = 1 + (at % (parts.length - 1));
	const written = `%${parts[index]?.charCodeAt(0).toString(16) ?? ""}${parts[index]?.slice(1) ?? ""}`;
	return parts.toSpliced(index, 1, other ?? written).join("/");
});
const path = fc.oneof(wild, good, bent);
const query = fc.constantFrom("", "?", "?watch", "?watch=true", "?watch=False", "?watch=0", "?fieldSelector=metadata.name%3Dweb", "?a=b?c");
const method = fc.constantFrom("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE");

it("whatever is served is what is authorized and recorded", () => {
	const index = new ResourceIndex(generatedResources);
	const user = { name: "jane", groups: [] };
	let served = 0;
	const check = fc.property(method, path, query, (verb, where, asked) => {
		const target = targetOf(index, verb, where, new URLSearchParams(asked.slice(1)));
		if (target === undefined) return;
		served++;
		const fieldSelector = new URLSearchParams(asked.slice(1)).get("fieldSelector") ?? "";
		const request = { ...bareRequest(target), options: { fieldSelector } };
		const { user: _, labelSelector: __, fieldSelector: ___, path: ____, ...authorized } = attributesOf(user, request);
		const { isResource, path: _____, ...info } = readRequestInfo(verb, `${where}${asked}`);
		expect(isResource).toBe(true);
		expect(info).toEqual(authorized);
	});
	fc.assert(check, { numRuns: 3_000 });
	expect(served).toBeGreaterThan(300);
});

function targetOf(index: ResourceIndex, verb: string, where: string, asked: URLSearchParams): RequestTarget | undefined {
	try {
		return resolveTarget(index, verb, where, isWatchQuery(asked));
	} catch (error) {
		if (error instanceof StatusError) return undefined;
		throw error;
	}
}

it.each([
	["GET", "/api/v1/pods", "list / pods"],
	["GET", "/api/v1/namespaces/ns/pods?watch=true&x=1", "watch ns/ pods"],
	["GET", "/api/v1/watch/namespaces/ns/pods", "watch ns/ pods"],
	["HEAD", "/api/v1/namespaces/ns/pods/p%20q/log", "get ns/p q pods/log"],
	["POST", "/apis/apps/v1/namespaces/ns/deployments", "create ns/ apps/deployments"],
	["PUT", "/apis/apps/v1/namespaces/ns/deployments/d/scale", "update ns/d apps/deployments/scale"],
	["PATCH", "/api/v1/nodes/n", "patch /n nodes"],
	["DELETE", "/api/v1/namespaces/ns", "delete ns/ns namespaces"],
	["PUT", "/api/v1/namespaces/ns/finalize", "update ns/ns namespaces/finalize"],
	["DELETE", "/api/v1/namespaces/ns/pods", "deletecollection ns/ pods"],
	["GET", "/apis/apps/v1", "get /apis/apps/v1"],
	["POST", "/healthz?x", "post /healthz"],
])("%s %s is about: %s", (method, url, text) => {
	const { isResource, path: where, ...info } = readRequestInfo(method, url);
	const told = isResource
		? `${info.verb} ${info.namespace}/${info.name} ${[info.group, info.resource, info.subresource].filter(Boolean).join("/")}`
		: `${info.verb} ${where}`;
	expect(told).toBe(text);
});
