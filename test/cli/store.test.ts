/** `kubesim store` and `kubesim snapshot` on a cluster that runs, with the real etcdctl and kubectl beside them. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasEtcdctl } from "../etcd/etcd-tools.ts";
import { eventually } from "../tools/eventually.ts";
import { kubectlPath, Tool } from "../tools/kubectl.ts";
import { KubesimHome } from "../tools/kubesim.ts";
import { RunningTool } from "../tools/running-tool.ts";

interface Report {
	readonly members: readonly { readonly name: string; readonly state: string; readonly revision: number; readonly clientUrl: string }[];
	readonly faults: readonly string[];
}

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const report = async () => JSON.parse(await home.run("store status -o json")) as Report;
const states = async () => (await report()).members.map(({ name, state }) => `${name} ${state}`);
const leader = async () => (await report()).members.find(({ state }) => state === "leader")?.name ?? "nobody";

/** etcdctl in the environment that `kubesim store env` prints. */
async function etcdctl(args: string): Promise<string> {
	const lines = (await home.run("store env")).trim().split("\n");
	const variables = Object.fromEntries(lines.map((line) => /^export (\w+)=(.*)$/.exec(line)?.slice(1, 3) ?? ["", ""]));
	return await new Tool("etcdctl", { ...home.env, ...variables }).run(args);
}

describe.skipIf(!hasEtcdctl)("a store of three members", () => {
	test("goes on without one, stops without two, and grows and shrinks", async () => {
		await home.run("start --nodes 1 --members 3");
		expect(await states()).toEqual(["control-plane leader", "control-plane-2 follower", "control-plane-3 follower"]);
		const table = await home.run("store status");
		expect(table).toMatch(/^NAME +STATE +TERM +COMMITTED +APPLIED +REVISION +DB SIZE\ncontrol-plane +leader +\d+ /);
		expect(Math.max(...table.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
		expect((await etcdctl("endpoint health")).match(/is healthy/g) ?? []).toHaveLength(0);
		expect(await etcdctl("member list")).toMatch(
			/, started, control-plane-2, local:\/\/control-plane-2:2380, https:\/\/127\.0\.0\.1:\d+, false\n/,
		);

		await home.run("store stop control-plane");
		await home.kubectl("create configmap without-one");
		expect((await states())[0]).toBe("control-plane stopped");
		const second = await leader();
		const third = ["control-plane-2", "control-plane-3"].find((name) => name !== second) ?? "";
		await home.run(`store isolate ${third}`);
		expect((await report()).faults).toEqual([`${third}: isolated`]);
		await expect(home.kubectl("create configmap without-two")).rejects.toThrow(/etcdserver: request timed out/);
		// What is to see everything needs a majority, too; who is content with the cache has it.
		await expect(home.kubectl("get configmap without-one")).rejects.toThrow(/Error from server: etcdserver: request timed out/);
		const cached = await home.kubectl(["get", "--raw", "/api/v1/namespaces/default/configmaps?resourceVersion=0"]);
		expect(cached).toContain('"name":"without-one"');
		await expect(home.kubectl("get --raw /readyz")).rejects.toThrow(/\[-\]etcd failed/);
		expect((await home.status()).state).toBe("not ready");

		await home.run("store start control-plane");
		await home.run("store heal");
		await eventually(async () => await home.kubectl("create configmap healed"));
		expect(await home.run("store add")).toBe("Member control-plane-4 is added, has caught up, and votes.\n");
		await home.run("store move-leader control-plane-4");
		expect(await leader()).toBe("control-plane-4");
		await home.run("store remove control-plane");
		await home.run("store link control-plane-2 control-plane-3 --delay 5");
		expect((await report()).faults).toHaveLength(2);
		expect(await home.try("store link control-plane-2 control-plane-3")).toMatchObject({ exitCode: 2 });
		expect(await home.try("store stop nobody")).toMatchObject({ exitCode: 1, stderr: "error: etcdserver: member not found\n" });
		await home.run("stop");
		expect((await home.try("start --members 5")).stderr).toContain("the store of cluster kubesim has 3 members");
		await home.run("start");
		expect((await states()).map((line) => line.split(" ")[0])).toEqual(["control-plane-2", "control-plane-3", "control-plane-4"]);
		expect(await home.kubectl("get configmap healed -o name")).toBe("configmap/healed\n");
	}, 120_000);

	test("is saved, looked at, and restored into another number of members", async () => {
		await home.run("start --nodes 1");
		await home.kubectl("create configmap kept");
		const file = join(home.directory, "backup.db");
		expect(await home.run(["snapshot", "save", file])).toMatch(/^Snapshot of revision \d+ saved at \S+ \(\d+ bytes\)\n$/);
		await home.kubectl("delete configmap kept");
		expect(await home.try(["snapshot", "restore", file])).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("is running") });
		const theirs = JSON.parse(
			await new Tool("etcdctl", { ...home.env, ETCDCTL_API: "3" }).run(["snapshot", "status", file, "-w", "json"]),
		) as object;
		expect(JSON.parse(await home.run(["snapshot", "status", file, "-o", "json"]))).toMatchObject(theirs);
		await home.run("stop");
		writeFileSync(join(home.directory, "cut.db"), readFileSync(file).subarray(0, statSync(file).size - 100));
		expect((await home.try(["snapshot", "restore", join(home.directory, "cut.db")])).stderr).toMatch(
			/^error: snapshot \S+ cannot be restored: snapshot missing hash\n/,
		);
		expect(await home.run(["store", "snapshot", "restore", file, "--members", "3"])).toContain("in a store of 3 members");
		await home.run("start");
		expect(await states()).toHaveLength(3);
		expect(await home.kubectl("get configmap kept -o name")).toBe("configmap/kept\n");
		const offline = join(home.directory, "offline.db");
		await home.run("stop");
		await home.run(["store", "snapshot", "save", offline]);
		expect(existsSync(offline)).toBe(true);
	}, 120_000);

	test("shows the cluster's objects to etcdctl, and what etcdctl does to kubectl", async () => {
		await home.run("start --nodes 1");
		await home.kubectl("create configmap seen");
		const version = await home.kubectl("get configmap seen -o jsonpath={.metadata.resourceVersion}");
		expect(await etcdctl("get /registry/configmaps/default/seen -w json")).toContain(`"mod_revision":${version}`);
		await using watch = new RunningTool(new Tool(kubectlPath(), home.env), [
			..."get configmaps --watch --output-watch-events --no-headers".split(" "),
		]);
		await watch.sees(/seen/);
		await etcdctl("del /registry/configmaps/default/seen");
		await watch.sees(/DELETED/);
		expect(await home.run("store compact")).toMatch(/^History before revision \d+ is dropped\.\n$/);
		await home.run("store defrag");
	}, 60_000);
});

test("a store that is in memory alone, or has its API off, says so", async () => {
	await home.run("start --nodes 1 --ephemeral --etcd-port 0");
	expect(await home.try("store add")).toMatchObject({
		exitCode: 1,
		stderr: "error: this cluster keeps everything in memory, in a store of one member that can't be changed\n",
	});
	expect((await home.try("store env")).stderr).toBe("error: the store's etcd API is off\n");
	expect(await states()).toEqual(["control-plane leader"]);
	await home.run("stop");
	expect((await home.try("store status")).stderr).toContain("there is no cluster kubesim");
}, 60_000);
