/** What the files of a cgroup report: counters and pressure. */
import { periodMs } from "../cpu.ts";
import type { Cgroup } from "./cgroup.ts";
import type { Cgroups } from "./cgroups.ts";
import { diskDevice } from "./settings.ts";

export function cpuStatText({ cpu }: Cgroups, group: Cgroup): string {
	const usageUs = Math.floor(cpu.usedMs(group) * 1000);
	const systemUs = Math.floor(usageUs * 0.3);
	const base = `usage_usec ${usageUs}\nuser_usec ${usageUs - systemUs}\nsystem_usec ${systemUs}\nnice_usec 0\ncore_sched.force_idle_usec 0\n`;
	if (group.parent === undefined || !group.available.includes("cpu")) return base;
	const { periods, throttledPeriods, throttledMs } = cpu.throttlingOf(group);
	return `${base}nr_periods ${periods}\nnr_throttled ${throttledPeriods}\nthrottled_usec ${Math.floor(throttledMs * 1000)}\nnr_bursts 0\nburst_usec 0\n`;
}

export function memoryEventsText({ memory: { highEvents, maxEvents, oomEvents, oomKills, groupKills } }: Cgroup): string {
	return `low 0\nhigh ${highEvents}\nmax ${maxEvents}\noom ${oomEvents}\noom_kill ${oomKills}\noom_group_kill ${groupKills}\n`;
}

export function memoryStatText({ memory }: Cgroups, group: Cgroup): string {
	const bytes = memory.usageOf(group);
	const page = (share: number) => Math.floor((bytes * share) / 4096) * 4096;
	const [anon, file, kernel] = [page(0.85), page(0.1), page(0.05)];
	return [
		`anon ${anon}`,
		`file ${file}`,
		`kernel ${kernel}`,
		`kernel_stack ${page(0.005)}`,
		`pagetables ${page(0.01)}`,
		"sock 0",
		"shmem 0",
		`file_mapped ${page(0.05)}`,
		"file_dirty 0",
		"file_writeback 0",
		"swapcached 0",
		"inactive_anon 0",
		`active_anon ${anon}`,
		"inactive_file 0",
		`active_file ${file}`,
		"unevictable 0",
		`slab ${page(0.03)}`,
		`pgfault ${Math.floor(bytes / 4096)}`,
		"pgmajfault 0",
		"",
	].join("\n");
}

/** Nothing is said of a disk that nobody has used. */
export function ioStatText({ io: { readBytes, writtenBytes, reads, writes } }: Cgroup): string {
	if (reads + writes === 0) return "";
	return `${diskDevice} rbytes=${readBytes} wbytes=${writtenBytes} rios=${reads} wios=${writes} dbytes=0 dios=0\n`;
}

/**
 * Of the processor: for how long work waited, for a quota or because others were at work; of memory: for how long because of memory.high. The
 * averages are those of all the time in which there was work. For the disk nobody waits in the simulation.
 */
export function pressureText({ cpu }: Cgroups, group: Cgroup, resource: "cpu" | "io" | "memory"): string {
	const { throttledMs, periods } = cpu.throttlingOf(group);
	const { waitedMs, lastedMs } = group.cpuPressure;
	const [waited, lasted] =
		resource === "cpu"
			? [Math.max(waitedMs, throttledMs), Math.max(lastedMs, periods * periodMs)]
			: [resource === "memory" ? group.memory.stalledMs : 0, 0];
	const totalUs = Math.floor(waited * 1000);
	const average = waited === 0 ? 0 : lasted === 0 ? 100 : Math.min(100, (waited / lasted) * 100);
	const line = (name: string) =>
		`${name} avg10=${average.toFixed(2)} avg60=${average.toFixed(2)} avg300=${average.toFixed(2)} total=${totalUs}\n`;
	return line("some") + line("full");
}
