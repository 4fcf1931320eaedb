import { expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { StatusError } from "../apimachinery/status-error.ts";
import { nodes } from "../client/resources.ts";
import { loadOrCreatePki } from "../cluster/index.ts";
import { createCluster, type TestCluster } from "./test-cluster.ts";

const pki = await loadOrCreatePki(undefined, { nowMs: new VirtualClock().now() });
const map = (name: string) => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name} } }`;

const isReady = async (cluster: TestCluster, name: string) => {
	const { status } = await cluster.get(nodes, name);
	return status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
};

test("a node that is lost is no longer ready, and is again when it is back", async () => {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 2, latency: "none" });
	await cluster.advance("10s");
	cluster.loseNode("node-1");
	await cluster.runUntil(async () => !(await isReady(cluster, "node-1")), { within: "2m" });
	expect(await isReady(cluster, "node-2")).toBe(true);
	cluster.returnNode("node-1");
	await cluster.runUntil(async () => isReady(cluster, "node-1"), { within: "1m" });
});

test("a node is shut down or loses its power, and its pods are where a real one's would be", async () => {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 2, latency: "none" });
	const pod = (name: string, node: string) =>
		`{ apiVersion: v1, kind: Pod, metadata: { name: ${name} }, spec: { nodeName: ${node}, containers: [{ name: main, image: nginx }] } }`;
	await cluster.apply(pod("told", "node-1"));
	await cluster.apply(pod("untold", "node-2"));
	const statusOf = async (name: string) => (await cluster.get<Pod>("pod", name)).status;
	await cluster.runUntil(async () => (await statusOf("untold"))?.phase === "Running", { within: "1m" });
	void cluster.shutDownNode("node-1");
	cluster.cutPower("node-2");
	await cluster.runUntil(async () => !(await isReady(cluster, "node-1")) && !(await isReady(cluster, "node-2")), { within: "2m" });
	expect([(await statusOf("told"))?.reason, (await statusOf("untold"))?.phase]).toEqual(["Terminated", "Running"]);
	cluster.returnNode("node-2");
	await cluster.runUntil(async () => (await statusOf("untold"))?.containerStatuses?.[0]?.restartCount === 1, { within: "1m" });
	await cluster.runUntil(async () => isReady(cluster, "node-2"), { within: "1m" });
});

test("the clock jumps, and what was due happens late", async () => {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 1, latency: "none" });
	await cluster.advance("10s");
	const renewals = cluster.timeline.of("Lease", "node-1").length;
	cluster.jumpClock("24h");
	expect(cluster.clock.now() - cluster.startMs).toBe(86_410_000);
	await cluster.advance("1m");
	// Not one for each ten seconds of the day.
	expect(cluster.timeline.of("Lease", "node-1").length - renewals).toBeLessThan(20);
	await cluster.runUntil(async () => isReady(cluster, "node-1"), { within: "2m" });
	await using real = await createCluster({ nodes: 0, pki, controllers: [] });
	expect(() => real.jumpClock("1m")).toThrow("only virtual time jumps");
});

test("a store that loses its leader goes on with the others; without a majority nothing is written", async () => {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 0, controllers: [], storeMembers: 3 });
	const writes = (name: string) => {
		let isWritten = false;
		void cluster.apply(map(name)).then(
			() => {
				isWritten = true;
			},
			() => undefined,
		);
		return () => isWritten;
	};
	const first = cluster.loseStoreMember();
	// What was on its way to the lost leader may have to be asked for again.
	await cluster.advance("10s");
	await cluster.runUntil(writes("a"), { within: "1m" });
	expect(cluster.loseStoreMember(first === "control-plane" ? "control-plane-2" : "control-plane")).not.toBe(first);
	expect(await cluster.passes(writes("b"), "1m")).toBe(false);
	cluster.returnStoreMembers();
	await cluster.advance("10s");
	await cluster.runUntil(writes("c"), { within: "1m" });
	await using single = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 0, controllers: [] });
	expect(() => single.loseStoreMember()).toThrow("a store of one member has none to lose");
});

test("without a majority a request is refused in the store's own words, and the cluster can be closed while one waits", async () => {
	const cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 0, controllers: [], storeMembers: 3 });
	cluster.loseStoreMember("control-plane");
	cluster.loseStoreMember("control-plane-2");
	await cluster.advance("10s");
	const refused = await cluster.whileTimePasses(() => cluster.apply(map("a"))).catch((error: unknown) => error);
	expect(refused).toBeInstanceOf(StatusError);
	expect((refused as StatusError).status).toMatchObject({ code: 500, message: "etcdserver: request timed out" });
	const unread = await cluster.whileTimePasses(() => cluster.list("ConfigMap")).catch((error: unknown) => error);
	expect((unread as StatusError).status).toMatchObject({ code: 500, message: "etcdserver: request timed out" });
	const waiting = cluster.apply(map("b")).then(
		() => "done",
		() => "refused",
	);
	await cluster.close();
	expect(["done", "refused"]).toContain(await waiting);
});
