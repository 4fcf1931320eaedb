/** `kubesim controllers` on a cluster that runs, as a lesson goes, with the real kubectl beside it. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../tools/eventually.ts";
import { KubesimHome } from "../tools/kubesim.ts";

interface Replica {
	readonly name: string;
	readonly state: string;
	readonly identity?: string;
}

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const row = async (name: string) => (await home.run("controllers list")).split("\n").find((line) => line.startsWith(`${name} `)) ?? "";
const replicas = async () => JSON.parse(await home.run("controllers replicas -o json")) as readonly Replica[];
const holder = () => home.kubectl("get lease -n kube-system kube-controller-manager -o jsonpath={.spec.holderIdentity}");

test("a controller that is stopped leaves its work undone; started, it catches up", async () => {
	await home.run("start --nodes 1 --ephemeral --etcd-port 0 --speed 10");
	expect(await row("deployment-controller")).toMatch(/^deployment-controller +running +0 +0 +0 +0 /);
	expect(await home.run("controllers stop deployment")).toBe(
		"deployment-controller is stopped. To start it again: kubesim controllers start deployment\n",
	);
	await home.kubectl("create deployment web --image=nginx --replicas=2");
	await expect(home.kubectl("rollout status deployment web --timeout=2s")).rejects.toThrow("timed out waiting for the condition");
	expect(await home.kubectl("get replicasets -o name")).toBe("");
	expect(await row("deployment-controller")).toMatch(/^deployment-controller +stopped +- /);
	expect(await home.run("controllers start deployment-controller")).toBe("deployment-controller runs.\n");
	expect(await home.kubectl("rollout status deployment web --timeout=60s")).toContain("successfully rolled out");
	expect(await home.run("controllers restart deployment")).toBe("deployment-controller runs anew.\n");
	expect((await home.try("controllers stop pods")).stderr).toBe('error: "pods" is not in the list of known controllers\n');

	const page = await home.kubectl("get --raw /metrics");
	expect(page).toMatch(/^workqueue_adds_total\{name="deployment"\} [1-9]/m);
	expect(page).toMatch(/^workqueue_queue_duration_seconds_bucket\{name="replicaset",le="\+Inf"\} [1-9]/m);
}, 90_000);

test("of several replicas one leads, and another does when that one is killed", async () => {
	// A lease that is not renewed is another's after 15 seconds of the cluster's time.
	await home.run("start --nodes 1 --ephemeral --etcd-port 0 --speed 10");
	expect(await home.run("controllers replicas")).toBe("NAME            STATE   IDENTITY\ncontrol-plane   alone   <none>\n");
	await home.run("controllers replicas 2");
	const first = await eventually(async () => (await replicas()).find(({ state }) => state === "leader"), { limitMs: 30_000 });
	expect(await holder()).toBe(first.identity);
	expect(await home.run(["controllers", "kill", first.name])).toContain(`${first.name} is killed.`);
	await home.kubectl("create deployment orphan --image=nginx");
	const second = (await replicas()).find(({ state }) => state !== "killed");
	expect(second?.name).not.toBe(first.name);
	expect(await home.kubectl("rollout status deployment orphan --timeout=60s")).toContain("successfully rolled out");
	expect(await holder()).toBe(second?.identity);
}, 120_000);

test("--controllers says which run, and a restart keeps it", async () => {
	expect((await home.try(["start", "--nodes", "0", "--controllers", "*,-foo"])).stderr).toMatch(
		/^error: --controllers: "foo" is not in the list of known controllers$/m,
	);
	await home.run(["start", "--nodes", "1", "--etcd-port", "0", "--controllers", "*,-deployment"]);
	expect(await row("deployment-controller")).toMatch(/ stopped /);
	await home.run("stop");
	await home.run("start");
	expect(await row("deployment-controller")).toMatch(/ stopped /);
	expect((await home.try("start --controllers *")).stderr).toContain("--controllers can't be changed while it does");
}, 90_000);
