import { afterEach, expect, it } from "vitest";
import { Collector, emptyInput, Machine } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { onNode } from "../testing/on-node.ts";

let harness: FleetHarness;

afterEach(() => harness.stop());

/** Pid and command of each process that `ps` shows, without threads of the kernel, what sandboxes have, the shell and ps. */
async function processes(): Promise<readonly string[]> {
	const lines = (await onNode(harness, "ps -e -o pid= -o args=")).trim().split("\n");
	return lines
		.map((line) => line.trim().replace(/ +/, " "))
		.filter((line) => !/ (\[.*\]|ps .*|bash -c .*|\/pause|.*containerd-shim.*)$/.test(line));
}

it("shows every container's processes under pids of its own, beside the node's services", async () => {
	harness = new FleetHarness();
	await harness.start("n1");
	await harness.pod("a", { image: "busybox", command: ["sleep", "1000"] });
	await harness.pod("b", { image: "busybox", command: ["sleep", "2000"] });
	await harness.clock.advance(1_000);
	const seen = await processes();
	expect(seen.slice(0, 7).map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
		"1 /sbin/init",
		"233 /usr/lib/systemd/systemd-journald",
		"398 /usr/sbin/cron",
		"402 /usr/sbin/chronyd",
		"411 /usr/bin/containerd",
		"455 /usr/sbin/sshd",
		"738 /usr/bin/kubelet",
	]);
	const pids = seen.slice(7).map((line) => /^(\d+) sleep (\d+)$/.exec(line));
	expect(pids.map((match) => match?.[2])).toEqual(["1000", "2000"]);
	expect(pids.every((match) => Number(match?.[1]) >= 1_000)).toBe(true);
});

it("ends a container's main process with a kill from the node, which its own pid 1 would not heed from inside", async () => {
	harness = new FleetHarness();
	await harness.start("n1");
	await harness.pod("web", { image: "busybox", command: ["sleep", "1000"] });
	await harness.clock.advance(1_000);
	const pid = (await processes()).find((line) => line.endsWith("sleep 1000"))?.split(" ")[0];
	await onNode(harness, `kill -9 ${pid}`);
	await harness.clock.advance(1_000);
	const [status] = (await harness.get("web")).status?.containerStatuses ?? [];
	expect(status?.lastState?.terminated ?? status?.state?.terminated).toMatchObject({ exitCode: 137, reason: "Error" });
});

it("is what a pod with hostPID sees", async () => {
	harness = new FleetHarness();
	await harness.start("n1");
	await harness.pod("web", { image: "busybox", command: ["sleep", "1000"] });
	const script = "ps > /dev/termination-log";
	await harness.pod("looker", { image: "busybox", command: ["sh", "-c", script] }, { hostPID: true, restartPolicy: "Never" });
	await harness.clock.advance(5_000);
	const seen = (await harness.get("looker")).status?.containerStatuses?.[0]?.state?.terminated?.message;
	expect(seen).toContain("/usr/bin/kubelet");
	expect(seen).toContain("sleep 1000");
});

it("is another machine after the power has been off: pods' processes and one's own are gone", async () => {
	harness = new FleetHarness();
	await harness.start("n1");
	const before = harness.fleet.machineOf("n1");
	const output = new Collector();
	const shell = before?.spawn({ argv: ["sleep", "1000"], env: new Map(), cwd: "/", stdin: emptyInput, stdout: output, stderr: output });
	harness.fleet.powerOffNode("n1");
	expect(harness.fleet.machineOf("n1")).toBeUndefined();
	expect((await shell?.exited)?.signal).toBe("KILL");
	harness.fleet.startNode("n1");
	await harness.clock.advance(1_000);
	expect(harness.fleet.machineOf("n1")).not.toBe(before);
	const daemons = (await processes()).map((line) => line.split(" ")[1]?.replace(/.*\//, ""));
	expect(daemons.sort()).toEqual(["chronyd", "containerd", "cron", "init", "kubelet", "sshd", "systemd-journald"]);
});

it("has its bridge, its routes, kube-proxy's rules, and its pods' names", async () => {
	harness = new FleetHarness();
	await harness.start("n1");
	await harness.pod("web", { image: "nginx" });
	await harness.pod("host", { image: "nginx" }, { hostNetwork: true });
	await harness.clock.advance(5_000);
	expect(await onNode(harness, "ip -br link show type bridge")).toMatch(/^cni0 +UP +0a:58:0a:f4:00:01/);
	expect(await onNode(harness, "ip link show master cni0")).toMatch(/^5: veth/);
	expect(await onNode(harness, "ip route")).toContain("10.244.0.0/24 dev cni0 proto kernel scope link src 10.244.0.1");
	expect(await onNode(harness, "iptables -t nat -S KUBE-SERVICES")).toContain("KUBE-NODEPORTS");
	expect(await onNode(harness, "curl -s 10.244.0.2 | head -n 4")).toContain("Welcome to nginx!");
	expect(await onNode(harness, "ss -Hlntp")).toMatch(/0\.0\.0\.0:80 .*users:\(\("nginx",pid=1\d{3},fd=6\)\)/);
	expect(await onNode(harness, "dig +short n1")).toBe("172.18.0.2\n");
});

it("leaves the files of containers alone that nobody has looked into, and that write none", async () => {
	harness = new FleetHarness();
	await harness.start("n1");
	const images = { nginx: {}, redis: {}, busybox: { command: ["sleep", "1000"] }, "registry.k8s.io/pause:3.10": {}, whatever: {} };
	for (const [index, [image, container]] of Object.entries(images).entries()) await harness.pod(`p${index}`, { image, ...container });
	await harness.clock.advance(5_000);
	const node = harness.fleet.machineOf("n1");
	const containers = new Set(node?.processes().flatMap(({ machine }) => (machine instanceof Machine && machine !== node ? [machine] : [])));
	expect(containers.size).toBeGreaterThanOrEqual(5);
	expect([...containers].filter(({ hasFiles }) => hasFiles).map(({ hostname }) => hostname)).toEqual([]);
});
