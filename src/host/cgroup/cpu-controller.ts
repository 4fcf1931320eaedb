/**
 * How the groups of a machine share its processors. Each piece of work that a process does is told of at its beginning and end; how fast it
 * goes is worked out from who else is at work then:
 *
 *   cores of a group = what its parent has, divided among what works beside it by weight, and its own quota at most
 *
 * Nobody gets more than he has work for; what is left over is the others'. A process outside any group below counts as much as a group of
 * the usual weight. Of a cpuset counts how many processors it has, not which. Not simulated: nice values.
 * Source: https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu, https://docs.kernel.org/scheduler/sched-bwc.html
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { Cpu, noThrottling, periodMs, type Throttling } from "../cpu.ts";
import type { Process } from "../process.ts";
import type { Cgroup } from "./cgroup.ts";
import type { CgroupTree } from "./cgroup-tree.ts";
import { parseCpuList } from "./cpu-list.ts";
import { coresOf } from "./settings.ts";

const usualWeight = 100;
/** `cpu.shares` of the usual weight. */
const usualShares = 1024;
/** Of `cpu.idle`: shares of a task with SCHED_IDLE. */
const idleShares = 3;

/** One of those who want the processors at the same time. */
interface Contender {
	readonly weight: number;
	/** More it has no use for. */
	readonly wantedCores: number;
}

/** What each gets of so many cores. */
export function divide(cores: number, contenders: readonly Contender[]): readonly number[] {
	const given = contenders.map(() => 0);
	let left = cores;
	let open = contenders.map((_, index) => index);
	while (open.length > 0 && left > 0) {
		const total = open.reduce((sum, index) => sum + (contenders[index]?.weight ?? 0), 0);
		const shareOf = (index: number) => (left * (contenders[index]?.weight ?? 0)) / total;
		const content = open.filter((index) => (contenders[index]?.wantedCores ?? 0) <= shareOf(index));
		for (const index of content.length > 0 ? content : open) given[index] = Math.min(contenders[index]?.wantedCores ?? 0, shareOf(index));
		if (content.length === 0) break;
		for (const index of content) left -= given[index] ?? 0;
		open = open.filter((index) => !content.includes(index));
	}
	return given;
}

/** A piece of work under way. */
export interface Work {
	readonly group: Cgroup;
	/** Where it is queued, unless that is its machine's own. */
	readonly cpu: Cpu | undefined;
}

interface Pace {
	readonly cores: number;
	/** Whose quota holds it back. */
	readonly limitedBy: Cgroup | undefined;
}

export class CpuController {
	readonly #tree: CgroupTree;
	readonly #clock: Clock;
	readonly #cores: () => number;

	/** @param cores of the machine */
	constructor(tree: CgroupTree, clock: Clock, cores: () => number) {
		this.#tree = tree;
		this.#clock = clock;
		this.#cores = cores;
	}

	begin(process: Process): Work | undefined {
		const own = this.#tree.groupOf(process);
		if (own === undefined) return undefined;
		// A group without the controller is scheduled as part of the one above.
		const group = [...own.line()].find((each) => each.parent === undefined || each.available.includes("cpu")) ?? own;
		group.running++;
		for (const each of group.line()) each.busy++;
		// A container's own quota is its machine's, which asks for what was written here.
		const isMachines = group.provided?.usage !== undefined && process.machine.facts?.cgroup === process.cgroup;
		if (isMachines) return { group, cpu: undefined };
		group.cpu ??= new Cpu(
			this.#clock,
			() => this.#quotaOf(group),
			() => this.#paceOf(group).cores,
		);
		return { group, cpu: group.cpu };
	}

	/** @param cpuMs that was done @param lastedMs for how long */
	end({ group }: Work, cpuMs: number, lastedMs: number): void {
		const heldUpMs = Math.max(0, lastedMs - cpuMs);
		const { limitedBy } = this.#paceOf(group);
		group.running--;
		for (const each of group.line()) {
			each.busy--;
			each.cpuPressure = { waitedMs: each.cpuPressure.waitedMs + heldUpMs, lastedMs: each.cpuPressure.lastedMs + lastedMs };
		}
		for (const each of group.line()) {
			if (coresOf(each.setting("cpu.max")) === Number.POSITIVE_INFINITY) continue;
			const periods = Math.max(1, Math.ceil(lastedMs / periodMs));
			const isHeld = each === limitedBy && heldUpMs > 0;
			const { periods: before, throttledPeriods, throttledMs } = each.throttling;
			each.throttling = {
				periods: before + periods,
				throttledPeriods: throttledPeriods + (isHeld ? periods : 0),
				throttledMs: throttledMs + (isHeld ? heldUpMs : 0),
			};
		}
	}

	/** Cores that a container's programs may have at the moment, beside who else works; infinity: it is not known here. */
	shareOf(path: string): number {
		const group = this.#tree.find(path);
		return group === undefined || group.busy === 0 ? Number.POSITIVE_INFINITY : this.#paceOf(group).cores;
	}

	#quotaOf(group: Cgroup): number {
		let lowest = this.#cores();
		for (const each of group.line()) lowest = Math.min(lowest, mostCores(each));
		return lowest;
	}

	#paceOf(group: Cgroup): Pace {
		const [root, ...way] = [...group.line()].reverse();
		let cores = this.#cores();
		let limitedBy: Cgroup | undefined;
		for (let index = 0, above = root; above !== undefined; index++) {
			const next = way[index];
			cores = this.#shareAmong(above, next, cores);
			if (next === undefined) break;
			const quota = coresOf(next.setting("cpu.max"));
			const most = mostCores(next);
			if (most < cores) {
				cores = most;
				limitedBy = quota <= most ? next : undefined;
			}
			above = next;
		}
		return { cores, limitedBy };
	}

	/** @param next the group below whose share it is; undefined: that of the group's own processes, together */
	#shareAmong(above: Cgroup, next: Cgroup | undefined, cores: number): number {
		const rivals = [...above.children.values()].filter((child) => child.busy > 0 && child !== next);
		const own = above.running;
		if (rivals.length === 0 && (next === undefined || own === 0)) return cores;
		const contenders: readonly Contender[] = [
			next === undefined ? { weight: own * usualWeight, wantedCores: own } : this.#contender(next),
			...rivals.map((rival) => this.#contender(rival)),
			...(next === undefined || own === 0 ? [] : [{ weight: own * usualWeight, wantedCores: own }]),
		];
		return divide(cores, contenders)[0] ?? cores;
	}

	#contender(group: Cgroup): Contender {
		return { weight: weightOf(group), wantedCores: Math.min(wantedCores(group), mostCores(group)) };
	}

	/** A container's quota: its own, or what was written by hand there, and above it. @param own where nobody wrote */
	effective(path: string, own: number): number {
		return byHand(this.#tree.find(path), "cpu.max", own, coresOf);
	}

	/** CPU time of a group and those below, ms. */
	usedMs(group: Cgroup, members = this.#tree.byGroup()): number {
		const usage = group.provided?.usage;
		if (usage !== undefined) return usage().cpuMs;
		let sum = group.cpu?.totalMs ?? 0;
		if (group.cpu === undefined) for (const process of members.get(group.path) ?? []) sum += process.cpuMs;
		for (const child of group.children.values()) sum += this.usedMs(child, members);
		return sum;
	}

	throttlingOf(group: Cgroup): Throttling {
		return group.provided?.usage?.().throttling ?? group.throttling ?? noThrottling;
	}
}

function weightOf(group: Cgroup): number {
	const shares = (count: number) => (count * usualWeight) / usualShares;
	if (group.setting("cpu.idle") === "1") return shares(idleShares);
	return group.hierarchy.version === 1 ? shares(Number(group.setting("cpu.shares"))) : Number(group.setting("cpu.weight"));
}

/** By its quota, and by the processors of its own. */
function mostCores(group: Cgroup): number {
	const cpus = group.setting("cpuset.cpus");
	return Math.min(coresOf(group.setting("cpu.max")), cpus === "" ? Number.POSITIVE_INFINITY : (parseCpuList(cpus)?.length ?? 1));
}

function wantedCores(group: Cgroup): number {
	let sum = group.running;
	for (const child of group.children.values()) if (child.busy > 0) sum += Math.min(wantedCores(child), mostCores(child));
	return sum;
}

/** The lowest of what a group has and what was written to those above it by hand. @param own what it has where nobody wrote to it */
export function byHand(group: Cgroup | undefined, setting: string, own: number, read: (text: string) => number): number {
	let lowest = own;
	for (const each of group?.line() ?? []) {
		const written = each.written.get(setting);
		if (written !== undefined) lowest = each === group ? read(written) : Math.min(lowest, read(written));
	}
	return lowest;
}
