import { expect, it } from "vitest";
import { VirtualClock } from "../../src/apimachinery/clock/virtual-clock.ts";
import type { Deployment, Pod } from "../../src/apimachinery/schema/generated/types.ts";
import { loadOrCreatePki, type Pki } from "../../src/apiserver/pki/pki.ts";
import { deployments, pods } from "../../src/client/resources.ts";
import { createCluster } from "../../src/cluster/index.ts";

const labels = { app: "web" };
const web: Deployment = {
	apiVersion: "apps/v1",
	kind: "Deployment",
	metadata: { name: "web", namespace: "default" },
	spec: {
		replicas: 5,
		selector: { matchLabels: labels },
		template: { metadata: { labels }, spec: { containers: [{ name: "nginx", image: "nginx:1.27" }] } },
	},
};

/** Ten minutes of a small cluster with a rollout and a lost node; everything that is then in its store. */
async function run(seed: number, pki: Pki): Promise<ReadonlyMap<string, string>> {
	const clock = new VirtualClock();
	const cluster = await createCluster({ clock, seed, pki, nodes: 3 });
	const client = cluster.client.resource(deployments);
	await clock.advance(5_000);
	await client.create(web);
	const command = ["sh", "-c", "sleep 20; echo done; exit 1"];
	const failing: Pod = {
		apiVersion: "v1",
		kind: "Pod",
		metadata: { name: "failing", namespace: "default" },
		spec: { containers: [{ name: "sh", image: "busybox", command }] },
	};
	await cluster.client.resource(pods).create(failing);
	await clock.advance(60_000);
	const template = { spec: { containers: [{ name: "nginx", image: "nginx:1.28" }] } };
	await client.patch({ namespace: "default", name: "web" }, "application/strategic-merge-patch+json", { spec: { template } });
	await clock.advance(60_000);
	cluster.fleet.stopNode("node-2");
	await clock.advance(480_000);
	const running = (await cluster.client.resource(pods).list("default")).items.filter(({ status }) => status?.phase === "Running");
	expect(running.filter(({ metadata, spec }) => metadata?.labels?.app === "web" && spec?.nodeName !== "node-2")).toHaveLength(5);
	const { status } = await cluster.client.resource(pods).get({ namespace: "default", name: "failing" });
	expect(status?.containerStatuses?.[0]?.restartCount).toBeGreaterThanOrEqual(3);
	const state = await cluster.dump();
	await cluster.close();
	return state;
}

it("makes the same run of the same seed, and another one of another", async () => {
	const pki = await loadOrCreatePki(undefined, { nowMs: new VirtualClock().now() });
	const first = await run(1, pki);
	const second = await run(1, pki);
	expect([...second.keys()]).toEqual([...first.keys()]);
	expect(Object.fromEntries(second)).toEqual(Object.fromEntries(first));
	const other = await run(2, pki);
	expect([...other.keys()]).not.toEqual([...first.keys()]);
});
