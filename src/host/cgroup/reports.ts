/** What the files of a cgroup report: counters and pressure. */
import { noThrottling } from "../cpu.ts";
import type { Cgroup, CgroupTree } from "./cgroup-tree.ts";

export function cpuStatText(tree: CgroupTree, group: Cgroup): string {
	const usageUs = Math.floor(tree.cpuMsOf(group) * 1000);
	const systemUs = Math.floor(usageUs * 0.3);
	const base = `usage_usec ${usageUs}\nuser_usec ${usageUs - systemUs}\nsystem_usec ${systemUs}\nnice_usec 0\ncore_sched.force_idle_usec 0\n`;
	if (group.parent === undefined || !group.available.includes("cpu")) return base;
	const { periods, throttledPeriods, throttledMs } = tree.throttlingOf(group) ?? noThrottling;
	return `${base}nr_periods ${periods}\nnr_throttled ${throttledPeriods}\nthrottled_usec ${Math.floor(throttledMs * 1000)}\nnr_bursts 0\nburst_usec 0\n`;
}

export function memoryEventsText({ highEvents, maxEvents, oomEvents, oomKills, groupKills }: Cgroup): string {
	return `low 0\nhigh ${highEvents}\nmax ${maxEvents}\noom ${oomEvents}\noom_kill ${oomKills}\noom_group_kill ${groupKills}\n`;
}

export function memoryStatText(tree: CgroupTree, group: Cgroup): string {
	const bytes = tree.memoryOf(group);
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

export function eventsText(tree: CgroupTree, group: Cgroup): string {
	return `populated ${tree.population(group).length > 0 ? 1 : 0}\nfrozen ${group.isFrozen ? 1 : 0}\n`;
}

/** Of CPU quotas. */
const quotaPeriodMs = 100;

/**
 * Of the processor: for how long work stood still for the quota; the averages are those of all the time in which there was work. Of memory
 * and disks nobody waits in the simulation.
 */
export function pressureText(tree: CgroupTree, group: Cgroup, resource: "cpu" | "io" | "memory"): string {
	const { throttledMs, periods } = (resource === "cpu" ? tree.throttlingOf(group) : undefined) ?? noThrottling;
	const totalUs = Math.floor(throttledMs * 1000);
	const average = periods === 0 ? 0 : Math.min(100, (throttledMs / (periods * quotaPeriodMs)) * 100);
	const line = (name: string) =>
		`${name} avg10=${average.toFixed(2)} avg60=${average.toFixed(2)} avg300=${average.toFixed(2)} total=${totalUs}\n`;
	return line("some") + line("full");
}
