/** The add-on CoreDNS in a whole cluster: names come and go with its pods, and follow its ConfigMap. In virtual time. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { ConfigMap, Pod } from "../apimachinery/schema/generated/types.ts";
import { configMaps, deployments, pods, services } from "../client/resources.ts";
import { Collector } from "../host/index.ts";
import type { Cluster } from "./cluster.ts";
import { createCluster } from "./open-cluster.ts";

let cluster: Cluster;
let clock: VirtualClock;
const until = async (test: () => boolean | Promise<boolean>, limitMs = 120_000) => {
	const endMs = clock.now() + limitMs;
	while (!(await test())) {
		if (clock.now() >= endMs) throw new Error("it did not come to that");
		await clock.advance(250);
	}
};

beforeAll(async () => {
	clock = new VirtualClock();
	cluster = await createCluster({ clock, seed: 1, nodes: 1, addons: ["coredns"] });
	await cluster.client.resource(pods).create({
		apiVersion: "v1",
		kind: "Pod",
		metadata: { name: "client", namespace: "default" },
		spec: { containers: [{ name: "c", image: "registry.k8s.io/e2e-test-images/jessie-dnsutils:1.3" }] },
	});
	await until(async () => (await dnsPods()).filter(isReady).length === 2 && isReady(await client()));
});
afterAll(async () => {
	await cluster.close();
});

const isReady = ({ status }: Pod) => status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
const client = () => cluster.client.resource(pods).get({ namespace: "default", name: "client" });
const dnsPods = async () =>
	(await cluster.client.resource(pods).list("kube-system")).items.filter(({ metadata }) => metadata?.labels?.["k8s-app"] === "kube-dns");

/** What a command in the client's pod prints. */
async function run(...command: readonly string[]): Promise<string> {
	const output = new Collector();
	const write = async (chunk: Uint8Array) => output.write(chunk);
	const target = { node: "node-1", namespace: "default", pod: "client", container: "c" };
	let isDone = false;
	const options = { command, stdin: false, tty: false };
	void cluster.fleet.connector.exec(target, options, { stdout: write, stderr: write }, new AbortController().signal).finally(() => {
		isDone = true;
	});
	await until(() => isDone, 60_000);
	return output.text();
}

async function log(): Promise<string> {
	const output = new Collector();
	for (const { metadata } of await dnsPods()) {
		const target = { node: "node-1", namespace: "kube-system", pod: metadata?.name ?? "", container: "coredns" };
		const options = { follow: false, previous: false, timestamps: false };
		await cluster.fleet.connector.logs(target, options, async (chunk) => output.write(chunk), new AbortController().signal);
	}
	return output.text();
}

async function setCorefile(change: (text: string) => string): Promise<void> {
	const name = { namespace: "kube-system", name: "coredns" };
	const before: ConfigMap = await cluster.client.resource(configMaps).get(name);
	await cluster.client.resource(configMaps).update({ ...before, data: { Corefile: change(before.data?.Corefile ?? "") } });
}

const scale = (replicas: number) =>
	cluster.client
		.resource(deployments)
		.patch({ namespace: "kube-system", name: "coredns" }, "application/merge-patch+json", { spec: { replicas } });

test("names are answered by its pods, behind the Service kube-dns", async () => {
	expect((await cluster.client.resource(services).get({ namespace: "kube-system", name: "kube-dns" })).spec?.clusterIP).toBe("10.96.0.10");
	expect(await run("nslookup", "kubernetes.default")).toBe(
		"Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\nName:\tkubernetes.default.svc.cluster.local\nAddress: 10.96.0.1\n\n",
	);
	expect(await run("dig", "+short", "-x", "10.96.0.10")).toBe("kube-dns.kube-system.svc.cluster.local.\n");
	expect(await run("nslookup", "node-1")).toContain("Non-authoritative answer:\nName:\tnode-1\nAddress: 172.18.0.2");
	expect(await log()).toMatch(/^\.:53\n\[INFO\] plugin\/reload: Running configuration SHA512 = [0-9a-f]{128}\nCoreDNS-1\.13\.1\n/);
});

test("its ConfigMap is followed: hosts, rewrite, what is not simulated, what is wrong", async () => {
	const stub = "consul.local:53 {\n    errors\n    forward . 10.150.0.1\n}\n";
	await setCorefile((text) =>
		`${text}${stub}`.replace(
			"ready\n",
			"ready\n    log\n    template IN A\n    hosts {\n      10.1.2.3 shop.example.com\n      fallthrough\n    }\n    rewrite name api.example.com kubernetes.default.svc.cluster.local\n",
		),
	);
	await until(async () => (await log()).match(/Reloading complete/g)?.length === 2, 200_000);
	expect(await run("dig", "+short", "shop.example.com")).toBe("10.1.2.3\n");
	expect(await run("dig", "+noall", "+answer", "api.example.com")).toMatch(/^api\.example\.com\.\t+30\tIN\tA\t10\.96\.0\.1\n$/);
	expect(await run("dig", "+short", "foo.consul.local")).toBe("");
	const text = await log();
	expect(text).toMatch(
		/\[ERROR\] plugin\/errors: 2 foo\.consul\.local\. A: read udp 10\.244\.0\.\d+:\d+->10\.150\.0\.1:53: i\/o timeout\n/,
	);
	expect(text).toContain("[ERROR] plugin/template: not simulated: it has no effect\n");
	expect(text).toMatch(/\[INFO\] 10\.244\.0\.\d+:\d+ - \d+ "A IN shop\.example\.com\. udp \d+ false 512" NOERROR qr,aa,rd/);
	await setCorefile((before) => before.replace("ready\n", "ready\n    nonsense\n"));
	await until(
		async () =>
			(await log()).includes("[ERROR] Restart failed: /etc/coredns/Corefile:7 - Error during parsing: Unknown directive 'nonsense'"),
		200_000,
	);
	expect(await run("dig", "+short", "shop.example.com")).toBe("10.1.2.3\n");
	await setCorefile((before) => before.replace("    nonsense\n", ""));
}, 20_000);

test("without its pods there are no names, and with them there are again", async () => {
	await scale(0);
	await until(async () => (await dnsPods()).length === 0);
	expect(await run("nslookup", "kubernetes.default")).toBe(";; connection timed out; no servers could be reached\n\n");
	expect(await run("curl", "-sS", "http://kubernetes.default")).toBe("curl: (6) Could not resolve host: kubernetes.default\n");
	await scale(1);
	await until(async () => (await dnsPods()).some(isReady));
	await until(async () => (await run("dig", "+short", "kubernetes.default.svc.cluster.local")) === "10.96.0.1\n");
}, 20_000);

test("a Corefile that is wrong, or forwards to itself, ends in CrashLoopBackOff", async () => {
	await setCorefile((text) => text.replace("forward . /etc/resolv.conf", "forward . 127.0.0.1"));
	for (const { metadata } of await dnsPods())
		await cluster.client.resource(pods).delete({ namespace: "kube-system", name: metadata?.name ?? "" });
	await until(async () =>
		(await dnsPods()).some(({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === "CrashLoopBackOff"),
	);
	expect(await log()).toMatch(/\[FATAL\] plugin\/loop: Loop \(127\.0\.0\.1:\d+ -> :53\) detected for zone "\."/);
}, 20_000);

test("there is no other add-on", async () => {
	await expect(createCluster({ addons: ["nothing"] })).rejects.toThrow('there is no add-on "nothing"; there are: coredns');
});
