import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { onNode } from "../testing/on-node.ts";

let harness: FleetHarness;

beforeAll(async () => {
	harness = new FleetHarness();
	await harness.start("n1");
	await onNode(harness, "mkdir -p /srv/a /srv/share");
	const volumes = [{ name: "v", hostPath: { path: "/srv/share" } }];
	for (const [name, mountPropagation] of [
		["alone", undefined],
		["listens", "HostToContainer"],
		["speaks", "Bidirectional"],
	] as const) {
		const volumeMounts = [{ name: "v", mountPath: "/data", ...(mountPropagation === undefined ? {} : { mountPropagation }) }];
		await harness.pod(
			name,
			{ image: "busybox", command: ["sleep", "100000"], volumeMounts, securityContext: { privileged: true } },
			{ volumes },
		);
	}
	await harness.pod("user", { image: "busybox", command: ["sleep", "100000"], securityContext: { runAsUser: 1000, runAsGroup: 1000 } });
	await harness.clock.advance(5_000);
	// Files of a container are there once somebody looks.
	await inside("alone", "ls /data");
	await inside("listens", "ls /data");
	await inside("speaks", "ls /data");
});

afterAll(() => harness.stop());

const run = (script: string) => onNode(harness, script);
/** As root of the node, with all of the container's namespaces; `user` is the user of its pod. */
const inside = async (pod: string, script: string) => {
	const container = (await harness.get(pod)).status?.containerStatuses?.[0]?.containerID?.replace("containerd://", "");
	return run(
		`P=$(cat /sys/fs/cgroup/kubepods.slice/*/*/cri-containerd-${container}.scope/cgroup.procs | head -1); nsenter -t $P -a ${pod === "user" ? "-S 1000 -G 1000" : ""} -- sh -c '${script}'`,
	);
};

describe("mounts", () => {
	it.each<readonly [what: string, script: string, expected: string]>([
		["a disk that all lies on", "findmnt -n -o SOURCE,FSTYPE,PROPAGATION /", "/dev/vda1 ext4 shared\n"],
		[
			"cgroups",
			"mount | grep cgroup; stat -fc %T /sys/fs/cgroup",
			"cgroup2 on /sys/fs/cgroup type cgroup2 (rw,nosuid,nodev,noexec,relatime)\ncgroup2fs\n",
		],
		[
			"a bind mount shows the same files",
			"mkdir -p /mnt/b; echo x > /srv/a/f; mount --bind /srv/a /mnt/b; cat /mnt/b/f; echo y >> /mnt/b/f; cat /srv/a/f; umount /mnt/b; ls /mnt/b",
			"x\nx\ny\n",
		],
		[
			"… read-only",
			"mkdir -p /mnt/b; mount --bind /srv/a /mnt/b; mount -o remount,ro,bind /mnt/b; touch /mnt/b/g; umount /mnt/b",
			"touch: Read-only file system\n",
		],
		[
			"a tmpfs has a size",
			"mkdir -p /mnt/t; mount -t tmpfs -o size=64k tmpfs /mnt/t; df -h /mnt/t | tail -1; head -c 100000 /dev/zero > /mnt/t/f; umount /mnt/t",
			"tmpfs            64K     0   64K   0% /mnt/t\nhead: No space left on device\n",
		],
		[
			"and covers what is there until it is taken away",
			"mkdir -p /mnt/t; echo old > /mnt/t/f; mount -t tmpfs none /mnt/t; ls /mnt/t; umount /mnt/t; cat /mnt/t/f",
			"old\n",
		],
		["nothing to take away", "umount /mnt", "umount: /mnt: not mounted.\n"],
		[
			"a disk that there is not",
			"mount /dev/sdb1 /mnt",
			"mount: /mnt: special device /dev/sdb1 does not exist.\n       dmesg(1) may have more information after failed mount system call.\n",
		],
		["no place for it", "mount -t tmpfs none /nowhere", "mount: /nowhere: mount point does not exist.\n"],
		[
			"a private namespace keeps its mounts",
			"unshare -m sh -c 'mount -t tmpfs none /mnt; findmnt -n -o FSTYPE /mnt'; findmnt /mnt; echo $?",
			"tmpfs\n1\n",
		],
	])("%s", async (_, script, expected) => {
		expect(await run(script)).toBe(expected);
	});

	it("of the node reach a volume as its mountPropagation says", async () => {
		await run("mkdir -p /srv/share/n; mount -t tmpfs none /srv/share/n; echo node > /srv/share/n/f");
		expect(await inside("alone", "ls /data/n")).toBe("");
		expect(await inside("listens", "cat /data/n/f")).toBe("node\n");
		expect(await inside("speaks", "cat /data/n/f")).toBe("node\n");
		await run("umount /srv/share/n");
		expect(await inside("listens", "ls /data/n")).toBe("");
	});

	it("of a container reach the node and its other containers with Bidirectional alone", async () => {
		await inside("listens", "mkdir -p /data/l; mount -t tmpfs none /data/l; echo l > /data/l/f");
		expect(await run("ls /srv/share/l")).toBe("");
		await inside("speaks", "mkdir -p /data/s; mount -t tmpfs none /data/s; echo s > /data/s/f");
		expect(await run("cat /srv/share/s/f")).toBe("s\n");
		expect(await inside("listens", "cat /data/s/f")).toBe("s\n");
		expect(await inside("alone", "ls /data/s")).toBe("");
		expect(await inside("speaks", "grep /data /proc/self/mountinfo | head -1 | cut -d\\  -f4-7")).toMatch(
			/^\/srv\/share \/data rw,relatime shared:\d+\n$/,
		);
		expect(await inside("listens", "grep /data /proc/self/mountinfo | head -1 | cut -d\\  -f4-7")).toMatch(
			/^\/srv\/share \/data rw,relatime master:\d+\n$/,
		);
	});

	it("are a privileged container's to make alone", async () => {
		expect(await inside("user", "mount -t tmpfs none /tmp")).toContain("must be superuser to use mount.");
	});
});

describe("a user other than root", () => {
	it.each<readonly [what: string, script: string, expected: string]>([
		["is who the spec says", "id -u; id", "1000\nuid=1000 gid=1000 groups=1000\n"],
		["may not write where others own", "echo x > /etc/x", "sh: can't create /etc/x: Permission denied\n"],
		["may not look into root's home", "ls /root", "ls: can't open '/root': Permission denied\n"],
		["owns what it makes", "touch /tmp/mine; stat -c %u:%g:%a /tmp/mine", "1000:1000:644\n"],
		["may not give it away", "touch /tmp/mine; chown 0 /tmp/mine", "chown: changing ownership of '/tmp/mine': Operation not permitted\n"],
		[
			"may not change the mode of what is not its own",
			"chmod 777 /etc/passwd",
			"chmod: changing permissions of '/etc/passwd': Operation not permitted\n",
		],
		["may not change the host's name", "hostname x", "hostname: sethostname: Operation not permitted\n"],
		[
			"may not change settings of the kernel",
			"echo 1 > /proc/sys/vm/swappiness",
			"sh: can't create /proc/sys/vm/swappiness: Permission denied\n",
		],
	])("%s", async (_, script, expected) => {
		expect(await inside("user", script)).toBe(expected);
	});
});

it("lets nobody but root kill what is another's", async () => {
	expect(await run("nsenter -t 1 -S 1000 -m /usr/bin/kill 411")).toBe("kill: can't kill pid 411: Operation not permitted\n");
});

it("runs a container's own program as its user", async () => {
	const command = [
		"sh",
		"-c",
		"id -u > /tmp/who; cat /tmp/who /etc/shadow 2>&1 > /dev/termination-log; touch /root/x 2>> /dev/termination-log",
	];
	await harness.pod("self", { image: "busybox", command, securityContext: { runAsUser: 1234 } }, { restartPolicy: "Never" });
	await harness.clock.advance(5_000);
	const { status } = await harness.get("self");
	expect(status?.containerStatuses?.[0]?.state?.terminated?.message).toContain("1234\n");
	expect(status?.containerStatuses?.[0]?.state?.terminated?.message).toContain("touch: Permission denied");
});

describe("inodes", () => {
	it.each<readonly [what: string, script: string, expected: string]>([
		[
			"hard links are one file",
			"cd /tmp; echo x > a; ln a b; stat -c '%h %i' a b | uniq | wc -l; stat -c %h a; rm b; stat -c %h a",
			"1\n2\n1\n",
		],
		[
			"… counted once by du",
			"mkdir /tmp/d; cd /tmp/d; head -c 8192 /dev/zero > a; ln a b; du -s --apparent-size -b . | cut -f1",
			"12288\n",
		],
		[
			"… and not across file systems",
			"touch /tmp/a; ln /tmp/a /run/a",
			"ln: failed to create hard link '/run/a' => '/tmp/a': Invalid cross-device link\n",
		],
		["… nor of directories", "mkdir /tmp/dd; ln /tmp/dd /tmp/de", "ln: /tmp/dd: hard link not allowed for directory\n"],
		["a directory counts those in it", "mkdir -p /tmp/x/y /tmp/x/z; stat -c %h /tmp/x", "4\n"],
		["symbolic links, forced over others", "cd /tmp; ln -s one l; ln -sf two l; readlink l; stat -c %N l", "two\n'l' -> 'two'\n"],
		[
			"owners and modes",
			"cd /tmp; touch o; chown nobody:nogroup o; chmod 4750 o; stat -c '%A %a %U %G' o",
			"-rwsr-x--- 4750 nobody nogroup\n",
		],
		[
			"devices",
			"cd /tmp; mknod -m 666 n c 1 3; stat -c '%A %F' n; echo x > n; cat n; mknod n c 1 3; mknod z c 1 5; head -c 3 z | wc -c",
			"crw-rw-rw- character special file\nmknod: n: File exists\n3\n",
		],
		["no device of that number", "mknod /tmp/d b 7 0", "mknod: /tmp/d: device b 7:0 is not simulated\n"],
		["a device without a number", "mknod x c 1", "mknod: missing operand after '1'\nTry 'mknod --help' for more information.\n"],
		["groups", "cd /tmp; touch g; chgrp 1234 g; stat -c %g g", "1234\n"],
		["nobody of that name", "chown ghost /tmp", "chown: invalid user: 'ghost'\n"],
		["the whole node is one disk", "df -h / | tail -1 | awk '{print $1, $2, $6}'", "/dev/vda1 100G /\n"],
		["its inodes", "df -i / | tail -1 | awk '{print $2}'", "6553600\n"],
	])("%s", async (_, script, expected) => {
		expect(await run(script)).toBe(expected);
	});
});
