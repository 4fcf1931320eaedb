/** What a container may use: by its spec, as far as that is in force, and by what somebody wrote into the tree of cgroups. */
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { containerCgroup } from "../cgroups/layout.ts";
import type { ContainerRecord } from "./pod-record.ts";
import { guestCpus, type SandboxRuntime } from "./sandboxes.ts";
import type { WorkerNode } from "./worker-host.ts";

const unlimited = Number.POSITIVE_INFINITY;

/** Of the pod around it. */
interface LimitsScope {
	readonly node: WorkerNode;
	readonly pod: Pod;
	readonly runtime: SandboxRuntime;
}

export class ContainerLimits {
	readonly #scope: LimitsScope;
	readonly #record: Pick<ContainerRecord, "actuated" | "containerId">;

	constructor(scope: LimitsScope, record: Pick<ContainerRecord, "actuated" | "containerId">) {
		this.#scope = scope;
		this.#record = record;
	}

	/** The runtime's id of it, without the runtime's name. */
	get id(): string {
		return this.#record.containerId.replace("containerd://", "");
	}

	/** > 0: its limit, or what the node has. */
	get cores(): number {
		const { runtime, node } = this.#scope;
		const limit = this.#record.actuated?.limits?.cpu ?? (runtime.kind === "kata" ? guestCpus : node.allocatable.cpu) ?? "1";
		return Math.max(0.001, this.#setByHand("cpu.max", quantityToNumber(limit)));
	}

	get isCpuLimited(): boolean {
		return this.#record.actuated?.limits?.cpu !== undefined || this.#setByHand("cpu.max", unlimited) !== unlimited;
	}

	/** Infinity without a limit. */
	get memoryBytes(): number {
		const limit = this.#record.actuated?.limits?.memory;
		return this.#setByHand("memory.max", limit === undefined ? unlimited : quantityToNumber(limit));
	}

	/** Somebody may have written other limits to its cgroup, or to one above it. */
	#setByHand(file: "cpu.max" | "memory.max", own: number): number {
		const { node, pod } = this.#scope;
		const { cgroups } = node.kernel;
		if (cgroups === undefined) return own;
		return (file === "cpu.max" ? cgroups.cpu : cgroups.memory).effective(containerCgroup(pod, this.id, node.cgroupDriver), own);
	}
}
