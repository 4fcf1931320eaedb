/** How long things take on simulated nodes. All times are cluster time, in milliseconds. */
import type { Random } from "../apimachinery/random.ts";

export interface LatencyModel {
	/** Mounting volumes and making the sandbox with its network. */
	sandboxMs(random: Random): number;
	/** Pulling an image of so many bytes that the node does not have. */
	pullMs(sizeBytes: number, random: Random): number;
	/** Asking the registry about an image that the node has (imagePullPolicy Always). */
	checkImageMs(random: Random): number;
	/** Creating and starting a container. */
	startMs(random: Random): number;
	/** Until the kubelet notices that a container has ended: its generic PLEG looks once a second. */
	noticeMs(random: Random): number;
}

/** A node with a good connection: what `kubectl get pods -w` shows on a small real cluster. */
const usualLatency: LatencyModel = {
	sandboxMs: (random) => 250 + random.int(300),
	pullMs: (sizeBytes, random) => 600 + Math.round(sizeBytes / 40_000) + random.int(400),
	checkImageMs: (random) => 300 + random.int(400),
	startMs: (random) => 40 + random.int(80),
	noticeMs: (random) => random.int(1000),
};

/** Everything at once: a pod goes from Pending to Running and Ready in one status update. */
const noLatency: LatencyModel = { sandboxMs: () => 0, pullMs: () => 0, checkImageMs: () => 0, startMs: () => 0, noticeMs: () => 0 };

export type LatencyOption = "usual" | "none" | LatencyModel;

export function latencyModel(option: LatencyOption): LatencyModel {
	return option === "none" ? noLatency : option === "usual" ? usualLatency : option;
}
