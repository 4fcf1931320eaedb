import { beforeEach, expect, it } from "vitest";
import type { ClusterRole, PolicyRule } from "../apimachinery/schema/generated/types.ts";
import { clusterRoles } from "../client/resources.ts";
import { clusterRoleAggregationController } from "./cluster-role-aggregation.ts";
import { ControllerFixture } from "./testing/controller-fixture.ts";

const rule = (resource: string): PolicyRule => ({ apiGroups: [""], resources: [resource], verbs: ["get"] });
const role = (name: string, labels: Readonly<Record<string, string>>, ...rules: readonly PolicyRule[]): ClusterRole => ({
	metadata: { name, labels },
	rules,
});
const gathering = (name: string, ...labels: readonly string[]): ClusterRole => ({
	metadata: { name, labels: name === "inner" ? { a: "true" } : {} },
	aggregationRule: { clusterRoleSelectors: labels.map((label) => ({ matchLabels: { [label]: "true" } })) },
	rules: [],
});

let fixture: ControllerFixture;
const resources = async (name: string) =>
	(await fixture.list(clusterRoles)).find(({ metadata }) => metadata?.name === name)?.rules?.flatMap((each) => each.resources ?? []);
const create = (...roles: readonly ClusterRole[]) => Promise.all(roles.map((each) => fixture.client.resource(clusterRoles).create(each)));

beforeEach(async () => {
	fixture = new ControllerFixture();
	await create(role("z", { a: "true" }, rule("pods"), rule("nodes")), role("y", { a: "true" }, rule("secrets"), rule("pods")));
	await create(gathering("all", "a"));
	await fixture.start(clusterRoleAggregationController);
});

it("gathers the rules of the roles that are selected, by name, each rule once", async () => {
	expect(await resources("all")).toEqual(["secrets", "pods", "nodes"]);
	expect(fixture.complaints).toEqual([]);
});

it("follows roles that come, change, go and are not selected any more", async () => {
	await create(role("x", { a: "true" }, rule("jobs")), role("other", { b: "true" }, rule("leases")));
	await fixture.settle();
	expect(await resources("all")).toEqual(["jobs", "secrets", "pods", "nodes"]);
	await fixture.change(clusterRoles, "y", (each) => ({ ...each, rules: [rule("services")] }));
	await fixture.settle();
	expect(await resources("all")).toEqual(["jobs", "services", "pods", "nodes"]);
	await fixture.change(clusterRoles, "x", (each) => ({ ...each, metadata: { ...each.metadata, labels: {} } }));
	await fixture.client.resource(clusterRoles).delete({ name: "z" });
	await fixture.settle();
	expect(await resources("all")).toEqual(["services"]);
});

it("takes several selectors in their order, and roles that gather themselves", async () => {
	await create(role("b", { b: "true" }, rule("leases")), gathering("inner", "b"), gathering("both", "b", "a"));
	await fixture.settle();
	expect(await resources("inner")).toEqual(["leases"]);
	expect(await resources("both")).toEqual(["leases", "secrets", "pods", "nodes"]);
	expect(await resources("all")).toEqual(["leases", "secrets", "pods", "nodes"]);
});

it("replaces what was written by hand, and leaves other roles alone", async () => {
	await fixture.change(clusterRoles, "all", (each) => ({ ...each, rules: [rule("by-hand")] }));
	await create(role("plain", {}, rule("by-hand")));
	await fixture.settle();
	expect(await resources("all")).toEqual(["secrets", "pods", "nodes"]);
	expect(await resources("plain")).toEqual(["by-hand"]);
});
