/**
 * The files of a group of version 1, by the controllers of its hierarchy: other names and forms for what version 2 says, and what it alone
 * has. Not there: what needs an eventfd (cgroup.event_control), events of release (release_agent is kept and never run), access to devices
 * is not checked (devices.list), no traffic is classed.
 * Source: https://docs.kernel.org/admin-guide/cgroup-v1/ (cgroups, cpusets, cpuacct, memory, freezer-subsystem, blkio-controller, pids,
 * devices), https://docs.kernel.org/scheduler/sched-bwc.html; names as of Linux 6.12
 */
import { computedFile } from "../proc/computed.ts";
import { FsError, type Inode } from "../vfs/inode.ts";
import type { Cgroup } from "./cgroup.ts";
import type { CgroupTree } from "./cgroup-tree.ts";
import { formatCpuList } from "./cpu-list.ts";
import { effectiveCpus } from "./cpuset.ts";
import { cpuListOf, type Files, type GroupView, processesFile, writeOnlyFile } from "./group-view.ts";
import { memoryStatText } from "./reports.ts";
import { type Controller, diskDevice, type IoLimit, ioLimitOf } from "./settings.ts";

/** What a limit reads that there is not: the most pages that a 64-bit number of bytes holds. */
const unlimitedBytes = "9223372036854771712";
const nsPerMs = 1_000_000;
/** Of `cpuacct.stat`. */
const ticksPerSecond = 100;

type Entry = readonly [name: string, inode: Inode];

export function olderFiles(view: GroupView, group: Cgroup): Files {
	return [...coreFiles(view, group), ...group.hierarchy.controllers.flatMap((name) => controllerFiles[name]?.(view, group) ?? [])];
}

function coreFiles(view: GroupView, group: Cgroup): Files {
	const kept = keptIn(view.tree, group);
	return [
		kept("cgroup.clone_children"),
		["cgroup.procs", processesFile(view, group, "cgroup.procs")],
		kept("notify_on_release"),
		["tasks", processesFile(view, group, "tasks")],
		...(group.parent === undefined ? [fixed("cgroup.sane_behavior", "0"), kept("release_agent")] : []),
	];
}

/** Files that are a setting, as it is kept, by its name or another. */
function keptIn(tree: CgroupTree, group: Cgroup) {
	return (name: string, setting = name): Entry =>
		writable(
			tree,
			group,
			name,
			setting,
			(kept) => kept,
			(text) => text,
		);
}

/** @param show what the file says of the setting @param read the setting that was meant; throws FsError */
function writable(
	tree: CgroupTree,
	group: Cgroup,
	name: string,
	setting: string,
	show: (kept: string) => string,
	read: (text: string, kept: string) => string,
): Entry {
	const file = computedFile(
		() => `${show(group.setting(setting))}\n`,
		{},
		(text) => tree.write(group, setting, read(text.trim(), group.setting(setting))),
	);
	return [name, file];
}

function shown(name: string, read: () => string | number): Entry {
	return [name, computedFile(() => `${read()}\n`)];
}

/** What cannot be otherwise here. */
function fixed(name: string, text: string): Entry {
	return shown(name, () => text);
}

function text(name: string, read: () => string): Entry {
	return [name, computedFile(read)];
}

function wholeNumber(word: string, name: string): number {
	if (!/^-?\d+$/.test(word)) throw new FsError("EINVAL", "write", name);
	return Number(word);
}

const controllerFiles: Readonly<Partial<Record<Controller, (view: GroupView, group: Cgroup) => Files>>> = {
	cpu: cpuFiles,
	cpuacct: accountFiles,
	cpuset: cpusetFiles,
	devices: () => [
		["devices.allow", writeOnlyFile("devices.allow", () => undefined)],
		["devices.deny", writeOnlyFile("devices.deny", () => undefined)],
		fixed("devices.list", "a *:* rwm"),
	],
	freezer: freezerFiles,
	hugetlb: ({ tree }, group) => [
		fixed("hugetlb.2MB.failcnt", "0"),
		limit(tree, group, "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max"),
		fixed("hugetlb.2MB.max_usage_in_bytes", "0"),
		fixed("hugetlb.2MB.usage_in_bytes", "0"),
	],
	io: blkioFiles,
	memory: memoryFiles,
	net_cls: ({ tree }, group) => [keptIn(tree, group)("net_cls.classid")],
	net_prio: () => [text("net_prio.ifpriomap", () => "lo 0\neth0 0\n"), fixed("net_prio.prioidx", "1")],
	pids: pidsFiles,
};

function cpuFiles({ cgroups, tree }: GroupView, group: Cgroup): Files {
	const kept = keptIn(tree, group);
	const [quota, period] = ["cpu.cfs_quota_us", "cpu.cfs_period_us"];
	const stat = () => {
		const { periods, throttledPeriods, throttledMs } = cgroups.cpu.throttlingOf(group);
		return `nr_periods ${periods}\nnr_throttled ${throttledPeriods}\nthrottled_time ${Math.floor(throttledMs * nsPerMs)}\nnr_bursts 0\nburst_time 0\n`;
	};
	const parts = (cpuMax: string) => {
		const [first = "max", second = "100000"] = cpuMax.split(" ");
		return { quota: first === "max" ? "-1" : first, period: second };
	};
	return [
		kept("cpu.cfs_burst_us", "cpu.max.burst"),
		writable(
			tree,
			group,
			period,
			"cpu.max",
			(max) => parts(max).period,
			(word, max) => `${max.split(" ")[0]} ${wholeNumber(word, period)}`,
		),
		writable(
			tree,
			group,
			quota,
			"cpu.max",
			(max) => parts(max).quota,
			(word, max) => {
				const value = wholeNumber(word, quota);
				return `${value < 0 ? "max" : value} ${parts(max).period}`;
			},
		),
		kept("cpu.idle"),
		kept("cpu.shares"),
		text("cpu.stat", stat),
	];
}

function accountFiles({ cgroups }: GroupView, group: Cgroup): Files {
	const usedMs = () => cgroups.cpu.usedMs(group);
	const nanoseconds = (ms: number) => Math.floor(ms * nsPerMs);
	const systemShare = 0.3;
	const cpus = () => Array.from({ length: Math.max(1, Math.round(cgroups.cores)) }, (_, cpu) => cpu);
	const each = (share: number) =>
		`${cpus()
			.map(() => nanoseconds((usedMs() * share) / cpus().length))
			.join(" ")} `;
	const ticks = (ms: number) => Math.floor((ms * ticksPerSecond) / 1000);
	return [
		text("cpuacct.stat", () => `user ${ticks(usedMs() * (1 - systemShare))}\nsystem ${ticks(usedMs() * systemShare)}\n`),
		[
			"cpuacct.usage",
			computedFile(
				() => `${nanoseconds(usedMs())}\n`,
				{},
				// It can be set to 0 alone, and counts on from there: here it does not.
				() => {
					throw new FsError("EINVAL", "write", "cpuacct.usage");
				},
			),
		],
		text("cpuacct.usage_all", () => {
			const [user, system] = [1 - systemShare, systemShare].map((share) => nanoseconds((usedMs() * share) / cpus().length));
			return `cpu user system\n${cpus()
				.map((cpu) => `${cpu} ${user} ${system}\n`)
				.join("")}`;
		}),
		shown("cpuacct.usage_percpu", () => each(1)),
		shown("cpuacct.usage_percpu_sys", () => each(systemShare)),
		shown("cpuacct.usage_percpu_user", () => each(1 - systemShare)),
		shown("cpuacct.usage_sys", () => nanoseconds(usedMs() * systemShare)),
		shown("cpuacct.usage_user", () => nanoseconds(usedMs() * (1 - systemShare))),
	];
}

/** A group made by hand has no processors and no memory until somebody gives it some, and takes no process before. */
function cpusetFiles({ cgroups, tree }: GroupView, group: Cgroup): Files {
	const isGiven = group.parent === undefined || group.provided !== undefined;
	const or = (fallback: string) => (kept: string) => (kept === "" && isGiven ? fallback : kept);
	const same = (word: string) => word;
	const flags = ["cpu_exclusive", "mem_exclusive", "mem_hardwall", "memory_migrate", "memory_spread_page", "memory_spread_slab"];
	return [
		writable(tree, group, "cpuset.cpus", "cpuset.cpus", (kept) => or(cpuListOf(cgroups))(kept), same),
		shown("cpuset.effective_cpus", () =>
			isGiven || group.setting("cpuset.cpus") !== "" ? formatCpuList(effectiveCpus(group, cgroups.cores)) : "",
		),
		shown("cpuset.effective_mems", () => or("0")(group.setting("cpuset.mems"))),
		writable(tree, group, "cpuset.mems", "cpuset.mems", or("0"), same),
		...flags.map((name) => fixed(`cpuset.${name}`, "0")),
		fixed("cpuset.memory_pressure", "0"),
		fixed("cpuset.sched_load_balance", "1"),
		fixed("cpuset.sched_relax_domain_level", "-1"),
	];
}

function freezerFiles({ cgroups, tree }: GroupView, group: Cgroup): Files {
	if (group.parent === undefined) return [];
	const isParentFrozen = () => [...group.line()].slice(1).some((each) => each.isFrozen);
	const state = computedFile(
		() => `${group.isFrozen || isParentFrozen() ? "FROZEN" : "THAWED"}\n`,
		{},
		(word) => {
			if (word.trim() !== "FROZEN" && word.trim() !== "THAWED") throw new FsError("EINVAL", "write", "freezer.state");
			cgroups.freeze(tree, group, word.trim() === "FROZEN");
		},
	);
	return [
		shown("freezer.parent_freezing", () => (isParentFrozen() ? 1 : 0)),
		shown("freezer.self_freezing", () => (group.isFrozen ? 1 : 0)),
		["freezer.state", state],
	];
}

/** -1 is no limit. */
function limit(tree: CgroupTree, group: Cgroup, name: string, setting: string, check: (bytes: string) => void = () => undefined): Entry {
	return writable(
		tree,
		group,
		name,
		setting,
		(kept) => (kept === "max" ? unlimitedBytes : kept),
		(word) => {
			if (word === "-1") return "max";
			check(word);
			return word;
		},
	);
}

function memoryFiles({ cgroups, tree }: GroupView, group: Cgroup): Files {
	const { memory } = cgroups;
	const usage = () => memory.usageOf(group);
	const peak = () => Math.max(usage(), group.memory.peakBytes);
	// Nothing can be reclaimed, so a limit below what is in use is refused, where version 2 kills.
	const check = (word: string) => {
		const [, digits = "", unit = ""] = /^(\d+)([kmgt]?)$/i.exec(word) ?? [];
		const bytes = Number(digits) * 1024 ** " kmgt".indexOf((unit || " ").toLowerCase());
		if (digits !== "" && bytes < usage()) throw new FsError("EBUSY", "write", "memory.limit_in_bytes");
	};
	const failures = () => group.memory.maxEvents;
	const kernelMemory = ["memory.kmem", "memory.kmem.tcp"].flatMap((name) => [
		fixed(`${name}.failcnt`, "0"),
		fixed(`${name}.limit_in_bytes`, unlimitedBytes),
		fixed(`${name}.max_usage_in_bytes`, "0"),
		fixed(`${name}.usage_in_bytes`, "0"),
	]);
	return [
		shown("memory.failcnt", failures),
		["memory.force_empty", writeOnlyFile("memory.force_empty", () => undefined)],
		...kernelMemory,
		limit(tree, group, "memory.limit_in_bytes", "memory.max", check),
		shown("memory.max_usage_in_bytes", peak),
		fixed("memory.memsw.failcnt", "0"),
		limit(tree, group, "memory.memsw.limit_in_bytes", "memory.memsw.limit_in_bytes"),
		shown("memory.memsw.max_usage_in_bytes", peak),
		shown("memory.memsw.usage_in_bytes", usage),
		fixed("memory.move_charge_at_immigrate", "0"),
		text("memory.numa_stat", () => `total=${Math.floor(usage() / 4096)} N0=${Math.floor(usage() / 4096)}\n`),
		[
			"memory.oom_control",
			computedFile(
				() =>
					`oom_kill_disable ${group.setting("memory.oom_kill_disable")}\nunder_oom ${memory.isUnderOom(group) ? 1 : 0}\noom_kill ${group.memory.oomKills}\n`,
				{},
				(word) => {
					if (group.parent === undefined || !/^[01]$/.test(word.trim())) throw new FsError("EINVAL", "write", "memory.oom_control");
					tree.write(group, "memory.oom_kill_disable", word);
					memory.enforce(group, undefined);
				},
			),
		],
		limit(tree, group, "memory.soft_limit_in_bytes", "memory.soft_limit_in_bytes"),
		text("memory.stat", () => olderMemoryStat(memoryStatText(cgroups, group), group.setting("memory.max"))),
		keptIn(tree, group)("memory.swappiness"),
		shown("memory.usage_in_bytes", usage),
		fixed("memory.use_hierarchy", "1"),
	];
}

/** `anon` of version 2 is `rss`, `file` is `cache`; the same again with groups below, which are counted anyway. */
function olderMemoryStat(unified: string, max: string): string {
	const values = new Map(unified.split("\n").map((line) => line.split(" ") as [string, string]));
	const names = [
		["cache", "file"],
		["rss", "anon"],
		["rss_huge", ""],
		["shmem", "shmem"],
		["mapped_file", "file_mapped"],
		["dirty", ""],
		["writeback", ""],
		["pgfault", "pgfault"],
		["pgmajfault", "pgmajfault"],
		["inactive_anon", "inactive_anon"],
		["active_anon", "active_anon"],
		["inactive_file", "inactive_file"],
		["active_file", "active_file"],
		["unevictable", "unevictable"],
	] as const;
	const lines = names.map(([name, from]) => `${name} ${values.get(from) ?? 0}\n`);
	const limitLine = `hierarchical_memory_limit ${max === "max" ? unlimitedBytes : max}\n`;
	return `${lines.join("")}${limitLine}${lines.map((line) => `total_${line}`).join("")}`;
}

function pidsFiles({ tree }: GroupView, group: Cgroup): Files {
	const count = () => tree.population(group).length;
	if (group.parent === undefined) return [shown("pids.current", count)];
	return [
		shown("pids.current", count),
		shown("pids.events", () => `max ${group.refusedForks}`),
		keptIn(tree, group)("pids.max"),
		shown("pids.peak", () => Math.max(count(), group.peakPids)),
	];
}

/** `254:0 1048576` limits, `254:0 0` lifts the limit. */
function blkioFiles({ tree }: GroupView, group: Cgroup): Files {
	const limits: readonly (readonly [string, IoLimit])[] = [
		["read_bps_device", "rbps"],
		["read_iops_device", "riops"],
		["write_bps_device", "wbps"],
		["write_iops_device", "wiops"],
	];
	const { io } = group;
	const counts = (reads: number, writes: number) =>
		reads + writes === 0
			? "Total 0\n"
			: `${diskDevice} Read ${reads}\n${diskDevice} Write ${writes}\n${diskDevice} Sync ${reads + writes}\n${diskDevice} Async 0\n${diskDevice} Discard 0\n${diskDevice} Total ${reads + writes}\nTotal ${reads + writes}\n`;
	const serviced = ["", "_recursive"].flatMap((suffix) => [
		text(`blkio.throttle.io_service_bytes${suffix}`, () => counts(io.readBytes, io.writtenBytes)),
		text(`blkio.throttle.io_serviced${suffix}`, () => counts(io.reads, io.writes)),
	]);
	return [
		[
			"blkio.reset_stats",
			writeOnlyFile("blkio.reset_stats", () => Object.assign(io, { readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 })),
		],
		...serviced,
		...limits.map(([name, key]): Entry => {
			const file = computedFile(
				() => {
					const value = ioLimitOf(group.setting("io.max"), key);
					return value === Number.POSITIVE_INFINITY ? "" : `${diskDevice} ${value}\n`;
				},
				{},
				(line) => {
					const [device = "", value = ""] = line.trim().split(/\s+/);
					if (group.parent === undefined || !/^\d+$/.test(value)) throw new FsError("EINVAL", "write", name);
					tree.write(group, "io.max", `${device} ${key}=${value === "0" ? "max" : value}`);
				},
			);
			return [`blkio.throttle.${name}`, file];
		}),
	];
}
