import { describe, expect, it, test } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { Node, Pod } from "../../../apimachinery/schema/generated/types.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { attributesFor, type OtherObjects } from "../testing/attributes.ts";
import { nodeRestriction } from "./node-restriction.ts";

const kubelet = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };
const pod = (nodeName: string, rest: Partial<Pod> = {}): Pod => ({
	metadata: { name: "p", namespace: "default", uid: "p-1" },
	spec: { nodeName, containers: [] },
	...rest,
});
const others: OtherObjects = {
	"/pods": [pod("n1"), { ...pod("n2"), metadata: { name: "other", namespace: "default", uid: "p-2" } }],
	"/nodes": [{ metadata: { name: "n1", uid: "n-1" } }],
};

function check(object: KubeObject, given: Partial<AdmissionAttributes> & Pick<AdmissionAttributes, "operation" | "resource">): void {
	const attributes = attributesFor({ user: kubelet, name: "n1", ...given }, others);
	expect(nodeRestriction.handles(attributes)).toBe(true);
	if (given.operation === "DELETE") nodeRestriction.validate?.(undefined, attributes);
	else expect(nodeRestriction.mutate?.(object, attributes)).toBe(object);
}

const owner = { apiVersion: "v1", kind: "Node", name: "n1", uid: "n-1", controller: true };
const mirror = (metadata: object = {}, spec: object = {}): Pod => ({
	metadata: { name: "p", annotations: { "kubernetes.io/config.mirror": "x" }, ownerReferences: [owner], ...metadata },
	spec: { nodeName: "n1", containers: [], ...spec },
});

describe("pods", () => {
	const create = { operation: "CREATE", resource: "pods", name: "p" } as const;
	test.each<[string, Pod, string | undefined]>([
		["its own mirror pod", mirror(), undefined],
		[
			"no mirror",
			mirror({ annotations: {} }),
			'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
		],
		["elsewhere", mirror({}, { nodeName: "n2" }), 'node "n1" can only create pods with spec.nodeName set to itself'],
		["no owner", mirror({ ownerReferences: [] }), 'node "n1" can only create pods with an owner reference set to itself'],
		[
			"two owners",
			mirror({ ownerReferences: [owner, owner] }),
			'node "n1" can only create pods with a single owner reference set to itself',
		],
		[
			"no controller",
			mirror({ ownerReferences: [{ ...owner, controller: false }] }),
			'node "n1" can only create pods with a controller owner reference set to itself',
		],
		[
			"blocking",
			mirror({ ownerReferences: [{ ...owner, blockOwnerDeletion: true }] }),
			'node "n1" must not set blockOwnerDeletion on an owner reference',
		],
		["another uid", mirror({ ownerReferences: [{ ...owner, uid: "x" }] }), "node n1 UID mismatch: expected x got n-1"],
		["an account", mirror({}, { serviceAccountName: "a" }), 'node "n1" can not create pods that reference a service account'],
		[
			"a secret",
			mirror({}, { volumes: [{ name: "v", secret: { secretName: "s" } }] }),
			'node "n1" can not create pods that reference secrets',
		],
		[
			"a config map",
			mirror({}, { containers: [{ name: "c", envFrom: [{ configMapRef: { name: "m" } }] }] }),
			'node "n1" can not create pods that reference configmaps',
		],
		[
			"a claim",
			mirror({}, { volumes: [{ name: "v", persistentVolumeClaim: { claimName: "c" } }] }),
			'node "n1" can not create pods that reference persistentvolumeclaims',
		],
	])("creating %s", (_what, object, text) => {
		if (text === undefined) expect(() => check(object, create)).not.toThrow();
		else expect(() => check(object, create)).toThrow(`pods "p" is forbidden: ${text}`);
	});

	const status = { operation: "UPDATE", resource: "pods", subresource: "status", name: "p" } as const;
	test.each<[string, KubeObject, Partial<AdmissionAttributes> & Pick<AdmissionAttributes, "operation" | "resource">, string | undefined]>([
		["the status of its own", pod("n1"), { ...status, oldObject: pod("n1") }, undefined],
		[
			"the status of another's",
			pod("n2"),
			{ ...status, oldObject: pod("n2") },
			'node "n1" can only update pod status for pods with spec.nodeName set to itself',
		],
		[
			"labels",
			pod("n1", { metadata: { labels: { a: "b" } } }),
			{ ...status, oldObject: pod("n1") },
			'node "n1" cannot update labels through pod status',
		],
		[
			"the claims",
			pod("n1", { status: { resourceClaimStatuses: [{ name: "c" }] } }),
			{ ...status, oldObject: pod("n1") },
			'node "n1" cannot update resource claim statues',
		],
		[
			"the pod",
			pod("n1"),
			{ operation: "UPDATE", resource: "pods", name: "p", oldObject: pod("n1") },
			'unexpected operation "UPDATE", node "n1" can only create and delete mirror pods',
		],
		[
			"its size",
			pod("n1"),
			{ operation: "UPDATE", resource: "pods", subresource: "resize", name: "p", oldObject: pod("n1") },
			`unexpected pod subresource "resize", only 'status' and 'eviction' are allowed`,
		],
		["an eviction", {}, { operation: "CREATE", resource: "pods", subresource: "eviction", name: "p" }, undefined],
		[
			"another's eviction",
			{},
			{ operation: "CREATE", resource: "pods", subresource: "eviction", name: "other" },
			"node n1 can only evict pods with spec.nodeName set to itself",
		],
		["a deletion", {}, { operation: "DELETE", resource: "pods", name: "p", oldObject: pod("n1") }, undefined],
		[
			"another's deletion",
			{},
			{ operation: "DELETE", resource: "pods", name: "p", oldObject: pod("n2") },
			'node "n1" can only delete pods with spec.nodeName set to itself',
		],
	])("changing %s", (_what, object, given, text) => {
		if (text === undefined) expect(() => check(object, given)).not.toThrow();
		else expect(() => check(object, given)).toThrow(text);
	});
});

describe("nodes", () => {
	const node = (labels: Readonly<Record<string, string>> = {}, spec: Node["spec"] = {}): Node => ({
		metadata: { name: "n1", labels },
		spec,
	});
	const update = { operation: "UPDATE", resource: "nodes", oldObject: node({ "node-role.kubernetes.io/worker": "" }) } as const;
	test.each<[string, Node, Partial<AdmissionAttributes> & Pick<AdmissionAttributes, "operation" | "resource">, string | undefined]>([
		[
			"itself",
			node({ "kubernetes.io/hostname": "n1", "example.com/a": "b", "node.kubernetes.io/x": "y" }),
			{ operation: "CREATE", resource: "nodes" },
			undefined,
		],
		[
			"a role",
			node({ "node-role.kubernetes.io/master": "" }),
			{ operation: "CREATE", resource: "nodes" },
			'node "n1" is not allowed to set the following labels: node-role.kubernetes.io/master',
		],
		[
			"another",
			node(),
			{ operation: "CREATE", resource: "nodes", name: "n2" },
			'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
		],
		[
			"its labels",
			node({ "node-role.kubernetes.io/worker": "", "node-restriction.kubernetes.io/a": "b" }),
			update,
			'nodes "n1" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/a',
		],
		["a label that it may not take away", node(), update, "is not allowed to modify labels: node-role.kubernetes.io/worker"],
		[
			"its taints",
			node({ "node-role.kubernetes.io/worker": "" }, { taints: [{ key: "a", effect: "NoSchedule" }] }),
			update,
			'node "n1" is not allowed to modify taints',
		],
		["its status", node({ "node-role.kubernetes.io/worker": "" }), { ...update, subresource: "status" }, undefined],
	])("%s", (_what, object, given, text) => {
		if (text === undefined) expect(() => check(object, given)).not.toThrow();
		else expect(() => check(object, given)).toThrow(text);
	});
});

describe("tokens", () => {
	const projected = {
		volumes: [
			{
				name: "v",
				projected: { sources: [{ serviceAccountToken: { path: "t" } }, { serviceAccountToken: { path: "u", audience: "vault" } }] },
			},
		],
	};
	const bound = { "/pods": [pod("n1", { spec: { nodeName: "n1", containers: [], ...projected } }), ...(others["/pods"] ?? []).slice(1)] };
	const request = (boundObjectRef: object | undefined, audiences: readonly string[] = []) => {
		const attributes = attributesFor({ operation: "CREATE", resource: "serviceaccounts", subresource: "token", user: kubelet }, bound);
		return () =>
			nodeRestriction.mutate?.(
				{ spec: { audiences, ...(boundObjectRef === undefined ? {} : { boundObjectRef }) } } as KubeObject,
				attributes,
			);
	};
	const ref = { apiVersion: "v1", kind: "Pod", name: "p", uid: "p-1" };
	test.each([
		[request(ref), undefined],
		[request(ref, ["vault"]), undefined],
		[request(ref, ["other"]), 'audience "other" not found in pod spec volume'],
		[request(ref, ["a", "b"]), "node may only request 0 or 1 audiences"],
		[request(undefined), "node requested token not bound to a pod"],
		[request({ ...ref, uid: "" }), "node requested token with a pod binding without a uid"],
		[
			request({ ...ref, uid: "x" }),
			"the UID in the bound object reference (x) does not match the UID in record. The object might have been deleted and then recreated",
		],
		[request({ ...ref, name: "other", uid: "p-2" }), "node requested token bound to a pod scheduled on a different node"],
	])("%#", (ask, text) => {
		if (text === undefined) expect(ask).not.toThrow();
		else expect(ask).toThrow(text);
	});
});

test.each<[string, Partial<AdmissionAttributes> & Pick<AdmissionAttributes, "operation" | "resource">, string | undefined]>([
	["its lease", { operation: "UPDATE", group: "coordination.k8s.io", resource: "leases", namespace: "kube-node-lease" }, undefined],
	[
		"another lease",
		{ operation: "UPDATE", group: "coordination.k8s.io", resource: "leases", namespace: "kube-node-lease", name: "n2" },
		"can only access node lease with the same name as the requesting node",
	],
	[
		"a lease elsewhere",
		{ operation: "UPDATE", group: "coordination.k8s.io", resource: "leases" },
		'can only access leases in the "kube-node-lease" system namespace',
	],
	["its CSINode", { operation: "CREATE", group: "storage.k8s.io", resource: "csinodes" }, undefined],
	[
		"another CSINode",
		{ operation: "CREATE", group: "storage.k8s.io", resource: "csinodes", name: "n2" },
		"can only access CSINode with the same name as the requesting node",
	],
	["a claim", { operation: "UPDATE", resource: "persistentvolumeclaims" }, "may only update PVC status"],
])("%s", (_what, given, text) => {
	if (text === undefined) expect(() => check({}, given)).not.toThrow();
	else expect(() => check({}, given)).toThrow(text);
});

it("is no matter of others, and refuses a node that has no name", () => {
	const given = { operation: "CREATE", resource: "nodes", name: "n2" } as const;
	expect(() => check({}, { ...given, user: { name: "system:node:n1", groups: [] } })).not.toThrow();
	expect(() => check({}, { ...given, user: { name: "system:node:", groups: ["system:nodes"] } })).toThrow(
		'could not determine node from user "system:node:"',
	);
});
