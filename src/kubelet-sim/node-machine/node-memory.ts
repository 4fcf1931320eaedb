/**
 * The memory of a whole node: when all that runs wants more than there is, the kernel kills whoever has the highest score, and the kubelet
 * says so in an event of the Node. Looked at when a program takes memory. What annotations say of a pod's memory may exceed the machine's: then
 * nothing is left, and the kubelet evicts.
 * Source: mm/oom_kill.c of Linux; pkg/kubelet/oom/oom_watcher_linux.go (event)
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { chooseVictim, type Kernel, type Process, reportOom } from "../../host/index.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import { type HardwareNode, hardwareOf } from "./hardware.ts";

export interface MemoryNode extends HardwareNode {
	readonly kernel: Kernel;
}

export interface NodeMemoryOptions<N extends MemoryNode> {
	readonly clock: Clock;
	readonly workers: (node: N) => Iterable<PodWorker>;
	readonly event: (node: N, type: "Normal" | "Warning", reason: string, message: string) => void;
}

export class NodeMemory<N extends MemoryNode> {
	readonly #options: NodeMemoryOptions<N>;
	/** Those at which somebody is being killed: what ends gives memory back, and nobody looks meanwhile. */
	readonly #busy = new Set<N>();

	constructor(options: NodeMemoryOptions<N>) {
		this.#options = options;
	}

	/** Kills until what is left fits, or nobody may be killed. */
	enforce(node: N): void {
		if (this.#busy.has(node)) return;
		this.#busy.add(node);
		try {
			while (this.#isShort(node) && this.#killOne(node));
		} finally {
			this.#busy.delete(node);
		}
	}

	#isShort(node: N): boolean {
		const { usedMemoryBytes, memoryBytes } = hardwareOf(node, this.#options.workers(node), this.#options.clock.now());
		return usedMemoryBytes > memoryBytes;
	}

	#killOne(node: N): boolean {
		const { kernel } = node;
		const { clock, workers, event } = this.#options;
		const { memoryBytes } = hardwareOf(node, workers(node), clock.now());
		const tasks = kernel.processes().filter(({ exit }) => exit === undefined);
		const victim = chooseVictim(tasks, memoryBytes);
		if (victim === undefined) return false;
		// The kubelet has the kernel kill containers as a whole, as a rule.
		const isContainer = kernel.killsWholeContainers() && victim.machine.facts?.namespaces.mnt !== undefined;
		const victims: readonly Process[] = isContainer ? tasks.filter(({ cgroup }) => cgroup === victim.cgroup) : [victim];
		reportOom(kernel, { nowMs: clock.now(), trigger: victim, victims, tasks, isGroupKill: isContainer });
		for (const each of victims) each.killForMemory();
		event(node, "Warning", "SystemOOM", `System OOM encountered, victim process: ${victim.comm}, pid: ${victim.hostPid}`);
		return true;
	}
}
