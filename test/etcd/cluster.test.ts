/** The etcd API of a whole cluster: what kubectl writes is what etcdctl sees, and the other way round. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import type { Tool } from "../tools/kubectl.ts";
import { etcdctl, hasEtcdctl } from "./etcd-tools.ts";

interface KeyValues {
	readonly kvs: readonly { readonly key: string; readonly mod_revision: number; readonly version: number; readonly value: string }[];
}

describe.skipIf(!hasEtcdctl)("etcdctl in a cluster", () => {
	let cluster: TestCluster;
	let tool: Tool;
	let endpoint: string;
	beforeAll(async () => {
		cluster = await startTestCluster();
		const { ca, clientCertificate, clientKey, port } = await cluster.cluster.listenEtcd({ port: 0 });
		const file = (name: string, text: string) => {
			const path = join(cluster.directory, name);
			writeFileSync(path, text, { mode: 0o600 });
			return path;
		};
		endpoint = `https://127.0.0.1:${port}`;
		tool = etcdctl(endpoint, {
			ETCDCTL_CACERT: file("etcd-ca.crt", ca),
			ETCDCTL_CERT: file("etcd-client.crt", clientCertificate),
			ETCDCTL_KEY: file("etcd-client.key", clientKey),
		});
	});
	afterAll(() => cluster[Symbol.asyncDispose]());

	const read = async (key: string) => (JSON.parse(await tool.run(`get ${key} -w json`)) as KeyValues).kvs[0];

	test("objects lie under /registry", async () => {
		const keys = (await tool.run("get /registry --prefix --keys-only")).split("\n").filter((line) => line !== "");
		expect(keys).toEqual(
			expect.arrayContaining(["/registry/namespaces/default", "/registry/minions/node-1", "/registry/services/specs/default/kubernetes"]),
		);
		expect(keys.every((key) => key.startsWith("/registry/"))).toBe(true);
		expect((await tool.try(["endpoint", "health"])).exitCode).toBe(0);
	});

	test("mod_revision is the object's resourceVersion", async () => {
		await cluster.run("create configmap seen --from-literal=a=b");
		await cluster.run("label configmap seen x=y");
		const stored = await read("/registry/configmaps/default/seen");
		expect(String(stored?.mod_revision)).toBe(await cluster.run("get configmap seen -o jsonpath={.metadata.resourceVersion}"));
		expect(stored?.version).toBe(2);
		expect(JSON.parse(Buffer.from(stored?.value ?? "", "base64").toString())).toMatchObject({ kind: "ConfigMap", data: { a: "b" } });
	});

	test("a raw delete of a pod reaches a kubectl watch", async () => {
		await cluster.run("run doomed --image=nginx");
		await cluster.run("wait --for=condition=Ready pod/doomed");
		const watch = cluster.kubectl.spawn(["get", "pod", "doomed", "-w", "--output-watch-events", "--no-headers"]);
		const events: string[] = [];
		const deleted = (async () => {
			for await (const chunk of watch.stdout) {
				events.push(String(chunk));
				if (events.length === 1) expect(await tool.run("del /registry/pods/default/doomed")).toBe("1\n");
				if (events.join("").includes("DELETED")) return;
			}
		})();
		await deleted;
		watch.kill();
		expect(events.join("")).toMatch(/^ADDED +doomed +1\/1 +Running .*\nDELETED +doomed /);
		expect(await cluster.kubectl.fail("get pod doomed")).toBe('Error from server (NotFound): pods "doomed" not found\n');
	});

	test("only certificates of the store's own authority are let in", async () => {
		const { clientCertificate, clientKey } = cluster.cluster.adminCredentials();
		writeFileSync(join(cluster.directory, "admin.crt"), clientCertificate);
		writeFileSync(join(cluster.directory, "admin.key"), clientKey, { mode: 0o600 });
		const stranger = etcdctl(endpoint, {
			ETCDCTL_CACERT: join(cluster.directory, "etcd-ca.crt"),
			ETCDCTL_CERT: join(cluster.directory, "admin.crt"),
			ETCDCTL_KEY: join(cluster.directory, "admin.key"),
		});
		const stderr = await stranger.fail("get /registry --prefix --command-timeout=1s");
		expect(stderr.trimEnd().split("\n").at(-1)).toBe("Error: context deadline exceeded");
		expect(await tool.run("get /registry/none")).toBe("");
	});
});
