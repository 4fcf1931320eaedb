/**
 * The kernel's out-of-memory killer: whom it chooses, and what it writes to its log.
 * Source: mm/oom_kill.c and mm/memcontrol.c of Linux 6.12 (texts, badness), fs/proc/base.c (oom_score)
 */
import type { KernelLog } from "../kernel-log.ts";
import type { Process } from "../process.ts";
import { kernelVersion } from "../system-facts.ts";

const pageBytes = 4096;

/** How much there is to win, pages; undefined: it is never chosen. @param totalBytes what all may have */
export function badness(process: Process, totalBytes: number): number | undefined {
	const { oomScoreAdj } = process;
	if (oomScoreAdj === -1000 || process.hostPid === 1 || process.traits.isKernelThread === true) return undefined;
	return process.rssBytes / pageBytes + (oomScoreAdj * (totalBytes / pageBytes)) / 1000;
}

/** /proc/PID/oom_score: 0 to 2000. */
export function oomScore(process: Process, totalBytes: number): number {
	const points = badness(process, totalBytes);
	if (points === undefined) return 0;
	return Math.max(0, Math.floor(((1000 + (points * 1000) / (totalBytes / pageBytes)) * 2) / 3));
}

/** The one with the most to win; undefined: nobody may be killed. */
export function chooseVictim(tasks: readonly Process[], totalBytes: number): Process | undefined {
	let worst: { readonly process: Process; readonly points: number } | undefined;
	for (const process of tasks) {
		const points = badness(process, totalBytes);
		if (points !== undefined && process.exit === undefined && (worst === undefined || points > worst.points)) worst = { process, points };
	}
	return worst?.process;
}

export interface OomScene {
	readonly nowMs: number;
	readonly trigger: Process;
	readonly victims: readonly Process[];
	/** Who was to be chosen from. */
	readonly tasks: readonly Process[];
	/** Whose limit it was; absent: the machine's memory was exhausted. */
	readonly group?: { readonly path: string; readonly usageBytes: number; readonly limitBytes: number; readonly failures: number };
	readonly isGroupKill: boolean;
}

/** The kernel, as far as it tells of what it kills. */
export interface OomReporter {
	readonly log: KernelLog;
	readonly cgroupVersion: 1 | 2;
	memoryGroupOf(process: Process): string;
}

const kilobytes = (bytes: number) => Math.ceil(bytes / 1024);
const pages = (bytes: number) => Math.ceil(bytes / pageBytes);
/** A page table holds 512 entries. */
const pageTableBytes = (bytes: number) => Math.max(8, Math.ceil(pages(bytes) / 512) + 7) * pageBytes;

export function reportOom(kernel: OomReporter, { nowMs, trigger, victims, tasks, group, isGroupKill }: OomScene): void {
	const write = (level: number, text: string) => kernel.log.write(nowMs, level, text);
	const [first] = victims;
	if (first === undefined) return;
	const gfp = group === undefined ? "0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP)" : "0xcc0(GFP_KERNEL)";
	write(4, `${trigger.comm} invoked oom-killer: gfp_mask=${gfp}, order=0, oom_score_adj=${trigger.oomScoreAdj}`);
	write(4, `CPU: 0 UID: ${trigger.credentials.uid} PID: ${trigger.hostPid} Comm: ${trigger.comm} Not tainted ${kernelVersion} #1`);
	if (group !== undefined) {
		const { usageBytes, limitBytes, failures, path } = group;
		const usage = Math.min(kilobytes(usageBytes), kilobytes(limitBytes));
		write(6, `memory: usage ${usage}kB, limit ${kilobytes(limitBytes)}kB, failcnt ${failures}`);
		for (const what of kernel.cgroupVersion === 2 ? ["swap"] : ["memory+swap", "kmem"])
			write(6, `${what}: usage ${what === "memory+swap" ? usage : 0}kB, limit 9007199254740988kB, failcnt 0`);
		write(6, `Memory cgroup stats for ${path}:`);
	} else write(4, "Mem-Info:");
	write(6, "Tasks state (memory values in pages):");
	write(6, "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name");
	for (const task of tasks) if (task.traits.isKernelThread !== true) write(6, taskLine(task));
	const constraint =
		group === undefined
			? "CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom"
			: `CONSTRAINT_MEMCG,nodemask=(null),cpuset=${kernel.memoryGroupOf(first).split("/").at(-1) || "/"},mems_allowed=0,oom_memcg=${group.path}`;
	write(
		6,
		`oom-kill:constraint=${constraint},task_memcg=${kernel.memoryGroupOf(first)},task=${first.comm},pid=${first.hostPid},uid=${first.credentials.uid}`,
	);
	const why = group === undefined ? "Out of memory" : "Memory cgroup out of memory";
	for (const [index, victim] of victims.entries()) {
		if (isGroupKill && index === 0) write(6, `Tasks in ${kernel.memoryGroupOf(first)} are going to be killed due to memory.oom.group set`);
		const { vszBytes, rssBytes, hostPid, comm, credentials, oomScoreAdj } = victim;
		write(
			3,
			`${why}: Killed process ${hostPid} (${comm}) total-vm:${kilobytes(vszBytes)}kB, anon-rss:${kilobytes(rssBytes)}kB, file-rss:0kB, shmem-rss:0kB, UID:${credentials.uid} pgtables:${kilobytes(pageTableBytes(rssBytes))}kB oom_score_adj:${oomScoreAdj}`,
		);
	}
}

function taskLine(task: Process): string {
	const { hostPid, credentials, vszBytes, rssBytes, oomScoreAdj, comm } = task;
	const rss = pages(rssBytes);
	const column = (value: number, width: number) => String(value).padStart(width);
	return `[${column(hostPid, 7)}] ${column(credentials.uid, 5)} ${column(hostPid, 5)} ${column(pages(vszBytes), 8)} ${column(rss, 8)} ${column(rss, 8)} ${column(0, 8)} ${column(0, 9)} ${column(pageTableBytes(rssBytes), 8)} ${column(0, 8)} ${column(oomScoreAdj, 13)} ${comm}`;
}
