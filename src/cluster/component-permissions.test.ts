/**
 * The cluster's own components act with the identities and roles that they have in a real cluster: what they do in the life
 * of pods, nodes and namespaces is never refused. A refused request would often go unnoticed, tried again and logged.
 */
import { expect, it, vi } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import {
	clusterRoles,
	configMaps,
	deployments,
	namespaces,
	nodes,
	persistentVolumeClaims,
	persistentVolumes,
	podDisruptionBudgets,
	pods,
	priorityClasses,
	replicaSets,
	replicationControllers,
	secrets,
	services,
} from "../client/resources.ts";
import { createCluster } from "./open-cluster.ts";

const labels = { app: "web" };
const template = (container: object, spec: object = {}) => ({
	metadata: { labels },
	spec: { containers: [{ name: "main", image: "nginx", ...container }], ...spec },
});

it("controllers, scheduler and kubelets are refused nothing", async () => {
	const clock = new VirtualClock();
	const cluster = await createCluster({ clock, seed: 1, nodes: 3, latency: "none" });
	const { client } = cluster;
	const { authorization } = cluster.apiServer;
	const authorize = authorization.authorize.bind(authorization);
	const refused: string[] = [];
	vi.spyOn(authorization, "authorize").mockImplementation((attributes) => {
		const decision = authorize(attributes);
		if (decision instanceof Promise || decision.verdict !== "allow") refused.push(JSON.stringify({ ...attributes, ...decision }));
		return decision;
	});
	const named = (name: string) => ({ namespace: "default", name });
	await clock.advance(10_000);

	await client.resource(namespaces).create({ metadata: { name: "passing" } });
	await client.resource(secrets).create({ metadata: named("s") });
	await client.resource(configMaps).create({ metadata: named("c"), data: { a: "b" } });
	const volumes = [{ name: "late", configMap: { name: "late" } }];
	const uses = { envFrom: [{ configMapRef: { name: "c" } }, { secretRef: { name: "s" } }], resources: { requests: { cpu: "1" } } };
	await client.resource(deployments).create({
		metadata: named("web"),
		spec: { replicas: 3, selector: { matchLabels: labels }, template: template(uses, { volumes }) },
	});
	await client.resource(services).create({ metadata: named("web"), spec: { selector: labels, ports: [{ port: 80 }] } });
	await client
		.resource(podDisruptionBudgets)
		.create({ metadata: named("web"), spec: { selector: { matchLabels: labels }, minAvailable: 1 } });
	await client.resource(replicationControllers).create({
		metadata: named("rc"),
		spec: { replicas: 1, selector: labels, template: template({ command: ["false"], image: "busybox" }) },
	});
	await clock.advance(30_000);
	await client.resource(configMaps).create({ metadata: named("late") });
	await client.resource(pods).create({ metadata: { namespace: "passing", name: "p" }, spec: template({}).spec });
	// Names what no other pod does, on a node that is not the first.
	const alone = { volumes: [{ name: "own", configMap: { name: "own" } }], nodeName: "node-2" };
	await client.resource(pods).create({ metadata: named("alone"), spec: template({}, alone).spec });
	await clock.advance(90_000);
	const running = (await client.resource(pods).list()).items.filter(({ status }) => status?.phase === "Running");
	expect(running.length).toBeGreaterThanOrEqual(4);

	// A rollout, preemption, a node that fails and comes back, one that goes for good.
	const again = { spec: { template: { metadata: { annotations: { again: "1" } } } } };
	await client.resource(deployments).patch(named("web"), "application/merge-patch+json", again);
	await client.resource(priorityClasses).create({ metadata: { name: "high" }, value: 1000 });
	const big = { resources: { requests: { cpu: "3500m" } } };
	for (const name of ["big-1", "big-2", "big-3"]) {
		await client.resource(pods).create({ metadata: named(name), spec: template(big, { priorityClassName: "high" }).spec });
	}
	await clock.advance(60_000);
	cluster.fleet.stopNode("node-1");
	await clock.advance(420_000);
	cluster.fleet.startNode("node-1");
	await clock.advance(60_000);
	await cluster.fleet.removeNode("node-3");
	await clock.advance(120_000);
	expect((await client.resource(nodes).list()).items.map(({ metadata }) => metadata?.name)).toEqual(["node-1", "node-2"]);

	// Protection, orphans, foreground deletion, and the end of a namespace.
	const storage = { resources: { requests: { storage: "1Gi" } } };
	const claim = { metadata: named("claim"), spec: { accessModes: ["ReadWriteOnce"], ...storage } };
	await client.resource(persistentVolumeClaims).create(claim);
	const volume = { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" }, hostPath: { path: "/x" } };
	await client.resource(persistentVolumes).create({ metadata: { name: "pv" }, spec: volume });
	await clock.advance(1_000);
	await client.resource(persistentVolumeClaims).delete(named("claim"));
	await client.resource(persistentVolumes).delete({ name: "pv" });
	await client.resource(replicationControllers).delete(named("rc"), { propagationPolicy: "Orphan" });
	await client.resource(deployments).delete(named("web"), { propagationPolicy: "Foreground" });
	await client.resource(namespaces).delete({ name: "passing" });
	await clock.advance(120_000);
	expect((await client.resource(replicaSets).list()).items).toEqual([]);
	expect((await client.resource(persistentVolumes).list()).items).toEqual([]);
	expect((await client.resource(persistentVolumeClaims).list()).items).toEqual([]);
	expect((await client.resource(namespaces).list()).items.map(({ metadata }) => metadata?.name)).not.toContain("passing");

	// Roles that gather others, with their field manager.
	const marked = { metadata: { name: "more", labels: { "rbac.authorization.k8s.io/aggregate-to-view": "true" } } };
	const more = [{ apiGroups: ["example.com"], resources: ["widgets"], verbs: ["get"] }];
	await client.resource(clusterRoles).create({ ...marked, rules: more });
	await clock.advance(1_000);
	for (const name of ["view", "edit", "admin"]) {
		const { rules, metadata } = await client.resource(clusterRoles).get({ name });
		expect(rules, name).toContainEqual(more[0]);
		expect(metadata?.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`)).toContain(
			"clusterrole-aggregation-controller Apply",
		);
	}

	expect(refused).toEqual([]);
	await cluster.close();
});

it("a component that loses its role is refused, as anybody", async () => {
	const clock = new VirtualClock();
	const cluster = await createCluster({ clock, seed: 1, nodes: 0 });
	const rbac = { group: "rbac.authorization.k8s.io", version: "v1", resource: "clusterrolebindings", kind: "ClusterRoleBinding" };
	await cluster.client.resource(rbac).delete({ name: "system:controller:deployment-controller" });
	const template = { metadata: { labels }, spec: { containers: [{ name: "a", image: "nginx" }] } };
	await cluster.client
		.resource(deployments)
		.create({ metadata: { namespace: "default", name: "web" }, spec: { selector: { matchLabels: labels }, template } });
	await clock.advance(30_000);
	expect((await cluster.client.resource(replicaSets).list()).items).toEqual([]);
	await cluster.close();
});
