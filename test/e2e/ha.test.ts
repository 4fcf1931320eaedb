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
	let leader: "a" | "b" = "a";
	let other: "a" | "b" = "b";
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
		const web = await kubectl("b", "create deployment web --image=nginx --replicas=3 --dry-run=client -o yaml");
		// A pod that the nodes were about to start when it was deleted may take all of its grace period.
		await (tools.b as Tool).run("create -f -", web.replace("containers:", "terminationGracePeriodSeconds: 2\n      containers:"));
		await kubectl("b", "rollout status deployment/web --timeout=30s");
	});

	test("logs, exec and port-forward go through a server that does not run the nodes to the one that does", async () => {
		const tool = tools.b as Tool;
		const pod = (await kubectl("b", "get pods -l app=web -o name")).split("\n")[0] ?? "";
		for (const server of ["a", "b"] as const) expect(await kubectl(server, `logs ${pod}`)).toContain("start worker processes");
		expect(await kubectl("b", `exec ${pod} -- hostname`)).toBe(`${pod.replace("pod/", "")}\n`);
		expect(await tool.run(`exec -i ${pod} -- cat`, "typed\n")).toBe("typed\n");
		const proxied = `/api/v1/namespaces/default/${pod.replace("pod/", "pods/")}/proxy/`;
		for (const server of ["a", "b"] as const) expect(await kubectl(server, `get --raw ${proxied}`)).toContain("Welcome to nginx!");
		expect(await tool.try(["exec", pod, "--", "sh", "-c", "exit 3"])).toMatchObject({ exitCode: 3 });
		expect(await tool.fail(`exec ${pod} -c none -- hostname`)).toContain("container none is not valid for pod");
		expect(await tool.fail(`logs ${pod} -c none`)).toContain("container none is not valid for pod");
		await using follow = new RunningTool(tool, `logs -f ${pod}`);
		await using forward = new RunningTool(tool, `port-forward ${pod} 0:80`);
		const [, port] = await forward.sees(/127.0.0.1:(\d+)/);
		expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain("Welcome to nginx!");
		await follow.sees(/GET \/ HTTP\/1.1/);
		// Who asks is for the other server to judge: somebody who may do nothing may not do this either.
		const raw = `/api/v1/namespaces/default/pods/${pod.replace("pod/", "")}/log`;
		expect(await tool.fail(`get --raw ${raw} --as=nobody`)).toContain('User "nobody" cannot get resource "pods/log"');
	});

	test("etcd goes away and comes back: requests fail meanwhile, watches go on where they were", async () => {
		await using watch = await RunningTool.watching(tools.b as Tool, "get configmaps -w --output-watch-events --no-headers");
		await kubectl("b", "create configmap before");
		await etcd.kill();
		expect(await (tools.a as Tool).fail("create configmap lost --request-timeout=2s")).not.toBe("");
		expect(await (tools.b as Tool).fail("get --raw /readyz --request-timeout=2s")).not.toBe("");
		etcd.spawn();
		await etcd.untilHealthy();
		await eventually(() => kubectl("a", "create configmap after").catch(() => undefined));
		await watch.sees(/ADDED +before[\s\S]*ADDED +after/);
		await eventually(() => kubectl("b", "get --raw /readyz").catch(() => undefined));
		expect(watch.stdout.match(/ADDED +before/g)).toHaveLength(1);
		await kubectl("b", "scale deployment/web --replicas=4");
		await kubectl("b", "rollout status deployment/web --timeout=60s");
		await kubectl("b", "scale deployment/web --replicas=3");
		await kubectl("b", "rollout status deployment/web --timeout=60s");
	});

	test("the leader is killed: the other takes over, and a Deployment scaled meanwhile converges", async () => {
		const before = await holder("b", "kubesim-nodes");
		const leads = (await home.status("a")).server;
		// a, unless it lost the lead while etcd was away.
		if (before.spec.holderIdentity.endsWith(leads)) [leader, other] = ["a", "b"];
		else [leader, other] = ["b", "a"];
		kill((await home.status(leader)).pid);
		await kubectl(other, "scale deployment/web --replicas=6");
		const pods = await kubectl(other, "get pods -l app=web -o name");
		expect(pods.trim().split("\n").length).toBeLessThan(6);
		await kubectl(other, "rollout status deployment/web --timeout=60s");
		const running = async () => (await kubectl(other, "get pods -l app=web --no-headers")).match(/ Running /g)?.length;
		await eventually(async () => ((await running()) === 6 ? true : undefined), { limitMs: 30_000 });
		const after = await holder(other, "kubesim-nodes");
		expect(after.spec.holderIdentity).toContain((await home.status(other)).server);
		expect(after.spec.leaseTransitions).toBeGreaterThan(before.spec.leaseTransitions);
		// The nodes went on: nobody took them for dead.
		expect((await kubectl(other, "get nodes --no-headers")).match(/ Ready /g)?.length).toBeGreaterThan(1);
		expect(await kubectl(other, "exec deployment/web -- hostname")).toMatch(/^web-/);
	});

	test("the killed one comes back as it was started, and takes over at once when the leader is stopped in order", async () => {
		await home.run(`start --name ${leader}`);
		tools[leader] = new Tool(kubectlPath(), { ...home.env, KUBECONFIG: join(home.clusters, leader, "kubeconfig") });
		await home.run(`stop --name ${other}`);
		await kubectl(leader, "scale deployment/web --replicas=2");
		const names = async () => (await kubectl(leader, "get pods -l app=web -o name")).trim().split("\n");
		let seen = "";
		const isScaled = async () => {
			seen = `${await kubectl(leader, "get pods,deployments,nodes,leases -A -o wide")}\n${await home.run(`logs --name ${leader} --tail 30`)}`;
			return (await names()).length === 2 ? true : undefined;
		};
		await eventually(isScaled, { limitMs: 45_000, what: () => seen });
		expect((await holder(leader, "kubesim-nodes")).spec.holderIdentity).toContain((await home.status(leader)).server);
	});
});
