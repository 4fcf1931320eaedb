/** Ranges of the addresses of Services: one that an address needs does not go. */
import fc from "fast-check";
import type { IPAddress, ServiceCIDR } from "../../../src/apimachinery/schema/generated/types.ts";
import { ipAddresses, serviceCidrs } from "../../../src/client/resources.ts";
import type { TimelineEntry } from "../../../src/cluster/timeline/timeline.ts";
import { serviceCidrController } from "../../../src/controllers/service-cidr-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, type Life, patching, toOneOf } from "../life.ts";

/** By name: the last of its four numbers that a range has; `part` lies in `whole`. */
const ranges: Readonly<Record<string, readonly [cidr: string, first: number, last: number]>> = {
	whole: ["10.7.0.0/24", 0, 255],
	part: ["10.7.0.0/25", 0, 127],
	other: ["10.7.0.128/26", 128, 191],
};
const finalizer = "networking.k8s.io/service-cidr-finalizer";
const allocated = { "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io", "ipaddress.kubernetes.io/ip-family": "IPv4" };

function contains({ metadata }: ServiceCIDR, address: IPAddress): boolean {
	const [, first, last] = ranges[metadata?.name ?? ""] ?? ["", 1, 0];
	const [, , , number] = (address.metadata?.name ?? "").split(".").map(Number);
	return number !== undefined && number >= first && number <= last && address.metadata?.name?.startsWith("10.7.0.") === true;
}

const rangeName = fc.constantFrom(...Object.keys(ranges));
const last = fc.constantFrom(10, 100, 150, 200);

function isFree({ metadata, status }: ServiceCIDR): boolean {
	return (
		metadata?.deletionTimestamp === undefined &&
		status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "False") !== true
	);
}

/** As an API server does: only of a range that is not being deleted. */
const given = last.map((number) => ({
	name: `give 10.7.0.${number} to a Service`,
	run: async (cluster: TestCluster) => {
		const address: IPAddress = {
			metadata: { name: `10.7.0.${number}`, labels: allocated },
			spec: { parentRef: { resource: "services", namespace: "default", name: `s${number}` } },
		};
		if (!all(cluster, serviceCidrs).some((range) => isFree(range) && contains(range, address))) return;
		await cluster.client.resource(ipAddresses).create(address);
	},
}));

const taken = fc
	.nat(3)
	.map((which) =>
		toOneOf(ipAddresses, which, "take", ({ metadata }, { client }) => client.resource(ipAddresses).delete({ name: metadata?.name ?? "" })),
	);

function isNeeded(cluster: TestCluster, range: ServiceCIDR, others: readonly ServiceCIDR[]): boolean {
	return all(cluster, ipAddresses).some((address) => contains(range, address) && !others.some((other) => contains(other, address)));
}

function areJudged(cluster: TestCluster): boolean {
	const present = all(cluster, serviceCidrs);
	return present.every((range) => {
		const ready = range.status?.conditions?.find(({ type }) => type === "Ready")?.status;
		const isHeld = range.metadata?.finalizers?.includes(finalizer) === true;
		const others = present.filter((other) => other !== range);
		if (range.metadata?.deletionTimestamp === undefined) return isHeld && ready === "True";
		return isHeld && ready === "False" && isNeeded(cluster, range, others);
	});
}

const serviceCidrLife: Life = {
	controller: () => serviceCidrController,
	actions: fc.oneof(
		{
			weight: 4,
			arbitrary: rangeName.map((name) => creating(serviceCidrs, { metadata: { name }, spec: { cidrs: [ranges[name]?.[0] ?? ""] } })),
		},
		{ weight: 5, arbitrary: given },
		{ weight: 2, arbitrary: taken },
		{ weight: 4, arbitrary: rangeName.map((name) => deleting(serviceCidrs, name)) },
		{ weight: 1, arbitrary: rangeName.map((name) => patching(serviceCidrs, name, { metadata: { labels: { touched: name } } })) },
	),
	converged: areJudged,
	invariant: (cluster) => {
		/** Of ranges that were never held, nothing is promised. */
		const held = new Set<string>();
		return ({ kind, type, name, object }: TimelineEntry) => {
			if (kind !== "ServiceCIDR") return;
			const range: ServiceCIDR = object as ServiceCIDR;
			if (range.metadata?.finalizers?.includes(finalizer) === true) held.add(range.metadata.uid ?? "");
			const wasHeld = held.has(range.metadata?.uid ?? "");
			if (type === "DELETED" && wasHeld && isNeeded(cluster, range, all(cluster, serviceCidrs)))
				throw new Error(`${name} is gone, and addresses of it are in use`);
		};
	},
	owns: ({ kind }) => kind === "ServiceCIDR",
};

export const serviceCidrLives: Readonly<Record<string, Life>> = { "service-cidr-controller": serviceCidrLife };
