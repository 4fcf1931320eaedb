import fc from "fast-check";
import { type api, createCluster, resources, type TestCluster } from "kubesim";
import { applying, checkController, deleting, schedules } from "kubesim/testing";
import { expect, test } from "vitest";
import { type PlantedBug, siteOperator } from "./site-operator.ts";

const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: { name: sites }";
const site = (name: string, replicas: number) => `
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, labels: { kind: site } }
data: { replicas: "${replicas}" }
`;

/** The test that everybody writes. All three bugs pass it. */
test.each<PlantedBug | "no bug">(["no bug", "missing requeue", "lost finalizer"])("a site gets its Deployment: %s", async (bug) => {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, nodes: 1 });
	cluster.run(siteOperator(bug === "no bug" ? undefined : bug));
	await cluster.apply([namespace, site("shop", 2)]);
	const shop = () => cluster.get<api.Deployment>("deployment", "default-shop", { namespace: "sites" }).catch(() => undefined);
	await cluster.runUntil(async () => (await shop())?.status?.readyReplicas === 2, { within: "2m" });
	await cluster.delete("configmap", "shop");
	await cluster.runUntil(async () => (await shop()) === undefined, { within: "2m" });
});

const names = ["shop", "blog"];
const actions = fc.oneof(
	fc
		.tuple(fc.constantFrom(...names), fc.integer({ min: 0, max: 3 }))
		.map(([name, replicas]) => applying(`site ${name} with ${replicas} replicas`, site(name, replicas))),
	fc.constantFrom(...names).map((name) => deleting("configmap", name)),
);

/** What the user wants is there, and nothing else. */
async function converged(cluster: TestCluster): Promise<boolean> {
	const sites = await cluster.list(resources.configMaps, { labelSelector: "kind=site" });
	const deployments = await cluster.list(resources.deployments, { namespace: "sites" });
	const wanted = sites.map(({ metadata, data }) => `default-${metadata?.name} ${data?.replicas}`);
	const found = deployments.map(({ metadata, spec }) => `${metadata?.name} ${spec?.replicas}`);
	return JSON.stringify(wanted.sort()) === JSON.stringify(found.sort());
}

const check = (bug?: PlantedBug) =>
	checkController({
		controller: () => siteOperator(bug),
		// The namespace is the first thing that happens.
		schedule: schedules(actions, { pauseMs: 10_000 }).map((schedule) => ({
			...schedule,
			steps: [{ afterMs: 0, action: applying("the namespace", namespace), crashAfterWrites: undefined }, ...schedule.steps],
		})),
		converged,
		// It writes Deployments in sites, and finalizers.
		owns: ({ kind, namespace: place }) => kind === "ConfigMap" || (kind === "Deployment" && place === "sites"),
		cluster: { controllers: [] },
		quietFor: "2m",
		runs: 60,
		seed: 5,
	});

test("the operator gets through whatever happens", async () => {
	await check();
}, 180_000);

test.each<[PlantedBug, RegExp]>([
	["missing requeue", /^Error: converges: /],
	["lost finalizer", /^Error: converges: /],
	["hot loop", /^Error: no hot loop: /],
])(
	"the planted bug is found: %s",
	async (bug, found) => {
		const error: unknown = await check(bug).catch((failure: unknown) => failure);
		expect(String(error)).toMatch(found);
	},
	180_000,
);
