/**
 * What a kubelet may do, one row a rule of https://kubernetes.io/docs/reference/access-authn-authz/node/; texts are those of
 * plugin/pkg/auth/authorizer/node/node_authorizer.go.
 */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { WatchCache } from "../storage/watch-cache.ts";
import type { ResourceAttributes } from "./authorizer.ts";
import { NodeAuthorizer } from "./node-authorizer.ts";
import { person, question } from "./rbac.test-kit.ts";

const caches = {
	pods: new WatchCache("/registry/pods/"),
	persistentVolumes: new WatchCache("/registry/persistentvolumes/"),
	volumeAttachments: new WatchCache("/registry/volumeattachments/"),
	resourceSlices: new WatchCache("/registry/resourceslices/"),
};
let revision = 0;
function put(cache: WatchCache, path: string, fields: object | undefined): void {
	const [namespace, name] = path.includes("/") ? path.split("/") : [undefined, path];
	const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
	const object = fields === undefined ? undefined : ({ metadata, ...fields } as KubeObject);
	cache.apply(cache.prefix + path, object, ++revision);
}

const env = (source: object) => ({ env: [{ name: "A", valueFrom: source }] });
put(caches.pods, "default/web", {
	spec: {
		nodeName: "n1",
		serviceAccountName: "web",
		imagePullSecrets: [{ name: "pull" }],
		initContainers: [env({ secretKeyRef: { name: "init-env", key: "k" } })],
		containers: [{ envFrom: [{ secretRef: { name: "env-from" } }, { configMapRef: { name: "map-from" } }] }],
		ephemeralContainers: [env({ configMapKeyRef: { name: "debug-map", key: "k" } })],
		volumes: [
			{ name: "a", secret: { secretName: "volume-secret" } },
			{ name: "b", configMap: { name: "volume-map" } },
			{ name: "c", projected: { sources: [{ secret: { name: "projected-secret" } }, { configMap: { name: "projected-map" } }] } },
			{ name: "d", csi: { driver: "x", nodePublishSecretRef: { name: "csi-secret" } } },
			{ name: "e", persistentVolumeClaim: { claimName: "data" } },
			{ name: "scratch", ephemeral: {} },
			{ name: "f", rbd: { secretRef: { name: "rbd-secret" } } },
		],
		resourceClaims: [{ name: "gpu", resourceClaimName: "gpu-claim" }, { name: "made", resourceClaimTemplateName: "t" }, { name: "none" }],
	},
	status: { resourceClaimStatuses: [{ name: "made", resourceClaimName: "web-made-x" }] },
});
put(caches.pods, "default/elsewhere", { spec: { nodeName: "n2", serviceAccountName: "other", imagePullSecrets: [{ name: "n2-secret" }] } });
put(caches.pods, "default/waiting", { spec: { imagePullSecrets: [{ name: "waiting-secret" }] } });
put(caches.pods, "default/mirror", {
	metadata: { name: "mirror", namespace: "default", annotations: { "kubernetes.io/config.mirror": "x" } },
	spec: { nodeName: "n1", serviceAccountName: "stolen", imagePullSecrets: [{ name: "stolen" }] },
});
put(caches.persistentVolumes, "pv", {
	spec: {
		claimRef: { namespace: "default", name: "data" },
		csi: {
			nodeStageSecretRef: { namespace: "storage", name: "stage" },
			controllerPublishSecretRef: { namespace: "storage", name: "controller" },
		},
	},
});
put(caches.persistentVolumes, "scratch-pv", {
	spec: { claimRef: { namespace: "default", name: "web-scratch" }, azureFile: { secretName: "azure" } },
});
put(caches.persistentVolumes, "other-pv", {
	spec: { claimRef: { namespace: "other", name: "data" }, cephfs: { secretRef: { name: "ceph" } } },
});
put(caches.volumeAttachments, "va1", { spec: { nodeName: "n1" } });
put(caches.volumeAttachments, "va2", { spec: { nodeName: "n2" } });
put(caches.resourceSlices, "slice1", { spec: { nodeName: "n1" } });
put(caches.resourceSlices, "slice2", { spec: { nodeName: "n2" } });
put(caches.resourceSlices, "network", { spec: { allNodes: true } });

const authorizer = new NodeAuthorizer(caches);
authorizer.start();
const n1 = person("system:node:n1", "system:nodes");
const answer = (attributes: Omit<ResourceAttributes, "user" | "path">, user = n1) => {
	const { verdict, reason } = authorizer.authorize({ user, ...attributes });
	return verdict === "allow" ? "yes" : `no: ${reason}`;
};
const unrelated = "no: no relationship found between node 'n1' and this object";

it.each([
	["secrets", "default/pull", "yes"],
	["secrets", "default/init-env", "yes"],
	["secrets", "default/env-from", "yes"],
	["secrets", "default/volume-secret", "yes"],
	["secrets", "default/projected-secret", "yes"],
	["secrets", "default/csi-secret", "yes"],
	["secrets", "default/rbd-secret", "yes"],
	["secrets", "default/map-from", unrelated],
	["secrets", "default/n2-secret", unrelated],
	["secrets", "default/waiting-secret", unrelated],
	["secrets", "default/stolen", unrelated],
	["secrets", "other/pull", unrelated],
	["secrets", "storage/stage", "yes"],
	["secrets", "storage/controller", unrelated],
	["secrets", "default/azure", "yes"],
	["secrets", "other/ceph", unrelated],
	["secrets", "default/", "no: No Object name found"],
	["secrets", "/pull", "no: can only read namespaced object of this type"],
	["configmaps", "default/map-from", "yes"],
	["configmaps", "default/debug-map", "yes"],
	["configmaps", "default/volume-map", "yes"],
	["configmaps", "default/projected-map", "yes"],
	["configmaps", "default/pull", unrelated],
	["persistentvolumeclaims", "default/data", "yes"],
	["persistentvolumeclaims", "default/web-scratch", "yes"],
	["persistentvolumeclaims", "other/data", unrelated],
	["persistentvolumes", "/pv", "yes"],
	["persistentvolumes", "/scratch-pv", "yes"],
	["persistentvolumes", "/other-pv", unrelated],
	["persistentvolumes", "/none", unrelated],
	["serviceaccounts", "default/web", "yes"],
	["serviceaccounts", "default/other", unrelated],
	["resourceclaims.resource.k8s.io", "default/gpu-claim", "yes"],
	["resourceclaims.resource.k8s.io", "default/web-made-x", "yes"],
	["resourceclaims.resource.k8s.io", "default/made", unrelated],
	["volumeattachments.storage.k8s.io", "/va1", "yes"],
	["volumeattachments.storage.k8s.io", "/va2", unrelated],
	["resourceslices.resource.k8s.io", "/slice1", "yes"],
	["resourceslices.resource.k8s.io", "/slice2", unrelated],
	["resourceslices.resource.k8s.io", "/network", unrelated],
	["pods", "default/web", "yes"],
	["pods", "default/elsewhere", unrelated],
	["nodes", "/n1", "yes"],
	["nodes", "/n2", "no: node 'n1' cannot read 'n2', only its own Node object"],
	["services", "default/web", "yes"],
	["endpoints", "default/web", "yes"],
	["deployments.apps", "default/web", "no: "],
])("n1 gets %s %s: %s", (resource, place, expected) => {
	const [namespace, name] = place.split("/");
	expect(answer(question("get", resource, namespace, name))).toBe(expected);
});

it.each([
	["list", "secrets", "default", "pull", "yes"],
	["watch", "configmaps", "default", "map-from", "yes"],
	["update", "secrets", "default", "pull", "no: can only read resources of this type"],
	["get", "secrets/x", "default", "pull", "no: cannot read subresource"],
	["list", "persistentvolumeclaims", "default", "data", "no: can only get individual resources of this type"],
	["get", "persistentvolumes/status", "", "pv", "no: cannot get subresource"],
	["patch", "persistentvolumeclaims/status", "default", "data", "yes"],
	["get", "persistentvolumeclaims/status", "default", "data", "no: can only get/update/patch this type"],
	["create", "serviceaccounts/token", "default", "web", "yes"],
	["create", "serviceaccounts/token", "default", "other", unrelated],
	["create", "serviceaccounts/token", "default", "", "no: can only create tokens for individual service accounts"],
	["create", "serviceaccounts", "default", "web", "no: can only create token subresource of serviceaccount"],
	["get", "leases.coordination.k8s.io", "kube-node-lease", "n1", "yes"],
	["create", "leases.coordination.k8s.io", "kube-node-lease", "", "yes"],
	[
		"update",
		"leases.coordination.k8s.io",
		"kube-node-lease",
		"n2",
		"no: can only access node lease with the same name as the requesting node",
	],
	["get", "leases.coordination.k8s.io", "kube-system", "n1", 'no: can only access leases in the "kube-node-lease" system namespace'],
	["list", "leases.coordination.k8s.io", "kube-node-lease", "", "no: can only get, create, update, patch, or delete a node lease"],
	["create", "csinodes.storage.k8s.io", "", "", "yes"],
	["patch", "csinodes.storage.k8s.io", "", "n1", "yes"],
	["patch", "csinodes.storage.k8s.io", "", "n2", "no: can only access CSINode with the same name as the requesting node"],
	["list", "csinodes.storage.k8s.io", "", "", "no: can only get, create, update, patch, or delete a CSINode"],
	["get", "csinodes.storage.k8s.io/x", "", "n1", "no: cannot authorize CSINode subresources"],
	["create", "resourceslices.resource.k8s.io", "", "", "yes"],
	["delete", "resourceslices.resource.k8s.io", "", "slice1", "yes"],
	[
		"list",
		"resourceslices.resource.k8s.io",
		"",
		"",
		"no: can only list/watch/deletecollection resourceslices with nodeName field selector",
	],
	["create", "nodes", "", "", "yes"],
	["patch", "nodes/status", "", "n1", "yes"],
	["list", "nodes", "", "", "no: node 'n1' cannot read all nodes, only its own Node object"],
	["watch", "nodes", "", "n1", "yes"],
	["delete", "nodes", "", "n1", "no: "],
	["list", "pods", "", "", "no: can only list/watch pods with spec.nodeName field selector"],
	["list", "pods", "default", "web", "yes"],
	["create", "pods", "default", "", "yes"],
	["delete", "pods", "default", "web", "yes"],
	["update", "pods", "default", "web", "no: "],
	["patch", "pods/status", "default", "web", "yes"],
	["create", "pods/eviction", "default", "web", "yes"],
	["create", "pods/binding", "default", "web", "no: "],
	["create", "events", "default", "", "yes"],
	["list", "events", "default", "", "no: "],
	["list", "services", "", "", "yes"],
	["list", "runtimeclasses.node.k8s.io", "", "", "yes"],
	["create", "certificatesigningrequests.certificates.k8s.io", "", "", "yes"],
	["create", "tokenreviews.authentication.k8s.io", "", "", "yes"],
] as const)("n1 may %s %s in '%s' '%s': %s", (verb, resource, namespace, name, expected) => {
	expect(answer(question(verb, resource, namespace, name))).toBe(expected);
});

describe("selectors", () => {
	it.each([
		["pods", "spec.nodeName=n1", "yes"],
		["pods", "spec.nodeName=n1,status.phase!=Failed", "yes"],
		["pods", "spec.nodeName=n2", "no: can only list/watch pods with spec.nodeName field selector"],
		["pods", "spec.nodeName!=n1", "no: can only list/watch pods with spec.nodeName field selector"],
		["resourceslices.resource.k8s.io", "nodeName=n1", "yes"],
		[
			"resourceslices.resource.k8s.io",
			"nodeName=n2",
			"no: can only list/watch/deletecollection resourceslices with nodeName field selector",
		],
	])("n1 lists %s where %s: %s", (resource, fieldSelector, expected) => {
		expect(answer({ ...question("list", resource), fieldSelector })).toBe(expected);
	});
});

it("knows nodes by name and group", () => {
	const get = question("get", "nodes", "", "n1");
	expect(answer(get, person("system:node:n1"))).toBe("no: ");
	expect(answer(get, person("n1", "system:nodes"))).toBe("no: ");
	expect(answer(get, person("system:node:", "system:nodes"))).toBe('no: unknown node for user "system:node:"');
	expect(authorizer.rulesFor(n1)).toMatchObject({ incomplete: true, error: "node authorizer does not support user rule resolution" });
	expect(authorizer.rulesFor(person("jane"))).toMatchObject({ incomplete: false, error: "" });
});

it("follows pods that are bound and go", () => {
	const get = question("get", "secrets", "default", "late");
	const pod = { spec: { imagePullSecrets: [{ name: "late" }] } };
	put(caches.pods, "default/late", pod);
	expect(answer(get)).toBe(unrelated);
	put(caches.pods, "default/late", { spec: { ...pod.spec, nodeName: "n1" } });
	expect(answer(get)).toBe("yes");
	put(caches.pods, "default/late", undefined);
	expect(answer(get)).toBe(unrelated);
});
