/** `kubesim node` on a cluster that runs, with the real kubectl beside it. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../tools/eventually.ts";
import { KubesimHome, kubesimBin } from "../tools/kubesim.ts";
import { hasTmux, Terminal } from "../tools/terminal.ts";

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const field = (object: string, path: string) => home.kubectl(["get", ...object.split(" "), "-o", `jsonpath={${path}}`]);
const ready = () => field("node node-1", '.status.conditions[?(@.type=="Ready")].message');

async function useTerminal(): Promise<void> {
	const env = Object.entries(home.env).map(([name, value]) => `${name}='${value}'`);
	const command = `env ${env.join(" ")} ${process.execPath} ${kubesimBin()} node shell node-1; echo "exit code $?"`;
	using terminal = new Terminal(command, { columns: 100, rows: 30 });
	await terminal.shows(/root@node-1:~#$/);
	terminal.type("stty size");
	terminal.press("Enter");
	await terminal.shows(/^30 100$/m);
	terminal.resize(90, 20);
	await eventually(async () => {
		terminal.type("stty size");
		terminal.press("Enter");
		return /^20 90$/m.test(terminal.screen()) || undefined;
	});
	terminal.type("sleep 1000");
	terminal.press("Enter");
	terminal.press("C-c");
	terminal.type("exit 5");
	terminal.press("Enter");
	await terminal.shows(/\^C[\s\S]*exit code 5/);
}

test("a node goes off, comes on, is rebooted in good order, and is made short of memory", async () => {
	await home.run("start --nodes 1 --ephemeral --etcd-port 0 --speed 10");
	await home.kubectl("run web --image=nginx");
	await home.kubectl("wait --for=condition=Ready pod/web --timeout=60s");
	expect((await home.try("node stop node-9")).stderr).toBe('error: node "node-9" is not simulated here: node-1\n');

	expect(await home.try(["node", "shell", "node-1", "--", "bash", "-c", "wc -c; echo no >&2; exit 7"], "x".repeat(1_000_000))).toEqual({
		stdout: "1000000\n",
		stderr: "no\n",
		exitCode: 7,
	});
	expect(await home.try("node shell node-1", "hostname\nexit 3\n")).toEqual({ stdout: "node-1\n", stderr: "", exitCode: 3 });
	expect(await home.try("node shell node-1 -- nothing")).toEqual({
		stdout: "",
		stderr: 'error: exec: "nothing": executable file not found in $PATH\n',
		exitCode: 127,
	});
	expect((await home.try("node shell node-9")).stderr).toBe('error: node "node-9" is not simulated here: node-1\n');
	if (hasTmux) await useTerminal();
	expect(await home.run("node stop node-1")).toBe("node-1 is off. To start it again: kubesim node start node-1\n");
	expect((await home.try(["kubectl", "logs", "web"])).exitCode).not.toBe(0);
	expect(await home.run("node start node-1")).toBe("node-1 runs.\n");
	await eventually(async () => (await field("pod web", ".status.containerStatuses[0].restartCount")) === "1" || undefined, {
		limitMs: 60_000,
	});
	expect(await field("pod web", ".status.containerStatuses[0].lastState.terminated.reason")).toBe("Unknown");
	await home.kubectl("wait --for=condition=Ready pod/web --timeout=60s");

	expect(await home.run("node reboot node-1 --graceful")).toBe("node-1 has been rebooted.\n");
	await home.kubectl("wait --for=jsonpath={.status.reason}=Terminated pod/web --timeout=60s");
	await eventually(async () => (await ready()) === "kubelet is posting ready status" || undefined, { limitMs: 60_000 });

	expect((await home.try("node pressure time node-1")).stderr).toBe("error: nodes run out of memory, disk or pid, not of time\n");
	expect(await home.run("node pressure memory node-1")).toBe("node-1 is short of memory. To mend it: kubesim node heal node-1\n");
	await home.kubectl("wait --for=condition=MemoryPressure node/node-1 --timeout=60s");
	expect(await home.run("node heal node-1")).toBe("node-1 is mended.\n");
	expect(await home.run("node fail disk node-1 --partial read-only")).toBe(
		"The disk of node-1 fails (read-only). To mend it: kubesim node heal node-1\n",
	);
	expect((await home.try("node shell node-1 -- touch /x")).stderr).toContain("Read-only file system");
	expect((await home.try("node fail disk node-1 --partial x")).stderr).toBe("error: a disk fails as errors, read-only or full, not as x\n");
	expect((await home.try("node fail fan node-1")).stderr).toBe("error: a node's disk or network fails, not its fan\n");
	await home.run("node heal node-1");
	await home.kubectl("run victim --image=busybox -- sleep 10000");
	await home.kubectl("wait --for=condition=Ready pod/victim --timeout=60s");
	expect(await home.run("pod kill victim")).toBe("Sent SIGKILL to pod victim.\n");
	await home.kubectl("wait --for=jsonpath={.status.containerStatuses[0].restartCount}=1 pod/victim --timeout=60s");
	expect((await home.try("pod kill nobody")).stderr).toBe('error: pods "nobody" not found in namespace default\n');
	expect(await home.run("node isolate node-1")).toContain("node-1 is cut off from the API");
}, 180_000);
