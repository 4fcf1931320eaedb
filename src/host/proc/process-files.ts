/**
 * /proc/PID: what a process is, from the table of processes. Not there: smaps by mapping, io, and what is about single threads.
 * Source: https://docs.kernel.org/filesystems/proc.html, https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html and its neighbours
 */
import { allCapabilities, defaultCapabilities } from "../capabilities.ts";
import { cpuMask, formatCpuList } from "../cgroup/cpu-list.ts";
import { allowedCpus } from "../cgroup/cpuset.ts";
import { oomScore } from "../cgroup/oom.ts";
import type { Machine } from "../machine.ts";
import { namespaceTypes } from "../namespaces.ts";
import type { Process } from "../process.ts";
import { limitText, rlimitKinds } from "../rlimits.ts";
import { FsError, type Inode } from "../vfs/inode.ts";
import { computedDirectory, computedFile, computedLink, fixedDirectory } from "./computed.ts";
import { anonymousShare, mapsText, smapsRollupText } from "./memory-maps.ts";
import { mountinfoText, mountsText } from "./mount-files.ts";
import type { ProcView } from "./proc-view.ts";

const pageBytes = 4096;
/** Clock ticks a second: CONFIG_HZ as user space sees it. */
export const ticksPerSecond = 100;

const stateTexts = { R: "running", S: "sleeping", D: "disk sleep", T: "stopped", I: "idle" } as const;

/** @param isThread what is in the process's `task`: the same, without a `task` of its own */
export function processDirectory(process: Process, view: ProcView, isThread = false): Inode {
	const { uid, gid } = process.credentials;
	const owner = { uid, gid, mtimeMs: process.startMs };
	const file = (read: () => string, mode = 0o444) => computedFile(read, { ...owner, mode });
	const link = (target: () => string) => computedLink(target, owner);
	const entries = (): Map<string, Inode> =>
		new Map<string, Inode>([
			["cgroup", file(() => view.cgroups(process))],
			["cmdline", file(() => process.argv.map((word) => `${word}\0`).join(""))],
			["comm", file(() => `${process.comm}\n`)],
			["cwd", link(() => process.origin.cwd)],
			["environ", file(() => [...process.origin.env].map(([name, value]) => `${name}=${value}\0`).join(""), 0o400)],
			["exe", link(() => executableOf(process))],
			["fd", descriptors(process, view)],
			["limits", file(() => limitsText(process))],
			["loginuid", file(() => "4294967295")],
			["maps", file(() => mapsText(process, executableFile(process)))],
			["mountinfo", file(() => mountinfoText(process.machine.files))],
			["mounts", file(() => mountsText(process.machine.files))],
			[
				"ns",
				computedDirectory(() => new Map(namespaceTypes.map((type) => [type, link(() => `${type}:[${process.namespaceInode(type)}]`)])), {
					...owner,
					mode: 0o511,
				}),
			],
			["oom_adj", file(() => `${Math.round((process.oomScoreAdj * 17) / 1000)}\n`)],
			["oom_score", file(() => `${oomScore(process, view.hardware().memoryBytes)}\n`)],
			[
				"oom_score_adj",
				computedFile(
					() => `${process.oomScoreAdj}\n`,
					owner,
					(text, caller) => {
						const value = Number(text.trim());
						if (text.trim() === "" || !Number.isInteger(value) || value < -1000 || value > 1000)
							throw new FsError("EINVAL", "write", "oom_score_adj");
						if (value < process.oomScoreAdj && (caller?.credentials.uid ?? 0) !== 0) throw new FsError("EACCES", "write", "oom_score_adj");
						process.setTraits({ oomScoreAdj: value });
					},
				),
			],
			["root", link(() => "/")],
			["sessionid", file(() => "4294967295")],
			["smaps_rollup", file(() => smapsRollupText(process, executableFile(process)))],
			["stat", file(() => statText(process, view))],
			["statm", file(() => statmText(process))],
			["status", file(() => statusText(process, view))],
			...(isThread
				? []
				: [
						[
							"task",
							computedDirectory(() => new Map([[String(view.pidOf(process)), processDirectory(process, view, true)]]), owner),
						] as const,
					]),
			["wchan", file(() => "0")],
		]);
	return computedDirectory(entries, { ...owner, ino: 100_000 + process.hostPid });
}

/** `/usr/bin/sleep`. */
function executableOf(process: Process): string {
	const { exe, isKernelThread } = process.traits;
	const [first = ""] = process.argv;
	if (isKernelThread === true || first === "") throw new FsError("ENOENT", "readlink", "exe");
	if (exe !== undefined) return exe;
	const machine = process.machine as Machine;
	return machine.which(first, process.origin.env, process.origin.cwd) ?? first;
}

/** Undefined of a thread of the kernel. */
function executableFile(process: Process): { readonly path: string; readonly inode: number } | undefined {
	if (process.traits.isKernelThread === true || (process.argv[0] ?? "") === "") return undefined;
	const path = executableOf(process);
	const { files } = process.machine;
	return { path, inode: files.exists(path) ? files.stat(path).ino : 0 };
}

/** Of a container's main process the output leads to its log, so that others can write there. */
function descriptors(process: Process, view: ProcView): Inode {
	const { uid, gid } = process.credentials;
	const owner = { uid, gid, mtimeMs: process.startMs };
	const terminal = process.origin.terminal === undefined ? undefined : "/dev/pts/0";
	const entry = (index: 0 | 1 | 2): Inode => {
		const output = index === 0 ? undefined : view.outputOf(process, index);
		if (output !== undefined)
			return {
				type: "device",
				device: index === 1 ? "stdout" : "stderr",
				ino: 200 + index,
				frozen: true,
				mode: 0o200,
				...owner,
				output,
			};
		return computedLink(() => terminal ?? (index === 0 ? "/dev/null" : `pipe:[${20_000 + process.hostPid * 2 + index}]`), owner);
	};
	return fixedDirectory({ 0: entry(0), 1: entry(1), 2: entry(2) }, { ...owner, mode: 0o500 });
}

function limitsText(process: Process): string {
	const lines = rlimitKinds.map(({ name, limitsName, unit }) => {
		const { soft, hard } = process.rlimit(name);
		return `${limitsName.padEnd(26)}${limitText(soft).padEnd(21)}${limitText(hard).padEnd(21)}${unit.padEnd(10)}\n`;
	});
	return `Limit                     Soft Limit           Hard Limit           Units     \n${lines.join("")}`;
}

/** User and system time of a process, in ticks. */
function ticksOf(process: Process): readonly [user: number, system: number] {
	const ticks = Math.floor((process.cpuMs * ticksPerSecond) / 1000);
	const system = Math.floor(ticks * 0.3);
	return [ticks - system, system];
}

function statText(process: Process, view: ProcView): string {
	const pid = view.pidOf(process);
	const [user, system] = ticksOf(process);
	const startTicks = Math.max(0, Math.floor(((process.startMs - view.hardware().bootMs) * ticksPerSecond) / 1000));
	const terminal = process.origin.terminal === undefined ? 0 : 34_816;
	const head = [
		pid,
		`(${process.comm})`,
		view.stateOf(process),
		view.parentPidOf(process),
		pid,
		pid,
		terminal,
		terminal === 0 ? -1 : pid,
		4_194_560,
	];
	const times = [0, 0, 0, 0, user, system, 0, 0, 20 + process.nice, process.nice, 1, 0, startTicks];
	const memory = [process.vszBytes, Math.ceil(process.rssBytes / pageBytes), "18446744073709551615"];
	const rest = Array.from({ length: 27 }, (_, index) => (index === 12 ? 17 : 0));
	return `${[...head, ...times, ...memory, ...rest].join(" ")}\n`;
}

function statmText(process: Process): string {
	const pages = (bytes: number) => Math.ceil(bytes / pageBytes);
	const { vszBytes, rssBytes } = process;
	return `${pages(vszBytes)} ${pages(rssBytes)} ${pages(rssBytes * 0.3)} ${pages(rssBytes * 0.1)} 0 ${pages(vszBytes * 0.5)} 0\n`;
}

function statusText(process: Process, view: ProcView): string {
	const { credentials, namespace, rssBytes, vszBytes } = process;
	const pid = view.pidOf(process);
	const state = view.stateOf(process);
	const kb = (name: string, bytes: number) => `${name}:\t${String(Math.ceil(bytes / 1024)).padStart(8)} kB`;
	const four = (id: number) => `${id}\t${id}\t${id}\t${id}`;
	const nested = namespace.isRoot || !view.isNode ? `${pid}` : `${process.hostPid}\t${process.pid}`;
	const bounding =
		process.machine.facts?.capabilities ?? (process.machine.facts?.namespaces.mnt === undefined ? allCapabilities : defaultCapabilities);
	const effective = credentials.uid === 0 ? bounding : 0n;
	const mask = (value: bigint) => value.toString(16).padStart(16, "0");
	const cpus = allowedCpus(process, view.machine.kernel.cgroups, view.hardware().cores);
	const memory =
		process.traits.isKernelThread === true
			? []
			: [
					kb("VmPeak", vszBytes),
					kb("VmSize", vszBytes),
					kb("VmLck", 0),
					kb("VmPin", 0),
					kb("VmHWM", rssBytes),
					kb("VmRSS", rssBytes),
					kb("RssAnon", rssBytes * anonymousShare),
					kb("RssFile", rssBytes * (1 - anonymousShare)),
					kb("RssShmem", 0),
					kb("VmData", vszBytes * 0.5),
					kb("VmStk", 132 * 1024),
					kb("VmPTE", 64 * 1024),
					kb("VmSwap", 0),
				];
	return `${[
		`Name:\t${process.comm}`,
		"Umask:\t0022",
		`State:\t${state} (${stateTexts[state]})`,
		`Tgid:\t${pid}`,
		"Ngid:\t0",
		`Pid:\t${pid}`,
		`PPid:\t${view.parentPidOf(process)}`,
		"TracerPid:\t0",
		`Uid:\t${four(credentials.uid)}`,
		`Gid:\t${four(credentials.gid)}`,
		"FDSize:\t64",
		`Groups:\t${credentials.groups.map((group) => `${group} `).join("")}`,
		`NStgid:\t${nested}`,
		`NSpid:\t${nested}`,
		`NSpgid:\t${nested}`,
		`NSsid:\t${nested}`,
		`Kthread:\t${process.traits.isKernelThread === true ? 1 : 0}`,
		...memory,
		"Threads:\t1",
		`SigQ:\t0/${limitText(process.rlimit("SIGPENDING").soft)}`,
		"SigPnd:\t0000000000000000",
		"ShdPnd:\t0000000000000000",
		"SigBlk:\t0000000000000000",
		"SigIgn:\t0000000000000000",
		"SigCgt:\t0000000000000000",
		"CapInh:\t0000000000000000",
		`CapPrm:\t${mask(effective)}`,
		`CapEff:\t${mask(effective)}`,
		`CapBnd:\t${mask(bounding)}`,
		"CapAmb:\t0000000000000000",
		`NoNewPrivs:\t${process.machine.facts?.noNewPrivileges === true ? 1 : 0}`,
		`Seccomp:\t${process.machine.facts?.seccomp === true ? 2 : 0}`,
		`Seccomp_filters:\t${process.machine.facts?.seccomp === true ? 1 : 0}`,
		`Cpus_allowed:\t${cpuMask(cpus)}`,
		`Cpus_allowed_list:\t${formatCpuList(cpus)}`,
		"Mems_allowed:\t1",
		"Mems_allowed_list:\t0",
		`voluntary_ctxt_switches:\t${10 + Math.floor(process.cpuMs / 10)}`,
		`nonvoluntary_ctxt_switches:\t${Math.floor(process.cpuMs / 200)}`,
	].join("\n")}\n`;
}
