/** From `kubesim start` to `kubesim delete`, with the built bin and the real kubectl. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freePort } from "../../src/store/testing/free-ports.ts";
import { eventually } from "../tools/eventually.ts";
import { Tool } from "../tools/kubectl.ts";
import { KubesimHome, kill, kubesimBin } from "../tools/kubesim.ts";

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

test("start, use, stop, start again with everything still there, delete", async () => {
	const started = await home.run(`start --nodes 2 --port ${await freePort()}`);
	const { server } = await home.status();
	expect(started).toBe(`Cluster kubesim is ready: 2 nodes, Kubernetes API at ${server}
Context "kubesim" is now the current one in ${home.kubeconfig}

Next:
  kubectl get nodes
  kubectl create deployment web --image=nginx --replicas=3
  kubesim stop
`);
	await home.kubectl("create deployment web --image=nginx --replicas=3");
	await home.kubectl("rollout status deployment/web --timeout=30s");
	const before = await home.kubectl("get pods -o name");

	expect(await home.run("stop")).toBe("Cluster kubesim is stopped; its data are kept. kubesim start brings it back.\n");
	expect(await home.try("status")).toMatchObject({ exitCode: 3, stdout: expect.stringMatching(/^state {6}stopped$/m) });
	expect(await home.run("stop")).toBe("Cluster kubesim was not running.\n");
	expect(await home.try("kubectl get pods")).toEqual({
		stdout: "",
		stderr: "error: cluster kubesim is stopped\nStart it: kubesim start\n",
		exitCode: 1,
	});

	await home.run("start");
	expect(await home.status()).toMatchObject({ state: "running", nodes: 2, server });
	await home.kubectl("wait pod --all --for=condition=Ready --timeout=30s");
	expect(await home.kubectl("get pods -o name")).toBe(before);
	expect(await home.kubectl("get pods --field-selector=status.phase=Running -o name")).toBe(before);

	expect(await home.run("delete")).toBe("Cluster kubesim is deleted, with its data and its context in the kubeconfig.\n");
	expect(await home.run("list -o json")).toBe("[]\n");
	expect(existsSync(join(home.clusters, "kubesim"))).toBe(false);
	expect(await home.kubectl("config get-contexts -o name")).toBe("");
});

test("a port that nobody asked for is had again if it is free, and another one if not", async () => {
	await home.run("start --nodes 1 --port 0");
	const { server } = await home.status();
	await home.run("stop");
	await home.run(`start --name thief --nodes 1 --port ${new URL(server).port}`);
	await home.run("start");
	expect((await home.status()).server).not.toBe(server);
	expect(await home.kubectl("get nodes -o name")).toBe("node/node-1\n");
});

test("two clusters do not meet", async () => {
	await home.run("start --nodes 1");
	await home.run("start --name exam --nodes 1");
	await home.kubectl("create configmap only-in-exam");
	expect(await home.run("kubectl -- get configmaps -o name")).toBe("configmap/kube-root-ca.crt\n");
	expect(await home.run("kubectl --name exam get configmaps -o name")).toBe("configmap/kube-root-ca.crt\nconfigmap/only-in-exam\n");
	const [first, second] = [await home.status(), await home.status("exam")];
	expect(first.server).not.toBe(second.server);
	const lines = (await home.run("list")).trimEnd().split("\n");
	expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
		["NAME", "STATE", "NODES", "SERVER", "CONTEXT"],
		["exam", "running", "1", second.server, "kubesim-exam"],
		["kubesim", "running", "1", first.server, "kubesim"],
	]);
	expect(await home.run("stop --name exam")).toBe(
		"Cluster exam is stopped; its data are kept. kubesim start --name exam brings it back.\n",
	);
	expect(await home.kubectl("--context kubesim get nodes -o name")).toBe("node/node-1\n");
});

test("start while it runs: says so, makes the context current again, and refuses what it can't change", async () => {
	await home.run("start --nodes 1");
	const { server, pid } = await home.status();
	await home.kubectl("config unset current-context");
	expect(await home.run("start")).toContain(`Cluster kubesim is already running: 1 node, Kubernetes API at ${server}\n`);
	expect(await home.kubectl("config current-context")).toBe("kubesim\n");
	expect(await home.try("start --nodes 5 --speed 2")).toEqual({
		stdout: "",
		stderr: "error: cluster kubesim is running, and --nodes and --speed can't be changed while it does\nStop it first: kubesim stop\n",
		exitCode: 1,
	});
	expect((await home.try("start --foreground")).stderr).toContain("already runs in the background");
	expect((await home.status()).pid).toBe(pid);
});

test("two starts at the same moment: one makes the cluster, the other finds it running", async () => {
	const results = await Promise.all([
		home.run("start --nodes 1 -o json"),
		home.run("start --nodes 1 -o json"),
		home.run("start --nodes 1 -o json"),
	]);
	const states = results.map((text) => JSON.parse(text) as { state: string; server: string });
	expect(states.map(({ state }) => state).sort()).toEqual(["already running", "already running", "ready"]);
	expect(new Set(states.map(({ server }) => server)).size).toBe(1);
	expect(await home.kubectl("get nodes -o name")).toBe("node/node-1\n");
});

test("a start waits for a stop under way, and a lock of a killed command does not matter", async () => {
	await home.run("start --nodes 1");
	const [stopped, started] = await Promise.all([home.run("stop"), home.run("start")]);
	expect(stopped).toContain("is stopped");
	expect(started).toMatch(/^Cluster kubesim is (ready|already running)/);
	const start = home.spawn("start --name other");
	await eventually(() => existsSync(join(home.clusters, "other.lock")) || undefined);
	kill(start.child.pid ?? 0);
	await start.ended();
	expect(existsSync(join(home.clusters, "other.lock"))).toBe(true);
	// The server that it had started may still come up and be found, or hold the data for a moment.
	await eventually(async () => ((await home.try("start --name other")).exitCode === 0 ? true : undefined));
	expect(existsSync(join(home.clusters, "other.lock"))).toBe(false);
});

test("--output json is one line of JSON with what a script needs", async () => {
	const lines = [
		await home.run("start --nodes 1 --output json"),
		await home.run("status --output json"),
		await home.run("list --output json"),
	];
	for (const line of lines) expect(line).toMatch(/^[^\n]+\n$/);
	const [started, status, list] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
	const { server, pid } = await home.status();
	const directory = join(home.clusters, "kubesim");
	expect(started).toEqual({
		name: "kubesim",
		state: "ready",
		server,
		nodes: 1,
		context: "kubesim",
		kubeconfig: home.kubeconfig,
		directory,
	});
	expect(status).toEqual({
		name: "kubesim",
		state: "running",
		nodes: 1,
		server,
		pid,
		startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
		memoryBytes: expect.any(Number),
		context: "kubesim",
		directory,
		dataDir: directory,
	});
	expect(list).toEqual([{ ...status, memoryBytes: expect.any(Number) }]);
});

test("an ephemeral cluster leaves nothing, however it ends, and does not touch data that are there", async () => {
	await home.run("start --ephemeral --nodes 1");
	expect(existsSync(join(home.clusters, "kubesim/store"))).toBe(false);
	await home.kubectl("create configmap short-lived");
	expect(await home.run("stop")).toBe("Cluster kubesim is stopped; it was ephemeral, its data are gone.\n");
	expect(existsSync(join(home.clusters, "kubesim"))).toBe(false);
	expect(await home.kubectl("config get-contexts -o name")).toBe("");

	await home.run("start --ephemeral --nodes 1");
	kill((await home.status()).pid);
	await eventually(async () => ((await home.run("list -o json")) === "[]\n" ? true : undefined));

	await home.run("start --nodes 1");
	await home.kubectl("create configmap precious");
	await home.run("stop");
	expect(await home.try("start --ephemeral")).toMatchObject({
		stderr: `error: cluster kubesim keeps its data in ${join(home.clusters, "kubesim")}\nChoose another --name; or kubesim delete first.\n`,
		exitCode: 1,
	});
	await home.run("start");
	await home.kubectl("get configmap precious");
});

test.each(["SIGINT", "SIGTERM"] as const)("--foreground runs until %s, and ends in order with exit code 0", async (signal) => {
	const server = home.spawn("start --foreground --nodes 1");
	await server.sees(/Ctrl-C stops the cluster/);
	expect(server.stdout).toMatch(/^Cluster kubesim is ready: 1 node, /);
	await home.kubectl("create configmap kept");
	server.child.kill(signal);
	expect(await server.ended()).toBe(0);
	expect(server.stderr).toMatch(/ INFO stopping\n$/);
	expect(await home.try("status")).toMatchObject({ exitCode: 3 });
	expect(await home.run("logs --tail 1")).toMatch(/ INFO stopping\n$/);
	await home.run("start");
	await home.kubectl("get configmap kept");
});

test("SIGTERM ends the server in order; a hang-up does not end it", async () => {
	await home.run("start --nodes 1");
	const { pid } = await home.status();
	process.kill(pid, "SIGHUP");
	await home.kubectl("create configmap after-hang-up");
	expect((await home.status()).pid).toBe(pid);
	process.kill(pid, "SIGTERM");
	await eventually(async () => ((await home.try("status")).exitCode === 3 ? true : undefined));
	expect(await home.run("logs")).toMatch(/ INFO listening url="https:\/\/127\.0\.0\.1:\d+"\n.* INFO ready nodes=1\n.* INFO stopping\n$/);
	expect(existsSync(join(home.clusters, "kubesim/server.json"))).toBe(false);
});

test("Ctrl-C while it starts: nothing is left running, exit code 130", async () => {
	const start = home.spawn("start --nodes 2000");
	await eventually(() => existsSync(join(home.clusters, "kubesim/store")) || undefined);
	start.child.kill("SIGINT");
	expect(await start.ended()).toBe(130);
	expect(start.stderr).toContain("error: interrupted; cluster kubesim is not started\n");
	expect(existsSync(join(home.clusters, "kubesim"))).toBe(false);
	expect(await home.run("list -o json")).toBe("[]\n");
});

test("--data-dir holds the data; the cluster remembers it and does not leave it silently", async () => {
	const data = join(home.directory, "my data");
	await home.run(["start", "--nodes", "1", "--data-dir", data]);
	await home.kubectl("create configmap there");
	await home.run("stop");
	expect(existsSync(join(data, "store/control-plane/member.json"))).toBe(true);
	await home.run("start");
	await home.kubectl("get configmap there");
	await home.run("stop");
	expect((await home.try(["start", "--data-dir", join(home.directory, "other")])).stderr).toContain(`keeps its data in ${data}\n`);
	await home.run("delete");
	expect(existsSync(data)).toBe(false);
});

test("logs --follow prints what is added", async () => {
	await home.run("start --nodes 1");
	await using logs = home.spawn("logs --follow --tail 1");
	await logs.sees(/INFO ready nodes=1\n/);
	await home.run("stop");
	await logs.sees(/INFO stopping\n/);
	expect(logs.stdout.split("\n")).toHaveLength(3);
});

test("kubectl: its arguments, exit code and missing program pass through", async () => {
	await home.run("start --nodes 1");
	expect(await home.run("kubectl get node node-1 -o name")).toBe("node/node-1\n");
	expect(await home.try("kubectl -- get pod missing")).toEqual({
		stdout: "",
		stderr: 'Error from server (NotFound): pods "missing" not found\n',
		exitCode: 1,
	});
	const without = new Tool(process.execPath, { ...home.env, PATH: "/nonexistent" });
	expect(await without.try([kubesimBin(), "kubectl", "get", "pods"])).toEqual({
		stdout: "",
		stderr: "error: there is no kubectl on the PATH\nInstall it: https://kubernetes.io/docs/tasks/tools/\n",
		exitCode: 1,
	});
	await using watch = home.spawn("kubectl get nodes --watch");
	await watch.sees(/node-1/);
	watch.child.kill("SIGTERM");
	expect(await watch.ended()).not.toBe(0);
});

test("kubeconfig prints access to one cluster alone", async () => {
	await home.run("start --nodes 1");
	const text = await home.run("kubeconfig");
	expect(text).toBe(readFileSync(join(home.clusters, "kubesim/kubeconfig"), "utf8"));
	expect(text).toMatch(/^apiVersion: v1\nkind: Config\nclusters:\n- name: kubesim\n {2}cluster:\n {4}server: https:/);
});
