/** `kubesim learn --on NAME`: a lesson on a cluster of the learner's own, and a second terminal. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../tools/eventually.ts";
import { Tool } from "../tools/kubectl.ts";
import { KubesimHome } from "../tools/kubesim.ts";

const home = new KubesimHome({ LANG: "en_US.UTF-8", LC_ALL: "", SHELL: "/bin/sh" });
const course = join(home.directory, "course");
const hourMs = 3_600_000;
const learn = `learn hello --from ${course} --on exam`;
beforeAll(async () => {
	await home.run(`learn new hello --from ${course}`);
	// Its time was hurried once, and is an hour ahead for good.
	await home.run("start --name exam --nodes 3 --speed 1000");
	await eventually(async () => ((await aheadMs("dry")) > hourMs ? true : undefined));
	await home.run("stop --name exam");
	await home.run("start --name exam --speed 1");
	await home.kubectl("create configmap mine");
});
/** How far the cluster's clock is before the machine's. */
async function aheadMs(name: string): Promise<number> {
	const made = await home.kubectl(`create configmap ${name} --dry-run=server -o jsonpath={.metadata.creationTimestamp}`);
	return Date.parse(made) - Date.now();
}
afterAll(() => home[Symbol.asyncDispose]());

test("a cluster that runs, that is not there, or that lacks what the lesson needs", async () => {
	expect((await home.try(learn)).stderr).toBe(
		"error: cluster exam is running, and a lesson runs it itself\nStop it first: kubesim stop --name exam. After the lesson kubesim start --name exam brings it back.\n",
	);
	expect((await home.try("learn hello --on nobody")).stderr).toMatch(/^error: there is no cluster nobody\n/);
	await home.run("stop --name exam");
	const file = join(course, "hello/lesson.yaml");
	const lesson = readFileSync(file, "utf8");
	for (const [spec, lack] of [
		["nodes: 4", "4 nodes, and cluster exam has not\nOnce: kubesim start --name exam --nodes 4, and kubesim stop --name exam."],
		["storeMembers: 3", "a store of 3 members, and cluster exam has not\nWithout --on it gets a cluster of its own."],
		['nodeTemplate: { cpu: "2" }', "nodes of a size of its own, and cluster exam has not\nWithout --on it gets a cluster of its own."],
	] as const) {
		writeFileSync(file, lesson.replace(/^cluster:.*\n( .*\n)*/m, `cluster: { ${spec} }\n`));
		expect((await home.try(learn)).stderr).toContain(`error: lesson hello needs ${lack}`);
	}
	writeFileSync(file, lesson);
	expect((await home.status("exam")).state).toBe("stopped");
});

test("what is there is there in the lesson, what the lesson does stays, and time does not go back", async () => {
	const lesson = home.spawn(learn);
	await lesson.sees(/Press Enter/);
	expect(await aheadMs("now")).toBeGreaterThan(hourMs - 60_000);
	// Whoever knows the cluster finds it, and a second terminal is in the lesson.
	expect(await home.kubectl("get configmap mine -o name")).toBe("configmap/mine\n");
	expect(await home.status("exam")).toMatchObject({ state: "running", pid: lesson.child.pid });
	const [, terminal = ""] = /A second terminal does as well: (\. '.+')/.exec(lesson.stdout) ?? [];
	const sh = new Tool("/bin/sh", { PATH: home.env.PATH, HOME: home.directory });
	const second = await sh.run(["-c", `${terminal}; pwd; kubectl create configmap second; kubesim node list; which kubectl`]);
	expect(second).toMatch(/hello\/work\nconfigmap\/second created\nNAME +STATE[\s\S]*node-3 +Ready[\s\S]*\/kubectl\n$/);

	lesson.child.stdin.write(
		"\n1\nkubectl get configmaps -o name\nkubectl config unset current-context\nkubectl get nodes --request-timeout=1s\n:reset\n",
	);
	await lesson.sees(/configmap\/mine\nconfigmap\/second\n[\s\S]*the kubeconfig is put back; a cluster of your own is not\n/);
	lesson.child.stdin.write("kubectl create configmap greeting --from-literal=text=hello\n");
	expect(await lesson.ended()).toBe(0);
	expect(lesson.stdout).toContain("The lesson is done.\n");
	expect(JSON.parse(await home.run(`learn status -o json --from ${course} --on exam`))).toMatchObject([
		{ section: "hello", state: "finished" },
	]);
	expect(await home.run(`learn status -o json --from ${course}`)).toBe("[]\n");

	await home.run("start --name exam");
	expect(await aheadMs("later")).toBeGreaterThan(hourMs - 60_000);
	expect(await home.kubectl("get configmaps greeting second mine -o name")).toBe("configmap/greeting\nconfigmap/second\nconfigmap/mine\n");
});

test("a lesson that is left goes on at its step, on the cluster as it is then", async () => {
	await home.kubectl("delete configmap greeting");
	await home.run("stop --name exam");
	const first = home.spawn(`${learn} --restart`);
	await first.sees(/Press Enter/);
	first.child.stdin.write("\n1\nkubectl create configmap later\n:quit\n");
	expect(await first.ended()).toBe(0);
	expect(first.stdout).toMatch(/All is kept; to go on: kubesim learn hello --from \S+ --on exam\n$/);
	const next = home.spawn(learn);
	await next.sees(/Step 3 of 3/);
	next.child.stdin.write("kubectl get configmap later -o name\n");
	await next.sees(/configmap\/later/);
	// Its server is this process: who stops the cluster ends the lesson.
	await home.run("stop --name exam");
	await next.ended();
	expect((await home.status("exam")).state).toBe("stopped");
});
