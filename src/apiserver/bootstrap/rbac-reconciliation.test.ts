import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { ClusterRole, ClusterRoleBinding } from "../../apimachinery/schema/generated/types.ts";
import { asGroup, asUser, clusterRole, clusterRoleBinding, rule } from "../authorization/rbac.test-kit.ts";
import { startServer } from "../testing.ts";
import { bootstrap } from "./bootstrap.ts";
import { bootstrapObjects, reconciledObjects } from "./index.ts";
import { reconcile } from "./rbac-reconciliation.ts";

const marks = {
	labels: { "kubernetes.io/bootstrapping": "rbac-defaults" },
	annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
};
const marked = <T extends KubeObject>(object: T): T => ({ ...object, metadata: { ...object.metadata, ...marks } });
const updated = (existing: KubeObject, expected: KubeObject) => {
	const plan = reconcile(existing, expected);
	return plan.action === "update" ? plan.object : plan.action;
};

describe("a role", () => {
	const expected = marked(clusterRole("r", rule("get list", "pods secrets"), rule("get", "nodes")));

	it("that holds all that is expected stays, whatever more it holds", () => {
		expect(updated(expected, expected)).toBe("keep");
		const more: ClusterRole = { ...expected, rules: [rule("*", "*", "*")] };
		expect(updated(more, expected)).toBe("keep");
	});

	it("gets back what was taken from it, one verb a rule, after what it has", () => {
		const less: ClusterRole = { ...expected, rules: [rule("get", "pods"), rule("list", "secrets"), rule("watch", "jobs", "batch")] };
		expect(updated(less, expected)).toEqual({
			...expected,
			rules: [...(less.rules ?? []), rule("list", "pods"), rule("get", "secrets"), rule("get", "nodes")],
		});
	});

	it("gets back labels and annotations, and keeps its own", () => {
		const own = { ...expected, metadata: { name: "r", labels: { a: "b" }, annotations: { c: "d" } } };
		expect(updated(own, expected)).toMatchObject({
			metadata: { labels: { ...marks.labels, a: "b" }, annotations: { ...marks.annotations, c: "d" } },
		});
	});

	it("that says so is left alone", () => {
		const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "false" };
		expect(updated({ ...expected, rules: [], metadata: { name: "r", annotations } } as KubeObject, expected)).toBe("keep");
	});

	it("that gathers others keeps the rules it gathered and gets back what it gathers by", () => {
		const selector = (label: string) => ({ matchLabels: { [label]: "true" } });
		const gathering = (...labels: readonly string[]): ClusterRole => ({
			...marked(clusterRole("r", rule("get", "x"))),
			aggregationRule: { clusterRoleSelectors: labels.map(selector) },
		});
		expect(updated({ ...gathering("a"), rules: [] } as KubeObject, gathering("a"))).toBe("keep");
		expect(updated(gathering("b"), gathering("a"))).toMatchObject({
			aggregationRule: { clusterRoleSelectors: [selector("b"), selector("a")] },
		});
		expect(updated({ ...expected, aggregationRule: gathering("a").aggregationRule } as KubeObject, expected)).toEqual(expected);
	});
});

describe("a binding", () => {
	const expected = marked(clusterRoleBinding("b", "r", asUser("a"), asGroup("g")));

	it("gets back its subjects and keeps those that were added", () => {
		expect(updated(expected, expected)).toBe("keep");
		const changed: ClusterRoleBinding = { ...expected, subjects: [asUser("x"), asGroup("g")] };
		expect(updated(changed, expected)).toEqual({ ...expected, subjects: [asUser("x"), asGroup("g"), asUser("a")] });
	});

	it("to another role is made anew", () => {
		expect(updated(marked(clusterRoleBinding("b", "other", asUser("a"))), expected)).toBe("recreate");
	});
});

it("a start puts right what was changed since the last one, and touches nothing else", async () => {
	const { server, clock, clusterResource } = await startServer();
	const target = { server, address: "172.19.0.2", port: 6443, nowMs: clock.now(), serviceCidr: "10.96.0.0/12", serviceIp: "10.96.0.1" };
	await bootstrap(target);
	const rbac = ["rbac.authorization.k8s.io", "v1"] as const;
	const roles = clusterResource(...rbac, "clusterroles");
	const bindings = clusterResource(...rbac, "clusterrolebindings");
	const all = async () =>
		JSON.stringify([(await roles.list({})).items, (await bindings.list({})).items].flat().map(({ metadata: _, ...rest }) => rest));
	const before = await all();
	const revision = server.revision;
	await bootstrap(target);
	// One each for the endpoints of the kubernetes Service, which are written anew, and nothing for RBAC.
	expect(server.revision - revision).toBeLessThanOrEqual(2);
	expect(await all()).toBe(before);

	await roles.send("delete", { name: "system:discovery" });
	await bindings.send("delete", { name: "system:basic-user" });
	await bindings.send("update", {
		name: "system:kube-scheduler",
		body: clusterRoleBinding("system:kube-scheduler", "system:kube-scheduler", asUser("somebody")),
	});
	await bootstrap(target);
	expect(await roles.send("get", { name: "system:discovery" })).toMatchObject({ rules: [{ verbs: ["get"] }] });
	expect(await bindings.send("get", { name: "system:basic-user" })).toMatchObject({ subjects: [{ name: "system:authenticated" }] });
	expect(await bindings.send("get", { name: "system:kube-scheduler" })).toMatchObject({
		subjects: [{ name: "somebody" }, { name: "system:kube-scheduler" }],
	});
});

it("brings back nothing that kubeadm made", () => {
	const reconciled = new Set(reconciledObjects().map(({ metadata }) => metadata?.name));
	const names = bootstrapObjects({ nowMs: 0 }).flatMap(({ metadata }) => (metadata?.name?.startsWith("kubeadm:") ? [metadata.name] : []));
	expect(names).toContain("kubeadm:cluster-admins");
	expect(names.filter((name) => reconciled.has(name))).toEqual([]);
});
