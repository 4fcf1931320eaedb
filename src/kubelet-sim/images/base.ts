/** The distributions that images are built on: their files and where their commands live. */
import { commandNames, TreeBuilder } from "../../host/index.ts";

/** When the simulated images were built: the date that `ls -l` shows in them. */
export const imageBuiltMs = Date.UTC(2026, 3, 21, 0, 0, 0);

/** What the packages procps and psmisc bring. */
export const procps: readonly string[] = ["free", "killall", "pgrep", "pkill", "ps", "pstree", "top", "uptime", "vmstat"];

/** Of the package cgroup-tools. */
export const cgroupTools: readonly string[] = ["cgclassify", "cgcreate", "cgdelete", "cgexec", "cgget", "cgset", "lscgroup"];

export const stressTools: readonly string[] = ["stress", "stress-ng"];

/** Commands that Debian's slim images lack, as learners find out. */
/** What Debian keeps in packages that its slim images lack: iproute2, net-tools, iptables, iputils. */
export const networkTools: readonly string[] = [
	"arp",
	"ifconfig",
	"ip",
	"iptables",
	"iptables-save",
	"netstat",
	"ping",
	"route",
	"ss",
	"traceroute",
];
const notInDebian: ReadonlySet<string> = new Set([
	...networkTools,
	...procps,
	...cgroupTools,
	...stressTools,
	"curl",
	"wget",
	"nc",
	"nslookup",
	"dig",
	"host",
	"tree",
	"jq",
	"file",
]);
/** What Debian has of others' making, under the usual name. */
const debianVariants: Readonly<Record<string, string>> = { nslookup: "bind-nslookup", ping: "iputils-ping", wget: "gnu-wget" };
/** … and those that busybox lacks. */
const notInBusybox: ReadonlySet<string> = new Set([
	..."curl dig getent host iptables iptables-save jq file column join gunzip ss lsns prlimit vmstat".split(" "),
	...cgroupTools,
	...stressTools,
]);
/** What Alpine's package bind-tools brings. */
const bindTools = ["dig", "host", "nslookup"] as const;

const accounts = "root:x:0:0:root:/root:%SHELL%\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";

function withCommonFiles(builder: TreeBuilder, shell: string): TreeBuilder {
	for (const path of ["/dev", "/home", "/mnt", "/opt", "/proc", "/run", "/srv", "/sys", "/usr/local/bin", "/var/log"])
		builder.directory(path);
	return builder
		.directory("/tmp", 0o1777)
		.directory("/root", 0o700)
		.file("/etc/passwd", accounts.replace("%SHELL%", shell))
		.file("/etc/group", "root:x:0:\nnogroup:x:65534:\n")
		.file("/etc/nsswitch.conf", "hosts: files dns\n");
}

/** @param extra commands beyond those of the slim image, e.g. curl. */
export function debian(extra: readonly string[] = []): TreeBuilder {
	const names = commandNames.filter((name) => !notInDebian.has(name) || extra.includes(name));
	const builder = withCommonFiles(new TreeBuilder(imageBuiltMs), "/bin/bash").programs(
		"/usr/bin",
		names.filter((name) => debianVariants[name] === undefined),
	);
	for (const name of names) if (debianVariants[name] !== undefined) builder.program(`/usr/bin/${name}`, debianVariants[name]);
	return builder
		.program("/usr/bin/bash", "bash")
		.program("/usr/bin/sh", "dash")
		.symlink("/bin", "usr/bin")
		.symlink("/sbin", "usr/sbin")
		.directory("/usr/sbin")
		.file("/etc/debian_version", "13.1\n")
		.file(
			"/usr/lib/os-release",
			[
				'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"',
				'NAME="Debian GNU/Linux"',
				'VERSION_ID="13"',
				'VERSION="13 (trixie)"',
				"VERSION_CODENAME=trixie",
				"DEBIAN_VERSION_FULL=13.1",
				"ID=debian",
				'HOME_URL="https://www.debian.org/"',
				'SUPPORT_URL="https://www.debian.org/support"',
				'BUG_REPORT_URL="https://bugs.debian.org/"',
				"",
			].join("\n"),
		)
		.symlink("/etc/os-release", "../usr/lib/os-release");
}

export function alpine(extra: readonly string[] = []): TreeBuilder {
	return withCommonFiles(new TreeBuilder(imageBuiltMs), "/bin/sh")
		.programs(
			"/bin",
			commandNames.filter((name) => name !== "ip" && (!notInBusybox.has(name) || name === "getent" || extra.includes(name))),
		)
		.program("/bin/ip", extra.includes("ip") ? "ip" : "busybox-ip")
		.program("/bin/sh", "ash")
		.program("/bin/ash", "ash")
		.program("/bin/busybox", "ash")
		.program("/bin/ps", "busybox-ps")
		.program("/bin/top", "busybox-top")
		.program("/bin/free", "busybox-free")
		.directory("/sbin")
		.directory("/usr/bin")
		.directory("/usr/sbin")
		.file("/etc/alpine-release", "3.22.1\n")
		.file(
			"/etc/os-release",
			[
				'NAME="Alpine Linux"',
				"ID=alpine",
				"VERSION_ID=3.22.1",
				'PRETTY_NAME="Alpine Linux v3.22"',
				'HOME_URL="https://alpinelinux.org/"',
				'BUG_REPORT_URL="https://gitlab.alpinelinux.org/alpine/aports/-/issues"',
				"",
			].join("\n"),
		);
}

/** Puts BIND's programs in the place of busybox'. */
export function withBindTools(builder: TreeBuilder): TreeBuilder {
	for (const name of bindTools) builder.program(`/usr/bin/${name}`, name === "nslookup" ? "bind-nslookup" : name);
	return builder;
}

/** @param isOld as until 1.28, when nslookup asked libc */
export function busyboxFiles(isOld = false): TreeBuilder {
	const names = commandNames.filter((name) => name !== "ip" && !notInBusybox.has(name));
	const builder = withCommonFiles(new TreeBuilder(imageBuiltMs), "/bin/sh").programs(
		"/bin",
		names.filter((name) => !isOld || name !== "nslookup"),
	);
	builder.program("/bin/ip", "busybox-ip");
	if (isOld) builder.program("/bin/nslookup", "busybox-1.28-nslookup");
	return builder
		.program("/bin/sh", "ash")
		.program("/bin/ash", "ash")
		.program("/bin/ps", "busybox-ps")
		.program("/bin/top", "busybox-top")
		.program("/bin/free", "busybox-free")
		.program("/bin/busybox", "ash")
		.directory("/usr/bin")
		.directory("/usr/sbin");
}
