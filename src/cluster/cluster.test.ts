import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { configMaps, pods, services } from "../client/resources.ts";
import { type ClusterOptions, createCluster } from "./index.ts";

it("comes back from its data directory with what it held", async () => {
	const dataDir = mkdtempSync(join(tmpdir(), "kubesim-cluster-"));
	const first = await createCluster({ dataDir, nodes: 1, latency: "none" });
	await first.whenNodesReady();
	const made = await first.client.resource(configMaps).create({ metadata: { name: "a", namespace: "default" }, data: { k: "v" } });
	await first.close();
	const second = await createCluster({ dataDir, nodes: 1, latency: "none" });
	await second.whenNodesReady();
	expect(await second.client.resource(configMaps).get({ namespace: "default", name: "a" })).toEqual(made);
	expect((await second.client.resource(services).get({ namespace: "default", name: "kubernetes" })).spec?.clusterIP).toBe("10.96.0.1");
	expect(second.adminCredentials()).toEqual(first.adminCredentials());
	await second.close();
	rmSync(dataDir, { recursive: true, force: true });
});

it("keeps two clusters of one process apart", async () => {
	const [a, b] = await Promise.all([createCluster({ nodes: 0 }), createCluster({ nodes: 0 })]);
	await a.client.resource(configMaps).create({ metadata: { name: "only-a", namespace: "default" } });
	expect((await b.client.resource(configMaps).list("default")).items.map(({ metadata }) => metadata?.name)).not.toContain("only-a");
	await Promise.all([a.close(), b.close()]);
});

it("says which admission plugin there is not, and leaves nothing open", async () => {
	const dataDir = mkdtempSync(join(tmpdir(), "kubesim-cluster-"));
	const open = (admission: ClusterOptions["admission"]) =>
		createCluster({ dataDir, nodes: 0, ...(admission === undefined ? {} : { admission }) });
	await expect(open({ enable: ["Nope"] })).rejects.toThrow('enable-admission-plugins plugin "Nope" is unknown');
	const cluster = await open({ disable: ["ServiceAccount"] });
	const pod = { metadata: { name: "a", namespace: "default" }, spec: { containers: [{ name: "a", image: "nginx" }] } };
	expect((await cluster.client.resource(pods).create(pod)).spec?.volumes).toBeUndefined();
	await cluster.close();
	rmSync(dataDir, { recursive: true, force: true });
});
