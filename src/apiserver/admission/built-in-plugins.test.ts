/** The plugins that a few lines say everything about, each by what it changes and what it refuses. */
import { describe, expect, it, test } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Pod, PriorityClass } from "../../apimachinery/schema/generated/types.ts";
import { newForbidden } from "../../apimachinery/status-error.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { defaultIngressClass, defaultStorageClass } from "./default-class.ts";
import { denyServiceExternalIps } from "./deny-service-external-ips.ts";
import { eventRateLimit } from "./event-rate-limit.ts";
import { namespaceAutoProvision, namespaceExists } from "./namespace-existence.ts";
import { ownerReferencesPermissionEnforcement } from "./owner-references.ts";
import { persistentVolumeClaimResize } from "./persistent-volume-claim-resize.ts";
import {
	alwaysPullImages,
	extendedResourceToleration,
	limitPodHardAntiAffinityTopology,
	podNodeSelector,
	podTolerationRestriction,
} from "./pod-restrictions.ts";
import { priorityAdmission } from "./priority.ts";
import { runtimeClassAdmission } from "./runtime-class.ts";
import { serviceAccountAdmission } from "./service-account.ts";
import { attributesFor, type OtherObjects } from "./testing/attributes.ts";

type Given = Partial<AdmissionAttributes> & { readonly others?: OtherObjects };

function attributesOf(resource: string, { others = {}, ...given }: Given): AdmissionAttributes {
	return attributesFor({ operation: "CREATE", resource, ...given }, others);
}

/** What the plugin makes of the object. */
function change(plugin: AdmissionPlugin, resource: string, object: object, given: Given = {}): KubeObject {
	const attributes = attributesOf(resource, given);
	expect(plugin.handles(attributes)).toBe(true);
	return plugin.mutate?.(object as KubeObject, attributes) as KubeObject;
}

/** Why the plugin refuses the object; undefined if it does not. */
function refusal(plugin: AdmissionPlugin, resource: string, object: object, given: Given = {}): string | undefined {
	const attributes = attributesOf(resource, given);
	expect(plugin.handles(attributes)).toBe(true);
	try {
		plugin.validate?.(object as KubeObject, attributes);
		return undefined;
	} catch (error) {
		return (error as Error).message;
	}
}

const pod = (spec: object = {}, metadata: object = {}): Pod => ({
	metadata: { name: "a", ...metadata },
	spec: { containers: [{ name: "c", image: "nginx" }], ...spec },
});
const annotated = (name: string, annotations: object, creationTimestamp = "2026-01-01T00:00:00Z"): KubeObject => ({
	metadata: { name, annotations, creationTimestamp } as KubeObject["metadata"] & object,
});

describe("default classes", () => {
	const mark = { "storageclass.kubernetes.io/is-default-class": "true" };
	const others = {
		"storage.k8s.io/storageclasses": [annotated("none", {}), annotated("old", mark), annotated("young", mark, "2026-02-01T00:00:00Z")],
		"networking.k8s.io/ingressclasses": [annotated("nginx", { "ingressclass.kubernetes.io/is-default-class": "true" })],
	};
	test.each([
		[{ spec: {} }, "young"],
		[{ spec: { storageClassName: "" } }, ""],
		[{ metadata: { annotations: { "volume.beta.kubernetes.io/storage-class": "x" } }, spec: {} }, undefined],
	])("of a claim %j", (claim, name) => {
		expect(change(defaultStorageClass, "persistentvolumeclaims", claim, { others })).toMatchObject({
			spec: name === undefined ? {} : { storageClassName: name },
		});
	});
	test.each([
		[{ spec: {} }, { ingressClassName: "nginx" }],
		[{ spec: { ingressClassName: "x" } }, { ingressClassName: "x" }],
		[{ metadata: { annotations: { "kubernetes.io/ingress.class": "x" } }, spec: {} }, {}],
	])("of an ingress %j", (ingress, spec) => {
		expect(change(defaultIngressClass, "ingresses", ingress, { others, group: "networking.k8s.io" })).toMatchObject({ ...ingress, spec });
	});
	it("are none where none is marked", () => {
		const claim = { spec: {} };
		expect(change(defaultStorageClass, "persistentvolumeclaims", claim)).toBe(claim);
	});
});

test.each([
	["1Gi", "2Gi", "Bound", "fast", undefined],
	["2Gi", "1Gi", "Pending", "fast", undefined],
	["1Gi", "2Gi", "Pending", "fast", "Only bound persistent volume claims can be expanded"],
	[
		"1Gi",
		"2Gi",
		"Bound",
		"slow",
		"only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
	],
	[
		"1Gi",
		"2Gi",
		"Bound",
		"",
		"only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
	],
])("a claim that grows from %s to %s, %s, of class %j", (before, after, phase, storageClassName, text) => {
	const claim = (storage: string) => ({
		metadata: { name: "a" },
		spec: { storageClassName, resources: { requests: { storage } } },
		status: { phase },
	});
	const classes = [{ metadata: { name: "fast" }, allowVolumeExpansion: true }, { metadata: { name: "slow" } }] as KubeObject[];
	const found = refusal(persistentVolumeClaimResize, "persistentvolumeclaims", claim(after), {
		operation: "UPDATE",
		oldObject: claim(before),
		others: { "storage.k8s.io/storageclasses": classes },
	});
	expect(found).toBe(text && `persistentvolumeclaims "a" is forbidden: ${text}`);
});

describe("RuntimeClass", () => {
	const kata = {
		metadata: { name: "kata" },
		overhead: { podFixed: { cpu: "100m" } },
		scheduling: { nodeSelector: { runtime: "kata" }, tolerations: [{ key: "kata", operator: "Exists" }] },
	} as KubeObject;
	const others = { "node.k8s.io/runtimeclasses": [kata] };
	it("adds overhead, selector and tolerations", () => {
		const tolerations = [{ key: "kata", operator: "Exists", effect: "NoSchedule" }];
		expect(
			change(runtimeClassAdmission, "pods", pod({ runtimeClassName: "kata", nodeSelector: { a: "b" }, tolerations }), { others }).metadata,
		).toBeDefined();
		expect(
			(change(runtimeClassAdmission, "pods", pod({ runtimeClassName: "kata", nodeSelector: { a: "b" }, tolerations }), { others }) as Pod)
				.spec,
		).toMatchObject({
			overhead: { cpu: "100m" },
			nodeSelector: { a: "b", runtime: "kata" },
			tolerations: [{ key: "kata", operator: "Exists" }],
		});
	});
	test.each([
		[{ runtimeClassName: "nope" }, 'pods "a" is forbidden: pod rejected: RuntimeClass "nope" not found'],
		[{ runtimeClassName: "kata", overhead: { cpu: "1" } }, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"],
		[
			{ runtimeClassName: "kata", nodeSelector: { runtime: "x" } },
			"conflict: runtimeClass.scheduling.nodeSelector[runtime] = kata; pod.spec.nodeSelector[runtime] = x",
		],
	])("refuses %j", (spec, text) => expect(() => change(runtimeClassAdmission, "pods", pod(spec), { others })).toThrow(text));
	test.each([
		[{ overhead: { cpu: "1" } }, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"],
		[{ runtimeClassName: "kata", overhead: { cpu: "0.1" } }, undefined],
	])("judges %j", (spec, text) => {
		const found = refusal(runtimeClassAdmission, "pods", pod(spec), { others });
		expect(found).toBe(text && `pods "a" is forbidden: ${text}`);
	});
});

describe("Priority", () => {
	const classes: readonly PriorityClass[] = [
		{ metadata: { name: "high" }, value: 10, preemptionPolicy: "Never" },
		{ metadata: { name: "usual" }, value: 5, globalDefault: true },
	];
	const others = { "scheduling.k8s.io/priorityclasses": classes };
	test.each([
		[{ priorityClassName: "high" }, { priorityClassName: "high", priority: 10, preemptionPolicy: "Never" }],
		[{}, { priorityClassName: "usual", priority: 5, preemptionPolicy: "PreemptLowerPriority" }],
	])("of %j", (spec, result) => expect((change(priorityAdmission, "pods", pod(spec), { others }) as Pod).spec).toMatchObject(result));
	test.each([
		[{ priorityClassName: "nope" }, "no PriorityClass with name nope was found"],
		[
			{ priorityClassName: "high", priority: 3 },
			"the integer value of priority (3) must not be provided in pod spec; priority admission controller computed 10 from the given PriorityClass name",
		],
		[
			{ priorityClassName: "high", preemptionPolicy: "PreemptLowerPriority" },
			"the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name",
		],
	])("refuses %j", (spec, text) => expect(() => change(priorityAdmission, "pods", pod(spec), { others })).toThrow(text));
	it("stays when an update leaves it out", () => {
		const oldObject = pod({ priority: 10, preemptionPolicy: "Never" });
		expect(change(priorityAdmission, "pods", pod(), { operation: "UPDATE", oldObject })).toEqual(oldObject);
	});
	it("has one default class", () => {
		const given = { group: "scheduling.k8s.io", others };
		const second = { metadata: { name: "second" }, globalDefault: true };
		expect(refusal(priorityAdmission, "priorityclasses", second, { ...given, name: "second" })).toContain(
			"PriorityClass usual is already marked as default. Only one default can exist",
		);
		expect(
			refusal(priorityAdmission, "priorityclasses", classes[1] ?? {}, { ...given, operation: "UPDATE", name: "usual" }),
		).toBeUndefined();
	});
});

describe("ServiceAccount", () => {
	const account = {
		metadata: { name: "default", namespace: "default", annotations: { "kubernetes.io/enforce-mountable-secrets": "true" } },
		secrets: [{ name: "known" }],
		imagePullSecrets: [{ name: "pull" }],
	} as KubeObject;
	const others = { "/serviceaccounts": [account] };
	const env = (name: string) => [{ name: "e", valueFrom: { secretKeyRef: { name, key: "k" } } }];
	test.each([
		[{ volumes: [{ name: "v", secret: { secretName: "known" } }], imagePullSecrets: [{ name: "pull" }] }, undefined],
		[
			{ volumes: [{ name: "v", secret: { secretName: "x" } }] },
			'volume with secret.secretName="x" is not allowed because service account default does not reference that secret',
		],
		[
			{ containers: [{ name: "c", env: env("x") }] },
			'container c with envVar e referencing secret.secretName="x" is not allowed because service account default does not reference that secret',
		],
		[
			{ initContainers: [{ name: "i", envFrom: [{ secretRef: { name: "x" } }] }] },
			'init container i with envFrom referencing secret.secretName="x" is not allowed because service account default does not reference that secret',
		],
		[
			{ imagePullSecrets: [{ name: "x" }] },
			'imagePullSecrets references secret="x" but service account default does not reference that imagePullSecret',
		],
	])("that lists what may be mounted judges %j", (spec, text) => {
		const found = refusal(serviceAccountAdmission, "pods", pod(spec), { others });
		expect(found).toBe(text && `pods "a" is forbidden: ${text}`);
	});
	test.each([
		[{ serviceAccountName: "x" }, "a mirror pod may not reference service accounts"],
		[{ volumes: [{ name: "v", configMap: { name: "m" } }] }, "a mirror pod may not reference configmaps"],
	])("leaves mirror pods alone, and refuses those with %j", (spec, text) => {
		const mirror = pod(spec, { annotations: { "kubernetes.io/config.mirror": "x" } });
		expect(change(serviceAccountAdmission, "pods", mirror, { others })).toBe(mirror);
		expect(refusal(serviceAccountAdmission, "pods", mirror, { others })).toContain(text);
	});
});

describe("plugins that are off by default", () => {
	it("AlwaysPullImages", () => {
		const given = pod({
			initContainers: [{ name: "i", image: "x", imagePullPolicy: "Never" }],
			volumes: [{ name: "v", image: { reference: "r" } }],
		});
		const pulled = change(alwaysPullImages, "pods", given) as Pod;
		expect([
			pulled.spec?.containers[0]?.imagePullPolicy,
			pulled.spec?.initContainers?.[0]?.imagePullPolicy,
			pulled.spec?.volumes?.[0]?.image?.pullPolicy,
		]).toEqual(["Always", "Always", "Always"]);
		expect(refusal(alwaysPullImages, "pods", pulled)).toBeUndefined();
		expect(refusal(alwaysPullImages, "pods", given)).toContain(
			'spec.initContainers[0].imagePullPolicy: Unsupported value: "Never": supported values: "Always"',
		);
		expect(refusal(alwaysPullImages, "pods", given, { operation: "UPDATE", oldObject: given })).toBeUndefined();
	});

	test.each([
		["kubernetes.io/hostname", undefined],
		[
			"topology.kubernetes.io/zone",
			"affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey topology.kubernetes.io/zone but only key kubernetes.io/hostname is allowed",
		],
	])("LimitPodHardAntiAffinityTopology: %s", (topologyKey, text) => {
		const spec = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey }] } } };
		expect(refusal(limitPodHardAntiAffinityTopology, "pods", pod(spec))).toBe(text && `pods "a" is forbidden: ${text}`);
	});

	it("ExtendedResourceToleration", () => {
		const spec = { containers: [{ name: "c", resources: { requests: { cpu: "1", "nvidia.com/gpu": "1" } } }] };
		expect((change(extendedResourceToleration, "pods", pod(spec)) as Pod).spec?.tolerations).toEqual([
			{ key: "nvidia.com/gpu", operator: "Exists" },
		]);
		const plain = pod();
		expect(change(extendedResourceToleration, "pods", plain)).toBe(plain);
	});

	it("PodNodeSelector", () => {
		const others = { "/namespaces": [annotated("default", { "scheduler.alpha.kubernetes.io/node-selector": "env=test, zone=a" })] };
		expect((change(podNodeSelector, "pods", pod({ nodeSelector: { x: "y" } }), { others }) as Pod).spec?.nodeSelector).toEqual({
			env: "test",
			zone: "a",
			x: "y",
		});
		expect(() => change(podNodeSelector, "pods", pod({ nodeSelector: { env: "prod" } }), { others })).toThrow(
			"pod node label selector conflicts with its namespace node label selector",
		);
	});

	it("PodTolerationRestriction", () => {
		const others = {
			"/namespaces": [
				annotated("default", {
					"scheduler.alpha.kubernetes.io/defaultTolerations": '[{"key":"a","operator":"Exists"}]',
					"scheduler.alpha.kubernetes.io/tolerationsWhitelist": '[{"key":"a","operator":"Exists"}]',
				}),
			],
		};
		expect((change(podTolerationRestriction, "pods", pod(), { others }) as Pod).spec?.tolerations).toEqual([
			{ key: "a", operator: "Exists" },
		]);
		const burstable = pod({ containers: [{ name: "c", resources: { requests: { cpu: "1" } } }] });
		expect((change(podTolerationRestriction, "pods", burstable) as Pod).spec?.tolerations).toEqual([
			{ key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
		]);
		expect(
			refusal(podTolerationRestriction, "pods", pod({ tolerations: [{ key: "a", operator: "Equal", value: "b" }] }), { others }),
		).toBeUndefined();
		expect(refusal(podTolerationRestriction, "pods", pod({ tolerations: [{ key: "b", operator: "Exists" }] }), { others })).toContain(
			"conflict with its namespace whitelist",
		);
	});

	test.each([
		[["1.2.3.4"], undefined, "Use of external IPs is denied by admission control."],
		[["1.2.3.4"], ["1.2.3.4", "5.6.7.8"], undefined],
		[[], undefined, undefined],
	])("DenyServiceExternalIPs: %j after %j", (externalIPs, before, text) => {
		const given = before === undefined ? {} : { operation: "UPDATE" as const, oldObject: { spec: { externalIPs: before } } as KubeObject };
		expect(refusal(denyServiceExternalIps, "services", { metadata: { name: "a" }, spec: { externalIPs } }, given)).toBe(
			text && `services "a" is forbidden: ${text}`,
		);
	});

	it("NamespaceExists", () => {
		expect(refusal(namespaceExists, "pods", pod(), { others: { "/namespaces": [{ metadata: { name: "default" } }] } })).toBeUndefined();
		expect(refusal(namespaceExists, "pods", pod())).toBe('namespaces "default" not found');
		expect(refusal(namespaceExists, "nodes", {}, { namespace: "" })).toBeUndefined();
	});

	it("NamespaceAutoProvision", async () => {
		const made: string[] = [];
		const plugin = namespaceAutoProvision(async (name) => void made.push(name));
		expect(await plugin.mutate?.(pod(), attributesOf("pods", {}))).toEqual(pod());
		expect(plugin.mutate?.(pod(), attributesOf("pods", { dryRun: true }))).toEqual(pod());
		expect(made).toEqual(["default"]);
	});

	it("EventRateLimit", () => {
		const plugin = eventRateLimit([{ type: "Namespace", qps: 1, burst: 2 }]);
		const event = { involvedObject: {} };
		const at = (nowMs: number, namespace = "default") => refusal(plugin, "events", event, { nowMs, namespace });
		expect([at(0), at(0), at(0), at(0, "other"), at(999), at(1999)]).toEqual([
			undefined,
			undefined,
			"limit reached on type Namespace for key default",
			undefined,
			"limit reached on type Namespace for key default",
			undefined,
		]);
	});

	it("OwnerReferencesPermissionEnforcement", async () => {
		const asked: string[] = [];
		const refused = new Set<string>();
		const plugin = ownerReferencesPermissionEnforcement({
			authorize(_user, { verb, resource, subresource }) {
				const what = `${verb} ${resource}${subresource === undefined ? "" : `/${subresource}`}`;
				asked.push(what);
				if (refused.has(what)) throw newForbidden({ group: "", resource }, "a", "no");
			},
			resourceOf: (_apiVersion, kind) => (kind === "ReplicaSet" ? { resource: "replicasets", namespaced: true } : undefined),
		});
		const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "rs", uid: "1", blockOwnerDeletion: true };
		const owned = pod({}, { ownerReferences: [owner] });
		const run = async (object: Pod, given: Given = {}) => plugin.validate?.(object, attributesOf("pods", given));
		await run(owned);
		expect(asked).toEqual(["delete pods", "update replicasets/finalizers"]);
		expect(plugin.validate?.(owned, attributesOf("pods", { operation: "UPDATE", oldObject: owned }))).toBeUndefined();
		refused.add("update replicasets/finalizers");
		await expect(run(owned)).rejects.toThrow(
			"cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on",
		);
		refused.add("delete pods");
		await expect(run(owned)).rejects.toThrow("cannot set an ownerRef on a resource you can't delete");
	});
});
