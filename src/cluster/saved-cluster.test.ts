import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { pods } from "../client/resources.ts";
import { createCluster, openSavedCluster, SavedClusterError, type SavedSource, SnapshotError, simulatePlacement } from "./index.ts";

let directory: string;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "saved-cluster-"));
	// Whatever is copied is seen, if it is left behind.
	vi.stubEnv("TMPDIR", directory);
});
afterEach(() => {
	vi.unstubAllEnvs();
	rmSync(directory, { recursive: true, force: true });
});

const podOf = (name: string, cpu: string): Pod => ({
	apiVersion: "v1",
	kind: "Pod",
	metadata: { namespace: "default", name },
	spec: { containers: [{ name: "c", image: "nginx", resources: { requests: { cpu } } }] },
});

/** Two nodes of 4 cores, of which one has 3 in use. */
async function makeCluster(): Promise<{ readonly dataDir: string; readonly snapshot: string }> {
	const dataDir = join(directory, "data");
	const cluster = await createCluster({ dataDir, nodes: 2, latency: "none" });
	await cluster.whenNodesReady();
	const created = await cluster.client.resource(pods).create(podOf("there", "3"));
	while ((await cluster.client.resource(pods).get({ namespace: "default", name: "there" })).spec?.nodeName === undefined)
		await new Promise((resolve) => setTimeout(resolve, 10));
	expect(created.spec?.nodeName).toBeUndefined();
	const chunks: Uint8Array[] = [];
	for await (const chunk of cluster.ownStore?.snapshot() ?? []) chunks.push(chunk);
	const snapshot = join(directory, "backup.db");
	writeFileSync(snapshot, Buffer.concat(chunks));
	await cluster.close();
	return { dataDir, snapshot };
}

function contentsOf(path: string): ReadonlyMap<string, string> {
	const files = readdirSync(path, { recursive: true }).map((name) => join(path, String(name)));
	return new Map(files.filter((file) => statSync(file).isFile()).map((file) => [file, readFileSync(file).toString("base64")]));
}

async function placementsOn(source: SavedSource): Promise<readonly string[]> {
	await using saved = await openSavedCluster(source);
	const { placements } = await simulatePlacement(saved.cluster, [podOf("a", "4"), podOf("b", "1"), podOf("c", "1")]);
	return placements.map(({ nodeName, message }) => (nodeName === "" ? (message.split(" no new")[0] ?? "") : nodeName));
}

test("a stopped cluster and a snapshot of it tell where pods would go, and stay as they are", async () => {
	const { dataDir, snapshot } = await makeCluster();
	const before = contentsOf(directory);
	const expected = [
		expect.stringMatching(/^node-[12]$/),
		expect.stringMatching(/^node-[12]$/),
		"0/2 nodes are available: 2 Insufficient cpu.",
	];
	for (const source of [{ directory: dataDir }, { directory: join(dataDir, "store") }, { snapshot }]) {
		const found = await placementsOn(source);
		expect(found).toEqual(expected);
		// One node has 4 cores free, the other one.
		expect(found[0]).not.toBe(found[1]);
	}
	expect(contentsOf(directory)).toEqual(before);
}, 120_000);

test("what is no cluster is refused", async () => {
	await expect(openSavedCluster({ directory })).rejects.toThrow(new SavedClusterError(`${directory} holds no cluster's store`));
	const file = join(directory, "nonsense.db");
	writeFileSync(file, "nonsense");
	await expect(openSavedCluster({ snapshot: file })).rejects.toBeInstanceOf(SnapshotError);
});
