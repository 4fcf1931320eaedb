/** The controllers around Services and nodes with their own identities and roles, against the real API server, in virtual time. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import { endpointSlices, endpoints, nodes, serviceCidrs, services } from "../client/resources.ts";
import { type Cluster, createCluster } from "./index.ts";

let clock: VirtualClock;
let cluster: Cluster;
let complaints: string[];

beforeEach(async () => {
	clock = new VirtualClock();
	complaints = [];
	const complain = (message: string, fields?: object) => void complaints.push(`${message} ${JSON.stringify(fields)}`);
	const log: Logger = { debug: () => undefined, info: () => undefined, warn: complain, error: complain };
	cluster = await createCluster({ clock, seed: 5, nodes: 1, latency: "none", log });
	await clock.advance(1_000);
});
afterEach(() => cluster.close());

const port = { port: 80, protocol: "TCP" } as const;

test("a load balancer comes and goes", async () => {
	const client = cluster.client.resource(services);
	await client.create({ metadata: { name: "web", namespace: "default" }, spec: { type: "LoadBalancer", ports: [port] } });
	await clock.advance(1_000);
	const web = await client.get({ namespace: "default", name: "web" });
	expect(web.status?.loadBalancer?.ingress).toEqual([{ ip: "172.18.255.200", ipMode: "VIP" }]);
	expect(web.metadata?.finalizers).toEqual(["service.kubernetes.io/load-balancer-cleanup"]);
	await client.delete({ namespace: "default", name: "web" });
	await clock.advance(1_000);
	await expect(client.get({ namespace: "default", name: "web" })).rejects.toThrow("not found");
	expect(complaints).toEqual([]);
});

test("Endpoints written by hand are mirrored, and their slices go with the Service", async () => {
	await cluster.client.resource(services).create({ metadata: { name: "db", namespace: "default" }, spec: { ports: [port] } });
	await cluster.client
		.resource(endpoints)
		.create({ metadata: { name: "db", namespace: "default" }, subsets: [{ addresses: [{ ip: "192.0.2.1" }], ports: [port] }] });
	await clock.advance(1_000);
	const slices = async () =>
		(await cluster.client.resource(endpointSlices).list("default")).items.filter(({ metadata }) => metadata?.name?.startsWith("db-"));
	expect((await slices()).map((slice) => slice.endpoints?.map(({ addresses }) => addresses))).toEqual([[["192.0.2.1"]]]);
	await cluster.client.resource(services).delete({ namespace: "default", name: "db" });
	await clock.advance(1_000);
	expect(await slices()).toEqual([]);
	expect(complaints).toEqual([]);
});

test("a node that somebody registers gets a range for its pods; a simulated one keeps its own", async () => {
	await cluster.client.resource(nodes).create({ metadata: { name: "other" } });
	await clock.advance(1_000);
	const rangeOf = async (name: string) => (await cluster.client.resource(nodes).get({ name })).spec?.podCIDRs;
	expect([await rangeOf("other"), await rangeOf("node-1")]).toEqual([["10.128.0.0/24"], ["10.244.0.0/24"]]);
	expect(complaints).toEqual([]);
});

test("a ServiceCIDR of one's own is ready, and goes; the cluster's stays while Services use it", async () => {
	const client = cluster.client.resource(serviceCidrs);
	const ready = async (name: string) => (await client.get({ name })).status?.conditions?.map(({ type, status }) => `${type} ${status}`);
	await client.create({ metadata: { name: "more" }, spec: { cidrs: ["10.200.0.0/24"] } });
	await clock.advance(1_000);
	expect([await ready("more"), await ready("kubernetes")]).toEqual([["Ready True"], ["Ready True"]]);
	await client.delete({ name: "more" });
	await client.delete({ name: "kubernetes" });
	await clock.advance(15_000);
	await expect(client.get({ name: "more" })).rejects.toThrow("not found");
	expect(await ready("kubernetes")).toEqual(["Ready False"]);
	expect(complaints).toEqual([]);
});
