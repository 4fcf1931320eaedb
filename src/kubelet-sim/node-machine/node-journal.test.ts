/** What a node's journal tells of its pods, as kubelet and containerd write it. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { Collector, emptyInput } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { maxFacts, NodeFacts } from "./node-facts.ts";

let harness: FleetHarness;
beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
});
afterEach(() => harness.stop());

async function sh(script: string): Promise<string> {
	const output = new Collector();
	const machine = harness.fleet.machineOf("n1");
	if (machine === undefined) throw new Error("n1 is off");
	const env = new Map([["PATH", "/usr/sbin:/usr/bin"]]);
	const process = machine.spawn({ argv: ["bash", "-c", script], env, cwd: "/", stdin: emptyInput, stdout: output, stderr: output });
	for (let turn = 0; process.exit === undefined && turn < 500; turn++) await harness.clock.advance(turn < 300 ? 1 : 100);
	return output.text();
}

it("tells of pulls, starts, crashes and probes, also of before anybody looked", async () => {
	await harness.pod("bad", { image: "busybox", command: ["sh", "-c", "exit 1"] });
	const probe = { exec: { command: ["false"] }, periodSeconds: 1, failureThreshold: 100 };
	await harness.pod("sick", { image: "busybox:1.36", command: ["sleep", "100000"], livenessProbe: probe });
	await harness.clock.advance(5_000);
	const uid = (await harness.get("bad")).metadata?.uid;
	const kubelet = await sh("journalctl -u kubelet -o cat");
	expect(kubelet).toMatch(
		/^E0101 00:00:0\d.\d{6} {5}738 pod_workers.go:\d+\] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"c\\" with CrashLoopBackOff/m,
	);
	expect(kubelet).toContain(`\\"back-off 10s restarting failed container=c pod=bad_default(${uid})\\"" pod="default/bad" podUID="${uid}"`);
	expect(kubelet).toMatch(
		/"Probe failed" probeType="Liveness" pod="default\/sick" podUID=".*" containerName="c" probeResult="failure" output=""/,
	);
	const containerd = await sh("journalctl -u containerd -o cat");
	expect(containerd).toMatch(/level=info msg="PullImage \\"busybox:1.36\\""/);
	expect(containerd).toMatch(/level=info msg="StartContainer for \\"[0-9a-f]{64}\\" returns successfully"/);
	expect(await sh("systemctl status kubelet | tail -1")).toMatch(/^Jan 01 00:00:0\d n1 kubelet\[738\]: [EI]0101/);
	expect(await sh("grep -c . /var/log/syslog")).not.toBe("0\n");
});

it("tells of images that are not there, and of a runtime and an API that do not answer", async () => {
	await harness.pod("none", { image: "registry.invalid/none:1" });
	await harness.pod("never", { image: "busybox:1", imagePullPolicy: "Never" });
	await sh("systemctl stop containerd");
	await harness.pod("late", { image: "busybox" });
	await harness.clock.advance(45_000);
	const runtime = await sh("journalctl -u kubelet -o cat");
	expect(runtime).toMatch(
		/"Failed to create sandbox for pod" err="rpc error: code = Unavailable .*no such file or directory\\"" pod="default\/late"/,
	);
	expect(runtime).toMatch(/"Skipping pod synchronization" err="container runtime is down"/);
	await sh("systemctl start containerd");
	harness.fleet.failNetwork("n1", "api");
	await harness.clock.advance(30_000);
	const api = await sh("journalctl -u kubelet -o cat --since -25s");
	expect(api).toMatch(
		/"Failed to ensure lease exists, will retry" err="Put \\"https:\/\/172.19.0.2:6443\/apis\/coordination.k8s.io\/v1\/namespaces\/kube-node-lease\/leases\/n1\?timeout=10s\\": dial tcp 172.19.0.2:6443: i\/o timeout"/,
	);
	harness.fleet.startNode("n1");
	await harness.clock.advance(60_000);
	expect(await sh("journalctl -u kubelet -o cat --since -20s | grep -c 'i/o timeout'")).toBe("0\n");
});

it("follows what happens", async () => {
	harness.clock.setTimeout(() => void harness.pod("web", { image: "nginx" }), 200);
	expect(await sh("timeout 8 journalctl -u containerd -f -n 0 -o cat")).toMatch(/PullImage \\"nginx\\"/);
});

it("keeps the last of it", () => {
	const facts = new NodeFacts();
	for (let n = 0; n < 1_000; n++) facts.add({ atMs: n, pod: "default/a", uid: "u", reason: "Pulling", message: "" });
	expect(facts.list().length).toBeLessThanOrEqual(maxFacts);
	expect(facts.list().at(-1)?.atMs).toBe(999);
});
