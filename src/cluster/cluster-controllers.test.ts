/** Controllers that are stopped and started, and replicas of the controller manager, in virtual time. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { renderMetrics } from "../apimachinery/metrics/registry.ts";
import { deployments, leases, replicaSets } from "../client/resources.ts";
import { type Cluster, type ClusterOptions, createCluster } from "./index.ts";

let clock: VirtualClock;
let cluster: Cluster;

async function make(options: ClusterOptions = {}): Promise<void> {
	clock = new VirtualClock();
	cluster = await createCluster({ clock, seed: 7, nodes: 1, latency: "none", ...options });
	await clock.advance(1_000);
}

beforeEach(() => make());
afterEach(() => cluster.close());

async function deploy(name: string): Promise<void> {
	await cluster.client.resource(deployments).create({
		metadata: { name, namespace: "default" },
		spec: {
			replicas: 1,
			selector: { matchLabels: { app: name } },
			template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "nginx" }] } },
		},
	});
	await clock.advance(1_000);
}

const setsOf = async (name: string) =>
	(await cluster.client.resource(replicaSets).list("default")).items.filter(({ metadata }) => metadata?.labels?.app === name).length;
const stateOf = (name: string) => cluster.controllers.list().find((controller) => controller.name === name)?.state;
const states = () => cluster.controllers.replicas().map(({ name, state }) => `${name} ${state}`);
const lease = () => cluster.client.resource(leases).get({ namespace: "kube-system", name: "kube-controller-manager" });

test("a controller that is stopped does nothing; started, it catches up", async () => {
	expect(await cluster.controllers.stop("deployment")).toBe("deployment-controller");
	expect(stateOf("deployment-controller")).toBe("stopped");
	await deploy("web");
	expect(await setsOf("web")).toBe(0);
	expect(await cluster.controllers.start("deployment")).toBe("deployment-controller");
	await clock.advance(1_000);
	expect([stateOf("deployment-controller"), await setsOf("web")]).toEqual(["running", 1]);
	await cluster.controllers.restart("deployment-controller");
	await deploy("more");
	expect([await setsOf("web"), await setsOf("more")]).toEqual([1, 1]);
	await expect(cluster.controllers.stop("pods")).rejects.toThrow('"pods" is not in the list of known controllers');
});

test("what a controller's queue holds and has seen can be looked at, with its last failure", async () => {
	await deploy("web");
	const queue = () => cluster.controllers.list().find(({ name }) => name === "deployment-controller")?.queues[0];
	expect(queue()).toMatchObject({ name: "deployment", depth: 0, active: 0, failing: 0 });
	expect(queue()?.adds).toBeGreaterThan(0);
	// Its role taken away, it fails.
	await cluster.client
		.resource({ group: "rbac.authorization.k8s.io", version: "v1", resource: "clusterroles", kind: "ClusterRole" })
		.delete({
			name: "system:controller:deployment-controller",
		});
	await deploy("more");
	expect(queue()).toMatchObject({ failing: 1, lastFailure: { key: "default/more" } });
	expect(queue()?.lastFailure?.message).toContain("is forbidden");
	expect(queue()?.retries).toBeGreaterThan(3);
});

test("the metrics of queues are on the page, once, whoever leads", async () => {
	await deploy("web");
	await cluster.controllers.setReplicas(2);
	await clock.advance(5_000);
	await deploy("more");
	const page = renderMetrics([cluster.metrics]);
	expect(page).toMatch(/^workqueue_adds_total\{name="deployment"\} [1-9]\d*$/m);
	expect(page).toMatch(/^workqueue_depth\{name="replicaset"\} 0$/m);
	expect(page).toMatch(/^leader_election_master_status\{name="kube-controller-manager"\} 1$/m);
	expect(page.match(/^workqueue_depth\{name="deployment"\}/gm)).toHaveLength(1);
});

test("a choice of controllers, and one that is none", async () => {
	await cluster.close();
	await make({ controllers: ["*", "-deployment"] });
	expect([stateOf("deployment-controller"), stateOf("replicaset-controller")]).toEqual(["stopped", "running"]);
	await expect(createCluster({ clock, nodes: 0, controllers: ["foo"] })).rejects.toThrow('"foo" is not in the list of known controllers');
});

describe("replicas", () => {
	test("one leads; when it is killed, another does after its Lease has run out, and not before", async () => {
		expect(states()).toEqual(["control-plane alone"]);
		await expect(lease()).rejects.toThrow("not found");
		await cluster.controllers.setReplicas(3);
		await clock.advance(1_000);
		expect(states()).toEqual(["control-plane leader", "control-plane-2 candidate", "control-plane-3 candidate"]);
		expect((await lease()).spec?.holderIdentity).toBe(cluster.controllers.replicas()[0]?.identity);
		await cluster.controllers.stop("cronjob");
		await deploy("web");
		expect(await setsOf("web")).toBe(1);

		cluster.controllers.kill("control-plane");
		await deploy("orphan");
		expect(states()).toEqual(["control-plane killed", "control-plane-2 candidate", "control-plane-3 candidate"]);
		expect([stateOf("deployment-controller"), stateOf("cronjob-controller")]).toEqual(["waiting", "stopped"]);
		await clock.advance(10_000);
		expect(await setsOf("orphan")).toBe(0);
		await clock.advance(12_000);
		expect(await setsOf("orphan")).toBe(1);
		expect(states().filter((line) => line.endsWith("leader"))).toHaveLength(1);
		expect((await lease()).spec?.leaseTransitions).toBe(1);
		expect([stateOf("deployment-controller"), stateOf("cronjob-controller")]).toEqual(["running", "stopped"]);
	});

	test("fewer replicas: the leader stays; one alone has no election, and gives the Lease back", async () => {
		await cluster.controllers.setReplicas(3);
		await clock.advance(1_000);
		cluster.controllers.kill("control-plane");
		await clock.advance(25_000);
		const leader = states().find((line) => line.endsWith("leader"));
		await cluster.controllers.setReplicas(2);
		await clock.advance(1_000);
		expect(states()).toContain(leader);
		expect(states()).toHaveLength(2);
		await cluster.controllers.setReplicas(1);
		expect(states()).toEqual(["control-plane alone"]);
		expect((await lease()).spec?.holderIdentity).toBe("");
		await deploy("web");
		expect(await setsOf("web")).toBe(1);
		expect(() => cluster.controllers.kill("nobody")).toThrow("there is no replica nobody");
		await expect(cluster.controllers.setReplicas(0)).rejects.toThrow("there can't be 0 replicas");
	});
});
