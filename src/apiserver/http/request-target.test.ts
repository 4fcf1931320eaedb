import { expect, test } from "vitest";
import { generatedResources } from "../../apimachinery/schema/resources.ts";
import { StatusError } from "../../apimachinery/status-error.ts";
import { ResourceIndex, resolveTarget } from "./request-target.ts";

const index = new ResourceIndex(generatedResources);

/** A target in one line: verb group/version/resource[/subresource] namespace/name [rest]. */
function resolve(method: string, path: string, watch = false): string {
	try {
		const { verb, resource, namespace, name, rest } = resolveTarget(index, method, path, watch);
		const endpoint = [resource.group, resource.version, resource.resource, resource.subresource].filter((part) => part !== "").join("/");
		return `${verb} ${endpoint} ${namespace ?? "-"}/${name ?? "-"} ${rest}`.trim();
	} catch (error) {
		if (error instanceof StatusError) return `${error.code} ${error.message}`;
		throw error;
	}
}

const notFound = "404 the server could not find the requested resource";

test.each([
	["GET", "/api/v1/pods", "list v1/pods -/-"],
	["GET", "/api/v1/namespaces/default/pods", "list v1/pods default/-"],
	["GET", "/api/v1/namespaces/default/pods/web", "get v1/pods default/web"],
	["GET", "/api/v1/namespaces/default/pods/web/log", "get v1/pods/log default/web"],
	["POST", "/api/v1/namespaces/default/pods/web/eviction", "create v1/pods/eviction default/web"],
	["PUT", "/apis/apps/v1/namespaces/a/deployments/d/scale", "update apps/v1/deployments/scale a/d"],
	["DELETE", "/apis/apps/v1/namespaces/a/deployments", "deletecollection apps/v1/deployments a/-"],
	["DELETE", "/api/v1/nodes/n", "delete v1/nodes -/n"],
	["GET", "/api/v1/namespaces", "list v1/namespaces -/-"],
	["GET", "/api/v1/namespaces/default", "get v1/namespaces -/default"],
	["PUT", "/api/v1/namespaces/default/finalize", "update v1/namespaces/finalize -/default"],
	["PATCH", "/api/v1/namespaces/default/status", "patch v1/namespaces/status -/default"],
	["GET", "/api/v1/namespaces/a/services/http:web:80/proxy/x/y", "get v1/services/proxy a/http:web:80 x/y"],
	["GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode", "get rbac.authorization.k8s.io/v1/clusterroles -/system:node"],
	["GET", "/api/v1/watch/namespaces/a/pods", "watch v1/pods a/-"],
	["GET", "/api/v1/watch/namespaces/a/pods/web", "watch v1/pods a/web"],
	["GET", "/api/v1/unknown", notFound],
	["GET", "/apis/apps/v2/deployments", notFound],
	["GET", "/api/v1/pods/web", notFound],
	["GET", "/api/v1/namespaces/a/nodes", notFound],
	["GET", "/api/v1/namespaces/a/pods/web/log/more", notFound],
	["GET", "/api/v1/namespaces//pods", notFound],
	["POST", "/api/v1/pods", "405 the server does not allow this method on the requested resource"],
	["POST", "/api/v1/namespaces/a/pods/web", "405 the server does not allow this method on the requested resource"],
	["PUT", "/api/v1/namespaces/a/pods", "405 the server does not allow this method on the requested resource"],
	["DELETE", "/api/v1/namespaces", "405 the server does not allow this method on the requested resource"],
	["HEAD", "/apis/apps/v1/namespaces/a/deployments", "405 the server does not allow this method on the requested resource"],
	["GET", "/api/v1/namespaces/a/pods/%zz", '400 invalid URL escape in "%zz"'],
])("%s %s", (method, path, expected) => {
	expect(resolve(method, path)).toBe(expected);
});

test("a watch is a watch of a collection: with a name it is a get", () => {
	expect(resolve("GET", "/api/v1/pods", true)).toBe("watch v1/pods -/-");
	expect(resolve("GET", "/api/v1/namespaces/a/pods/web", true)).toBe("get v1/pods a/web");
});
