import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { onNode } from "../testing/on-node.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
});

afterEach(() => harness.stop());

const run = (script: string) => onNode(harness, `cd /sys/fs/cgroup; ${script}`);

interface PodOptions {
	readonly command?: readonly string[];
	readonly resources?: object;
	readonly qosClass?: string;
}

/** Makes a pod and waits until it runs. @returns the directory of its container's group */
async function pod(
	name: string,
	{ command = ["sleep", "100000"], resources = {}, qosClass = "BestEffort" }: PodOptions = {},
): Promise<string> {
	await harness.pod(name, { image: "polinux/stress", command, resources }, {}, qosClass);
	await harness.clock.advance(1_000);
	const id = (await harness.get(name)).status?.containerStatuses?.[0]?.containerID?.replace("containerd://", "");
	return (await run(`find /sys/fs/cgroup/kubepods.slice -name 'cri-containerd-${id}.scope'`)).trim();
}

const lastState = async (name: string) => (await harness.get(name)).status?.containerStatuses?.[0]?.lastState?.terminated;

describe("the groups of pods", () => {
	it("stand by quality of service, with what requests and limits say", async () => {
		const resources = { requests: { cpu: "500m", memory: "64Mi" }, limits: { cpu: "1", memory: "128Mi" } };
		const scope = await pod("web", { resources, qosClass: "Burstable" });
		expect(scope).toMatch(
			/^\/sys\/fs\/cgroup\/kubepods\.slice\/kubepods-burstable\.slice\/kubepods-burstable-pod[0-9a-f_]{36}\.slice\/cri-containerd-/,
		);
		const files = "cpu.max cpu.weight memory.max memory.oom.group";
		expect(await run(`cd ${scope}; cat ${files}`)).toBe("100000 100000\n59\n134217728\n1\n");
		expect(await run(`cd ${scope}/..; cat ${files}`)).toBe("100000 100000\n59\n134217728\n0\n");
		expect(await run(`cd ${scope}/../..; cat ${files}`)).toBe("max 100000\n59\nmax\n0\n");
		expect(await run("cat kubepods.slice/kubepods-besteffort.slice/cpu.weight")).toBe("1\n");
		expect(await run(`ps -o comm= -p $(cat ${scope}/cgroup.procs)`)).toBe("sleep\n");
	});

	it("go with their pods", async () => {
		const scope = await pod("web");
		await harness.delete("web");
		await harness.clock.advance(60_000);
		expect(await run(`test -d ${scope} || echo gone`)).toBe("gone\n");
	});

	it("count how a quota holds a container up", async () => {
		const scope = await pod("busy", { command: ["stress", "--cpu", "2"], resources: { limits: { cpu: "500m" } }, qosClass: "Burstable" });
		await harness.clock.advance(60_000);
		const stat = Object.fromEntries(
			(await run(`cat ${scope}/cpu.stat`))
				.trim()
				.split("\n")
				.map((line) => line.split(" ")),
		);
		expect(Number(stat.usage_usec) / 61e6).toBeCloseTo(0.5, 1);
		expect(Number(stat.nr_throttled)).toBeGreaterThan(500);
		expect(Number(stat.throttled_usec)).toBeGreaterThan(60e6);
	});

	it.each([
		["the pod's", ".."],
		["the container's own", "."],
	])("take limits that are written by hand: less processor, in %s group", async (_, group) => {
		const scope = await pod("busy", { command: ["stress", "--cpu", "1"] });
		await harness.clock.advance(20_000);
		await run(`echo '20000 100000' > ${scope}/${group}/cpu.max`);
		await harness.clock.advance(5_000);
		const usage = async () => Number(/usage_usec (\d+)/.exec(await run(`cat ${scope}/cpu.stat`))?.[1]);
		const before = await usage();
		await harness.clock.advance(50_000);
		expect((await usage()) - before).toBeCloseTo(10e6, -6.2);
	});

	it("take limits that are written by hand: less memory than is in use, and the container is killed", async () => {
		const scope = await pod("hog", { command: ["stress", "--vm", "1", "--vm-bytes", "50M", "--vm-hang", "0"] });
		expect(Number(await run(`cat ${scope}/memory.current`))).toBeGreaterThan(50 * 1024 ** 2);
		await run(`echo 20M > ${scope}/memory.max`);
		await harness.clock.advance(5_000);
		expect(await lastState("hog")).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
	});
});

describe("a container over its limit", () => {
	it("is told of in the kernel's log and in its pod's memory.events", async () => {
		await run("ls > /dev/null");
		await pod("hog", {
			command: ["sh", "-c", "sleep 5; stress --vm 1 --vm-bytes 150M"],
			resources: { limits: { memory: "100Mi" } },
			qosClass: "Burstable",
		});
		await harness.clock.advance(6_000);
		expect(await lastState("hog")).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
		const log = await run("dmesg");
		expect(log).toMatch(/invoked oom-killer: gfp_mask=0xcc0\(GFP_KERNEL\), order=0, oom_score_adj=999\n/);
		expect(log).toContain("memory: usage 102400kB, limit 102400kB, failcnt 1");
		expect(log).toMatch(
			/oom-kill:constraint=CONSTRAINT_MEMCG,.*oom_memcg=\/kubepods\.slice\/kubepods-burstable\.slice\/.*,task=sh,pid=\d+,uid=0\n/,
		);
		expect(log).toMatch(/Tasks in \/kubepods\.slice\/.* are going to be killed due to memory\.oom\.group set\n/);
		expect(log).toMatch(/Memory cgroup out of memory: Killed process \d+ \(stress\) total-vm:\d+kB, anon-rss:\d+kB/);
		expect(await run("grep oom_kill kubepods.slice/kubepods-burstable.slice/memory.events")).toBe("oom_kill 3\n");
	});
});

describe("groups made by hand", () => {
	it.each<readonly [what: string, script: string, expected: string]>([
		["come with their files", "mkdir t; cat t/cpu.max t/memory.max t/pids.current t/cgroup.type", "max 100000\nmax\n0\ndomain\n"],
		[
			"hand nothing on by themselves",
			"mkdir -p t/u; ls t/u | grep -c memory; echo +memory > t/cgroup.subtree_control; cat t/u/memory.max",
			"1\nmax\n",
		],
		["read sizes", "mkdir t; echo 100m > t/memory.max; cat t/memory.max", "104857600\n"],
		["refuse what is no quota", "mkdir t; echo 1 > t/cpu.max", "bash: line 1: echo: write error: Invalid argument\n"],
		[
			"refuse a weight out of range",
			"mkdir t; echo 20000 > t/cpu.weight",
			"bash: line 1: echo: write error: Numerical result out of range\n",
		],
		["refuse a controller that there is not", "echo +gpu > cgroup.subtree_control", "bash: line 1: echo: write error: Invalid argument\n"],
		["refuse who is not there", "mkdir t; echo 99999 > t/cgroup.procs", "bash: line 1: echo: write error: No such process\n"],
		[
			"have no processes where they hand controllers on",
			"mkdir t; echo +cpu > t/cgroup.subtree_control; echo $$ > t/cgroup.procs",
			"bash: line 1: echo: write error: Device or resource busy\n",
		],
		["take a process and its children", "mkdir t; echo $$ > t/cgroup.procs; cat /proc/self/cgroup", "0::/t\n"],
		[
			"stay while something runs in them",
			"mkdir t; sleep 50 & echo $! > t/cgroup.procs; rmdir t; kill $!; wait; rmdir t; test -d t || echo gone",
			"rmdir: failed to remove 't': Device or resource busy\ngone\n",
		],
		["are killed as one", "mkdir t; sleep 50 & echo $! > t/cgroup.procs; echo 1 > t/cgroup.kill; wait $!; echo $?", "137\n"],
		[
			"tell whether anybody is there",
			"mkdir t; sleep 50 & echo $! > t/cgroup.procs; cat t/cgroup.events; kill $!",
			"populated 1\nfrozen 0\n",
		],
		["are not made of files", "echo x > nothing", "bash: line 1: can't create nothing: Permission denied\n"],
		[
			"by cgcreate, cgset, cgget",
			"cgcreate -g cpu,memory:lab/a; cgset -r cpu.max='50000 100000' lab/a; cgget -n -r cpu.max lab/a",
			"cpu.max: 50000 100000\n",
		],
		["by cgexec", "cgcreate -g cpu:t; cgexec -g cpu:t cat /proc/self/cgroup", "0::/t\n"],
		[
			"by cgclassify and cgdelete, which leaves nobody behind",
			"cgcreate -g cpu:t; sleep 50 & cgclassify -g cpu:t $!; cat t/cgroup.procs | wc -l; cgdelete -g cpu:/t; cat /proc/$!/cgroup; kill $!",
			"1\n0::/\n",
		],
		["by lscgroup", "mkdir t; lscgroup | grep '/t$'", "cpuset,cpu,io,memory,hugetlb,pids,rdma,misc:/t\n"],
	])("%s", async (_, script, expected) => {
		expect(await run(script)).toBe(expected);
	});

	it.each<readonly [what: string, script: string, expected: string]>([
		[
			"all of the machine's, where nobody says otherwise",
			"cat cpuset.cpus.effective; mkdir t; cat t/cpuset.cpus t/cpuset.cpus.effective; nproc",
			"0-3\n\n0-3\n4\n",
		],
		[
			"their own, and those of their processes",
			"mkdir t; echo 2,1 > t/cpuset.cpus; cat t/cpuset.cpus; echo $$ > t/cgroup.procs; nproc; nproc --all; taskset -cp $$ | cut -d' ' -f3-; grep allowed_list /proc/self/status | head -1",
			"1-2\n2\n4\ncurrent affinity list: 1,2\nCpus_allowed_list:\t1-2\n",
		],
		[
			"no more than the group above has, and all of those where they have none of them",
			"mkdir -p t/a t/b; echo +cpuset > t/cgroup.subtree_control; echo 0-1 > t/cpuset.cpus; echo 1-3 > t/a/cpuset.cpus; echo 3 > t/b/cpuset.cpus; cat t/a/cpuset.cpus.effective t/b/cpuset.cpus.effective",
			"1\n0-1\n",
		],
		[
			"none that the machine has not",
			"mkdir t; echo 0,4 > t/cpuset.cpus; echo 2-1 > t/cpuset.cpus",
			"bash: line 1: echo: write error: Invalid argument\n".repeat(2),
		],
		[
			"fewer, where a process wants that",
			"taskset -c 0,2 sh -c 'nproc; taskset -p $$ | cut -d\" \" -f3-; taskset 1 nproc'; nproc",
			"2\ncurrent affinity mask: 5\n1\n4\n",
		],
		[
			"as taskset changes them",
			"sleep 50 & taskset -p 3 $! | cut -d' ' -f3-; taskset -cp $! | cut -d' ' -f3-; kill $!",
			"current affinity mask: f\nnew affinity mask: 3\ncurrent affinity list: 0,1\n",
		],
		[
			"but none that the group has not",
			"mkdir t; echo 0 > t/cpuset.cpus; echo $$ > t/cgroup.procs; taskset -c 1 true; taskset -p 99999; taskset -c x true; taskset",
			"taskset: failed to set pid 0's affinity: Invalid argument\ntaskset: failed to get pid 99999's affinity: No such process\ntaskset: failed to parse CPU list: x\ntaskset: bad usage\nTry 'taskset --help' for more information.\n",
		],
	])("have processors: %s", async (_, script, expected) => {
		expect(await run(script)).toBe(expected);
	});

	it("hold programs to as many processors as they have", async () => {
		const seen = await run(
			"mkdir t; echo 3 > t/cpuset.cpus; echo '300000 100000' > t/cpu.max; echo $$ > t/cgroup.procs; stress-ng -c 2 > /dev/null 2>&1 & sleep 1; top -b -n2 -d10 | grep stress-ng-cpu | tail -2 | awk '{print $9}'; grep nr_throttled t/cpu.stat; kill %1",
		);
		const [one, other, throttled] = seen.split("\n");
		expect(Number(one)).toBeCloseTo(50, -1);
		expect(Number(other)).toBeCloseTo(50, -1);
		expect(throttled).toBe("nr_throttled 0");
	});

	it("hold a program back to their quota", async () => {
		const seen = await run(
			"mkdir t; echo '50000 100000' > t/cpu.max; stress-ng -c 1 2> /dev/null & sleep 1; for p in $(pgrep stress-ng); do echo $p > t/cgroup.procs; done; sleep 5; top -b -n2 -d10 | grep stress-ng-cpu | tail -1 | awk '{print $9}'; cat t/cpu.stat | grep nr_throttled; kill %1",
		);
		const [percent, throttled] = seen.split("\n");
		expect(Number(percent)).toBeCloseTo(50, -1);
		expect(Number(throttled?.split(" ")[1])).toBeGreaterThan(100);
	});

	it("kill who takes more memory than they have, and stress-ng tries again", async () => {
		const seen = await run(
			"mkdir t; echo 100m > t/memory.max; echo $$ > t/cgroup.procs; stress-ng --vm 1 --vm-bytes 200m --vm-keep -t 3 > /dev/null 2>&1; grep -E '^(max|oom_kill) ' t/memory.events; dmesg | grep -c 'Killed process'",
		);
		const [max, kills, lines] = seen.trim().split("\n");
		expect(kills).toMatch(/^oom_kill ([2-9]|1\d)$/);
		expect(lines).toBe(kills?.split(" ")[1]);
		expect(max?.startsWith("max ")).toBe(true);
		const log = await run("dmesg | grep stress-ng-vm | head -1");
		expect(log).toContain("stress-ng-vm invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=1000");
	});

	it("slow down who goes over memory.high, the more the further, and kill nobody", async () => {
		const seen = await run(
			"mkdir t; echo 100m > t/memory.high; echo $$ > t/cgroup.procs; stress --vm 1 --vm-bytes 200m --vm-hang 0 -t 60 > /dev/null & sleep 55; grep -E '^(high|oom_kill) ' t/memory.events; cat t/memory.current; grep some t/memory.pressure; kill %1",
		);
		const [high, kills, bytes, pressure] = seen.split("\n");
		expect(high).toMatch(/^high [1-9]\d+$/);
		expect(kills).toBe("oom_kill 0");
		// A twentieth over the limit a batch of pages takes 160 ms, a sixth over it the longest time that there is.
		expect(Number(bytes) / 1024 ** 2).toBeGreaterThan(105);
		expect(Number(bytes) / 1024 ** 2).toBeLessThan(120);
		expect(Number(/total=(\d+)/.exec(pressure ?? "")?.[1])).toBeGreaterThan(40e6);
	});

	/** CPU time of each of some groups, in shares of what all of them got. */
	const sharesOf = async (setup: string, groups: readonly string[]): Promise<readonly number[]> => {
		const start = groups.map((group) => `sh -c 'echo 0 > ${group}/cgroup.procs; exec stress -c 4 > /dev/null' &`).join(" ");
		const read = `grep -h usage_usec ${groups.map((group) => `${group}/cpu.stat`).join(" ")} | cut -d' ' -f2`;
		const seen = await run(`${setup}; ${start} sleep 5; ${read}; sleep 20; ${read}; pkill stress`);
		const used = seen.trim().split("\n").map(Number);
		const spent = groups.map((_, index) => (used[index + groups.length] ?? 0) - (used[index] ?? 0));
		const total = spent.reduce((sum, each) => sum + each, 0);
		return spent.map((each) => each / total);
	};

	it.each<readonly [what: string, setup: string, groups: readonly string[], expected: readonly number[]]>([
		["evenly, where nobody says otherwise", "mkdir a b", ["a", "b"], [0.5, 0.5]],
		["by cpu.weight", "mkdir a b; echo 300 > a/cpu.weight", ["a", "b"], [0.75, 0.25]],
		[
			"within the group above first",
			"mkdir a b; echo +cpu > a/cgroup.subtree_control; mkdir a/x a/y",
			["a/x", "a/y", "b"],
			[0.25, 0.25, 0.5],
		],
		["and no more than a quota", "mkdir a b; echo '100000 100000' > a/cpu.max", ["a", "b"], [0.25, 0.75]],
		[
			"and no more than a quota above",
			"mkdir a b; echo '100000 100000' > a/cpu.max; echo +cpu > a/cgroup.subtree_control; mkdir a/x a/y; echo 300 > a/x/cpu.weight",
			["a/x", "a/y", "b"],
			[0.1875, 0.0625, 0.75],
		],
		["and who is idle gets what is left", "mkdir a b; echo 1 > a/cpu.idle", ["a", "b"], [0, 1]],
	])("share the processors %s", async (_, setup, groups, expected) => {
		const shares = await sharesOf(setup, groups);
		for (const [index, share] of shares.entries()) expect(share).toBeCloseTo(expected[index] ?? 0, 1);
	});

	it("count a quota's throttling where the quota is", async () => {
		const seen = await run(
			"mkdir a; echo '50000 100000' > a/cpu.max; echo +cpu > a/cgroup.subtree_control; mkdir a/x; sh -c 'echo 0 > a/x/cgroup.procs; exec stress -c 2 > /dev/null' & sleep 10; grep nr_throttled a/cpu.stat a/x/cpu.stat; pkill stress",
		);
		const [above, below] = seen.split("\n");
		expect(Number(above?.split(" ")[1])).toBeGreaterThan(50);
		expect(below).toBe("a/x/cpu.stat:nr_throttled 0");
	});

	it("contain a fork bomb", async () => {
		const seen = await run(
			"mkdir t; echo 20 > t/pids.max; sh -c 'echo 0 > t/cgroup.procs; for i in $(seq 40); do sleep 100 & done' 2> /root/err; tail -1 /root/err; cat t/pids.current; cat t/pids.events; echo 1 > t/cgroup.kill; sleep 1; echo still here",
		);
		expect(seen).toMatch(/^sh: 1: Cannot fork\n\d+\nmax [1-9]\d*\nstill here\n$/);
		expect(Number(seen.split("\n")[1])).toBeLessThanOrEqual(20);
	});

	it.each([
		["past the cache", "oflag=direct", 10],
		["and to the disk", "conv=fsync", 10],
		["into the cache alone", "", 0],
	])("slow a disk down for what is written %s", async (_, flags, seconds) => {
		const seen = await run(
			`mkdir t; echo '254:0 wbps=1048576' > t/io.max; echo $$ > t/cgroup.procs; dd if=/dev/zero of=/root/x bs=1M count=10 ${flags} 2>&1 | tail -1; cat t/io.stat`,
		);
		expect(Number(/copied, ([\d.]+) s/.exec(seen)?.[1])).toBeCloseTo(seconds, 0);
		expect(seen).toContain("254:0 rbytes=0 wbytes=10485760 rios=0 wios=10 dbytes=0 dios=0\n");
	});

	it("stand still while they are frozen", async () => {
		const seen = await run(
			'mkdir t; stress -c 1 > /dev/null & sleep 1; for p in $(pgrep stress); do echo $p > t/cgroup.procs; done; echo 1 > t/cgroup.freeze; sleep 2; a=$(grep usage_usec t/cpu.stat); sleep 5; b=$(grep usage_usec t/cpu.stat); test "$a" = "$b" && echo still; echo 0 > t/cgroup.freeze; sleep 5; test "$(grep usage_usec t/cpu.stat)" != "$b" && echo on; kill %1',
		);
		expect(seen).toBe("still\non\n");
	});
});

describe("containers that want more than there is", () => {
	it("share the processors by what they request, whether anybody looks at their groups or not", async () => {
		const container = (cpu: string) => ({ image: "polinux/stress", command: ["stress", "--cpu", "4"], resources: { requests: { cpu } } });
		await harness.pod("small", container("500m"), {}, "Burstable");
		await harness.pod("large", container("1500m"), {}, "Burstable");
		await harness.clock.advance(60_000);
		const used = async (name: string) => {
			const id = (await harness.get(name)).status?.containerStatuses?.[0]?.containerID?.replace("containerd://", "");
			return Number(/usage_usec (\d+)/.exec(await run(`cat kubepods.slice/*/*/cri-containerd-${id}.scope/cpu.stat`))?.[1]) / 1e6;
		};
		const [small, large] = [await used("small"), await used("large")];
		// Of four cores in a minute; the weights are 59 and 138.
		expect(small + large).toBeCloseTo(240, -1.3);
		expect(large / small).toBeCloseTo(138 / 59, 0);
	});

	it("may have as many processes as the kubelet lets them", async () => {
		const other = new FleetHarness();
		await other.start("n1", { kubelet: { podPidsLimit: 10 } });
		await other.pod("bomb", { command: ["sh", "-c", "sh -c 'for i in $(seq 40); do sleep 100 & done'; sleep 1000"] });
		await other.clock.advance(5_000);
		const see = (script: string) => onNode(other, `cd /sys/fs/cgroup/kubepods.slice/*/kubepods-besteffort-pod*; ${script}`);
		expect(await see("cat pids.max pids.current; cut -d' ' -f2 pids.events | grep -c '[1-9]'")).toBe("10\n9\n1\n");
		other.stop();
	});
});

describe("a node whose memory is exhausted", () => {
	const resources = (memory: string) => ({ requests: { cpu: "100m", memory }, limits: { cpu: "100m", memory } });

	it("loses who has the highest score: what promised least, and takes most", async () => {
		await pod("best", { command: ["stress", "--vm", "1", "--vm-bytes", "1G", "--vm-hang", "0"] });
		await pod("sure", {
			command: ["stress", "--vm", "1", "--vm-bytes", "2G", "--vm-hang", "0"],
			resources: resources("3Gi"),
			qosClass: "Guaranteed",
		});
		const seen = await run("stress --vm 1 --vm-bytes 6G --vm-hang 0 -t 5; dmesg | tail -1");
		expect(seen).toMatch(/stress: FAIL: \[\d+\] \(415\) <-- worker got signal 9\n/);
		expect(seen).toMatch(
			/Out of memory: Killed process \d+ \(stress\) total-vm:\d+kB, anon-rss:\d+kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:\d+kB oom_score_adj:0\n$/,
		);
		expect(await lastState("best")).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
		expect(await lastState("sure")).toBeUndefined();
		expect((await harness.events("n1")).filter((text) => text.includes("SystemOOM")).at(-1)).toMatch(
			/^Warning SystemOOM System OOM encountered, victim process: stress, pid: \d+$/,
		);
	});
});
