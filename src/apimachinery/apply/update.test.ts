import { describe, expect, it } from "vitest";
import { deepFreeze } from "../testing/deep-freeze.ts";
import { type FieldSet, hasPath } from "./field-set.ts";
import { type ManagerId, type OwnedFields, parseEntries } from "./managers.ts";
import { mergeNodeOf } from "./merge-node.ts";
import { ownersAfterUpdate } from "./update.ts";
import type { ObjectVersions } from "./writes.ts";

const versions = (type: string): ObjectVersions => ({ nodeOf: () => mergeNodeOf(type), convert: (object) => object });
const updater = (manager: string, subresource = ""): ManagerId => ({ manager, operation: "Update", apiVersion: "apps/v1", subresource });

function update(type: string, entries: readonly OwnedFields[], old: unknown, next: unknown, id: ManagerId, time = "t1", reset?: FieldSet) {
	const before = { object: deepFreeze(old), entries };
	return ownersAfterUpdate(before, deepFreeze(next), { id, versions: versions(type), reset, time });
}

/** `kubectl create deployment nginx --image=nginx`, as the server has it after defaulting. */
const deployment = {
	apiVersion: "apps/v1",
	kind: "Deployment",
	metadata: { name: "nginx", namespace: "default", labels: { app: "nginx" } },
	spec: {
		replicas: 1,
		selector: { matchLabels: { app: "nginx" } },
		strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
		template: {
			metadata: { labels: { app: "nginx" } },
			spec: {
				containers: [
					{
						name: "nginx",
						image: "nginx",
						imagePullPolicy: "Always",
						resources: {},
						ports: [{ containerPort: 80, protocol: "TCP" }],
					},
				],
				securityContext: {},
			},
		},
	},
	status: { replicas: 0 },
};

describe("owners after an update", () => {
	it("own of a new object what kube-apiserver says they own", () => {
		const [entry, ...others] = update("Deployment", [], {}, deployment, updater("kubectl-create"), "t1", { "f:status": {} });
		expect(others).toEqual([]);
		expect(JSON.stringify(entry)).toBe(
			JSON.stringify({
				manager: "kubectl-create",
				operation: "Update",
				apiVersion: "apps/v1",
				time: "t1",
				fieldsType: "FieldsV1",
				fieldsV1: {
					"f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
					"f:spec": {
						"f:replicas": {},
						"f:selector": {},
						"f:strategy": { "f:rollingUpdate": { ".": {}, "f:maxSurge": {}, "f:maxUnavailable": {} }, "f:type": {} },
						"f:template": {
							"f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
							"f:spec": {
								"f:containers": {
									'k:{"name":"nginx"}': {
										".": {},
										"f:image": {},
										"f:imagePullPolicy": {},
										"f:name": {},
										"f:ports": {
											".": {},
											'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {}, "f:protocol": {} },
										},
										"f:resources": {},
									},
								},
								"f:securityContext": {},
							},
						},
					},
				},
			}),
		);
	});

	it("are the writers of each field, on each subresource", () => {
		const created = update("Deployment", [], {}, deployment, updater("a"), "t1", { "f:status": {} });
		const scaled = { ...deployment, spec: { ...deployment.spec, replicas: 3 } };
		const afterScale = update("Deployment", created, deployment, scaled, updater("b", "scale"), "t2");
		expect(afterScale.map(({ manager, subresource, time }) => [manager, subresource, time])).toEqual([
			["a", undefined, "t1"],
			["b", "scale", "t2"],
		]);
		expect(afterScale[1]?.fieldsV1).toEqual({ "f:spec": { "f:replicas": {} } });
		expect(hasPath(afterScale[0]?.fieldsV1 ?? {}, ["f:spec", "f:replicas"])).toBe(false);
		const observed = { ...scaled, status: { replicas: 3, conditions: [{ type: "Available", status: "True" }] } };
		const afterStatus = update("Deployment", afterScale, scaled, observed, updater("kcm", "status"), "t3");
		expect(afterStatus[2]?.fieldsV1).toEqual({
			"f:status": { "f:conditions": { ".": {}, 'k:{"type":"Available"}': { ".": {}, "f:status": {}, "f:type": {} } }, "f:replicas": {} },
		});
		expect(afterStatus[0]).toBe(afterScale[0]);
	});

	it("stay as they are where nothing changed, and lose what is removed", () => {
		const created = update("Deployment", [], {}, deployment, updater("a"));
		expect(update("Deployment", created, deployment, { ...deployment }, updater("b"), "t2")).toBe(created);
		const { labels: _, ...metadata } = deployment.metadata;
		const [after, ...others] = update("Deployment", created, deployment, { ...deployment, metadata }, updater("b"), "t2");
		expect(others).toEqual([]);
		expect(after?.time).toBe("t1");
		expect(after?.fieldsV1["f:metadata"]).toBeUndefined();
	});

	it("own finalizers by value, owner references by uid, and atomic lists as one", () => {
		const old = { metadata: { name: "a", finalizers: ["x/a"] }, spec: { containers: [], tolerations: [{ key: "a" }] } };
		const next = {
			metadata: { name: "a", finalizers: ["x/a", "x/b"], ownerReferences: [{ uid: "u", kind: "K", name: "n", apiVersion: "v1" }] },
			spec: { containers: [], tolerations: [{ key: "b" }] },
		};
		expect(update("Pod", [], old, next, updater("a"))[0]?.fieldsV1).toEqual({
			"f:metadata": { "f:finalizers": { 'v:"x/b"': {} }, "f:ownerReferences": { ".": {}, 'k:{"uid":"u"}': {} } },
			"f:spec": { "f:tolerations": {} },
		});
	});

	it("are at most ten updaters: the oldest of each version become ancient-changes", () => {
		let entries: readonly OwnedFields[] = [];
		let object: Record<string, unknown> = { metadata: { labels: {} } };
		for (let index = 0; index < 12; index++) {
			const labels = { ...(object.metadata as { labels: object }).labels, [`l${index}`]: "x" };
			const next = { metadata: { labels } };
			entries = update("ConfigMap", entries, object, next, updater(`m${index}`), `t${String(index).padStart(2, "0")}`);
			object = next;
		}
		expect(entries.map(({ manager, time }) => `${manager} ${time}`)).toEqual([
			"ancient-changes t02",
			...[3, 4, 5, 6, 7, 8, 9, 10, 11].map((index) => `m${index} t${String(index).padStart(2, "0")}`),
		]);
		expect(entries[0]?.fieldsV1).toEqual({ "f:metadata": { "f:labels": { "f:l0": {}, "f:l1": {}, "f:l2": {} } } });
	});

	it("are taken from what a client sent only if all of it is well formed", () => {
		const good = {
			manager: "a",
			operation: "Apply",
			apiVersion: "v1",
			fieldsType: "FieldsV1",
			fieldsV1: { "f:metadata": { "f:name": {}, "f:labels": {} } },
		};
		expect(parseEntries([good])?.[0]?.fieldsV1).toEqual({ "f:metadata": { "f:labels": {} } });
		for (const bad of [
			{ ...good, operation: "Create" },
			{ ...good, apiVersion: "" },
			{ ...good, fieldsV1: { x: {} } },
		]) {
			expect(parseEntries([good, bad])).toBeUndefined();
		}
	});
});
