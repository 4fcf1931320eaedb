/**
 * Which processors a group may use: those of its own that the group above has; where that is none of them, or it has none, all of
 * those above.
 * Source: https://docs.kernel.org/admin-guide/cgroup-v2.html#cpuset (cpuset.cpus.effective)
 */
import type { Process } from "../process.ts";
import type { Cgroup } from "./cgroup.ts";
import type { Cgroups } from "./cgroups.ts";
import { parseCpuList } from "./cpu-list.ts";

/** Of a machine with so many. */
export function allCpus(cores: number): readonly number[] {
	return Array.from({ length: Math.max(1, Math.round(cores)) }, (_, cpu) => cpu);
}

/** @param cores of the machine */
export function effectiveCpus(group: Cgroup | undefined, cores: number): readonly number[] {
	let cpus = allCpus(cores);
	for (const each of [...(group?.line() ?? [])].reverse()) {
		const own = new Set(parseCpuList(each.setting("cpuset.cpus")) ?? []);
		const both = cpus.filter((cpu) => own.has(cpu));
		if (both.length > 0) cpus = both;
	}
	return cpus;
}

/** Where the kernel lets a process run: what it has chosen itself (sched_setaffinity(2)), as far as its group may. */
export function allowedCpus(process: Process, cgroups: Cgroups | undefined, cores: number): readonly number[] {
	const { traits } = process;
	const cpus = effectiveCpus(cgroups?.tree("cpuset").groupOf(process), cores);
	const chosen = cpus.filter((cpu) => traits.affinity?.includes(cpu) === true);
	return chosen.length > 0 ? chosen : cpus;
}
