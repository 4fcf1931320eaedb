/** `kubesim start --store etcd`: what is remembered, what is asked again, and what keeps it from starting. HA is in test/e2e/ha.test.ts. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../src/apiserver/pki/certificate.ts";
import { freePort } from "../../src/store/testing/free-ports.ts";
import { EtcdProcess } from "../../src/store/testing/real-etcd.ts";
import { etcdctl, hasEtcd } from "../etcd/etcd-tools.ts";
import { KubesimHome } from "../tools/kubesim.ts";

let home: KubesimHome;
const etcds: EtcdProcess[] = [];
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(async () => {
	await home[Symbol.asyncDispose]();
	for (const etcd of etcds.splice(0)) await etcd[Symbol.asyncDispose]();
});

async function startEtcd(options: Parameters<typeof EtcdProcess.start>[0] = {}): Promise<EtcdProcess> {
	const etcd = await EtcdProcess.start(options);
	etcds.push(etcd);
	return etcd;
}

const config = () => readFileSync(join(home.clusters, "kubesim", "cluster.json"), "utf8");

test("no etcd there: where it was looked for, and nothing is left behind", async () => {
	const port = await freePort();
	const { stderr, ...answer } = await home.try(`start --store etcd --etcd-endpoints http://127.0.0.1:${port}`);
	// What takes a moment is told.
	expect({ ...answer, stderr: stderr.replace(/^opening the store\n/, "") }).toEqual({
		stdout: "",
		stderr: `error: etcd is not available: http://127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}
Is etcd running there, and does it want TLS (https, --etcd-cafile, --etcd-certfile and --etcd-keyfile)?
`,
		exitCode: 1,
	});
	expect(readdirSync(home.clusters)).toEqual([]);
});

describe.skipIf(!hasEtcd)("with a real etcd", () => {
	test("the cluster comes back from etcd, under any name; a delete leaves it there", async () => {
		const etcd = await startEtcd();
		await home.run(`start --nodes 1 --store etcd --etcd-endpoints ${etcd.url}`);
		await home.kubectl("create configmap kept --from-literal=k=v");
		const refused = await home.try("start --store local");
		expect(refused.stderr).toBe(
			"error: cluster kubesim is running, and --store can't be changed while it does\nStop it first: kubesim stop\n",
		);
		await home.run("stop");
		await home.run("start");
		expect(await home.kubectl("get configmap kept -o jsonpath={.data.k}")).toBe("v");
		expect(await home.run("delete")).toBe(
			`Cluster kubesim is deleted, with its context in the kubeconfig.\nIts objects stay in etcd at ${etcd.url}, below /registry/.\n`,
		);
		await home.run(`start --name other --nodes 1 --store etcd --etcd-endpoints ${etcd.url}`);
		expect(await home.kubectl("get configmap kept -o jsonpath={.data.k}")).toBe("v");
		expect(await home.run("logs --name other")).toContain("let the servers share one PKI directory");
	});

	test("a cluster with data of its own does not leave them behind for an etcd", async () => {
		const etcd = await startEtcd();
		await home.run("start --nodes 0");
		await home.run("stop");
		expect((await home.try(`start --store etcd --etcd-endpoints ${etcd.url}`)).stderr).toBe(
			`error: cluster kubesim keeps its data in a store of its own, not in etcd at ${etcd.url}\nChoose another --name; or kubesim delete first.\n`,
		);
		await home.run("start");
		expect(await home.kubectl("get namespaces -o name")).toContain("namespace/default");
	});

	test("a user and a password, which is used and not kept", async () => {
		const etcd = await startEtcd();
		for (const command of ["user add root:secret", "user grant-role root root", "auth enable"]) await etcdctl(etcd.endpoint).run(command);
		const start = `start --nodes 0 --store etcd --etcd-endpoints ${etcd.url}`;
		expect((await home.try(start)).stderr).toContain("error: etcd does not let kubesim in: etcdserver: user name is empty\n");
		expect((await home.try(`${start} --etcd-username root --etcd-password wrong`)).stderr).toContain(
			"error: etcd does not let kubesim in: etcdserver: authentication failed, invalid user ID or password\n",
		);
		expect((await home.try(`${start} --etcd-username root`)).stderr).toBe(
			"error: the password of etcd's user root is not known\nSet KUBESIM_ETCD_PASSWORD: it is not kept between two starts.\n",
		);
		await home.run(`${start} --etcd-username root --etcd-password secret`);
		expect(await home.kubectl("get namespaces -o name")).toContain("namespace/default");
		expect(config()).toContain('"username": "root"');
		expect(config()).not.toContain("secret");
		await home.run("stop");
		await using later = new KubesimHome({ KUBESIM_HOME: home.clusters, KUBESIM_ETCD_PASSWORD: "secret" });
		await later.run("start");
		await later.run("stop");
	});

	test("TLS with a client certificate, remembered by its files", async () => {
		const directory = home.makeDirectory("certificates");
		const file = (name: string, text: string) => {
			mkdirSync(directory, { recursive: true });
			writeFileSync(join(directory, name), text, { mode: 0o600 });
			return join(directory, name);
		};
		const validity = { notBeforeMs: Date.now() - 3_600_000, notAfterMs: Date.now() + 3_600_000 };
		const ca = createAuthority({ commonName: "etcd-ca" }, validity);
		const subject = { commonName: "etcd" };
		const server = issueCertificate(ca, { subject, validity, usages: ["serverAuth", "clientAuth"], ipAddresses: ["127.0.0.1"] });
		const client = issueCertificate(ca, { subject, validity, usages: ["clientAuth"] });
		const caFile = file("ca.crt", ca.cert);
		const tls = { caFile, certFile: file("server.crt", server.cert), keyFile: file("server.key", server.key) };
		const etcd = await startEtcd({ tls, clientTls: { ca: ca.cert, ...client } });
		const start = `start --nodes 0 --store etcd --etcd-endpoints ${etcd.url} --etcd-cafile ${caFile}`;
		const refused = await home.try(start);
		expect(refused.stderr).toMatch(
			/^error: etcd is not available: https:\/\/127.0.0.1:\d+: (ssl\/)?tlsv?\S* alert (certificate required|bad certificate)$/m,
		);
		expect(existsSync(join(home.clusters, "kubesim"))).toBe(false);
		await home.run(`${start} --etcd-certfile ${file("client.crt", client.cert)} --etcd-keyfile ${file("client.key", client.key)}`);
		await home.run("stop");
		await home.run("start");
		expect(await home.kubectl("get namespaces -o name")).toContain("namespace/default");
	});
});
