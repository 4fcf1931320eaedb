/**
 * Two kubesim servers on one real etcd, as processes, with the real kubectl: what one writes the other's watches see, one
 * runs controllers, scheduler and nodes, and when it is killed the other takes over.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EtcdProcess } from "../../src/store/testing/real-etcd.ts";
import { etcdctl, hasEtcd } from "../etcd/etcd-tools.ts";
import { eventually } from "../tools/eventually.ts";
import { kubectlPath, Tool } from "../tools/kubectl.ts";
import { KubesimHome, kill } from "../tools/kubesim.ts";
import { RunningTool } from "../tools/running-tool.ts";

interface Lease {
	readonly spec: { readonly holderIdentity: string; readonly leaseDurationSeconds: number; readonly leaseTransitions: number };
}

describe.skipIf(!hasEtcd)("two servers on one etcd", () => {
	let etcd: EtcdProcess;
	let home: KubesimHome;
	const tools: Record<string, Tool> = {};
	const kubectl = (server: "a" | "b", args: string) => (tools[server] as Tool).run(args);
	const start = async (name: "a" | "b", more = "") => {
		const pki = join(home.directory, "pki");
		await home.run(`start --name ${name} --store etcd --etcd-endpoints ${etcd.url} --pki-dir ${pki} ${more}`);
		tools[name] = new Tool(kubectlPath(), { ...home.env, KUBECONFIG: join(home.clusters, name, "kubeconfig") });
	};
	const holder = async (server: "a" | "b", lease: string) =>
		JSON.parse(await kubectl(server, `get lease -n kube-system ${lease} -o json`)) as Lease;

	beforeAll(async () => {
		etcd = await EtcdProcess.start();
		home = new KubesimHome();
		await start("a", "--nodes 2");
		await start("b");
	});
	afterAll(async () => {
		await home[Symbol.asyncDispose]();
		await etcd[Symbol.asyncDispose]();
	});

	test("both serve one cluster, with one set of certificates", async () => {
		for (const server of ["a", "b"] as const) {
			expect(await kubectl(server, "get nodes -o name")).toBe("node/node-1\nnode/node-2\n");
			expect(await kubectl(server, "get --raw /readyz")).toBe("ok");
		}
		const [a, b] = (["a", "b"] as const).map((name) => readFileSync(join(home.clusters, name, "kubeconfig"), "utf8"));
		expect(/certificate-authority-data: .*/.exec(a ?? "")?.[0]).toBe(/certificate-authority-data: .*/.exec(b ?? "")?.[0]);
		expect(existsSync(join(home.clusters, "a", "store"))).toBe(false);
		// A token that one of them signed, the other accepts.
		const token = (await kubectl("a", "create token default")).trim();
		const stranger = new Tool(kubectlPath(), { ...home.env, KUBECONFIG: "/dev/null" });
		const { server } = await home.status("b");
		const whoami = `--server=${server} --insecure-skip-tls-verify --token=${token} auth whoami -o jsonpath={.status.userInfo.username}`;
		expect(await stranger.run(whoami)).toBe("system:serviceaccount:default:default");
	});

	test("a write through one is seen by a watch on the other, and by the next read there", async () => {
		await using watch = await RunningTool.watching(tools.b as Tool, "get configmaps -w --output-watch-events --no-headers");
		await kubectl("a", "create configmap seen --from-literal=k=1");
		// No pause: what kubectl has an answer for, every server shows.
		expect(await kubectl("b", "get configmap seen -o jsonpath={.data.k}")).toBe("1");
		await kubectl("b", "label configmap seen x=y");
		expect(await kubectl("a", "get configmap seen -o jsonpath={.metadata.labels.x}")).toBe("y");
		await kubectl("a", "delete configmap seen");
		await watch.sees(/ADDED +seen[\s\S]*MODIFIED +seen[\s\S]*DELETED +seen/);
		expect(await etcdctl(etcd.endpoint).run("get /registry/configmaps/default/seen")).toBe("");
	});

	test("one of them leads, with upstream's durations", async () => {
		for (const lease of ["kube-controller-manager", "kube-scheduler", "kubesim-nodes"]) {
			const { spec } = await holder("b", lease);
			expect([lease, spec.leaseDurationSeconds, spec.leaseTransitions]).toEqual([lease, 15, 0]);
		}
		await kubectl("b", "create deployment web --image=nginx --replicas=3");
		await kubectl("b", "rollout status deployment/web --timeout=30s");
		const error = await (tools.b as Tool).fail("logs deployment/web");
		expect(error).toContain(`the nodes are simulated by the server at ${(await home.status("a")).server}: ask there`);
		expect(await kubectl("a", "exec deployment/web -- hostname")).toMatch(/^web-/);
	});

	test("the leader is killed: the other takes over, and a Deployment scaled meanwhile converges", async () => {
		const before = await holder("b", "kube-controller-manager");
		kill((await home.status("a")).pid);
		await kubectl("b", "scale deployment/web --replicas=6");
		const pods = await kubectl("b", "get pods -l app=web -o name");
		expect(pods.trim().split("\n")).toHaveLength(3);
		await kubectl("b", "rollout status deployment/web --timeout=60s");
		await eventually(
			async () => ((await kubectl("b", "get pods -l app=web --no-headers")).match(/ Running /g)?.length === 6 ? true : undefined),
			{
				limitMs: 30_000,
			},
		);
		const after = await holder("b", "kube-controller-manager");
		expect(after.spec.holderIdentity).not.toBe(before.spec.holderIdentity);
		expect(after.spec.leaseTransitions).toBe(1);
		// The nodes went on: nobody took them for dead.
		expect((await kubectl("b", "get nodes --no-headers")).match(/ Ready /g)).toHaveLength(3);
		expect(await kubectl("b", "exec deployment/web -- hostname")).toMatch(/^web-/);
	});

	test("the killed one comes back as it was started, and takes over at once when the leader is stopped in order", async () => {
		await home.run("start --name a");
		tools.a = new Tool(kubectlPath(), { ...home.env, KUBECONFIG: join(home.clusters, "a", "kubeconfig") });
		await home.run("stop --name b");
		await kubectl("a", "scale deployment/web --replicas=2");
		await eventually(async () => ((await kubectl("a", "get pods -l app=web -o name")).trim().split("\n").length === 2 ? true : undefined));
		expect((await holder("a", "kubesim-nodes")).spec.holderIdentity).toContain((await home.status("a")).server);
	});
});
