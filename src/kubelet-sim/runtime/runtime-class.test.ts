import { afterEach, beforeEach, expect, it } from "vitest";
import { runtimeClasses } from "../../client/resources.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { runOnNode } from "../testing/node-shell.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
});

afterEach(() => harness.stop());

const sleeper = { name: "app", image: "busybox:1.36", command: ["sleep", "1000"] };

async function runtimeClass(name: string, handler: string): Promise<void> {
	await harness.client.resource(runtimeClasses).create({ apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", metadata: { name }, handler });
}

it("makes no sandbox for a handler that the node's containerd does not know, until it is configured and containerd has started anew", async () => {
	await runtimeClass("strange", "gvisor");
	await harness.pod("web", sleeper, { runtimeClassName: "strange" });
	await harness.clock.advance(1_000);
	const failed =
		'Warning FailedCreatePodSandBox Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "gvisor" is configured';
	expect(await harness.events("web")).toContain(failed);
	const section =
		"\\n[plugins.\\'io.containerd.cri.v1.runtime\\'.containerd.runtimes.gvisor]\\n  runtime_type = \"io.containerd.runsc.v1\"\\n";
	await runOnNode(harness, `printf $'${section}' >> /etc/containerd/config.toml`);
	await harness.clock.advance(30_000);
	expect((await harness.events("web")).at(-1)).toContain(failed);
	await runOnNode(harness, "systemctl restart containerd");
	await harness.clock.advance(11_000);
	expect((await harness.events("web")).at(-1)).toContain(
		'runtime "io.containerd.runsc.v1" binary not installed "containerd-shim-runsc-v1": file does not exist',
	);
	await runOnNode(harness, "sed -i s/io.containerd.runsc.v1/io.containerd.runc.v2/ /etc/containerd/config.toml");
	await runOnNode(harness, "systemctl restart containerd");
	await harness.clock.advance(21_000);
	expect((await harness.get("web")).status?.phase).toBe("Running");
	expect((await runOnNode(harness, "crictl pods | awk '{print $NF}' | tail -1")).stdout).toBe("gvisor\n");
});

it("waits for a RuntimeClass that has gone", async () => {
	await harness.pod("web", sleeper, { runtimeClassName: "gone" });
	await harness.clock.advance(1_000);
	expect(await harness.events("web")).toContain(
		'Warning FailedCreatePodSandBox Failed to create pod sandbox: runtimeclass.node.k8s.io "gone" not found',
	);
	expect((await harness.get("web")).status?.phase).toBe("Pending");
	// Who is not wanted any more is gone at once, and waits for nothing.
	await harness.pod("leaving", sleeper, { runtimeClassName: "gone" });
	await harness.clock.advance(1_000);
	await harness.delete("leaving");
	await harness.clock.advance(500);
	await expect(harness.get("leaving")).rejects.toThrow("not found");
	await runtimeClass("gone", "runc");
	await harness.clock.advance(10_000);
	expect((await harness.get("web")).status?.phase).toBe("Running");
});

it("gives the pods of kata a machine of their own: another kernel, one processor, and nothing of them in the node's table", async () => {
	await runtimeClass("kata", "kata");
	await harness.pod("vm", sleeper, { runtimeClassName: "kata" });
	await harness.pod("plain", { ...sleeper, command: ["sleep", "2000"] });
	await harness.clock.advance(1_000);
	const inPod = (name: string, command: string) =>
		runOnNode(harness, `crictl exec $(crictl ps -q --label io.kubernetes.pod.name=${name}) ${command}`);
	const node = (await runOnNode(harness, "uname -r")).stdout;
	expect((await inPod("plain", "uname -r")).stdout).toBe(node);
	expect((await inPod("vm", "uname -r")).stdout).toBe("6.18.5\n");
	expect((await inPod("vm", "cat /proc/version")).stdout).toContain("Linux version 6.18.5 ");
	const seen = (await runOnNode(harness, "ps ax")).stdout;
	expect(seen).toContain("sleep 2000");
	expect(seen).toMatch(/qemu-system-x86_64 -name sandbox-[0-9a-f]{64}/);
	expect(seen).not.toContain("sleep 1000");
	expect((await runOnNode(harness, "runc --root /run/containerd/runc/k8s.io list -q | wc -l")).stdout).toBe("2\n");
	expect((await runOnNode(harness, "ctr -n k8s.io c ls | grep -c kata.v2")).stdout).toBe("2\n");
});
