/** Which way connections go, and whom the server sees: kube-proxy's rules, one table for each. */
import { beforeEach, describe, expect, it, test } from "vitest";
import type { Endpoint, ServiceSpec } from "../../apimachinery/schema/generated/types.ts";
import { NetworkError } from "../../host/index.ts";
import type { PodNetwork } from "./pod-network.ts";
import { endpoint, leaving, NetworkFixture, notReady } from "./testing/network-fixture.ts";

let fixture: NetworkFixture;
let client: PodNetwork;
beforeEach(() => {
	fixture = new NetworkFixture(2);
	client = fixture.pod("client", "10.244.0.9");
	fixture.pod("here", "10.244.0.2");
	fixture.pod("there", "10.244.1.2");
});

const both = [endpoint("10.244.0.2", 1), endpoint("10.244.1.2", 2)];
const nodePort: Partial<ServiceSpec> = {
	type: "NodePort",
	clusterIP: "10.96.0.20",
	ports: [{ port: 80, nodePort: 30080, protocol: "TCP" }],
};
const cluster: Partial<ServiceSpec> = { clusterIP: "10.96.0.20" };
const policy = (external: "Local" | "Cluster", internal: "Local" | "Cluster" = "Cluster"): Partial<ServiceSpec> => ({
	externalTrafficPolicy: external,
	internalTrafficPolicy: internal,
});

test("a pod is reached at its address, and sees the client's", async () => {
	expect(await fixture.hear(client, "10.244.1.2")).toBe("there sees 10.244.0.9");
	expect(await fixture.hear(client, "10.244.1.2", 81)).toBe("ECONNREFUSED");
	expect(await fixture.hear(client, "10.244.1.77")).toBe("EHOSTUNREACH");
	expect(await fixture.hear(client, "198.51.100.1")).toBe("EHOSTUNREACH");
});

test("a node reaches its pods from its bridge, and others' from its network card", async () => {
	const node = fixture.node(1).network;
	expect(await fixture.hear(node, "10.244.0.2")).toBe("here sees 10.244.0.1");
	expect(await fixture.hear(node, "10.244.1.2")).toBe("there sees 172.18.0.2");
});

describe("endpoints", () => {
	const table: readonly (readonly [what: string, endpoints: readonly Endpoint[], heard: string])[] = [
		["all that are ready", both, "here there"],
		["not one that is not ready", [both[0] ?? endpoint("", 1), endpoint("10.244.1.2", 2, notReady)], "here"],
		["not one that leaves while another is ready", [endpoint("10.244.0.2", 1, leaving), endpoint("10.244.1.2", 2)], "there"],
		["one that leaves, if no other is ready", [endpoint("10.244.0.2", 1, leaving), endpoint("10.244.1.2", 2, notReady)], "here"],
		["none: refused", [endpoint("10.244.0.2", 1, notReady)], "ECONNREFUSED"],
		["none at all: refused", [], "ECONNREFUSED"],
		["conditions that nobody set count as ready", [{ addresses: ["10.244.0.2"] }], "here"],
		["gone from the network", [endpoint("10.244.1.200", 2)], "EHOSTUNREACH"],
		[
			"those of the client's node, if each has a node's hint",
			[
				endpoint("10.244.0.2", 1, { hints: { forNodes: [{ name: "node-1" }] } }),
				endpoint("10.244.1.2", 2, { hints: { forNodes: [{ name: "node-2" }] } }),
			],
			"here",
		],
		[
			"all, if one has none",
			[endpoint("10.244.0.2", 1, { hints: { forNodes: [{ name: "node-1" }] } }), endpoint("10.244.1.2", 2)],
			"here there",
		],
		[
			"those of the client's zone",
			[
				endpoint("10.244.0.2", 1, { hints: { forZones: [{ name: "b" }] } }),
				endpoint("10.244.1.2", 2, { hints: { forZones: [{ name: "a" }] } }),
			],
			"there",
		],
	];
	it.each(table)("%s", async (_, endpoints, heard) => {
		fixture.node(1).zone = "a";
		fixture.service("web", cluster, endpoints);
		expect(await fixture.hearAll(client, "10.96.0.20")).toBe(heard);
	});
});

describe("traffic policies", () => {
	const onlyThere = [endpoint("10.244.1.2", 2)];
	const leavingHere = [endpoint("10.244.0.2", 1, leaving), endpoint("10.244.1.2", 2)];
	it.each([
		["internal Local stays on the node", { ...nodePort, ...policy("Cluster", "Local") }, both, "10.96.0.20", 80, "here"],
		["internal Local drops what has none there", { ...nodePort, ...policy("Cluster", "Local") }, onlyThere, "10.96.0.20", 80, "ETIMEDOUT"],
		["internal Local takes one that leaves", { ...nodePort, ...policy("Cluster", "Local") }, leavingHere, "10.96.0.20", 80, "here"],
		[
			"internal Local refuses if there is none anywhere",
			{ ...nodePort, ...policy("Cluster", "Local") },
			[],
			"10.96.0.20",
			80,
			"ECONNREFUSED",
		],
		["a node port leads anywhere", nodePort, both, "172.18.0.3", 30080, "here there"],
		["… from the client's own node, too", nodePort, both, "172.18.0.2", 30080, "here there"],
		["external Local stays on that node", { ...nodePort, ...policy("Local") }, both, "172.18.0.3", 30080, "there"],
		["external Local does not bind who is on the node", { ...nodePort, ...policy("Local") }, both, "172.18.0.2", 30080, "here there"],
		["external Local does not bind cluster addresses", { ...nodePort, ...policy("Local") }, both, "10.96.0.20", 80, "here there"],
		[
			"external Local drops on a node without",
			{ ...nodePort, ...policy("Local") },
			[endpoint("10.244.0.2", 1)],
			"172.18.0.3",
			30080,
			"ETIMEDOUT",
		],
		["a port that is no node port is the node's own", nodePort, both, "172.18.0.3", 80, "ECONNREFUSED"],
		["an external address", { ...cluster, externalIPs: ["192.0.2.1"] }, both, "192.0.2.1", 80, "here there"],
	] as const)("%s", async (_, spec, endpoints, address, port, heard) => {
		fixture.service("web", spec, endpoints);
		expect(await fixture.hearAll(client, address, port)).toBe(heard);
	});
});

describe("the source that the server sees", () => {
	it.each([
		["of a cluster address: the client", cluster, "10.96.0.20", 80, "there sees 10.244.0.9"],
		["of a node port: the node", nodePort, "172.18.0.2", 30080, "there sees 172.18.0.2"],
		["of a node port on the server's node: its bridge", nodePort, "172.18.0.3", 30080, "there sees 10.244.1.1"],
		[
			"with external Local: the client as it left its node",
			{ ...nodePort, ...policy("Local") },
			"172.18.0.3",
			30080,
			"there sees 172.18.0.2",
		],
	] as const)("%s", async (_, spec, address, port, heard) => {
		fixture.service("web", spec, [endpoint("10.244.1.2", 2)]);
		expect(await fixture.hear(client, address, port)).toBe(heard);
	});

	it("of a connection to oneself: the bridge", async () => {
		fixture.service("web", cluster, [endpoint("10.244.0.9", 1)]);
		expect(await fixture.hear(client, "10.96.0.20")).toBe("client sees 10.244.0.1");
	});

	it("of one from outside, with external Local: itself", async () => {
		fixture.service("web", { ...nodePort, ...policy("Local") }, both);
		const connection = fixture.network.connectFromOutside("172.19.0.9", "172.18.0.3", 30080);
		expect(Buffer.from((await connection.read()) ?? []).toString()).toBe("there sees 172.19.0.9");
	});
});

test("session affinity keeps a client at its endpoint for as long as it comes back in time", async () => {
	fixture.service("web", { ...cluster, sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } }, both);
	const [first = ""] = (await fixture.hear(client, "10.96.0.20")).split(" ");
	for (let at = 0; at < 20; at++) {
		await fixture.clock.advance(59_000);
		expect(await fixture.hearAll(client, "10.96.0.20", 80, 1)).toBe(first);
	}
	const others = new Set<string>();
	for (let at = 0; at < 20; at++) {
		await fixture.clock.advance(61_000);
		others.add(await fixture.hearAll(client, "10.96.0.20", 80, 1));
	}
	expect([...others].sort()).toEqual(["here", "there"]);
});

test("session affinity lets go of an endpoint that is gone", async () => {
	fixture.service("web", { ...cluster, sessionAffinity: "ClientIP" }, both);
	const first = await fixture.hearAll(client, "10.96.0.20", 80, 1);
	fixture.slices[0] = {
		...(fixture.slices[0] ?? { addressType: "IPv4" }),
		endpoints: [first === "here" ? endpoint("10.244.1.2", 2) : endpoint("10.244.0.2", 1)],
	};
	expect(await fixture.hearAll(client, "10.96.0.20")).toBe(first === "here" ? "there" : "here");
});

test("a cluster address answers on its Service's ports alone, and to no ping", async () => {
	fixture.service("web", cluster, both);
	expect(await fixture.hear(client, "10.96.0.20", 81)).toBe("ETIMEDOUT");
	expect(await fixture.hear(client, "10.96.0.99")).toBe("ETIMEDOUT");
	expect(await client.ping("10.96.0.20")).toEqual({ type: "silence" });
	expect(await client.ping("10.244.0.2")).toEqual({ type: "reply", ttl: 64 });
	expect(await client.ping("10.244.1.2")).toEqual({ type: "reply", ttl: 62 });
	expect(await client.ping("172.18.0.3")).toEqual({ type: "reply", ttl: 63 });
	expect(await client.ping("10.244.1.77")).toEqual({ type: "unreachable", from: "10.244.0.1" });
});

test("a connection that is dropped is given up after 131 seconds, or with the signal", async () => {
	let failure: unknown;
	const waiting = client.connect("10.96.0.99", 80).catch((error: unknown) => {
		failure = error;
	});
	await fixture.clock.advance(130_000);
	expect(failure).toBeUndefined();
	await fixture.clock.advance(1_000);
	await waiting;
	expect(failure).toEqual(new NetworkError("ETIMEDOUT"));
	const abort = new AbortController();
	const given = client.connect("10.96.0.99", 80, abort.signal);
	abort.abort(new Error("given up"));
	await expect(given).rejects.toThrow("given up");
});

test("pods with a host port are reached at their node, and see the client", async () => {
	fixture.pod("hosted", "10.244.1.3", { containers: [{ name: "c", image: "web", ports: [{ containerPort: 80, hostPort: 8080 }] }] });
	expect(await fixture.hear(client, "172.18.0.3", 8080)).toBe("hosted sees 172.18.0.2");
	expect(await fixture.hear(client, "172.18.0.2", 8080)).toBe("ECONNREFUSED");
	expect(await fixture.hear(fixture.node(2).network, "127.0.0.1", 8080)).toBe("hosted sees 172.18.0.3");
});

test("pods of the node's network are endpoints at its address, and share its ports", async () => {
	const node = fixture.node(2).network;
	fixture.serve(node, "node");
	fixture.service("web", cluster, [endpoint("172.18.0.3", 2)]);
	expect(await fixture.hear(client, "10.96.0.20")).toBe("node sees 10.244.0.9");
	expect(await fixture.hear(client, "172.18.0.3")).toBe("node sees 172.18.0.2");
	expect(() => node.listen(80, async () => undefined)).toThrow("Address already in use");
});

test("a node port is at the node's own loopback address, and not at a pod's", async () => {
	fixture.service("web", nodePort, both);
	const connection = await fixture.node(1).network.connect("127.0.0.1", 30080);
	expect(Buffer.from((await connection.read()) ?? []).toString()).toMatch(/^(here|there) sees/);
	await expect(client.connect("127.0.0.1", 30080)).rejects.toThrow("Connection refused");
});

test("a node without power and its pods are silent", async () => {
	fixture.service("web", nodePort, [endpoint("10.244.1.2", 2)]);
	fixture.node(2).isOff = true;
	for (const [address, port] of [
		["10.244.1.2", 80],
		["172.18.0.3", 30080],
		["10.96.0.20", 80],
	] as const) {
		expect(await fixture.hear(client, address, port)).toBe("ETIMEDOUT");
	}
	expect(await client.ping("172.18.0.3")).toEqual({ type: "silence" });
	expect(await client.ping("10.244.1.2")).toEqual({ type: "silence" });
});

describe("ports and peers", () => {
	it.each([0, 70_000, -1, 1.5, Number.NaN])("there is no port %s", async (port) => {
		await expect(client.connect("10.244.0.2", port)).rejects.toThrow("Connection refused");
		expect(() => client.listen(port, async () => undefined)).toThrow("Invalid argument");
	});

	it("carries a thousand connections at once", async () => {
		fixture.service("web", cluster, both);
		const heard = await Promise.all(Array.from({ length: 1000 }, () => fixture.hear(client, "10.96.0.20")));
		const here = heard.filter((text) => text.startsWith("here")).length;
		expect(here).toBeGreaterThan(400);
		expect(here).toBeLessThan(600);
	});

	it("ends connections with the process that serves them", async () => {
		const server = fixture.pod("server", "10.244.0.5");
		const { promise: exited, resolve: exit } = Promise.withResolvers<void>();
		server.listen(81, () => new Promise(() => undefined), { pid: 1, argv: ["server"], exited });
		const [quiet, unheard] = [fixture.network.connect(client, "10.244.0.5", 81), fixture.network.connect(client, "10.244.0.5", 81)];
		await unheard.write(Buffer.from("hello?"));
		exit();
		await exited;
		expect(await quiet.read()).toBeUndefined();
		await expect(unheard.read()).rejects.toThrow("Connection reset by peer");
		expect(await fixture.hear(client, "10.244.0.5", 81)).toBe("ECONNREFUSED");
		expect(server.sockets().filter(({ port }) => port === 81)).toEqual([]);
	});

	it("ends connections to a pod that is taken away", async () => {
		const server = fixture.pod("server", "10.244.0.5");
		server.listen(81, () => new Promise(() => undefined));
		const open = fixture.network.connect(client, "10.244.0.5", 81);
		fixture.network.remove(server);
		expect(await open.read()).toBeUndefined();
		expect(await fixture.hear(client, "10.244.0.5", 81)).toBe("EHOSTUNREACH");
	});
});
