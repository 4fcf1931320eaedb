/** Extenders that are servers: asked over sockets, with the cluster's own time standing still meanwhile. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { sendJson, WebhookServer } from "../apiserver/webhooks/webhook-server.test-kit.ts";
import { events, nodes, pods } from "../client/resources.ts";
import { type Cluster, createCluster, simulatePlacement } from "./index.ts";

const disposals: (() => unknown)[] = [];
afterEach(async () => {
	for (const dispose of disposals.splice(0).reverse()) await dispose();
});

interface Args {
	readonly Pod?: Pod;
	readonly NodeNames?: readonly string[];
	readonly PodName?: string;
	readonly PodNamespace?: string;
	readonly Node?: string;
}
type Answer = (verb: string, args: Args) => unknown;

interface TestServer {
	readonly server: Server;
	readonly url: string;
	readonly asked: string[];
}

/** A server on a free port that answers with JSON. */
async function serve(answer: Answer): Promise<TestServer> {
	const asked: string[] = [];
	const server = createServer(async (message, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of message) chunks.push(chunk as Buffer);
		const args = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Args;
		const verb = message.url?.split("/").at(-1) ?? "";
		asked.push(`${verb} ${args.Pod?.metadata?.name ?? args.PodName}`);
		sendJson(response, await answer(verb, args));
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	disposals.push(() => {
		server.closeAllConnections();
		server.close();
	});
	return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/scheduler`, asked };
}

async function clusterWith(extender: object, profile: object = {}): Promise<{ readonly cluster: Cluster; readonly clock: VirtualClock }> {
	const clock = new VirtualClock();
	const configuration = {
		apiVersion: "kubescheduler.config.k8s.io/v1",
		kind: "KubeSchedulerConfiguration",
		profiles: [profile],
		extenders: [extender],
	};
	const cluster = await createCluster({ nodes: 3, clock, seed: "extenders", latency: "none", scheduler: { configuration } });
	disposals.push(() => cluster.close());
	await clock.advance(1_000);
	return { cluster, clock };
}

const podOf = (name: string, requests: Readonly<Record<string, string>> = {}): Pod => ({
	apiVersion: "v1",
	kind: "Pod",
	metadata: { name, namespace: "default" },
	spec: { containers: [{ name: "c", image: "nginx", resources: { requests, limits: requests } }] },
});

const create = (cluster: Cluster, ...objects: readonly Pod[]) =>
	Promise.all(objects.map((object) => cluster.client.resource(pods).create(object)));

async function nodeOf(cluster: Cluster, name: string): Promise<string | undefined> {
	return (await cluster.client.resource(pods).get({ namespace: "default", name })).spec?.nodeName;
}

async function failureOf(cluster: Cluster, name: string): Promise<string | undefined> {
	const { items } = await cluster.client.resource(events).list("default");
	return items.find(({ reason, involvedObject }) => reason === "FailedScheduling" && involvedObject.name === name)?.message;
}

test("one that looks after a resource that no node has places its pods, and binds them; others are not its business", async () => {
	const bindings: string[] = [];
	let cluster: Cluster | undefined;
	const extender = await serve(async (verb, { NodeNames = [], PodName = "", PodNamespace = "", Node: nodeName = "" }) => {
		if (verb === "filter") return { NodeNames: NodeNames.filter((name) => name !== "node-2"), FailedNodes: { "node-2": "no GPU left" } };
		if (verb === "prioritize") return NodeNames.map((Host) => ({ Host, Score: Host === "node-3" ? 10 : 0 }));
		bindings.push(`${PodName} -> ${nodeName}`);
		const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: PodName }, target: { kind: "Node", name: nodeName } };
		await cluster?.client.resource(pods).createSubresource({ namespace: PodNamespace, name: PodName }, "binding", binding);
		return {};
	});
	const verbs = { filterVerb: "filter", prioritizeVerb: "prioritize", bindVerb: "bind", weight: 10, nodeCacheCapable: true };
	const managedResources = [{ name: "example.com/gpu", ignoredByScheduler: true }];
	const made = await clusterWith({ urlPrefix: extender.url, ...verbs, managedResources });
	cluster = made.cluster;
	await create(cluster, podOf("gpu", { "example.com/gpu": "1" }), podOf("plain"));
	await made.clock.advance(1_000);
	expect(await nodeOf(cluster, "gpu")).toBe("node-3");
	expect(await nodeOf(cluster, "plain")).toMatch(/^node-/);
	expect(bindings).toEqual(["gpu -> node-3"]);
	expect(extender.asked).toEqual(["filter gpu", "prioritize gpu", "bind gpu"]);
	const explained = await cluster.explainPod("default", "gpu");
	const rejected = explained.attempts[0]?.nodes.find(({ name }) => name === "node-2")?.rejectedBy;
	expect(rejected).toEqual({ plugin: extender.url, code: "Unschedulable", reasons: ["no GPU left"] });
	const simulated = await simulatePlacement(cluster, [podOf("imagined", { "example.com/gpu": "1" })]);
	expect(simulated.placements.map(({ nodeName }) => nodeName)).toEqual(["node-3"]);
});

test("while it is asked about a pod, time, the other pods and what happens to the nodes wait", async () => {
	const order: string[] = [];
	const made: { cluster?: Cluster; clock?: VirtualClock } = {};
	const extender = await serve(async (_verb, { Pod: pod, NodeNames = [] }) => {
		const name = pod?.metadata?.name;
		order.push(`${name} at ${made.clock?.now()}: ${NodeNames.toSorted().join(" ")}`);
		if (name !== "first") return { NodeNames };
		// The node goes while the answer that names it is on its way: the decision stands, the next one knows better.
		await made.cluster?.client.resource(nodes).delete({ name: "node-1" });
		for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
		order.push("answered");
		return { NodeNames: ["node-1"] };
	});
	const { cluster, clock } = await clusterWith({ urlPrefix: extender.url, filterVerb: "filter", nodeCacheCapable: true });
	Object.assign(made, { cluster, clock });
	await create(cluster, podOf("first"), podOf("second"));
	const startMs = clock.now();
	await clock.advance(200);
	expect(order).toEqual([`first at ${startMs}: node-1 node-2 node-3`, "answered", `second at ${startMs}: node-2 node-3`]);
	const { items } = await cluster.client.resource(events).list("default");
	expect(items.map(({ message }) => message)).toContain("Successfully assigned default/first to node-1");
});

test("one that is not there fails the pod in Go's words, and an ignorable one does not", async () => {
	const { server, url } = await serve(() => ({}));
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	const gone = { urlPrefix: url, filterVerb: "filter", nodeCacheCapable: true };
	const strict = await clusterWith(gone);
	await create(strict.cluster, podOf("p"));
	await strict.clock.advance(500);
	expect(await nodeOf(strict.cluster, "p")).toBeUndefined();
	expect(await failureOf(strict.cluster, "p")).toBe(`Post "${url}/filter": dial tcp 127.0.0.1:${port}: connect: connection refused`);
	const lenient = await clusterWith({ ...gone, ignorable: true });
	await create(lenient.cluster, podOf("p"));
	await lenient.clock.advance(500);
	expect(await nodeOf(lenient.cluster, "p")).toMatch(/^node-/);
});

test("one that does not answer in its time fails the pod, and a pod that it turned down is tried again when something happens", async () => {
	const { promise, resolve } = Promise.withResolvers<void>();
	disposals.push(() => resolve());
	const allowed = { nodes: [] as readonly string[] };
	const extender = await serve(async (_verb, { Pod: pod }) => {
		if (pod?.metadata?.name === "slow") await promise;
		return { NodeNames: allowed.nodes };
	});
	const { cluster, clock } = await clusterWith({
		urlPrefix: extender.url,
		filterVerb: "filter",
		nodeCacheCapable: true,
		httpTimeout: "50ms",
	});
	await create(cluster, podOf("slow"));
	await clock.advance(100);
	expect(await failureOf(cluster, "slow")).toBe(
		`Post "${extender.url}/filter": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
	);
	await cluster.client.resource(pods).delete({ namespace: "default", name: "slow" });
	await create(cluster, podOf("refused"));
	await clock.advance(100);
	expect(await failureOf(cluster, "refused")).toMatch(/^0\/3 nodes are available: no new claims to deallocate, preemption: /);
	allowed.nodes = ["node-1"];
	await cluster.client
		.resource(nodes)
		.patch({ name: "node-3" }, "application/merge-patch+json", { metadata: { labels: { any: "change" } } });
	await clock.advance(15_000);
	expect(await nodeOf(cluster, "refused")).toBe("node-1");
});

test("over TLS it is trusted by its authority, by its name, and shown a certificate; or whoever it is", async () => {
	const https = await WebhookServer.start((_seen, response) => sendJson(response, { NodeNames: ["node-2"] }), {
		dnsNames: ["gpu-extender.example"],
	});
	disposals.push(() => https[Symbol.asyncDispose]());
	const directory = mkdtempSync(join(tmpdir(), "extenders-"));
	disposals.push(() => rmSync(directory, { recursive: true }));
	const caFile = join(directory, "ca.crt");
	writeFileSync(caFile, https.authority.cert);
	const extender = { urlPrefix: https.url, filterVerb: "filter", nodeCacheCapable: true, enableHTTPS: true };
	const { cert, key } = https.authority;
	const client = { certData: Buffer.from(cert).toString("base64"), keyData: Buffer.from(key).toString("base64") };
	const outcome = async (tlsConfig: object | undefined) => {
		const { cluster, clock } = await clusterWith({ ...extender, ...(tlsConfig === undefined ? {} : { tlsConfig }) });
		await create(cluster, podOf("p"));
		await clock.advance(500);
		return (await nodeOf(cluster, "p")) ?? (await failureOf(cluster, "p"));
	};
	expect(await outcome({ caFile, serverName: "gpu-extender.example", ...client })).toBe("node-2");
	expect(https.seen.at(-1)?.clientName).toBe("test-ca");
	expect(await outcome({ caFile })).toBe(
		`Post "${https.url}/filter": tls: failed to verify certificate: x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs`,
	);
	expect(await outcome(undefined)).toBe("node-2");
	await expect(outcome({ caFile, insecure: true })).rejects.toThrow(
		"specifying a root certificates file with the insecure flag is not allowed",
	);
	await expect(outcome({ caFile: join(directory, "none") })).rejects.toThrow("no such file");
});
