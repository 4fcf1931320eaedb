/** Packages, swap, modules and SELinux of a node, as its shell shows them. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { Collector, inputFrom } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

let harness: FleetHarness;
beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
});
afterEach(() => harness.stop());

async function* typed(text: string): AsyncGenerator<Uint8Array> {
	if (text !== "") yield Buffer.from(text);
}

async function sh(script: string, input = ""): Promise<string> {
	const output = new Collector();
	const machine = harness.fleet.machineOf("n1");
	if (machine === undefined) throw new Error("n1 is off");
	const env = new Map([["PATH", "/usr/sbin:/usr/bin"]]);
	const stdin = inputFrom(typed(input));
	const process = machine.spawn({ argv: ["bash", "-c", script], env, cwd: "/root", stdin, stdout: output, stderr: output });
	for (let turn = 0; process.exit === undefined && turn < 500; turn++) await harness.clock.advance(1);
	return `${output.text()}${process.exit?.exitCode === 0 ? "" : `[exit ${process.exit?.exitCode}]`}`;
}

const reading = "Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n";

it("installs and removes packages with their programs", async () => {
	expect(await sh("jq --version")).toBe("bash: line 1: jq: command not found\n[exit 127]");
	const installed = await sh("apt-get install -y jq");
	expect(installed).toContain(
		"The following NEW packages will be installed:\n  jq\n0 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.\n",
	);
	expect(installed).toContain("Setting up jq (1.7.1-6) ...\n");
	expect(await sh(`echo '{"a":1}' | jq .a; dpkg -S /usr/bin/jq; dpkg -l jq | tail -1`)).toMatch(
		/^1\njq: \/usr\/bin\/jq\nii {2}jq +1.7.1-6 +amd64 +lightweight/,
	);
	expect(await sh("apt-get install jq")).toBe(
		`${reading}jq is already the newest version (1.7.1-6).\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n`,
	);
	expect(await sh("apt-get remove jq", "n\n")).toContain("Do you want to continue? [Y/n] Abort.\n[exit 1]");
	expect(await sh("apt-get remove -y jq")).toContain("Removing jq (1.7.1-6) ...\n");
	expect(await sh("jq .")).toBe("bash: line 1: jq: command not found\n[exit 127]");
});

const refusals: readonly (readonly [string, string])[] = [
	["apt-get install nothing", `${reading}E: Unable to locate package nothing\n[exit 100]`],
	["apt-get install jq=9", `${reading}E: Version '9' for 'jq' was not found\n[exit 100]`],
	["apt-get frob", "E: Invalid operation frob\n[exit 100]"],
	[
		"apt-get remove -y jq",
		`${reading}Package 'jq' is not installed, so not removed\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n`,
	],
	["dpkg -l nothing", "dpkg-query: no packages found matching nothing\n[exit 1]"],
	["apt-mark hold kubelet; apt-mark showhold; apt-mark unhold kubelet", "kubelet set on hold.\nkubelet\nCanceled hold on kubelet.\n"],
	["apt-cache madison kubelet", "   kubelet | 1.36.6-1.1 | https://pkgs.k8s.io/core:/stable:/v1.36/deb  Packages\n"],
	["modprobe nothing", "modprobe: FATAL: Module nothing not found in directory /lib/modules/6.12.41+deb13-amd64\n[exit 1]"],
	["modprobe -r bridge", "modprobe: FATAL: Module bridge is in use.\n[exit 1]"],
	["modprobe ip_vs_rr; lsmod | grep ^ip_vs", "ip_vs_rr                12288  0\nip_vs                   229376  1 ip_vs_rr\n"],
	["swapon /swapfile", "swapon: cannot open /swapfile: No such file or directory\n[exit 255]"],
	["getenforce", "bash: line 1: getenforce: command not found\n[exit 127]"],
];

it.each(refusals)("%s", async (command, answer) => {
	expect(await sh(command)).toBe(answer);
});

it("a package that is gone takes its program along: a service can't start without it", async () => {
	await sh("apt-get remove -y kubelet; systemctl restart kubelet");
	await harness.clock.advance(1_000);
	expect(await sh("journalctl -u kubelet -o cat | grep EXEC")).toContain(
		"kubelet.service: Main process exited, code=exited, status=203/EXEC",
	);
	await sh("apt-get install -y kubelet");
	await harness.clock.advance(11_000);
	expect(await sh("systemctl is-active kubelet")).toBe("active\n");
});

it("a kubelet does not start with swap", async () => {
	expect(await sh("truncate -s 1M /swapfile; mkswap /swapfile; swapon /swapfile; echo '/swapfile none swap sw 0 0' >> /etc/fstab")).toMatch(
		/^Setting up swapspace version 1, size = 1020 KiB \(1044480 bytes\)\nno label, UUID=/,
	);
	expect(await sh("swapon --show")).toBe("NAME      TYPE SIZE USED PRIO\n/swapfile file 1M   0B   -2\n");
	await sh("systemctl restart kubelet");
	await harness.clock.advance(1_000);
	expect(await sh("journalctl -u kubelet -o cat | grep 'command failed'")).toContain(
		'err="failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false. /proc/swaps contained: [Filename',
	);
	await sh("swapoff -a");
	await harness.clock.advance(11_000);
	expect(await sh("systemctl is-active kubelet; reboot")).toBe("active\n[exit 137]");
	await harness.clock.advance(6_000);
	expect(await sh("systemctl is-active kubelet; swapoff -a; sed -i /swap/d /etc/fstab")).toBe("activating\n");
	await harness.clock.advance(11_000);
	expect(await sh("systemctl is-active kubelet")).toBe("active\n");
});

it("SELinux that enforces denies runc its keyring, until it is permissive", async () => {
	harness.fleet.failSelinux("n1");
	await harness.pod("a", { image: "busybox", command: ["sleep", "100000"] });
	await harness.clock.advance(1_000);
	expect((await harness.events("a")).join("\n")).toContain(
		"FailedCreatePodSandBox Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: write /proc/self/attr/keycreate: permission denied",
	);
	expect(await sh("getenforce; sestatus | head -1; journalctl -u kubelet -o cat | grep -c keycreate")).toMatch(
		/^Enforcing\nSELinux status: {17}enabled\n[1-9]\d*\n$/,
	);
	expect(await sh("setenforce 0; getenforce; sestatus | grep mode: | tail -1")).toBe(
		"Permissive\nCurrent mode:                   permissive\n",
	);
	await harness.clock.advance(11_000);
	expect((await harness.get("a")).status?.phase).toBe("Running");
	await sh("sed -i s/SELINUX=enforcing/SELINUX=disabled/g /etc/selinux/config; reboot");
	await harness.clock.advance(6_000);
	expect(await sh("getenforce; sestatus; setenforce 1")).toBe(
		"Disabled\nSELinux status:                 disabled\nsetenforce: SELinux is disabled\n[exit 1]",
	);
});
