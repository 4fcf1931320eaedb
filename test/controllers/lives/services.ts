/** Controllers of Services: their endpoints, what is mirrored of those that somebody writes, load balancers. */
import fc from "fast-check";
import { jsonEqual } from "../../../src/apimachinery/json.ts";
import type { EndpointSlice, Endpoints, Service } from "../../../src/apimachinery/schema/generated/types.ts";
import { endpointSlices, endpoints, nodes, pods, services } from "../../../src/client/resources.ts";
import { endpointsController } from "../../../src/controllers/endpoints/endpoints-controller.ts";
import { endpointSliceController } from "../../../src/controllers/endpointslice/endpointslice-controller.ts";
import { endpointSliceMirroringController } from "../../../src/controllers/endpointslice-mirroring/endpointslice-mirroring-controller.ts";
import { isPodReady, isPodTerminal } from "../../../src/controllers/pod-state.ts";
import { AddressPool, defaultAddressPool } from "../../../src/controllers/service-lb/address-pool.ts";
import { serviceLoadBalancerController } from "../../../src/controllers/service-lb/service-lb-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, type Life, patching, toOneOf } from "../life.ts";
import { app, pod, podDeleted, podName, relabelled } from "./pods.ts";

const serviceNames = fc.constantFrom("s0", "s1");

function service(name: string, its: string): Service {
	return { metadata: { name }, spec: { selector: { app: its }, ports: [{ port: 80, targetPort: 8080 }] } };
}

const serviceActions = [
	{ weight: 3, arbitrary: fc.tuple(serviceNames, app).map(([name, its]) => creating(services, service(name, its))) },
	{
		weight: 1,
		arbitrary: fc.tuple(serviceNames, app).map(([name, its]) => patching(services, name, { spec: { selector: { app: its } } })),
	},
	{ weight: 1, arbitrary: serviceNames.map((name) => deleting(services, name)) },
	{ weight: 5, arbitrary: fc.tuple(podName, app).map(([name, its]) => creating(pods, pod(name, its))) },
	{ weight: 2, arbitrary: podDeleted },
	{ weight: 1, arbitrary: relabelled },
];

/** `ip ready`, for every pod behind the Service that has an address. */
function behind(cluster: TestCluster, { spec }: Service): readonly string[] {
	return all(cluster, pods)
		.filter(({ metadata, status }) => metadata?.labels?.app === spec?.selector?.app && status?.podIP !== undefined)
		.filter((each) => !isPodTerminal(each))
		.map((each) => `${each.status?.podIP} ${isPodReady(each) && each.metadata?.deletionTimestamp === undefined}`)
		.sort();
}

function haveEndpoints(cluster: TestCluster): boolean {
	const known = all(cluster, endpoints);
	const isRight = (each: Service) => {
		const found = known.find(({ metadata }) => metadata?.name === each.metadata?.name);
		const subsets = found?.subsets ?? [];
		const addresses = subsets.flatMap(({ addresses: ready = [], notReadyAddresses = [] }) => [
			...ready.map(({ ip }) => `${ip} true`),
			...notReadyAddresses.map(({ ip }) => `${ip} false`),
		]);
		// Of what is being deleted the older API says nothing.
		const alive = all(cluster, pods).filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
		const wanted = behind(cluster, each).filter((line) => alive.some(({ status }) => line.startsWith(`${status?.podIP} `)));
		return found !== undefined && jsonEqual(addresses.sort(), wanted);
	};
	return all(cluster, services).every(isRight) && known.length === all(cluster, services).length;
}

const endpointsLife: Life = {
	controller: () => endpointsController,
	machines: true,
	actions: fc.oneof(...serviceActions, { weight: 1, arbitrary: serviceNames.map((name) => deleting(endpoints, name)) }),
	converged: haveEndpoints,
	owns: ({ kind }) => kind === "Endpoints",
};

function haveSlices(cluster: TestCluster): boolean {
	const known: readonly EndpointSlice[] = all(cluster, endpointSlices);
	return all(cluster, services).every((each) => {
		const own = known.filter(({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uid === each.metadata?.uid));
		const found = own.flatMap((slice) =>
			(slice.endpoints ?? []).map(({ addresses, conditions }) => `${addresses[0]} ${conditions?.ready === true}`),
		);
		return own.length > 0 && jsonEqual(found.sort(), behind(cluster, each));
	});
}

const endpointSliceLife: Life = {
	controller: () => endpointSliceController,
	machines: true,
	prepare: ({ client }) => client.resource(nodes).create({ metadata: { name: "node-1" } }),
	actions: fc.oneof(...serviceActions, {
		weight: 1,
		arbitrary: fc
			.nat(2)
			.map((which) =>
				toOneOf(endpointSlices, which, "delete", ({ metadata }, { client }) =>
					client.resource(endpointSlices).delete({ namespace: "default", name: metadata?.name ?? "" }),
				),
			),
	}),
	converged: haveSlices,
	owns: ({ kind }) => kind === "EndpointSlice",
	// Made and deleted between two lists: it is missed until all is looked at again.
	within: "25h",
};

// ── Load balancers ──

const balanced = (name: string): Service => ({ metadata: { name }, spec: { type: "LoadBalancer", ports: [{ port: 80 }] } });
const cleanup = "service.kubernetes.io/load-balancer-cleanup";

const loadBalancerLife: Life = {
	controller: () => serviceLoadBalancerController(new AddressPool(defaultAddressPool)),
	actions: fc.oneof(
		{ weight: 4, arbitrary: serviceNames.map((name) => creating(services, balanced(name))) },
		{ weight: 2, arbitrary: serviceNames.map((name) => deleting(services, name)) },
		{
			weight: 3,
			arbitrary: fc
				.tuple(serviceNames, fc.constantFrom("LoadBalancer", "ClusterIP"))
				.map(([name, type]) => patching(services, name, { spec: { type } })),
		},
	),
	converged: (cluster) =>
		all(cluster, services).every(({ metadata, spec, status }) => {
			const has = (status?.loadBalancer?.ingress ?? []).length > 0;
			const isHeld = metadata?.finalizers?.includes(cleanup) === true;
			const wants = spec?.type === "LoadBalancer" && metadata?.deletionTimestamp === undefined;
			return metadata?.deletionTimestamp === undefined && has === wants && isHeld === wants;
		}),
	invariant: (cluster) => {
		return ({ kind }) => {
			if (kind !== "Service") return;
			const given = all(cluster, services).flatMap(({ status }) => (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip));
			if (new Set(given).size < given.length) throw new Error("two Services have one address");
		};
	},
	owns: ({ kind }) => kind === "Service",
};

// ── Endpoints that somebody writes ──

const byHand = (name: string, ips: readonly string[], labels = {}): Endpoints => ({
	metadata: { name, labels },
	subsets: [{ addresses: ips.map((ip) => ({ ip })), ports: [{ name: "http", port: 8080 }] }],
});
const skipMirror = "endpointslice.kubernetes.io/skip-mirror";
const addresses = fc.uniqueArray(fc.constantFrom("192.0.2.1", "192.0.2.2", "192.0.2.3"), { minLength: 1, maxLength: 3 });

/** Endpoints that somebody writes for Services without a selector, which come and go by themselves. */
const mirroringLife: Life = {
	controller: () => endpointSliceMirroringController,
	actions: fc.oneof(
		{
			weight: 3,
			arbitrary: fc
				.tuple(serviceNames, fc.boolean())
				.map(([name, selects]) =>
					creating(services, { metadata: { name }, spec: { ports: [{ port: 80 }], ...(selects ? { selector: { app: name } } : {}) } }),
				),
		},
		{ weight: 4, arbitrary: fc.tuple(serviceNames, addresses).map(([name, ips]) => creating(endpoints, byHand(name, ips))) },
		{
			weight: 3,
			arbitrary: fc.tuple(serviceNames, addresses).map(([name, ips]) => patching(endpoints, name, { subsets: byHand(name, ips).subsets })),
		},
		{
			weight: 1,
			arbitrary: fc
				.tuple(serviceNames, fc.constantFrom("true", null))
				.map(([name, value]) => patching(endpoints, name, { metadata: { labels: { [skipMirror]: value } } })),
		},
		{ weight: 2, arbitrary: serviceNames.map((name) => deleting(endpoints, name)) },
		{ weight: 2, arbitrary: serviceNames.map((name) => deleting(services, name)) },
	),
	converged: (cluster) => {
		const selectorless = new Set(
			all(cluster, services)
				.filter(({ spec }) => spec?.selector === undefined)
				.map(({ metadata }) => metadata?.name),
		);
		const wanted = all(cluster, endpoints)
			.filter(({ metadata }) => selectorless.has(metadata?.name) && metadata?.labels?.[skipMirror] !== "true")
			.map(({ metadata, subsets }) => [metadata?.name, subsets?.flatMap(({ addresses: ready = [] }) => ready.map(({ ip }) => ip)).sort()]);
		const mirrored = all(cluster, endpointSlices).map(({ metadata, endpoints: listed }) => [
			metadata?.labels?.["kubernetes.io/service-name"],
			(listed ?? []).flatMap(({ addresses: ips }) => ips).sort(),
		]);
		const inOrder = (list: readonly unknown[]) => list.map((each) => JSON.stringify(each)).sort();
		return jsonEqual(inOrder(wanted), inOrder(mirrored));
	},
	owns: ({ kind }) => kind === "EndpointSlice",
	// Endpoints that went unseen between two lists leave their slices to the garbage collector, or until all is looked at again.
	within: "25h",
};

export const serviceLives: Readonly<Record<string, Life>> = {
	"endpoints-controller": endpointsLife,
	"endpointslice-controller": endpointSliceLife,
	"endpointslice-mirroring-controller": mirroringLife,
	"service-lb-controller": loadBalancerLife,
};
