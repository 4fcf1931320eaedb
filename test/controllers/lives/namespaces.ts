/** Controllers of namespaces and of what every namespace has, and of what goes with its owner. */
import fc from "fast-check";
import { jsonEqual } from "../../../src/apimachinery/json.ts";
import type { KubeObject } from "../../../src/apimachinery/meta.ts";
import type { ConfigMap, Pod, ResourceQuota, Secret, ServiceAccount } from "../../../src/apimachinery/schema/generated/types.ts";
import { configMaps, namespaces, pods, resourceQuotas, secrets, serviceAccounts } from "../../../src/client/resources.ts";
import type { DeletableResource } from "../../../src/controllers/deletable-resources.ts";
import { garbageCollector } from "../../../src/controllers/garbage-collector/garbage-collector.ts";
import { namespaceController } from "../../../src/controllers/namespace/namespace-controller.ts";
import { isPodTerminal } from "../../../src/controllers/pod-state.ts";
import { resourceQuotaController } from "../../../src/controllers/resourcequota/resourcequota-controller.ts";
import { rootCaPublisher } from "../../../src/controllers/root-ca-publisher.ts";
import { serviceAccountController } from "../../../src/controllers/service-account-controller.ts";
import { serviceAccountTokenController } from "../../../src/controllers/service-account-token-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, type Life, patching, toOneOf } from "../life.ts";

/** Some of all that there are: the others would only be asked for in vain. */
const deletable: readonly DeletableResource[] = [pods, configMaps, secrets].map((ref) => ({ ...ref, namespaced: true }));
const places = ["a", "b"];
const place = fc.constantFrom(...places);
const placeCreated = place.map((name) => creating(namespaces, { metadata: { name } }));
const placeDeleted = place.map((name) => deleting(namespaces, name));

function isActive(cluster: TestCluster, name: string | undefined): boolean {
	return all(cluster, namespaces).some(({ metadata }) => metadata?.name === name && metadata?.deletionTimestamp === undefined);
}

function activePlaces(cluster: TestCluster): readonly string[] {
	return [...places, "default"].filter((name) => isActive(cluster, name));
}

// ── namespace-controller ──

const runs: Pod = { metadata: { name: "runs" }, spec: { terminationGracePeriodSeconds: 5, containers: [{ name: "c", image: "i" }] } };
const held = "example.com/held";

function contentOf(cluster: TestCluster): readonly KubeObject[] {
	return [pods, configMaps, secrets].flatMap((ref) => all<KubeObject>(cluster, ref));
}

const namespaceLife: Life = {
	controller: () => namespaceController(deletable),
	machines: true,
	actions: fc.oneof(
		{ weight: 3, arbitrary: placeCreated },
		{ weight: 3, arbitrary: placeDeleted },
		{
			weight: 4,
			arbitrary: fc
				.tuple(place, fc.constantFrom("x", "y"), fc.constantFrom<readonly string[]>([], [], [held]))
				.map(([namespace, name, finalizers]) => creating(configMaps, { metadata: { namespace, name, finalizers } })),
		},
		{ weight: 2, arbitrary: place.map((namespace) => creating(pods, { ...runs, metadata: { ...runs.metadata, namespace } })) },
		{ weight: 2, arbitrary: place.map((namespace) => patching(configMaps, `${namespace}/x`, { metadata: { finalizers: null } })) },
	),
	// A namespace stays as long as somebody else's finalizer holds what is in it.
	converged: (cluster) =>
		all(cluster, namespaces).every(({ metadata }) => {
			const content = contentOf(cluster).filter((object) => object.metadata?.namespace === metadata?.name);
			if (metadata?.deletionTimestamp === undefined) return true;
			return content.length > 0 && content.every((object) => object.metadata?.finalizers?.includes(held));
		}) && contentOf(cluster).every(({ metadata }) => all(cluster, namespaces).some((each) => each.metadata?.name === metadata?.namespace)),
	invariant: (cluster) => {
		return ({ kind, namespace, object }) => {
			if (kind !== "Pod" && kind !== "ConfigMap") return;
			if (object.metadata?.deletionTimestamp !== undefined && isActive(cluster, namespace))
				throw new Error("a namespace that lives is emptied");
		};
	},
	owns: ({ kind, namespace }) => kind === "Namespace" || places.includes(namespace),
};

// ── What every namespace has ──

const serviceAccountLife: Life = {
	controller: () => serviceAccountController,
	actions: fc.oneof(
		placeCreated,
		placeDeleted,
		place.map((namespace) => deleting(serviceAccounts, `${namespace}/default`)),
		place.map((namespace) => creating(serviceAccounts, { metadata: { namespace, name: "other" } })),
	),
	converged: (cluster) =>
		activePlaces(cluster).every((name) =>
			all(cluster, serviceAccounts).some(({ metadata }) => metadata?.namespace === name && metadata.name === "default"),
		),
	// Made and deleted, or changed, between two lists: it is missed until all is looked at again.
	within: "25h",
	owns: ({ kind, name }) => kind === "ServiceAccount" && name === "default",
};

const ca = "-----BEGIN CERTIFICATE-----\ncluster\n-----END CERTIFICATE-----\n";
const published = "kube-root-ca.crt";

const rootCaLife: Life = {
	controller: () => rootCaPublisher(() => ca),
	actions: fc.oneof(
		placeCreated,
		placeDeleted,
		place.map((namespace) => deleting(configMaps, `${namespace}/${published}`)),
		place.map((namespace) => patching(configMaps, `${namespace}/${published}`, { data: { "ca.crt": "another", more: "x" } })),
		place.map((namespace) => patching(configMaps, `${namespace}/${published}`, { metadata: { annotations: null } })),
	),
	converged: (cluster) =>
		activePlaces(cluster).every((name) =>
			all(cluster, configMaps).some(
				({ metadata, data }) =>
					metadata?.namespace === name &&
					metadata.name === published &&
					jsonEqual(data, { "ca.crt": ca }) &&
					metadata.annotations?.["kubernetes.io/description"] !== undefined,
			),
		),
	within: "25h",
	owns: ({ kind, name }) => kind === "ConfigMap" && name === published,
};

// ── Tokens of service accounts ──

const accountAnnotation = "kubernetes.io/service-account.name";
const accounts = fc.constantFrom("robot", "clerk");
const tokens = fc.constantFrom("first", "second");

function tokenSecret(name: string, account: string): Secret {
	return { metadata: { name, annotations: { [accountAnnotation]: account } }, type: "kubernetes.io/service-account-token" };
}

function haveTheirTokens(cluster: TestCluster): boolean {
	const known: readonly ServiceAccount[] = all(cluster, serviceAccounts);
	return all(cluster, secrets).every(({ metadata, data }) => {
		const account = known.find((each) => each.metadata?.name === metadata?.annotations?.[accountAnnotation]);
		if (account?.metadata?.uid !== metadata?.annotations?.["kubernetes.io/service-account.uid"]) return false;
		return (
			account !== undefined &&
			Object.keys(data ?? {})
				.sort()
				.join() === "ca.crt,namespace,token"
		);
	});
}

const tokenLife: Life = {
	controller: () => serviceAccountTokenController({ rootCa: () => ca, sign: ({ metadata }, name) => `${metadata?.uid} ${name}` }),
	actions: fc.oneof(
		accounts.map((name) => creating(serviceAccounts, { metadata: { name }, secrets: [{ name: "first" }] })),
		accounts.map((name) => deleting(serviceAccounts, name)),
		fc.tuple(tokens, accounts).map(([name, account]) => creating(secrets, tokenSecret(name, account))),
		tokens.map((name) => deleting(secrets, name)),
		fc
			.tuple(tokens, fc.constantFrom("token", "namespace", "ca.crt"))
			.map(([name, key]) => patching(secrets, name, { data: { [key]: null } })),
	),
	converged: haveTheirTokens,
	owns: ({ kind }) => kind === "Secret" || kind === "ServiceAccount",
};

// ── garbage-collector-controller ──

const objects = ["o0", "o1", "o2", "o3", "o4"];

/** Owned by some that come before it, so that nobody owns himself. @param isFalse the reference is to somebody who never was */
function owned(index: number, owners: readonly number[], isFalse: boolean) {
	return {
		name: `create ${objects[index]} owned by ${owners.join(" ")}${isFalse ? " and by nobody" : ""}`,
		run: async (cluster: TestCluster) => {
			const present = all(cluster, configMaps).filter(({ metadata }) => owners.some((owner) => metadata?.name === objects[owner]));
			const reference = ({ metadata }: ConfigMap) => ({
				apiVersion: "v1",
				kind: "ConfigMap",
				name: metadata?.name ?? "",
				uid: metadata?.uid ?? "",
			});
			const nobody = { apiVersion: "v1", kind: "ConfigMap", name: "o0", uid: "00000000-0000-4000-8000-000000000000" };
			const ownerReferences = [
				...present.map((object) => ({ ...reference(object), blockOwnerDeletion: true })),
				...(isFalse ? [nobody] : []),
			];
			await cluster.client.resource(configMaps).create({ metadata: { namespace: "default", name: objects[index] ?? "", ownerReferences } });
		},
	};
}

const collectorLife: Life = {
	controller: () => garbageCollector(deletable),
	actions: fc.oneof(
		{
			weight: 3,
			arbitrary: fc
				.tuple(fc.nat(4), fc.uniqueArray(fc.nat(3), { maxLength: 2 }), fc.constantFrom(false, false, false, true))
				.map(([index, owners, isFalse]) =>
					owned(
						index,
						owners.filter((owner) => owner < index),
						isFalse,
					),
				),
		},
		{
			weight: 2,
			arbitrary: fc
				.tuple(fc.constantFrom(...objects), fc.constantFrom("Background", "Foreground", "Orphan"))
				.map(([name, policy]) => deleting(configMaps, name, policy)),
		},
	),
	steps: { min: 1, max: 12 },
	converged: (cluster) => {
		const present = all(cluster, configMaps);
		const uids = new Set(present.map(({ metadata }) => metadata?.uid));
		return present.every(({ metadata }) => {
			const owners = metadata?.ownerReferences ?? [];
			return (
				metadata?.deletionTimestamp === undefined &&
				(owners.length === 0 || owners.every(({ uid }) => uids.has(uid)) || owners.some(({ uid }) => uids.has(uid)))
			);
		});
	},
	// What nobody owned is nobody's to collect; what it is told to delete after its dependents, or to leave them behind, has a finalizer.
	owns: ({ kind, type, object, previous }) => {
		if (kind !== "ConfigMap" || type !== "DELETED") return kind === "ConfigMap";
		const { ownerReferences = [], finalizers = [] } = previous?.metadata ?? object.metadata ?? {};
		return ownerReferences.length > 0 || finalizers.length > 0;
	},
};

// ── resourcequota-controller ──

const counted = (name: string): Pod => ({
	metadata: { name },
	spec: {
		terminationGracePeriodSeconds: 5,
		containers: [{ name: "c", image: "i", resources: { requests: { cpu: "100m" }, limits: { cpu: "100m" } } }],
	},
});

/** What is there, counted by hand. */
function usedIn(cluster: TestCluster): Readonly<Record<string, string>> {
	const charged = all(cluster, pods).filter((pod) => !isPodTerminal(pod) && !isLongGone(pod, cluster.clock.now()));
	const cpu = charged.length * 100;
	const cpuText = cpu === 0 ? "0" : cpu % 1000 === 0 ? String(cpu / 1000) : `${cpu}m`;
	return {
		pods: String(charged.length),
		configmaps: String(all(cluster, configMaps).length),
		"requests.cpu": cpuText,
	};
}

/** A pod that should be gone by now takes nothing any more. */
function isLongGone({ metadata }: Pod, nowMs: number): boolean {
	return metadata?.deletionTimestamp !== undefined && Date.parse(metadata.deletionTimestamp) < nowMs;
}

function isQuotaExact(cluster: TestCluster): boolean {
	const used = usedIn(cluster);
	return all<ResourceQuota>(cluster, resourceQuotas).every(({ spec, status }) => {
		const wanted = Object.fromEntries(Object.keys(spec?.hard ?? {}).map((name) => [name, used[name]]));
		return jsonEqual(status?.hard, spec?.hard) && jsonEqual(status?.used, wanted);
	});
}

const quotaName = fc.constantFrom("small", "large");
const hard = fc.constantFrom<Readonly<Record<string, string>>>(
	{ pods: "2" },
	{ pods: "4", "requests.cpu": "1" },
	{ configmaps: "3", pods: "3" },
);

const quotaLife: Life = {
	controller: () => resourceQuotaController(deletable),
	machines: true,
	actions: fc.oneof(
		{
			weight: 2,
			arbitrary: fc
				.tuple(quotaName, hard)
				.map(([name, limits]) => creating(resourceQuotas, { metadata: { name }, spec: { hard: limits } })),
		},
		{ weight: 1, arbitrary: fc.tuple(quotaName, hard).map(([name, limits]) => patching(resourceQuotas, name, { spec: { hard: limits } })) },
		{ weight: 1, arbitrary: quotaName.map((name) => deleting(resourceQuotas, name)) },
		{ weight: 4, arbitrary: fc.constantFrom("p0", "p1", "p2", "p3").map((name) => creating(pods, counted(name))) },
		{
			weight: 2,
			arbitrary: fc
				.nat(3)
				.map((which) =>
					toOneOf(pods, which, "delete", ({ metadata }, { client }) =>
						client.resource(pods).delete({ namespace: "default", name: metadata?.name ?? "" }),
					),
				),
		},
		{ weight: 2, arbitrary: fc.constantFrom("c0", "c1").map((name) => creating(configMaps, { metadata: { name } })) },
		{ weight: 1, arbitrary: fc.constantFrom("c0", "c1").map((name) => deleting(configMaps, name)) },
	),
	converged: isQuotaExact,
	owns: ({ kind }) => kind === "ResourceQuota",
};

export const namespaceLives: Readonly<Record<string, Life>> = {
	"namespace-controller": namespaceLife,
	"serviceaccount-controller": serviceAccountLife,
	"serviceaccount-token-controller": tokenLife,
	"root-ca-certificate-publisher-controller": rootCaLife,
	"garbage-collector-controller": collectorLife,
	"resourcequota-controller": quotaLife,
};
