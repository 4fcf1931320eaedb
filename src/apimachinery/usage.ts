/**
 * What pods and nodes use of their resources, as whoever simulates them tells whoever serves it: the API server's
 * metrics.k8s.io asks, the simulated kubelets answer.
 */

export interface ResourceUsage {
	/** Average over the window, in billionths of a core. */
	readonly cpuNanoCores: number;
	/** At the end of the window: the working set. */
	readonly memoryBytes: number;
}

/** When it was looked at. */
interface UsageWindow {
	/** End of the window, Unix ms. */
	readonly timestampMs: number;
	readonly windowMs: number;
}

export interface ContainerUsage extends ResourceUsage {
	readonly name: string;
}

export interface PodUsage extends UsageWindow {
	readonly containers: readonly ContainerUsage[];
}

export interface NodeUsage extends UsageWindow, ResourceUsage {}

export interface UsageSource {
	/** Undefined while there is nothing to tell: it does not run, or runs for too short a time. */
	podUsage(namespace: string, pod: string): PodUsage | undefined;
	nodeUsage(node: string): NodeUsage | undefined;
}
