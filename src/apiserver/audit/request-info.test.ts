import { expect, it } from "vitest";
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
