/** /status of every kind that has one: the status and nothing else, and nothing at all on a dry run. */

import { beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { generatedResources } from "../../apimachinery/schema/generated/resources.ts";
import { certificate, requestOf } from "../registry/certificates/testing.ts";
import { type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";

const labels = { app: "web" };
const selector = { matchLabels: labels };
const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "nginx" }] } };
const jobTemplate = { spec: { template: { spec: { ...template.spec, restartPolicy: "Never" } } } };
const request = requestOf("ec");
const time = "2026-01-01T00:00:00Z";
const condition = { type: "Example", status: "True", reason: "Test", message: "", lastTransitionTime: time };
const flow = {
	subjects: [{ kind: "User", user: { name: "a" } }],
	resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true }],
};

/** By `group/resource`: a spec to make one of, and a status to give it. */
const kinds: Readonly<Record<string, readonly [spec: object, status: object]>> = {
	"/namespaces": [{}, { conditions: [condition] }],
	"/nodes": [{}, { nodeInfo: { kernelVersion: "6" } }],
	"/pods": [template.spec, { message: "hello" }],
	"/services": [{ ports: [{ port: 80 }], type: "LoadBalancer" }, { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } }],
	"/persistentvolumes": [
		{ capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } },
		{ phase: "Available", message: "hello" },
	],
	"/persistentvolumeclaims": [{ accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } }, { phase: "Bound" }],
	"/replicationcontrollers": [{ selector: labels, template }, { replicas: 2 }],
	"/resourcequotas": [{ hard: { pods: "3" } }, { used: { pods: "1" } }],
	"apps/deployments": [
		{ selector, template },
		{ replicas: 2, updatedReplicas: 1 },
	],
	"apps/daemonsets": [
		{ selector, template },
		{ numberReady: 2, currentNumberScheduled: 2, desiredNumberScheduled: 2, numberMisscheduled: 0 },
	],
	"apps/replicasets": [{ selector, template }, { replicas: 2 }],
	"apps/statefulsets": [{ selector, template, serviceName: "web" }, { replicas: 2 }],
	"autoscaling/horizontalpodautoscalers": [
		{ scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" }, maxReplicas: 3 },
		{ currentReplicas: 2, desiredReplicas: 2 },
	],
	"batch/cronjobs": [{ schedule: "0 0 * * *", jobTemplate }, { lastScheduleTime: time }],
	"batch/jobs": [jobTemplate.spec, { active: 1 }],
	"certificates.k8s.io/certificatesigningrequests": [
		{ request, signerName: "kubernetes.io/kube-apiserver-client", usages: ["client auth"] },
		{ certificate },
	],
	"flowcontrol.apiserver.k8s.io/flowschemas": [
		{ priorityLevelConfiguration: { name: "exempt" }, matchingPrecedence: 10, rules: [flow] },
		{ conditions: [{ ...condition, type: "Dangling" }] },
	],
	"flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": [
		{ type: "Limited", limited: { nominalConcurrencyShares: 5, limitResponse: { type: "Reject" } } },
		{ conditions: [condition] },
	],
	"networking.k8s.io/ingresses": [
		{ defaultBackend: { service: { name: "a", port: { number: 80 } } } },
		{ loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } },
	],
	"networking.k8s.io/servicecidrs": [{ cidrs: ["10.10.0.0/24"] }, { conditions: [condition] }],
	"policy/poddisruptionbudgets": [{ selector, minAvailable: 1 }, { currentHealthy: 2 }],
	"resource.k8s.io/resourceclaims": [{}, { allocation: {}, reservedFor: [{ resource: "pods", name: "a", uid: "u" }] }],
	"storage.k8s.io/volumeattachments": [
		{ attacher: "example.com", nodeName: "n1", source: { persistentVolumeName: "v" } },
		{ attached: true },
	],
};

/** Creating these is refused (docs/status.md). */
const refused = new Set([
	"admissionregistration.k8s.io/validatingadmissionpolicies",
	"apiextensions.k8s.io/customresourcedefinitions",
	"apiregistration.k8s.io/apiservices",
]);

const endpoints = generatedResources.filter(({ subresource }) => subresource === "status");

let fixture: ServerFixture;

beforeEach(async () => {
	fixture = await startServer();
});

it("is known of every kind that has it", () => {
	const known = new Set([...Object.keys(kinds), ...refused]);
	expect(endpoints.map(({ group, resource }) => `${group}/${resource}`).filter((name) => !known.has(name))).toEqual([]);
});

const statusOf = (object: KubeObject) => (object as KubeObject & { readonly status?: object }).status;
const specOf = (object: KubeObject) => (object as KubeObject & { readonly spec?: object }).spec;

describe.each(endpoints.filter(({ group, resource }) => !refused.has(`${group}/${resource}`)))(
	"$group/$version $resource",
	({ group, version, resource, namespaced }) => {
		const name = "thing";
		const [spec, status] = kinds[`${group}/${resource}`] ?? [{}, {}];
		let driver: ResourceDriver;

		beforeEach(async () => {
			driver = namespaced ? fixture.resource(group, version, resource) : fixture.clusterResource(group, version, resource);
			await driver.send("create", { body: { metadata: { name, labels: { a: "b" } }, spec } });
		});

		const patch = {
			name,
			subresource: "status",
			patchType: "application/merge-patch+json" as const,
			body: { metadata: { labels: { other: "label" } }, spec: { surprise: true }, status },
		};

		it("takes the status, and neither spec nor labels", async () => {
			const before = await driver.send("get", { name });
			const after = await driver.send("patch", patch);
			expect(statusOf(after)).toMatchObject(status);
			expect([specOf(after), after.metadata?.labels, after.metadata?.generation]).toEqual([
				specOf(before),
				before.metadata?.labels,
				before.metadata?.generation,
			]);
			expect(await driver.send("get", { name, subresource: "status" })).toEqual(after);
		});

		it("keeps the status when the object itself is written", async () => {
			const after = await driver.send("patch", patch);
			const written = await driver.send("update", { name, body: { ...after, status: {} } });
			expect(statusOf(written)).toEqual(statusOf(after));
		});

		it("stores nothing on a dry run of either", async () => {
			const before = await driver.send("get", { name });
			await driver.send("patch", { ...patch, options: { dryRun: true } });
			await driver.send("update", { name, body: { ...before, metadata: { ...before.metadata, labels: {} } }, options: { dryRun: true } });
			await driver.send("delete", { name, options: { dryRun: true } });
			expect(await driver.send("get", { name })).toEqual(before);
		});
	},
);
