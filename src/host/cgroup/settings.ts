/**
 * What can be set of a group, kept by the names and in the form of version 2's files, whatever interface wrote it; what version 1 alone has
 * is kept by the names there.
 * Source: https://docs.kernel.org/admin-guide/cgroup-v2.html and …/cgroup-v1/; errors as kernel/sched/core.c, mm/memcontrol.c and
 * kernel/cgroup/ give them
 */

import { FsError, type FsErrorCode } from "../vfs/inode.ts";
import { formatCpuList, parseCpuList } from "./cpu-list.ts";

/** Of the kernel's memory, bytes. */
const pageBytes = 4096;

/** Of version 2, in the kernel's order. */
export const controllers = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"] as const;

/** What version 1 has as controllers, and version 2 as part of the group itself, or not at all. */
const olderControllers = ["cpuacct", "devices", "freezer", "net_cls", "perf_event", "net_prio"] as const;

/** `io` is `blkio` in version 1. */
export type Controller = (typeof controllers)[number] | (typeof olderControllers)[number];

function fail(code: FsErrorCode, path: string): never {
	throw new FsError(code, "write", path);
}

function wholeNumber(text: string, path: string): number {
	if (!/^\d+$/.test(text)) fail("EINVAL", path);
	return Number(text);
}

/** @param reader turns what was written into what the file shows; throws FsError */
function ranged(low: number, high: number) {
	return (text: string, path: string): string => {
		const value = wholeNumber(text, path);
		if (value < low || value > high) fail("ERANGE", path);
		return String(value);
	};
}

/** `512M`, `1g`, `max`: to whole pages. */
function memory(text: string, path: string): string {
	if (text === "max") return text;
	const match = /^(\d+)([kmgt]?)$/i.exec(text);
	if (match === null) return fail("EINVAL", path);
	const bytes = Number(match[1]) * 1024 ** " kmgt".indexOf((match[2] || " ").toLowerCase());
	return String(Math.floor(bytes / pageBytes) * pageBytes);
}

/** `QUOTA PERIOD`, microseconds; the period may be left out. */
function cpuMax(text: string, path: string, before: string): string {
	const [quota = "", period = before.split(" ")[1] ?? "100000", ...rest] = text.split(/\s+/);
	if (rest.length > 0) fail("EINVAL", path);
	const periodUs = wholeNumber(period, path);
	if (periodUs < 1_000 || periodUs > 1_000_000) fail("EINVAL", path);
	if (quota !== "max" && wholeNumber(quota, path) < 1_000) fail("EINVAL", path);
	return `${quota} ${periodUs}`;
}

function count(text: string, path: string): string {
	return text === "max" ? text : String(wholeNumber(text, path));
}

/** `0-3,5`. */
function cpuList(text: string, path: string): string {
	const cpus = parseCpuList(text);
	return cpus === undefined ? fail("EINVAL", path) : formatCpuList(cpus);
}

/** The disk that a machine has: its partitions have no limits of their own. */
export const diskDevice = "254:0";

/** What can be limited of a disk: bytes and operations a second. */
export type IoLimit = "rbps" | "wbps" | "riops" | "wiops";

/** `254:0 rbps=1048576 wiops=max`, one line a device; a device whose limits are all `max` has no line. */
function ioMax(text: string, path: string, before: string): string {
	const [device = "", ...pairs] = text.split(/\s+/);
	if (!/^\d+:\d+$/.test(device) || pairs.length === 0) fail("EINVAL", path);
	if (device !== diskDevice) fail("ENODEV", path);
	const lines = new Map(before.split("\n").flatMap((line) => (line === "" ? [] : [[line.split(" ")[0] ?? "", line] as const])));
	const limits = new Map(["rbps", "wbps", "riops", "wiops"].map((key) => [key, "max"]));
	for (const pair of [...(lines.get(device)?.split(" ").slice(1) ?? []), ...pairs]) {
		const [key = "", value = ""] = pair.split("=");
		if (!limits.has(key) || !/^(max|\d+)$/.test(value)) fail("EINVAL", path);
		limits.set(key, value);
	}
	if ([...limits.values()].every((value) => value === "max")) lines.delete(device);
	else lines.set(device, [device, ...[...limits].map(([key, value]) => `${key}=${value}`)].join(" "));
	return [...lines.values()].join("\n");
}

/** The kernel takes what is too small or too large as the least or the most. */
function shares(text: string, path: string): string {
	return String(Math.min(262_144, Math.max(2, wholeNumber(text, path))));
}

interface SettingKind {
	readonly controller: Controller;
	readonly default: string;
	/** Turns what was written into what the file shows. Throws FsError. */
	read(text: string, path: string, before: string): string;
}

/** Files of version 2. */
export const unifiedSettings: Readonly<Record<string, SettingKind>> = {
	"cpuset.cpus": { controller: "cpuset", default: "", read: cpuList },
	"cpuset.mems": { controller: "cpuset", default: "", read: cpuList },
	"cpu.idle": { controller: "cpu", default: "0", read: ranged(0, 1) },
	"cpu.max": { controller: "cpu", default: "max 100000", read: cpuMax },
	"cpu.max.burst": { controller: "cpu", default: "0", read: count },
	"cpu.weight": { controller: "cpu", default: "100", read: ranged(1, 10_000) },
	"io.max": { controller: "io", default: "", read: ioMax },
	"io.weight": {
		controller: "io",
		default: "default 100",
		read: (text, path) => `default ${ranged(1, 10_000)(text.replace(/^default\s+/, ""), path)}`,
	},
	"memory.high": { controller: "memory", default: "max", read: memory },
	"memory.low": { controller: "memory", default: "0", read: memory },
	"memory.max": { controller: "memory", default: "max", read: memory },
	"memory.min": { controller: "memory", default: "0", read: memory },
	"memory.oom.group": { controller: "memory", default: "0", read: (text, path) => (/^[01]$/.test(text) ? text : fail("EINVAL", path)) },
	"memory.swap.max": { controller: "memory", default: "max", read: memory },
	"hugetlb.2MB.max": { controller: "hugetlb", default: "max", read: memory },
	"pids.max": { controller: "pids", default: "max", read: count },
	"cgroup.max.depth": { controller: "misc", default: "max", read: count },
	"cgroup.max.descendants": { controller: "misc", default: "max", read: count },
};

/** What version 1 alone has. */
const olderSettings: Readonly<Record<string, SettingKind>> = {
	"cpu.shares": { controller: "cpu", default: "1024", read: shares },
	"memory.soft_limit_in_bytes": { controller: "memory", default: "max", read: memory },
	"memory.memsw.limit_in_bytes": { controller: "memory", default: "max", read: memory },
	"memory.swappiness": { controller: "memory", default: "60", read: ranged(0, 200) },
	"memory.oom_kill_disable": { controller: "memory", default: "0", read: ranged(0, 1) },
	notify_on_release: { controller: "misc", default: "0", read: (text, path) => (wholeNumber(text, path) === 0 ? "0" : "1") },
	"cgroup.clone_children": { controller: "misc", default: "0", read: (text, path) => (wholeNumber(text, path) === 0 ? "0" : "1") },
	release_agent: { controller: "misc", default: "", read: (text) => text },
	"net_cls.classid": { controller: "net_cls", default: "0", read: (text, path) => String(wholeNumber(text, path)) },
};

export const settingKinds: Readonly<Record<string, SettingKind>> = { ...unifiedSettings, ...olderSettings };

/** Infinity for `max`. */
export function limitOf(text: string): number {
	return text === "max" ? Number.POSITIVE_INFINITY : Number(text);
}

/** Cores that a `cpu.max` leaves. */
export function coresOf(cpuMaxText: string): number {
	const [quota = "max", period = "100000"] = cpuMaxText.split(" ");
	return quota === "max" ? Number.POSITIVE_INFINITY : Number(quota) / Number(period);
}

/** Of the disk, by an `io.max`; infinity: no limit. */
export function ioLimitOf(ioMaxText: string, limit: IoLimit): number {
	const value = new RegExp(`^${diskDevice} .*\\b${limit}=(\\w+)`, "m").exec(ioMaxText)?.[1];
	return limitOf(value ?? "max");
}
