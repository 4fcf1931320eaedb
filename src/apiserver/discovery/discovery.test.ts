import { expect, test } from "vitest";
import { generatedResources } from "../../apimachinery/schema/resources.ts";
import { plainKind } from "../http/memory-handler.test-kit.ts";
import { Discovery } from "./discovery.ts";
import { compareVersions } from "./group-order.ts";

const kinds = [
	{ ...plainKind("", "v1", "Pod", "pods", ["po"]), categories: ["all"] },
	plainKind("apps", "v1", "Deployment", "deployments", ["deploy"]),
];
const discovery = new Discovery(kinds, generatedResources);
const value = (path: string, accept?: string) => discovery.document(path, accept).value;
const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

test("groups in kube-apiserver's order, the preferred version first", () => {
	const { groups } = value("/apis") as { groups: { name: string; preferredVersion: { groupVersion: string } }[] };
	expect(groups.map(({ preferredVersion }) => preferredVersion.groupVersion)).toEqual([
		"apiregistration.k8s.io/v1",
		"apps/v1",
		"events.k8s.io/v1",
		"authentication.k8s.io/v1",
		"authorization.k8s.io/v1",
		"autoscaling/v2",
		"batch/v1",
		"certificates.k8s.io/v1",
		"networking.k8s.io/v1",
		"policy/v1",
		"rbac.authorization.k8s.io/v1",
		"storage.k8s.io/v1",
		"admissionregistration.k8s.io/v1",
		"apiextensions.k8s.io/v1",
		"scheduling.k8s.io/v1",
		"coordination.k8s.io/v1",
		"node.k8s.io/v1",
		"discovery.k8s.io/v1",
		"flowcontrol.apiserver.k8s.io/v1",
		"resource.k8s.io/v1",
	]);
});

test("versions, the most stable and the newest first", () => {
	const versions = ["v1alpha1", "v2", "foo", "v1beta2", "v10", "v1", "v1beta10", "bar"];
	expect(versions.sort(compareVersions)).toEqual(["v10", "v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "bar", "foo"]);
});

test("resources of a group version, sorted, with what kubectl needs", () => {
	const { resources } = value("/api/v1") as { resources: { name: string }[] };
	expect(resources.filter(({ name }) => name.startsWith("pods"))).toEqual([
		{
			name: "pods",
			singularName: "pod",
			namespaced: true,
			kind: "Pod",
			verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
			shortNames: ["po"],
			categories: ["all"],
			storageVersionHash: "xPOwRZ+Yhw8=",
		},
		{ name: "pods/attach", singularName: "", namespaced: true, kind: "PodAttachOptions", verbs: ["create", "get"] },
		{ name: "pods/binding", singularName: "", namespaced: true, kind: "Binding", verbs: ["create"] },
		{ name: "pods/ephemeralcontainers", singularName: "", namespaced: true, kind: "Pod", verbs: ["get", "patch", "update"] },
		{ name: "pods/eviction", singularName: "", namespaced: true, group: "policy", version: "v1", kind: "Eviction", verbs: ["create"] },
		{ name: "pods/exec", singularName: "", namespaced: true, kind: "PodExecOptions", verbs: ["create", "get"] },
		{ name: "pods/log", singularName: "", namespaced: true, kind: "Pod", verbs: ["get"] },
		{ name: "pods/portforward", singularName: "", namespaced: true, kind: "PodPortForwardOptions", verbs: ["create", "get"] },
		{
			name: "pods/proxy",
			singularName: "",
			namespaced: true,
			kind: "PodProxyOptions",
			verbs: ["create", "delete", "get", "patch", "update"],
		},
		{ name: "pods/resize", singularName: "", namespaced: true, kind: "Pod", verbs: ["get", "patch", "update"] },
		{ name: "pods/status", singularName: "", namespaced: true, kind: "Pod", verbs: ["get", "patch", "update"] },
	]);
	const { resources: apps } = value("/apis/apps/v1") as { resources: { name: string }[] };
	expect(apps.find(({ name }) => name === "deployments/scale")).toEqual({
		name: "deployments/scale",
		singularName: "",
		namespaced: true,
		group: "autoscaling",
		version: "v1",
		kind: "Scale",
		verbs: ["get", "patch", "update"],
	});
});

test("everything at once, for who asks for it; the core group apart", () => {
	const apis = discovery.document("/apis", aggregated);
	expect(apis.contentType).toBe("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
	expect(apis.etag).toMatch(/^"[0-9A-F]{128}"$/);
	expect(discovery.document("/apis", aggregated)).toBe(apis);
	const list = apis.value as {
		kind: string;
		apiVersion: string;
		items: { metadata: { name: string }; versions: { resources: unknown[] }[] }[];
	};
	expect([list.kind, list.apiVersion]).toEqual(["APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"]);
	expect(list.items.find(({ metadata }) => metadata.name === "apps")?.versions[0]?.resources[2]).toEqual({
		resource: "deployments",
		responseKind: { group: "apps", version: "v1", kind: "Deployment" },
		scope: "Namespaced",
		singularResource: "deployment",
		verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
		shortNames: ["deploy"],
		subresources: [
			{ subresource: "scale", responseKind: { group: "autoscaling", version: "v1", kind: "Scale" }, verbs: ["get", "patch", "update"] },
			{ subresource: "status", responseKind: { group: "apps", version: "v1", kind: "Deployment" }, verbs: ["get", "patch", "update"] },
		],
	});
	expect(list.items.some(({ metadata }) => metadata.name === "")).toBe(false);
	expect((value("/api", aggregated) as { items: unknown[] }).items).toHaveLength(1);
	expect(value("/api", "application/json")).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
});

test("groups and versions that are not served", () => {
	for (const path of ["/apis/nope", "/apis/apps/v2", "/api/v2"]) {
		expect(() => discovery.document(path, undefined)).toThrow("the server could not find the requested resource");
	}
	expect(["/api", "/api/v1/", "/apis/apps/v1", "/apis/apps/v1/deployments", "/api/v1/pods"].map((path) => discovery.serves(path))).toEqual([
		true,
		true,
		true,
		false,
		false,
	]);
});
