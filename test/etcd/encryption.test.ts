/** Secrets encrypted at rest, as kubernetes.io/docs/tasks/administer-cluster/encrypt-data/ checks it: with etcdctl and kubectl. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadOrCreatePki, type Pki } from "../../src/cluster/index.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { etcdctl, hasEtcdctl } from "./etcd-tools.ts";

const providers = (...names: readonly string[]) => `
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
${names.map((name) => (name === "identity" ? "  - identity: {}" : `  - ${name}: { keys: [{ name: key1, secret: ${Buffer.alloc(32, name).toString("base64")} }] }`)).join("\n")}
`;

describe.skipIf(!hasEtcdctl)("a cluster that encrypts Secrets", () => {
	let directory: string;
	let pki: Pki;
	beforeEach(async () => {
		directory = mkdtempSync(join(tmpdir(), "kubesim-encryption-"));
		pki = await loadOrCreatePki(join(directory, "pki"), { nowMs: performance.timeOrigin });
	});
	afterEach(() => rmSync(directory, { recursive: true, force: true }));

	async function start(...names: readonly string[]): Promise<TestCluster> {
		const encryptionProviderConfig = join(directory, "encryption.yaml");
		writeFileSync(encryptionProviderConfig, providers(...names));
		return startTestCluster({ nodes: 1, dataDir: join(directory, "data"), pki, encryptionProviderConfig });
	}

	/** What lies in the store, as etcdctl prints it. */
	async function raw({ cluster, directory: own }: TestCluster, key: string): Promise<string> {
		const { ca, clientCertificate, clientKey, port } = await cluster.listenEtcd({ port: 0 });
		const file = (name: string, text: string) => {
			writeFileSync(join(own, name), text, { mode: 0o600 });
			return join(own, name);
		};
		const tool = etcdctl(`https://127.0.0.1:${port}`, {
			ETCDCTL_CACERT: file("ca.crt", ca),
			ETCDCTL_CERT: file("client.crt", clientCertificate),
			ETCDCTL_KEY: file("client.key", clientKey),
		});
		return tool.run(["get", key, "--print-value-only"]);
	}

	test("shows ciphertext to etcdctl and the Secret to kubectl, through a rotation", async () => {
		const key = "/registry/secrets/default/secret1";
		const password = (cluster: TestCluster) => cluster.run("get secret secret1 -o jsonpath={.data.mykey}");
		{
			await using first = await start("aescbc", "identity");
			await first.run("create secret generic secret1 --from-literal=mykey=mydata");
			expect(await raw(first, key)).toMatch(/^k8s:enc:aescbc:v1:key1:/);
			expect(await password(first)).toBe("bXlkYXRh");
		}
		{
			await using second = await start("secretbox", "aescbc", "identity");
			expect(await password(second)).toBe("bXlkYXRh");
			await second.run("replace -f -", await second.run("get secrets --all-namespaces -o json"));
			expect(await raw(second, key)).toMatch(/^k8s:enc:secretbox:v1:key1:/);
		}
		{
			await using third = await start("secretbox");
			expect(await password(third)).toBe("bXlkYXRh");
		}
	});
});
