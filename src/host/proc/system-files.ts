/**
 * What of /proc is about the whole machine. In a container these show the machine, not the container: that is why programs that read
 * /proc/meminfo or /proc/cpuinfo misjudge what they may use (lxcfs puts other files over them).
 * Source: https://docs.kernel.org/filesystems/proc.html
 */

import type { Controller } from "../cgroup/settings.ts";
import type { Hardware } from "../kernel.ts";
import { kernelBuild, kernelVersion } from "../system-facts.ts";
import type { Inode } from "../vfs/inode.ts";
import { computedFile } from "./computed.ts";
import type { ProcView } from "./proc-view.ts";
import { ticksPerSecond } from "./process-files.ts";

export function systemFiles(view: ProcView): readonly (readonly [string, Inode])[] {
	const file = (read: () => string) => computedFile(read);
	const now = () => view.machine.clock.now();
	return [
		["cgroups", file(() => cgroupsText(view))],
		["cmdline", file(() => `BOOT_IMAGE=/boot/vmlinuz-${kernelVersion} root=/dev/vda1 ro console=ttyS0${cgroupArguments(view)}\n`)],
		["cpuinfo", file(() => cpuinfoText(view.hardware()))],
		["filesystems", file(() => filesystems.map((name) => `${name.startsWith("ext") ? "" : "nodev"}\t${name}\n`).join(""))],
		["loadavg", file(() => loadavgText(view))],
		["meminfo", file(() => meminfoText(view.hardware()))],
		["stat", file(() => statText(view, now()))],
		["swaps", file(() => "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")],
		["uptime", file(() => uptimeText(view.hardware(), now()))],
		[
			"version",
			file(
				() =>
					`Linux version ${view.machine.pidNamespace.kernel.release ?? kernelVersion} (debian-kernel@lists.debian.org) (x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0, GNU ld (GNU Binutils for Debian) 2.44) ${kernelBuild}\n`,
			),
		],
	];
}

const filesystems = [
	"sysfs",
	"tmpfs",
	"bdev",
	"proc",
	"cgroup",
	"cgroup2",
	"devtmpfs",
	"debugfs",
	"securityfs",
	"bpf",
	"pipefs",
	"hugetlbfs",
	"devpts",
	"ext4",
	"mqueue",
	"overlay",
];

/** What makes Debian 13's systemd mount version 1. */
function cgroupArguments({ machine }: ProcView): string {
	if (machine.kernel.cgroupVersion === 2) return "";
	return " systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1";
}

function cgroupsText(view: ProcView): string {
	const cgroups = view.machine.kernel.lookAtCgroups();
	const names: readonly Controller[] = [
		"cpuset",
		"cpu",
		"cpuacct",
		"io",
		"memory",
		"devices",
		"freezer",
		"net_cls",
		"perf_event",
		"net_prio",
		"hugetlb",
		"pids",
		"rdma",
		"misc",
	];
	const lines = names.map((name) => {
		const tree = cgroups?.tree(name);
		const count = tree === undefined ? 1 : [...tree.root.subtreeGroups()].length;
		return `${name === "io" ? "blkio" : name}\t${tree?.hierarchy.id ?? 0}\t${count}\t1\n`;
	});
	return `#subsys_name\thierarchy\tnum_cgroups\tenabled\n${lines.join("")}`;
}

function cpuinfoText({ cores }: Hardware): string {
	const count = Math.max(1, Math.round(cores));
	return Array.from({ length: count }, (_, cpu) =>
		[
			`processor\t: ${cpu}`,
			"vendor_id\t: kubesim",
			"cpu family\t: 6",
			"model\t\t: 85",
			"model name\t: Simulated CPU @ 2.40GHz",
			"stepping\t: 7",
			"cpu MHz\t\t: 2400.000",
			"cache size\t: 36608 KB",
			"physical id\t: 0",
			`siblings\t: ${count}`,
			`core id\t\t: ${cpu}`,
			`cpu cores\t: ${count}`,
			"bogomips\t: 4800.00",
			"",
			"",
		].join("\n"),
	).join("");
}

/** How a machine's memory divides, bytes: `free` and `top` show the same. */
export function memoryOf({ memoryBytes, usedMemoryBytes }: Hardware) {
	const availableBytes = Math.max(0, memoryBytes - usedMemoryBytes);
	const cachedBytes = Math.min(availableBytes * 0.3, memoryBytes * 0.25);
	return { totalBytes: memoryBytes, usedBytes: usedMemoryBytes, availableBytes, cachedBytes, freeBytes: availableBytes - cachedBytes };
}

function meminfoText(hardware: Hardware): string {
	const { totalBytes, availableBytes, freeBytes, cachedBytes, usedBytes } = memoryOf(hardware);
	const line = (name: string, bytes: number) => `${`${name}:`.padEnd(16)}${String(Math.floor(bytes / 1024)).padStart(8)} kB\n`;
	return [
		line("MemTotal", totalBytes),
		line("MemFree", freeBytes),
		line("MemAvailable", availableBytes),
		line("Buffers", cachedBytes * 0.05),
		line("Cached", cachedBytes * 0.95),
		line("SwapCached", 0),
		line("Active", usedBytes * 0.4 + cachedBytes * 0.5),
		line("Inactive", usedBytes * 0.5 + cachedBytes * 0.5),
		line("SwapTotal", 0),
		line("SwapFree", 0),
		line("Dirty", 128 * 1024),
		line("AnonPages", usedBytes * 0.8),
		line("Slab", usedBytes * 0.1),
		"HugePages_Total:       0\n",
		"HugePages_Free:        0\n",
		"Hugepagesize:       2048 kB\n",
	].join("");
}

/** Load of the last 1, 5 and 15 minutes: of each the last minute's. */
export function loadsOf({ load }: Hardware): readonly [string, string, string] {
	const text = load.toFixed(2);
	return [text, text, text];
}

function loadavgText(view: ProcView): string {
	const processes = view.processes();
	const last = processes.reduce((highest, process) => Math.max(highest, view.pidOf(process)), 0);
	return `${loadsOf(view.hardware()).join(" ")} 1/${processes.length} ${last}\n`;
}

function uptimeText({ bootMs, cores, cpuMs }: Hardware, nowMs: number): string {
	const upMs = Math.max(0, nowMs - bootMs);
	return `${(upMs / 1000).toFixed(2)} ${(Math.max(0, upMs * cores - cpuMs) / 1000).toFixed(2)}\n`;
}

function statText(view: ProcView, nowMs: number): string {
	const { bootMs, cores, cpuMs } = view.hardware();
	const count = Math.max(1, Math.round(cores));
	const ticks = (ms: number) => Math.floor((ms * ticksPerSecond) / 1000);
	const idleMs = Math.max(0, (nowMs - bootMs) * count - cpuMs);
	const line = (name: string, share: number) =>
		`${name} ${ticks(cpuMs * share * 0.7)} 0 ${ticks(cpuMs * share * 0.3)} ${ticks(idleMs * share)} 0 0 0 0 0 0\n`;
	const each = Array.from({ length: count }, (_, cpu) => line(`cpu${cpu}`, 1 / count)).join("");
	const processes = view.processes();
	return `${line("cpu ", 1)}${each}ctxt ${ticks(cpuMs) * 40}\nbtime ${Math.floor(bootMs / 1000)}\nprocesses ${processes.reduce((highest, { hostPid }) => Math.max(highest, hostPid), 0)}\nprocs_running 1\nprocs_blocked 0\n`;
}
