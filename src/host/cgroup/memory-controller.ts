/**
 * What groups may take of memory. Over memory.max somebody is killed (or, where version 1's oom_kill_disable says so, waits); over
 * memory.high who asks for more is slowed down, the more the further above it the group is. Nothing is ever reclaimed: what programs have
 * taken they need.
 * Source: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory; the delay: calculate_high_delay of mm/memcontrol.c, Linux 6.12
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Process } from "../process.ts";
import type { Cgroup } from "./cgroup.ts";
import type { CgroupTree } from "./cgroup-tree.ts";
import { byHand } from "./cpu-controller.ts";
import { chooseVictim, type OomReporter, reportOom } from "./oom.ts";
import { limitOf } from "./settings.ts";

/** The kernel charges memory in batches of 64 pages. */
const batchBytes = 64 * 4096;
/** The longest delay of a batch, and the shortest that counts. */
const maxDelayMs = 2_000;
const minDelayMs = 10;

/** How much a process gets at once, and for how long it waits then. */
export interface MemoryStep {
	readonly bytes: number;
	readonly waitMs: number;
}

export class MemoryController {
	readonly #tree: CgroupTree;
	readonly #clock: Clock;
	readonly #reporter: OomReporter;
	/** Who waits for memory in a group that kills nobody. */
	readonly #waiting = new Map<Cgroup, Set<Process>>();

	constructor(tree: CgroupTree, clock: Clock, reporter: OomReporter) {
		this.#tree = tree;
		this.#clock = clock;
		this.#reporter = reporter;
	}

	/** Bytes, of a group and those below. */
	usageOf(group: Cgroup, members = this.#tree.byGroup()): number {
		const usage = group.provided?.usage;
		if (usage !== undefined) return usage().memoryBytes;
		let sum = 0;
		for (const process of members.get(group.path) ?? []) sum += process.rssBytes;
		for (const child of group.children.values()) sum += this.usageOf(child, members);
		group.memory.peakBytes = Math.max(group.memory.peakBytes, sum);
		return sum;
	}

	/** A process has taken more. */
	grew(process: Process): void {
		this.enforce(this.#tree.groupOf(process), process);
	}

	/**
	 * Somebody's memory grew, or a limit fell: whoever is over a limit that was set here loses a process, until it is within it. Limits of
	 * containers that nobody wrote to are the kubelet's affair.
	 * @param trigger who asked for memory; undefined: a limit was written
	 */
	enforce(group: Cgroup | undefined, trigger: Process | undefined): void {
		for (const each of group?.line() ?? []) {
			const limitBytes = limitOf(each.setting("memory.max"));
			if (limitBytes === Number.POSITIVE_INFINITY || (each.provided?.usage !== undefined && !each.written.has("memory.max"))) continue;
			for (;;) {
				const usageBytes = this.usageOf(each);
				if (usageBytes <= limitBytes || !this.#oomKill(each, trigger, usageBytes, limitBytes)) break;
			}
		}
		this.relieve();
	}

	/** Who waited goes on where there is memory again. */
	relieve(): void {
		for (const [group, processes] of this.#waiting) {
			if (this.usageOf(group) > limitOf(group.setting("memory.max"))) continue;
			this.#waiting.delete(group);
			for (const process of processes) process.release("memory");
		}
	}

	isUnderOom(group: Cgroup): boolean {
		return this.#waiting.has(group);
	}

	/** False: there is nobody to kill. */
	#oomKill(group: Cgroup, trigger: Process | undefined, usageBytes: number, limitBytes: number): boolean {
		const tasks = this.#tree.population(group);
		group.memory.maxEvents++;
		if (group.setting("memory.oom_kill_disable") === "1") {
			const waiting = this.#waiting.get(group) ?? new Set();
			this.#waiting.set(group, waiting);
			for (const process of trigger === undefined ? tasks : [trigger]) {
				waiting.add(process);
				process.hold("memory");
			}
			return false;
		}
		const victim = chooseVictim(tasks, limitBytes);
		if (victim === undefined) return false;
		group.memory.oomEvents++;
		const home = this.#tree.groupOf(victim) ?? group;
		const isGroupKill = home.setting("memory.oom.group") === "1";
		const all = isGroupKill ? this.#tree.population(home) : [victim];
		if (isGroupKill) home.memory.groupKills++;
		for (const each of home.line()) {
			each.memory.oomKills += all.length;
			if (each === group) break;
		}
		reportOom(this.#reporter, {
			nowMs: this.#clock.now(),
			trigger: trigger ?? victim,
			victims: all,
			tasks,
			group: { path: group.path, usageBytes, limitBytes, failures: group.memory.maxEvents },
			isGroupKill,
		});
		for (const each of all) each.killForMemory();
		return true;
	}

	/** Processes were killed at once for a limit that the kubelet keeps. */
	countOomKill(path: string, kills: number, isGroupKill: boolean): void {
		const group = this.#tree.find(path);
		if (group === undefined) return;
		group.memory.oomEvents++;
		group.memory.maxEvents++;
		for (const each of group.line()) if (each.parent !== undefined) each.memory.oomKills += kills;
		if (isGroupKill) group.memory.groupKills++;
	}

	/** What a process gets of so many bytes before it has to wait. */
	step(process: Process, wantedBytes: number): MemoryStep {
		const whole = { bytes: wantedBytes, waitMs: 0 };
		const limited = [...(this.#tree.groupOf(process)?.line() ?? [])].filter(
			(group) => limitOf(group.setting("memory.high")) !== Number.POSITIVE_INFINITY,
		);
		if (limited.length === 0) return whole;
		const overs = limited.map((group) => ({ group, ...this.#over(group) }));
		const free = Math.min(...overs.map(({ usageBytes, highBytes }) => highBytes - usageBytes));
		if (free >= wantedBytes) return whole;
		if (free >= batchBytes) return { bytes: free, waitMs: 0 };
		const waitMs = Math.max(...overs.map(({ usageBytes, highBytes }) => delayMs(usageBytes + batchBytes, highBytes)));
		for (const { group, usageBytes, highBytes } of overs)
			if (usageBytes + batchBytes > highBytes) {
				group.memory.highEvents++;
				for (const each of group.line()) each.memory.stalledMs += waitMs;
			}
		return { bytes: Math.min(batchBytes, wantedBytes), waitMs };
	}

	#over(group: Cgroup): { readonly usageBytes: number; readonly highBytes: number } {
		return { usageBytes: this.usageOf(group), highBytes: limitOf(group.setting("memory.high")) };
	}

	/** A container's limit: its own, or what was written by hand there, and above it. @param own where nobody wrote */
	effective(path: string, own: number): number {
		return byHand(this.#tree.find(path), "memory.max", own, limitOf);
	}
}

/** For how long a batch waits in a group that uses so much: it grows with the square of the excess. */
export function delayMs(usageBytes: number, highBytes: number): number {
	if (usageBytes <= highBytes) return 0;
	const excess = (usageBytes - highBytes) / Math.max(1, highBytes);
	const ms = (excess * 2 ** 20) ** 2 * (1000 / 2 ** 34);
	return ms <= minDelayMs ? 0 : Math.min(maxDelayMs, Math.round(ms));
}
