/** What one container uses, over all its instances, and what the kernel does about one that takes more than it may. */
import type { Timer } from "../../apimachinery/clock/clock.ts";
import { type MachineFacts, noThrottling, type Process, type Throttling } from "../../host/index.ts";
import type { SimContainer } from "../container/container.ts";
import { type PodUsageMeter, saysMemory, type UsedContainer } from "../usage/pod-usage.ts";
import { containerFacts } from "./container-facts.ts";
import { ContainerLimits } from "./container-limits.ts";
import { type ContainerRecord, findContainer } from "./pod-record.ts";
import type { PodScope } from "./pod-scope.ts";

/** The container, by its worker. */
interface MeasuredContainer {
	readonly record: ContainerRecord;
	/** The present instance, or the one that ended last. */
	readonly container: SimContainer | undefined;
}

export class ContainerUsage {
	readonly #scope: PodScope;
	readonly #of: MeasuredContainer;
	/** The kernel's, while the container is to be killed for its memory some day. */
	#memoryTimer: Timer | undefined;
	/** Id of the instance whose usage is in the counters of pod and node. */
	#endedId: string | undefined;

	constructor(scope: PodScope, of: MeasuredContainer) {
		this.#scope = scope;
		this.#of = of;
	}

	/** Made for who asks. */
	get limits(): ContainerLimits {
		return new ContainerLimits(this.#scope, this.#of.record);
	}

	/** What it uses; undefined while it does not run. */
	get used(): UsedContainer | undefined {
		const { record, container } = this.#of;
		if (container === undefined || record.phase !== "running" || this.#endedId === record.containerId) return undefined;
		const { machine } = container;
		const { limits } = this;
		const { memoryBytes: limitBytes } = limits;
		return {
			name: record.name,
			startedMs: record.startedMs,
			image: container.ownUsage,
			cores: limits.cores,
			isCpuLimited: limits.isCpuLimited,
			containerId: record.containerId,
			imageName: record.image,
			memoryLimitBytes: limitBytes === Number.POSITIVE_INFINITY ? undefined : limitBytes,
			workedMs: (atMs) => machine.cpuUsedMs(atMs),
			takenMemoryBytes: machine.takenMemoryBytes,
		};
	}

	/** The memory of one whose pod says nothing of it. */
	get ownMemoryBytes(): number {
		const { record, container } = this.#of;
		if (container === undefined || record.phase !== "running") return 0;
		return container.ownUsage.memoryBytes + container.machine.takenMemoryBytes;
	}

	/** What the node's kernel knows of it; undefined for one that its pod has no more. */
	facts(): MachineFacts | undefined {
		const { host, usage, pod } = this.#scope;
		const { record, container } = this.#of;
		const spec = findContainer(pod, record.name);
		if (spec === undefined) return undefined;
		const { used } = this;
		const nowMs = host.clock.now();
		const use =
			used === undefined
				? { cpuMs: 0, memoryBytes: this.ownMemoryBytes }
				: { cpuMs: usage.cpuSeconds(used, nowMs) * 1000, memoryBytes: usage.memoryBytes(used, nowMs) };
		return containerFacts(this.#scope, { id: this.limits.id, spec, machine: container?.machine, use });
	}

	/** How its quota has held it up: work that waited, and what curves would have liked to use. */
	throttling(usage: PodUsageMeter): Throttling {
		const { used } = this;
		const own = this.#of.container?.machine.throttling ?? noThrottling;
		if (used === undefined || !used.isCpuLimited) return noThrottling;
		return usage.throttling(used, own, this.#scope.host.clock.now());
	}

	/** It uses something else than before, or may. */
	changed(): void {
		this.guardMemory();
		this.#scope.usageGrew();
	}

	/** Its limits were changed by hand, in the tree of cgroups. */
	limitsChanged(): void {
		if (this.#of.record.phase === "running") this.changed();
	}

	/** The kernel kills what takes more memory than it may: now, or at the moment at which it will. Asked again when anything about that changes. */
	guardMemory(): void {
		this.stopGuard();
		const process = this.#of.container?.process;
		if (process === undefined || this.limits.memoryBytes === Number.POSITIVE_INFINITY) return;
		const { used } = this;
		if (used === undefined) return;
		const atMs = this.#memoryExceededMs(used);
		if (atMs === undefined) return;
		const { clock } = this.#scope.host;
		if (atMs <= clock.now()) this.#killForMemory(process);
		else this.#memoryTimer = clock.setTimeout(() => this.#killForMemory(process), atMs - clock.now());
	}

	/** When it will want more memory than its limit lets it have, Unix ms; undefined: never, as things are. */
	#memoryExceededMs(used: UsedContainer): number | undefined {
		const nowMs = this.#scope.host.clock.now();
		// Of most pods nobody asks for the meter, and there is none.
		if (saysMemory(this.#scope.pod) || used.image.memoryCurve !== undefined) return this.#scope.usage.memoryExceededMs(used, nowMs);
		const { image, takenMemoryBytes, memoryLimitBytes = Number.POSITIVE_INFINITY } = used;
		const ownBytes = image.isGuess === true ? 0 : image.memoryBytes;
		return ownBytes + takenMemoryBytes > memoryLimitBytes ? nowMs : undefined;
	}

	stopGuard(): void {
		this.#memoryTimer?.cancel();
		this.#memoryTimer = undefined;
	}

	/** The kernel kills the whole container (memory.oom.group), and says so in its log. */
	#killForMemory(process: Process): void {
		const { node, host, usage } = this.#scope;
		const { used } = this;
		if (used === undefined || process.exit !== undefined) return;
		const limitBytes = this.limits.memoryBytes;
		const usageBytes = Math.max(limitBytes, usage.memoryBytes(used, host.clock.now()));
		node.kernel.killGroupForMemory(process, { usageBytes, limitBytes }, host.clock.now());
	}

	/** The instance ends: what it has used by now stays in the counters of pod and node. */
	end(): void {
		this.stopGuard();
		const { used } = this;
		if (used === undefined || this.#endedId === used.containerId) return;
		this.#endedId = used.containerId;
		this.#scope.usageEnded(used);
	}
}
