import { afterAll, beforeAll, expect, it } from "vitest";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { onNode } from "../testing/on-node.ts";

let harness: FleetHarness;

/** One node, two pods: `plain` (root, a limit), `shared` (a user, more capabilities, containers that see each other). */
beforeAll(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
	const resources = { limits: { cpu: "500m", memory: "100Mi" }, requests: { cpu: "500m", memory: "100Mi" } };
	await harness.pod("plain", { image: "busybox", command: ["sleep", "1111"], resources });
	const securityContext = { runAsUser: 1000, runAsGroup: 3000, capabilities: { add: ["NET_ADMIN", "SYS_TIME"] } };
	await harness.pod(
		"shared",
		{ image: "busybox", command: ["sleep", "2222"], securityContext },
		{ shareProcessNamespace: true, securityContext: { fsGroup: 2000 } },
	);
	await harness.clock.advance(60_000);
});

afterAll(() => harness.stop());

/** `$A` and `$B` are the node's pids of the two pods' main processes. */
const run = (script: string) => onNode(harness, `A=$(pgrep -xf 'sleep 1111'); B=$(pgrep -xf 'sleep 2222'); ${script}`);

it.each<readonly [what: string, script: string, expected: string | RegExp]>([
	["shim and pause stand beside a container's process", "ps -o comm= --ppid $(ps -o ppid= -p $A)", "pause\nsleep\n"],
	["a shim is a child of init", "ps -o ppid= -p $(ps -o ppid= -p $A)", "      1\n"],
	["threads of the kernel have brackets", "ps -o args= -p 2", "[kthreadd]\n"],
	["a user is a number where the node does not know it", "ps -o user= -p $B", "1000\n"],
	[
		"full format",
		"ps -f -p 411",
		"UID          PID    PPID  C STIME TTY          TIME CMD\nroot         411       1  1 00:00 ?        00:00:00 /usr/bin/containerd\n",
	],
	["sorted by memory", "ps -eo comm= --sort=-rss | head -2", "kubelet\ncontainerd\n"],
	["a tree", "ps -eo comm --forest | grep -A2 shim | head -3", " \\_ containerd-shim\n |   \\_ pause\n |   \\_ sleep\n"],
	["nobody of that name", "pgrep nobody; echo $?", "1\n"],
	["nobody asked for", "pgrep; echo $?", "pgrep: no matching criteria specified\nTry `pgrep --help' for more information.\n2\n"],
	["two patterns", "pkill a b; echo $?", "pkill: only one pattern can be provided\nTry `pkill --help' for more information.\n2\n"],
	["an option that there is not", "pgrep -z 2>&1 | head -4", "pgrep: invalid option -- 'z'\n\nUsage:\n pgrep [options] <pattern>\n"],
	["a user that there is not", "pgrep -u ghost sleep; echo $?", "pgrep: invalid user name: ghost\n2\n"],
	["a parent that is no number", "pgrep -P x", "pgrep: not a number: x\n"],
	["half an expression", "pgrep '('", "pgrep: regex error: Unmatched ( or \\(\n"],
	[
		"a name that is too long",
		"pgrep averylongprocessname",
		"pgrep: pattern that searches for process name longer than 15 characters will result in zero matches\nTry `pgrep -f' option to match against the complete command line.\n",
	],
	[
		"a signal that there is not",
		"sleep 77 & pkill --signal BAD -xf 'sleep 77' 2>&1 | sed 's/[0-9]*//g'; pkill -9 -xf 'sleep 77'; wait $!; echo $?",
		"pkill: killing pid  failed: Invalid argument\n137\n",
	],
	[
		"maps have the program, and end with what the kernel maps",
		"cat /proc/self/maps | awk '{print $2, $6}' | sed -n '1p;$p'",
		"r--p /usr/bin/cat\nr-xp [vdso]\n",
	],
	["a thread of the kernel has no maps", "wc -c < /proc/2/maps", "0\n"],
	[
		"smaps_rollup is VmRSS",
		"a=$(awk '/^Rss/ {print $2}' /proc/$A/smaps_rollup); b=$(awk '/VmRSS/ {print $2}' /proc/$A/status); test $a = $b && echo same",
		"same\n",
	],
	["pidof", 'test "$(pidof kubelet)" = 738 && echo same', "same\n"],
	["pstree", "pstree 1 | head -3", "init-+-chronyd\n     |-containerd\n     |-containerd-shim-+-pause\n"],
	["top's tasks", "top -b -n1 | grep -c kubelet", "1\n"],
	["memory of the node", "free -m | awk '/Mem/ {print $2}'", "8192\n"],
	["capabilities of the documentation's example", "grep CapBnd /proc/$B/status", "CapBnd:\t00000000aa0435fb\n"],
	["… which a user has not", "grep CapEff /proc/$B/status", "CapEff:\t0000000000000000\n"],
	["… and root has by default", "grep CapEff /proc/$A/status", "CapEff:\t00000000a80425fb\n"],
	[
		"uid and groups",
		"grep -E 'Uid|Gid|Groups' /proc/$B/status",
		"Uid:\t1000\t1000\t1000\t1000\nGid:\t3000\t3000\t3000\t3000\nGroups:\t2000 \n",
	],
	["pids of both namespaces", "grep NSpid /proc/$A/status | cut -f3; grep NSpid /proc/$B/status | cut -f3", "1\n2\n"],
	["oom_score_adj by quality of service", "cat /proc/$A/oom_score_adj /proc/738/oom_score_adj", "1000\n-999\n"],
	["the kernel takes a container before a shell", "test $(cat /proc/$A/oom_score) -gt $(cat /proc/$$/oom_score) && echo yes", "yes\n"],
	[
		"the cgroup",
		"cat /proc/$A/cgroup",
		/^0::\/kubepods\.slice\/kubepods-besteffort\.slice\/kubepods-besteffort-pod[0-9a-f_]+\.slice\/cri-containerd-[0-9a-f]{64}\.scope\n$/,
	],
	["command line and executable", "tr '\\0' ' ' < /proc/$A/cmdline; readlink /proc/$A/exe", "sleep 1111 /bin/sleep\n"],
	["oneself", 'test "$(readlink /proc/self)" != $$ && cat /proc/self/comm', "cat\n"],
	["limits", "grep 'open files' /proc/$A/limits", "Max open files            1048576              1048576              files     \n"],
	[
		"limits are inherited",
		"prlimit --pid $$ --nofile=10:20; sh -c 'grep files /proc/self/limits'",
		"Max open files            10                   20                   files     \n",
	],
	[
		"the shell's limits",
		"ulimit -n; ulimit -l; ulimit -Sn 100; ulimit -n; ulimit -Hn; ulimit -a | grep 'open files'",
		"1048576\n8192\n100\n1048576\nopen files                          (-n) 100\n",
	],
	["niceness", "nice -n 5 nice; renice -n 3 $$ | cut -d' ' -f4-; nice", "5\nold priority 0, new priority 3\n3\n"],
	["a setting of the kernel", "echo 30 > /proc/sys/vm/swappiness; cat /proc/sys/vm/swappiness", "30\n"],
	["… takes numbers only", "echo lots > /proc/sys/vm/swappiness", "bash: line 1: echo: write error: Invalid argument\n"],
	[
		"a thread has no threads: whoever looks through all of it comes to an end",
		"find /proc/1/task -name task; find /proc/1/task -maxdepth 2 -name stat",
		"/proc/1/task\n/proc/1/task/1/stat\n",
	],
	["/proc cannot be changed", "mkdir /proc/x 2>&1 | grep -o 'No such file or directory'", "No such file or directory\n"],
])("%s", async (_, script, expected) => {
	const seen = await run(script);
	if (typeof expected === "string") expect(seen).toBe(expected);
	else expect(seen).toMatch(expected);
});

it.each<readonly [what: string, script: string, expected: string]>([
	["a pod's network, with the node's programs", "nsenter -t $A -n hostname -i", "10.244.0.2\n"],
	["its host name", "nsenter -t $A -u hostname; hostname", "plain\nn1\n"],
	["its files", "nsenter -t $A -m -- sh -c 'cat /etc/hostname'", "plain\n"],
	["its processes", "nsenter -t $A -a ps | grep -v ps", "PID   USER     TIME  COMMAND\n    1 root     0:00  sleep 1111\n"],
	[
		"containers that share see the sandbox's pause",
		"nsenter -t $B -m -p -- ps -o pid,args | head -3",
		"PID   COMMAND\n    1 /pause\n    2 sleep 2222\n",
	],
	["a host name of one's own", "unshare -u sh -c 'hostname x; hostname'; hostname", "x\nn1\n"],
	["pids of one's own", "unshare -pf --mount-proc sh -c 'ps -eo pid=,comm='", "      1 sh\n      2 ps\n"],
	["mounts alone show the node's processes still", "unshare -m ps -o comm= -p 738", "kubelet\n"],
	["nobody with that pid", "nsenter -t 99999 -n true", "nsenter: cannot open /proc/99999/ns/net: No such file or directory\n"],
])("nsenter and unshare: %s", async (_, script, expected) => {
	expect(await run(script)).toBe(expected);
});

it("has namespaces as a pod's containers share them", async () => {
	const of = async (pid: string, type: string) => (await run(`readlink /proc/${pid}/ns/${type}`)).trim();
	const pause = "$(pgrep -o pause)";
	for (const type of ["net", "ipc", "uts"]) expect(await of("$A", type)).toBe(await of(pause, type));
	for (const type of ["mnt", "pid", "cgroup"]) expect(await of("$A", type)).not.toBe(await of(pause, type));
	expect(await of("$A", "user")).toBe("user:[4026531837]");
	expect(await of("$$", "net")).toBe("net:[4026531840]");
	const shared = await run("lsns -t pid -n | awk '{print $3, $6}' | tail -1");
	expect(shared).toBe("2 /pause\n");
});

it("shows an address space as large as VmSize, in order", async () => {
	const ranges = (await run("cut -d' ' -f1 /proc/$A/maps")).trim().split("\n");
	const bounds = ranges.flatMap((range) => range.split("-").map((bound) => Number.parseInt(bound, 16)));
	expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
	const sizeBytes = bounds.reduce((sum, bound, index) => sum + (index % 2 === 0 ? -bound : bound), 0);
	expect(`${sizeBytes / 1024}\n`).toBe(await run("awk '/VmSize/ {print $2}' /proc/$A/status"));
});

it("shows a container the node's memory, its own root cgroup, and nothing that it may change", async () => {
	const inside = (script: string) => run(`nsenter -t $A -a -- sh -c '${script}'`);
	expect(await inside("grep MemTotal /proc/meminfo")).toBe("MemTotal:        8388608 kB\n");
	expect(await inside("cat /proc/1/cgroup")).toBe("0::/\n");
	expect(await inside("cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max")).toBe("50000 100000\n104857600\n");
	expect(await inside("echo max > /sys/fs/cgroup/memory.max")).toContain("Read-only file system");
});
