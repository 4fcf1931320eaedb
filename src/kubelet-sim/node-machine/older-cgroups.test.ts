/** A node with version 1 of cgroups: the curriculum's scenarios, from a shell on it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodes } from "../../client/resources.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { onNode } from "../testing/on-node.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1", { annotations: { "kubesim.dev/cgroup-version": "1" }, kubelet: { failCgroupV1: false } });
});

afterEach(() => harness.stop());

const run = (script: string) => onNode(harness, `cd /sys/fs/cgroup; ${script}`);

describe("the hierarchies of version 1", () => {
	it.each<readonly [what: string, script: string, expected: string]>([
		[
			"are mounted each for itself",
			"stat -fc %T . cpu; mount | grep -c 'type cgroup '; mount | grep -w cpuacct",
			"tmpfs\ncgroupfs\n13\ncgroup on /sys/fs/cgroup/cpu,cpuacct type cgroup (rw,nosuid,nodev,noexec,relatime,cpu,cpuacct)\n",
		],
		[
			"have a directory each",
			"ls",
			"blkio\ncpu\ncpu,cpuacct\ncpuacct\ncpuset\ndevices\nfreezer\nhugetlb\nmemory\nmisc\nnet_cls\nnet_cls,net_prio\nnet_prio\nperf_event\npids\nrdma\nsystemd\n",
		],
		["are what /proc/cgroups counts", "grep -w cpu /proc/cgroups | cut -f1,2,4", "cpu\t3\t1\n"],
		[
			"put a login's processes where systemd puts them",
			"cat /proc/self/cgroup",
			"13:misc:/\n12:rdma:/\n11:pids:/user.slice/user-0.slice/session-1.scope\n10:hugetlb:/\n9:perf_event:/\n8:net_cls,net_prio:/\n7:freezer:/\n6:devices:/user.slice\n5:memory:/user.slice/user-0.slice/session-1.scope\n4:blkio:/user.slice\n3:cpu,cpuacct:/user.slice\n2:cpuset:/\n1:name=systemd:/user.slice/user-0.slice/session-1.scope\n",
		],
		[
			"give a group its files",
			"mkdir cpu/t; cat cpu/t/cpu.cfs_quota_us cpu/t/cpu.cfs_period_us cpu/t/cpu.shares cpuacct/t/cpuacct.usage",
			"-1\n100000\n1024\n0\n",
		],
		[
			"keep a quota",
			"mkdir cpu/t; echo 50000 > cpu/t/cpu.cfs_quota_us; cat cpu/t/cpu.cfs_quota_us; echo -1 > cpu/t/cpu.cfs_quota_us; cat cpu/t/cpu.cfs_quota_us",
			"50000\n-1\n",
		],
		["refuse what is no quota", "mkdir cpu/t; echo 10 > cpu/t/cpu.cfs_quota_us", "bash: line 1: echo: write error: Invalid argument\n"],
		["take shares as far as the kernel has them", "mkdir cpu/t; echo 1 > cpu/t/cpu.shares; cat cpu/t/cpu.shares", "2\n"],
		[
			"read sizes of memory",
			"mkdir memory/t; cd memory/t; echo 100m > memory.limit_in_bytes; cat memory.limit_in_bytes memory.usage_in_bytes memory.failcnt; cat memory.oom_control",
			"104857600\n0\n0\noom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
		],
		["have no limit of memory at first", "mkdir memory/t; cat memory/t/memory.limit_in_bytes", "9223372036854771712\n"],
		[
			"take a process by tasks, in one hierarchy alone",
			"mkdir cpu/t; echo $$ > cpu/t/tasks; cat /proc/self/cgroup | grep -E 'cpu,|memory'; wc -l < cpu/t/tasks",
			"5:memory:/user.slice/user-0.slice/session-1.scope\n3:cpu,cpuacct:/t\n2\n",
		],
		[
			"take nobody into a cpuset without processors",
			"mkdir cpuset/t; echo $$ > cpuset/t/tasks; echo 0-1 > cpuset/t/cpuset.cpus; echo 0 > cpuset/t/cpuset.mems; echo $$ > cpuset/t/tasks; grep cpuset /proc/self/cgroup",
			"bash: line 1: echo: write error: No space left on device\n2:cpuset:/t\n",
		],
		[
			"refuse less memory than is in use",
			"mkdir memory/t; echo $$ > memory/t/tasks; echo 4096 > memory/t/memory.limit_in_bytes",
			"bash: line 1: echo: write error: Device or resource busy\n",
		],
		[
			"stay while something runs in them",
			"mkdir pids/t; sleep 50 & echo $! > pids/t/tasks; rmdir pids/t; kill $!; wait; rmdir pids/t && echo gone",
			"rmdir: failed to remove 'pids/t': Device or resource busy\ngone\n",
		],
		[
			"freeze, and thaw",
			"mkdir freezer/t; sleep 1000 & echo $! > freezer/t/tasks; echo FROZEN > freezer/t/freezer.state; cat freezer/t/freezer.state; ps -o stat= -p $!; kill -9 $!; sleep 1; ps -o stat= -p $!; echo THAWED > freezer/t/freezer.state; wait $!; echo $?",
			"FROZEN\nD\nD\n137\n",
		],
		[
			"limit a disk",
			"mkdir blkio/t; echo '254:0 1048576' > blkio/t/blkio.throttle.write_bps_device; cat blkio/t/blkio.throttle.write_bps_device; echo '8:0 1' > blkio/t/blkio.throttle.write_bps_device",
			"254:0 1048576\nbash: line 1: echo: write error: No such device\n",
		],
		[
			"can be made with a name alone",
			"cd; mkdir h; mount -t cgroup -o none,name=h h ./h; ls h; mkdir h/a h/b; echo $$ > h/a/tasks; grep name=h /proc/self/cgroup; ls h/a",
			"cgroup.clone_children\ncgroup.procs\ncgroup.sane_behavior\nnotify_on_release\nrelease_agent\ntasks\n14:name=h:/a\ncgroup.clone_children\ncgroup.procs\nnotify_on_release\ntasks\n",
		],
		[
			"are the same at a second place",
			"cd; mkdir h; mount -t cgroup -o memory x h; mkdir h/t; ls -d /sys/fs/cgroup/memory/t",
			"/sys/fs/cgroup/memory/t\n",
		],
		[
			"are not parted once they are together",
			"cd; mkdir h; mount -t cgroup -o cpu x h",
			"mount: h: x already mounted or mount point busy.\n       dmesg(1) may have more information after failed mount system call.\n",
		],
		[
			"take cgcreate and cgclassify",
			"cgcreate -g cpu:t; cgcreate -g memory:t; sleep 50 & cgclassify -g cpu:t $!; wc -l < cpu/t/tasks; wc -l < memory/t/tasks; cgdelete -g memory:/t; cgdelete -g cpu:/t; ls -d cpu/t memory/t; kill $!",
			"1\n0\nls: cpu/t: No such file or directory\nls: memory/t: No such file or directory\n",
		],
		[
			"take cgexec and cgget",
			"cgcreate -g cpu,memory:t; cgset -r cpu.shares=512 t; cgexec -g cpu,memory:t grep -E 'cpu,|memory' /proc/self/cgroup; cgget -n -r cpu.shares t",
			"5:memory:/t\n3:cpu,cpuacct:/t\ncpu.shares: 512\n",
		],
	])("%s", async (_, script, expected) => {
		expect(await run(script)).toBe(expected);
	});
});

describe("limits", () => {
	it("hold a program back to its quota", async () => {
		const seen = await run(
			"mkdir cpu/t; echo 50000 > cpu/t/cpu.cfs_quota_us; stress-ng -c 1 --cpu-load 100 2> /dev/null & sleep 1; for p in $(pgrep stress-ng); do echo $p > cpu/t/tasks; done; sleep 5; top -b -n2 -d10 | grep stress-ng-cpu | tail -1 | awk '{print $9}'; grep nr_throttled cpu/t/cpu.stat; kill %1",
		);
		const [percent, throttled] = seen.split("\n");
		expect(Number(percent)).toBeCloseTo(50, -1);
		expect(Number(throttled?.split(" ")[1])).toBeGreaterThan(100);
	});

	it("kill who takes more memory than they have", async () => {
		const seen = await run(
			"cd memory; mkdir t; cd t; echo 100m > memory.limit_in_bytes; echo $$ > tasks; stress-ng --vm-bytes 50m --vm-keep -m 1 -t 2 > /dev/null 2>&1; grep -w oom_kill memory.oom_control; stress-ng --vm-bytes 200m --vm-keep -m 1 -t 3 > /dev/null 2>&1; grep -w oom_kill memory.oom_control; cat memory.failcnt",
		);
		const [before, after, failures] = seen.trim().split("\n");
		expect(before).toBe("oom_kill 0");
		expect(after).toMatch(/^oom_kill ([2-9]|1\d)$/);
		expect(failures).toBe(after?.split(" ")[1]);
		const log = await run("dmesg");
		expect(log).toContain("memory+swap: usage 102400kB, limit 9007199254740988kB, failcnt 0");
		expect(log).toMatch(
			/oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=\(null\),cpuset=t,mems_allowed=0,oom_memcg=\/t,task_memcg=\/t,task=stress-ng-vm/,
		);
	});

	it("let who is over them wait, where nobody is to be killed", async () => {
		const seen = await run(
			"cd memory; mkdir t; cd t; echo 100m > memory.limit_in_bytes; echo 1 > memory.oom_control; echo $$ > tasks; stress --vm 1 --vm-bytes 200m > /dev/null & sleep 1; cat memory.oom_control; ps -o stat= -p $(pgrep -n stress); echo 400m > memory.limit_in_bytes; cat memory.oom_control; ps -o stat= -p $(pgrep -n stress); kill %1",
		);
		expect(seen).toBe("oom_kill_disable 1\nunder_oom 1\noom_kill 0\nD\noom_kill_disable 1\nunder_oom 0\noom_kill 0\nR\n");
	});
});

describe("the kubelet", () => {
	const events = async () => (await harness.events("n1")).join("\n");

	it("warns that version 1 goes away", async () => {
		expect(await events()).toContain("Warning CgroupV1 cgroup v1 support is unsupported and will be removed in a future release");
	});

	it.each([
		["systemd", "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod*.slice"],
		["cgroupfs", "kubepods/burstable/pod*"],
	] as const)("puts pods into every hierarchy, with %s", async (cgroupDriver, path) => {
		const other = new FleetHarness();
		await other.start("n1", { annotations: { "kubesim.dev/cgroup-version": "1" }, kubelet: { failCgroupV1: false, cgroupDriver } });
		const resources = { requests: { cpu: "500m", memory: "64Mi" }, limits: { cpu: "1", memory: "128Mi" } };
		await other.pod("web", { resources, command: ["sleep", "1000"] }, {}, "Burstable");
		await other.clock.advance(2_000);
		const see = (script: string) => onNode(other, `cd /sys/fs/cgroup; ${script}`);
		expect(
			await see(
				`cat cpu/${path}/cpu.cfs_quota_us cpu/${path}/cpu.shares memory/${path}/memory.limit_in_bytes; ls -d blkio/${path} | wc -l`,
			),
		).toBe("100000\n512\n134217728\n1\n");
		expect(await see(`for d in cpu memory; do for p in $(cat $d/${path}/*/tasks); do ps -o comm= -p $p; done; done`)).toBe(
			"pause\nsleep\npause\nsleep\n".replace(/pause\nsleep/g, "sleep\npause"),
		);
		expect(
			await see("P=$(pgrep -x sleep); grep -c kubepods /proc/$P/cgroup; nsenter -t $P -m cat /sys/fs/cgroup/memory/memory.limit_in_bytes"),
		).toBe("13\n134217728\n");
		other.stop();
	});

	it("kills one process of a container, not all", async () => {
		await run("ls memory");
		await harness.pod(
			"web",
			{
				image: "polinux/stress",
				command: ["sh", "-c", "stress --vm 1 --vm-bytes 200M --vm-hang 0; sleep 1000"],
				resources: { limits: { memory: "100Mi" } },
			},
			{},
			"Burstable",
		);
		await harness.clock.advance(5_000);
		const [status] = (await harness.get("web")).status?.containerStatuses ?? [];
		expect(status?.restartCount).toBe(0);
		expect(
			await run(
				"dmesg | grep -c 'Killed process'; cat memory/kubepods.slice/kubepods-burstable.slice/*/*/memory.oom_control | grep 'oom_kill 1'",
			),
		).toBe("1\noom_kill 1\n");
	});

	it("does not run on it by itself, and the machine is there to be mended", async () => {
		const other = new FleetHarness();
		await other.start("n1", { annotations: { "kubesim.dev/cgroup-version": "1" } });
		await other.clock.advance(5_000);
		expect((await other.client.resource(nodes).list()).items).toEqual([]);
		const see = (script: string) => onNode(other, script);
		await see("true");
		await other.clock.advance(1_000);
		expect(await see("journalctl -u kubelet -o cat | grep -m1 'command failed'")).toContain(
			'err="failed to validate kubelet configuration, error: kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is unsupported and will be removed in a future release, path: &TypeMeta{Kind:,APIVersion:,}"',
		);
		await see("echo 'failCgroupV1: false' >> /var/lib/kubelet/config.yaml; systemctl restart kubelet");
		await other.clock.advance(2_000);
		expect(await see("systemctl is-active kubelet")).toBe("active\n");
		expect((await other.client.resource(nodes).list()).items).toHaveLength(1);
		other.stop();
	});
});
