import { KubeConfig } from "@kubernetes/client-node";
import fc from "fast-check";
import { createCluster, type RunnableController, resources, sleep, type TestCluster } from "kubesim";
import { applying, checkController, deleting, schedules } from "kubesim/testing";
import { expect, test } from "vitest";
import { runCopier } from "./copier.ts";

/** The operator as a test runs it: the cluster's way to the API, and its time. */
const copier: RunnableController = {
	name: "copier",
	run: async ({ kubeConfig, clock }, signal) => runCopier(await kubeConfig(KubeConfig), { signal, delay: (ms) => sleep(clock, ms) }),
};

const map = (name: string, value: string, copy = true) => `
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, labels: { copy: "${copy ? "yes" : "no"}" } }
data: { value: "${value}" }
`;

async function data(cluster: TestCluster): Promise<Readonly<Record<string, string | undefined>>> {
	const maps = await cluster.list(resources.configMaps, { namespace: "default" });
	const own = maps.filter(({ metadata }) => metadata?.name !== "kube-root-ca.crt");
	return Object.fromEntries(own.map(({ metadata, data }) => [metadata?.name ?? "", data?.value]));
}

/** What a user does, and what it comes to. `pass`: lets things happen. */
async function live(cluster: TestCluster, pass: (until: () => Promise<boolean>) => Promise<void>): Promise<void> {
	const becomes = (wanted: Readonly<Record<string, string>>) =>
		pass(async () => JSON.stringify(Object.entries(await data(cluster)).sort()) === JSON.stringify(Object.entries(wanted).sort()));
	await cluster.apply(map("a", "1"));
	await becomes({ a: "1", "a-copy": "1" });
	await cluster.apply(map("a", "2"));
	await becomes({ a: "2", "a-copy": "2" });
	await cluster.apply(map("b", "3"));
	await cluster.delete("configmap", "a");
	await becomes({ b: "3", "b-copy": "3" });
}

test("it runs in virtual time, in the same way each time", async () => {
	const run = async () => {
		await using cluster = await createCluster({ clock: "virtual", seed: 1, nodes: 0 });
		cluster.run(copier);
		// Each step is over in the instant in which it begins.
		await live(cluster, async (until) => {
			await cluster.settle();
			expect(await until()).toBe(true);
		});
		await cluster.advance("2h");
		return cluster.story();
	};
	const story = await run();
	expect(story).toContain("copier ADDED ConfigMap default/a-copy");
	expect(await run()).toBe(story);
});

test("it runs unchanged against a cluster behind HTTPS, in real time", async () => {
	await using cluster = await createCluster({ nodes: 0 });
	const { url } = await cluster.serve();
	const { ca, clientCertificate, clientKey } = cluster.inner.adminCredentials();
	const base64 = (text: string) => Buffer.from(text).toString("base64");
	const config = new KubeConfig();
	config.loadFromClusterAndUser(
		{ name: "kubesim", server: url, caData: base64(ca), skipTLSVerify: false },
		{ name: "admin", certData: base64(clientCertificate), keyData: base64(clientKey) },
	);
	const end = new AbortController();
	await runCopier(config, { signal: end.signal });
	await live(cluster, (until) => cluster.runUntil(until, { within: "1m" }));
	end.abort();
}, 120_000);

const names = ["a", "b"];
const actions = fc.oneof(
	fc
		.tuple(fc.constantFrom(...names), fc.constantFrom("1", "2"), fc.boolean())
		.map(([name, value, copy]) => applying(`${name} with ${value}, copy ${copy}`, map(name, value, copy))),
	fc.constantFrom(...names).map((name) => deleting("configmap", name)),
);

test("it gets through faults and crashes", async () => {
	await checkController({
		controller: () => copier,
		schedule: schedules(actions, { pauseMs: 5_000 }),
		converged: async (cluster) => {
			const found = await cluster.list(resources.configMaps, { namespace: "default", labelSelector: "copy=yes" });
			const wanted = found.flatMap(({ metadata, data }) => [`${metadata?.name}-copy ${data?.value}`]);
			const copies = Object.entries(await data(cluster)).filter(([name]) => name.endsWith("-copy"));
			return JSON.stringify(copies.map(([name, value]) => `${name} ${value}`).sort()) === JSON.stringify(wanted.sort());
		},
		owns: ({ name }) => name.endsWith("-copy"),
		cluster: { controllers: [] },
		quietFor: "2m",
		runs: 15,
		seed: 3,
	});
}, 180_000);
