/** `kubectl debug` with the real kubectl: ephemeral containers in running pods, copies of pods, pods on nodes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { maskedText } from "../tools/masked-text.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1 });
	await cluster.run("run web --image=nginx");
	await cluster.run("wait --for=condition=Ready pod/web --timeout=20s");
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);
const attempt = (args: string, input?: string) => cluster.kubectl.try(args.split(" "), input);

test("debug -i joins the pod's network and the target's processes, and stays in the pod when it has ended", async () => {
	const { stdout, exitCode } = await attempt(
		"debug web -i --image=busybox:1.36 --target=web -c looker -- sh",
		"hostname; wget -qO- localhost | grep -c '<title>'; ps | grep -c '[n]ginx'; exit 4\n",
	);
	expect(stdout.split("\n").slice(1)).toEqual(["web", "1", "1", ""]);
	// kubectl debug does not hand on how its container ended; the status says it.
	expect(exitCode).toBe(0);
	expect(await run("get pod web -o jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}")).toBe("4");
	expect(await run("logs web -c looker")).toBe("web\n1\n1\n");
	const described = maskedText(await run("describe pod web"));
	expect(described).toMatch(/^Ephemeral Containers:\n looker:\n Container ID: containerd:\S+\n Image: busybox:1.36$/m);
	expect(described).toMatch(/^ State: Terminated\n Reason: Error\n Exit Code: 4$/m);
	expect(described).toMatch(/^ Normal Started AGE kubelet spec.ephemeralContainers{looker}: Container started$/m);
	// It is neither restarted nor does it make the pod less ready.
	expect(await run("get pod web --no-headers")).toMatch(/^web +1\/1 +Running +0 /);
});

test("exec and attach reach an ephemeral container that runs; its name stays taken", async () => {
	expect(await run("debug web --image=busybox:1.36 -c sleeper --profile=general -- sleep 1000")).toBe("");
	await run('wait --for=jsonpath={.status.ephemeralContainerStatuses[?(@.name=="sleeper")].state.running} pod/web --timeout=20s');
	expect(await run("exec web -c sleeper -- hostname")).toBe("web\n");
	expect(await run("exec web -c sleeper -- ps")).not.toContain("nginx");
	expect((await attempt("debug web --image=alpine -c sleeper --profile=general")).stderr).toContain(
		'existing ephemeral containers "sleeper" may not be changed',
	);
});

test("debug --copy-to makes another pod; debug node/ one that sees the node", async () => {
	await run("debug web --copy-to=web-copy --image=busybox:1.36 -c helper --profile=general -- sleep 1000");
	await run("wait --for=condition=Ready pod/web-copy --timeout=20s");
	expect(await run("get pod web-copy -o jsonpath={.spec.containers[*].name}")).toBe("web helper");
	const { stdout } = await attempt(
		"debug node/node-1 -i --image=busybox:1.36 --profile=general -- sh",
		"hostname; ls /host/etc/kubernetes; exit\n",
	);
	expect(stdout).toMatch(
		/^Creating debugging pod node-debugger-node-1-\w{5} with container debugger on node node-1\.\nnode-1\nkubelet.conf\nmanifests\npki\n$/,
	);
});
