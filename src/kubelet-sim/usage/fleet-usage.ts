/** What the pods and nodes of a fleet use: finds who knows it. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { NodeUsage, PodUsage, UsageSource } from "../../apimachinery/usage.ts";
import type { PodUsageMeter } from "./pod-usage.ts";
import { nodeUsageAt, podUsageAt } from "./scrape.ts";
import type { ServiceLoads } from "./service-loads.ts";

/** A node whose kubelet answers. */
export interface UsedNode {
	/** When it came up, Unix ms. */
	readonly startedMs: number;
	readonly pods: readonly PodUsageMeter[];
}

export interface FleetUsageOptions {
	readonly clock: Clock;
	readonly loads: ServiceLoads;
	/** Undefined: no such pod runs, or its kubelet does not answer. */
	pod(namespace: string, name: string): PodUsageMeter | undefined;
	node(name: string): UsedNode | undefined;
}

export class FleetUsage implements UsageSource {
	readonly #options: FleetUsageOptions;

	constructor(options: FleetUsageOptions) {
		this.#options = options;
	}

	podUsage(namespace: string, name: string): PodUsage | undefined {
		const { clock, loads, pod } = this.#options;
		loads.complete();
		const meter = pod(namespace, name);
		return meter === undefined ? undefined : podUsageAt(meter, clock.now());
	}

	nodeUsage(name: string): NodeUsage | undefined {
		const { clock, loads, node } = this.#options;
		loads.complete();
		const found = node(name);
		return found === undefined ? undefined : nodeUsageAt(found.pods, found.startedMs, clock.now());
	}
}
