/** systemd on a node: what is done to its services, and what becomes of the node and its pods. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { nodes } from "../../client/resources.ts";
import { Collector, emptyInput } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

let harness: FleetHarness;
beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
});
afterEach(() => harness.stop());

/** Runs a script on the node; what it printed, and `[exit N]` if that is not 0. */
async function sh(script: string): Promise<string> {
	const output = new Collector();
	const machine = harness.fleet.machineOf("n1");
	if (machine === undefined) throw new Error("n1 is off");
	const env = new Map([["PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"]]);
	const process = machine.spawn({
		argv: ["bash", "-c", script],
		env,
		cwd: "/root",
		stdin: emptyInput,
		stdout: output,
		stderr: output,
	});
	for (let turn = 0; process.exit === undefined && turn < 5_000; turn++) await harness.clock.advance(1);
	return `${output.text()}${process.exit?.exitCode === 0 ? "" : `[exit ${process.exit?.exitCode}]`}`;
}

const ready = async () => {
	const { status } = await harness.client.resource(nodes).get({ name: "n1" });
	const condition = status?.conditions?.find(({ type }) => type === "Ready");
	return `${condition?.status} ${condition?.message}`;
};

/** How often the node's lease was asked for or written. */
const leaseCalls = async () => harness.api.requests.filter(({ resource }) => resource === "leases").length;

it("shows what runs since the machine booted, under the pids of its boot", async () => {
	await harness.clock.advance(60_000);
	expect(await sh("systemctl is-active kubelet containerd ssh; systemctl is-enabled kubelet systemd-journald")).toBe(
		"active\nactive\nactive\nenabled\nstatic\n",
	);
	const status = await sh("systemctl status kubelet -n 0");
	expect(
		status.replace(/since .*; 1min 0s ago/, "since X").replace(/Invocation: [0-9a-f]{32}/, "Invocation: X"),
	).toBe(`● kubelet.service - kubelet: The Kubernetes Node Agent
     Loaded: loaded (/usr/lib/systemd/system/kubelet.service; enabled; preset: enabled)
    Drop-In: /usr/lib/systemd/system/kubelet.service.d
             └─10-kubeadm.conf
     Active: active (running) since X
 Invocation: X
       Docs: https://kubernetes.io/docs/
   Main PID: 738 (kubelet)
     CGroup: /system.slice/kubelet.service
             └─738 /usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml
`);
});

it("a kubelet that is stopped renews no lease, and its containers run on", async () => {
	await harness.pod("a", { image: "busybox", command: ["sleep", "100000"] });
	await harness.clock.advance(1_000);
	expect(await sh("systemctl stop kubelet; systemctl is-active kubelet")).toBe("inactive\n[exit 3]");
	const before = await leaseCalls();
	await harness.clock.advance(60_000);
	expect(await leaseCalls()).toBe(before);
	expect(await sh("pgrep -cxf 'sleep 100000'")).toBe("1\n");
	await harness.pod("b", { image: "busybox", command: ["sleep", "1"] });
	await harness.clock.advance(10_000);
	expect((await harness.get("b")).status?.phase).toBe("Pending");
	expect(await sh("systemctl start kubelet; systemctl is-active kubelet")).toBe("active\n");
	await harness.clock.advance(10_000);
	expect(await leaseCalls()).not.toBe(before);
	expect((await harness.get("b")).status?.phase).not.toBe("Pending");
	expect(harness.story.filter((line) => line.startsWith("a "))).toEqual(["a 0/1 Pending 0", "a 1/1 Running 0"]);
});

it("a kubelet with a wrong flag ends with its own words and is started again and again, until it is mended", async () => {
	await sh(`echo 'KUBELET_EXTRA_ARGS="--foo=bar"' > /etc/default/kubelet; systemctl restart kubelet`);
	await harness.clock.advance(25_000);
	const status = await sh("systemctl status kubelet");
	expect(status).toContain("Active: activating (auto-restart) (Result: exit-code) since");
	expect(status).toMatch(/Process: \d+ ExecStart=\/usr\/bin\/kubelet \$KUBELET_KUBECONFIG_ARGS .* \(code=exited, status=1\/FAILURE\)/);
	expect(status).toContain("[exit 3]");
	const journal = await sh("journalctl -u kubelet -o cat | tail -5");
	expect(journal).toMatch(/run\.go:72\] "command failed" err="failed to parse kubelet flag: unknown flag: --foo"/);
	expect(journal).toContain("kubelet.service: Scheduled restart job, restart counter is at 2.");
	expect(journal).toContain("kubelet.service: Main process exited, code=exited, status=1/FAILURE");
	await sh("echo KUBELET_EXTRA_ARGS= > /etc/default/kubelet");
	await harness.clock.advance(11_000);
	expect(await sh("systemctl is-active kubelet")).toBe("active\n");
});

const lastWords: readonly (readonly [string, string, string])[] = [
	[
		"no configuration",
		"rm /var/lib/kubelet/config.yaml",
		'failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to read kubelet config file \\"/var/lib/kubelet/config.yaml\\", error: open /var/lib/kubelet/config.yaml: no such file or directory',
	],
	[
		"an unknown field",
		"echo 'evictionHrad: {}' >> /var/lib/kubelet/config.yaml",
		'error failed to decode, error: strict decoding error: unknown field \\"evictionHrad\\"',
	],
	[
		"no authority",
		"sed -i 's/^authorization:/authentication2:/;s/^  webhook:/  x509: {clientCAFile: \\/etc\\/kubernetes\\/pki\\/CA.crt}\\n  webhook:/;s/^authentication2/authorization/' /var/lib/kubelet/config.yaml",
		"failed to construct kubelet dependencies: unable to load client CA file /etc/kubernetes/pki/CA.crt: open /etc/kubernetes/pki/CA.crt: no such file or directory",
	],
	[
		"no kubeconfig",
		"rm /etc/kubernetes/kubelet.conf",
		"failed to run Kubelet: unable to load bootstrap kubeconfig: stat /etc/kubernetes/bootstrap-kubelet.conf: no such file or directory",
	],
	[
		"no runtime",
		"systemctl stop containerd",
		'failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint \\"unix:///var/run/containerd/containerd.sock\\": rpc error: code = Unavailable desc = connection error: desc = \\"transport: Error while dialing: dial unix /var/run/containerd/containerd.sock: connect: no such file or directory\\"',
	],
];

it.each(lastWords)("a kubelet with %s says so", async (_, breakIt, words) => {
	await sh(`${breakIt}; systemctl restart kubelet`);
	await harness.clock.advance(1_000);
	expect(await sh("journalctl -u kubelet -o cat | grep 'command failed'")).toContain(words);
	expect(harness.fleet.nodeNames()).toEqual(["n1"]);
});

it("a kubelet that looks for the API in the wrong place runs, and is not heard of", async () => {
	await sh("sed -i s/:6443/:6553/ /etc/kubernetes/kubelet.conf; systemctl restart kubelet");
	const before = await leaseCalls();
	await harness.clock.advance(60_000);
	expect(await leaseCalls()).toBe(before);
	expect(await sh("systemctl is-active kubelet")).toBe("active\n");
	await sh("sed -i s/:6553/:6443/ /etc/kubernetes/kubelet.conf; systemctl restart kubelet");
	await harness.clock.advance(15_000);
	expect(await leaseCalls()).not.toBe(before);
});

it("without its runtime the node is not ready, no sandbox is made, and containers run on", async () => {
	await harness.pod("a", { image: "busybox", command: ["sleep", "100000"] });
	await harness.clock.advance(1_000);
	await sh("systemctl stop containerd");
	const target = { namespace: "default", pod: "a", container: "c", node: "n1" };
	const streams = { stdout: async () => undefined, stderr: async () => undefined };
	const exec = harness.fleet.connector.exec(target, { command: ["true"], tty: false, stdin: false }, streams, new AbortController().signal);
	await expect(exec).rejects.toThrow("unable to upgrade connection: rpc error: code = Unavailable desc = connection error");
	await harness.pod("b", { image: "busybox", command: ["sleep", "100000"] });
	await harness.clock.advance(20_000);
	expect(await ready()).toBe("True kubelet is posting ready status");
	expect((await harness.events("b")).filter((line) => line.includes("FailedCreatePodSandBox"))).toEqual([
		'Warning FailedCreatePodSandBox Failed to create pod sandbox: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /var/run/containerd/containerd.sock: connect: no such file or directory" (x3)',
	]);
	await harness.clock.advance(15_000);
	expect(await ready()).toBe("False container runtime is down");
	await harness.clock.advance(165_000);
	expect(await ready()).toMatch(
		/^False \[container runtime is down, PLEG is not healthy: pleg was last seen active 3m[\d.]+s ago; threshold is 3m0s\]$/,
	);
	expect(await sh("pgrep -cxf 'sleep 100000'")).toBe("1\n");
	await sh("systemctl start containerd");
	await harness.clock.advance(15_000);
	expect(await ready()).toBe("True kubelet is posting ready status");
	expect((await harness.get("b")).status?.phase).toBe("Running");
	expect(harness.story.filter((line) => line.startsWith("a "))).toEqual(["a 0/1 Pending 0", "a 1/1 Running 0"]);
});

it("what ends while the runtime is down is started again when that is back", async () => {
	await harness.pod("a", { image: "busybox", command: ["sleep", "60"] });
	await harness.clock.advance(1_000);
	await sh("systemctl stop containerd");
	await harness.clock.advance(120_000);
	const restarts = async () => (await harness.get("a")).status?.containerStatuses?.[0]?.restartCount;
	expect(await restarts()).toBe(0);
	await sh("systemctl start containerd");
	await harness.clock.advance(20_000);
	expect(await restarts()).toBe(1);
});

it("a runtime that is killed comes back by itself", async () => {
	await sh("systemctl kill -s KILL containerd");
	await harness.clock.advance(1_000);
	expect(await sh("systemctl show containerd -p SubState,Result --value")).toBe("auto-restart\nsignal\n");
	await harness.clock.advance(5_000);
	expect(await sh("systemctl is-active containerd")).toBe("active\n");
});

it("stopping the slice of the pods ends them, and the kubelet starts them again", async () => {
	await harness.pod("a", { image: "busybox", command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"] });
	await harness.clock.advance(1_000);
	const uid = (await harness.get("a")).metadata?.uid?.replaceAll("-", "_");
	expect(await sh("systemctl list-units --type slice --no-legend | cut -c3- | cut -d' ' -f1")).toBe(
		`-.slice\nkubepods-besteffort-pod${uid}.slice\nkubepods-besteffort.slice\nkubepods.slice\nsystem.slice\nuser.slice\n`,
	);
	await sh("systemctl stop kubepods.slice");
	await harness.clock.advance(20_000);
	expect((await harness.get("a")).status?.containerStatuses?.[0]?.restartCount).toBe(1);
});

it("edits count after daemon-reload, and systemctl warns before", async () => {
	await sh(
		"mkdir /etc/systemd/system/kubelet.service.d; printf '[Service]\\nEnvironment=A=1\\n' > /etc/systemd/system/kubelet.service.d/20-a.conf",
	);
	const warning =
		"Warning: The unit file, source configuration file or drop-ins of kubelet.service changed on disk. Run 'systemctl daemon-reload' to reload units.\n";
	expect(
		await sh("systemctl restart kubelet; systemctl show kubelet -p NeedDaemonReload --value; systemctl cat kubelet | grep -c A=1"),
	).toBe(`${warning}yes\n${warning}0\n[exit 1]`);
	expect(await sh("systemctl daemon-reload; systemctl restart kubelet; systemctl show kubelet -p NeedDaemonReload --value")).toBe("no\n");
	expect(await sh("systemctl cat kubelet | tail -3")).toBe(
		"# /etc/systemd/system/kubelet.service.d/20-a.conf\n[Service]\nEnvironment=A=1\n",
	);
});

it("a service that is disabled does not come with the next boot", async () => {
	expect(await sh("systemctl disable kubelet")).toBe("Removed '/etc/systemd/system/multi-user.target.wants/kubelet.service'.\n");
	expect(await sh("systemctl is-active kubelet")).toBe("active\n");
	await sh("reboot");
	expect(harness.fleet.machineOf("n1")).toBeUndefined();
	await harness.clock.advance(6_000);
	expect(await sh("systemctl is-active containerd kubelet; journalctl --list-boots | wc -l")).toBe("active\ninactive\n3\n");
	expect((await harness.events("n1")).filter((line) => line.includes("Rebooted"))).toEqual([]);
	const before = await leaseCalls();
	await harness.clock.advance(30_000);
	expect(await leaseCalls()).toBe(before);
	expect(await sh("systemctl enable --now kubelet")).toBe(
		"Created symlink '/etc/systemd/system/multi-user.target.wants/kubelet.service' → '/usr/lib/systemd/system/kubelet.service'.\n",
	);
	await harness.clock.advance(15_000);
	expect(await leaseCalls()).not.toBe(before);
	expect((await harness.events("n1")).at(-1)).toMatch(/^Warning Rebooted Node n1 has been rebooted, boot id: /);
});
