/**
 * Keeps nodes from running out of memory, disk and processes: looks every ten seconds at those where that could happen, says in
 * their conditions what they are short of, and makes room: unused images first, then pods, one at a time. It also ends pods that
 * are above their own limits of local storage.
 *
 *   usage grew, files were written ──> could it ever be too much? ──> look in 10 s, and again for as long as it could
 *
 * A node on which nothing can come near a threshold has no timer, so that thousands of them cost nothing.
 * Source: pkg/kubelet/eviction/eviction_manager.go, https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import { isCriticalPod } from "../admission/critical-pods.ts";
import { pressureEvent } from "../node/node-object.ts";
import type { SimNode } from "../node/sim-node.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import { imagesToDelete } from "./image-collection.ts";
import { exceededStorageLimit, limitsStorage } from "./local-storage.ts";
import { evictionMessage } from "./messages.ts";
import { type MeasuredPod, measurePod, observe, worstCase } from "./node-stats.ts";
import { type PodPeak, PodPeaks } from "./pod-peaks.ts";
import { podDisk } from "./pod-stats.ts";
import { nextPressure, noPressure, type PressureState } from "./pressure-state.ts";
import { rankForEviction } from "./ranking.ts";
import { amountOf, metThresholds, type Observation, type Observations, resourceOf, type Signal, type Threshold } from "./thresholds.ts";

/** evictionMonitoringPeriod of the kubelet. */
const lookMs = 10_000;
/** How long an evicted pod is waited for, and how often it is looked at. */
const cleanupTimeoutMs = 30_000;
const cleanupPollMs = 1_000;
/** ImageGCPeriod of the kubelet. */
const imageGcMs = 300_000;
/** How long a pod has when a hard threshold is met. */
const immediateGraceMs = 1_000;

/** What somebody can make a node short of. */
export type PressedResource = "memory" | "disk" | "pid";

const pressedSignals: Readonly<Record<PressedResource, Signal>> = {
	memory: "memory.available",
	disk: "nodefs.available",
	pid: "pid.available",
};

export interface EvictionManagerOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly workers: (node: string) => Iterable<PodWorker>;
	readonly event: (node: SimNode, type: "Normal" | "Warning", reason: string, message: string) => void;
	readonly reportStatus: (node: SimNode) => void;
}

/** What is known of a node that is being looked at. */
interface Watched {
	timer: Timer | undefined;
	pressure: PressureState;
	/** Files were written since the last look. */
	isDirty: boolean;
	/** Of files, as of the last look. */
	fileBytes: number;
	/** When images were last collected, Unix ms. */
	collectedMs: number;
	failedCollections: number;
}

export class EvictionManager {
	readonly #options: EvictionManagerOptions;
	readonly #watched = new Map<SimNode, Watched>();
	readonly #peaks: PodPeaks;

	constructor(options: EvictionManagerOptions) {
		this.#options = options;
		this.#peaks = new PodPeaks(options.workers);
	}

	/** A pod has come to the node. */
	podAdded(node: SimNode, pod: PodPeak): void {
		this.#peaks.grew(node.name, pod);
	}

	/** A pod may take more than before; without one, the node itself. */
	usageGrew(node: SimNode, pod?: PodPeak): void {
		if (pod !== undefined) this.#peaks.grew(node.name, pod);
		const watched = this.#watched.get(node);
		if (watched?.timer !== undefined || !node.running) return;
		if (!this.#isCalm(node, watched)) this.#lookLater(node, this.#watch(node));
	}

	/** Files were written to the node's disk. */
	filesGrew(node: SimNode): void {
		const watched = this.#watch(node);
		watched.isDirty = true;
		if (watched.timer === undefined && node.running) this.#lookLater(node, watched);
	}

	/**
	 * Takes so much of the node, beside its pods, that half of what a hard threshold asks for is left. Throws an Error if the kubelet has
	 * no such threshold: then it would do nothing.
	 */
	press(node: SimNode, kind: PressedResource): void {
		const signal = pressedSignals[kind];
		const threshold = node.settings.thresholds.find((each) => each.signal === signal && each.graceMs === 0);
		if (threshold === undefined) throw new Error(`the kubelet of ${node.name} has no hard threshold of ${signal} (evictionHard)`);
		const { available, capacity } = this.#measure(node, this.#watch(node)).observations[signal];
		const more = Math.max(0, Math.ceil(available - amountOf(threshold.value, capacity) / 2));
		const { memoryBytes, diskBytes, processes } = node.load;
		node.load = {
			memoryBytes: memoryBytes + (kind === "memory" ? more : 0),
			diskBytes: diskBytes + (kind === "disk" ? more : 0),
			processes: processes + (kind === "pid" ? more : 0),
		};
		this.usageGrew(node);
	}

	/** The node's kubelet stops, or the node is gone. What it had seen is forgotten. */
	end(node: SimNode): void {
		this.#watched.get(node)?.timer?.cancel();
		this.#watched.delete(node);
		this.#peaks.forget(node.name);
	}

	stop(): void {
		for (const node of [...this.#watched.keys()]) this.end(node);
	}

	#watch(node: SimNode): Watched {
		const known = this.#watched.get(node);
		if (known !== undefined) return known;
		const made = {
			timer: undefined,
			pressure: noPressure,
			isDirty: false,
			fileBytes: 0,
			collectedMs: node.startedMs,
			failedCollections: 0,
		};
		this.#watched.set(node, made);
		return made;
	}

	/** Each kubelet looks in a rhythm of its own, which began when it did. */
	#lookLater(node: SimNode, watched: Watched): void {
		const sinceMs = this.#options.clock.now() - node.startedMs;
		this.#lookIn(node, watched, lookMs - (sinceMs % lookMs));
	}

	#lookIn(node: SimNode, watched: Watched, delayMs: number): void {
		watched.timer?.cancel();
		watched.timer = this.#options.clock.setTimeout(() => {
			watched.timer = undefined;
			if (node.running) this.#look(node, watched);
		}, delayMs);
	}

	#look(node: SimNode, watched: Watched): void {
		watched.isDirty = false;
		const evicted = this.#synchronize(node, watched);
		if (evicted.length > 0) this.#awaitCleanup(node, watched, evicted, this.#options.clock.now() + cleanupTimeoutMs);
		else if (watched.isDirty || !this.#isCalm(node, watched)) this.#lookLater(node, watched);
	}

	#awaitCleanup(node: SimNode, watched: Watched, evicted: readonly PodWorker[], untilMs: number): void {
		const { clock } = this.#options;
		watched.timer = clock.setTimeout(() => {
			watched.timer = undefined;
			if (!node.running) return;
			if (clock.now() < untilMs && evicted.some(({ holdsRoom }) => holdsRoom)) this.#awaitCleanup(node, watched, evicted, untilMs);
			else this.#look(node, watched);
		}, cleanupPollMs);
	}

	/** One look. @returns the pods that it ended */
	#synchronize(node: SimNode, watched: Watched): readonly PodWorker[] {
		const { clock } = this.#options;
		const { thresholds, pressureTransitionMs: transitionMs } = node.settings;
		const nowMs = clock.now();
		const { pods, observations } = this.#measure(node, watched);
		this.#collectImages(node, watched, observations);
		const { state, conditions, due } = nextPressure(watched.pressure, thresholds, observations, { nowMs, transitionMs });
		watched.pressure = state;
		this.#showConditions(node, conditions);
		const active = pods.filter(({ worker }) => worker.record.isAdmitted && worker.record.ending === undefined && worker.holdsRoom);
		const overLimit = active.flatMap((stats) => {
			const exceeded = exceededStorageLimit(stats);
			return exceeded !== undefined && this.#evict(stats, exceeded, immediateGraceMs) ? [stats.worker] : [];
		});
		const [first] = due;
		return overLimit.length > 0 || first === undefined ? overLimit : this.#reclaim(node, watched, first, due, active, observations);
	}

	#measure(node: SimNode, watched: Watched): { readonly pods: readonly MeasuredPod[]; readonly observations: Observations } {
		const nowMs = this.#options.clock.now();
		const pods = [...this.#options.workers(node.name)].map((worker) => measurePod(worker, nowMs));
		watched.fileBytes = pods.reduce((sum, stats) => sum + podDisk(stats).bytes - stats.saidDiskBytes, node.writtenFiles().bytes);
		return { pods, observations: observe(node, pods) };
	}

	#showConditions(node: SimNode, conditions: readonly string[]): void {
		const before = node.pressures;
		if (before.join() === conditions.join()) return;
		node.pressures = conditions;
		for (const pressure of new Set([...before, ...conditions])) {
			const isUnder = conditions.includes(pressure);
			if (isUnder === before.includes(pressure)) continue;
			const reason = pressureEvent(pressure, isUnder);
			this.#options.event(node, "Normal", reason, `Node ${node.name} status is now: ${reason}`);
		}
		this.#options.reportStatus(node);
	}

	/** Makes room for what is most urgent. */
	#reclaim(
		node: SimNode,
		watched: Watched,
		threshold: Threshold,
		due: readonly Threshold[],
		active: readonly MeasuredPod[],
		observations: Observations,
	): readonly PodWorker[] {
		const { log, event } = this.#options;
		const resource = resourceOf(threshold.signal);
		log.info("Eviction manager: attempting to reclaim", { node: node.name, resourceName: resource });
		event(node, "Warning", "EvictionThresholdMet", `Attempting to reclaim ${resource}`);
		if ((resource === "ephemeral-storage" || resource === "inodes") && this.#freeDisk(node, watched)) return [];
		log.info("Eviction manager: must evict pod(s) to reclaim", { node: node.name, resourceName: resource });
		const graceMs = threshold.graceMs === 0 ? immediateGraceMs : node.settings.maxPodGraceMs;
		for (const stats of rankForEviction(active, resource)) {
			const message = evictionMessage(resource, stats, due, observations);
			if (this.#evict(stats, { signal: threshold.signal, message }, graceMs)) return [stats.worker];
		}
		log.warn("Eviction manager: unable to evict any pods from the node", { node: node.name });
		return [];
	}

	#evict({ worker, pod }: MeasuredPod, why: { readonly signal: string; readonly message: string }, graceMs: number): boolean {
		if (isCriticalPod(pod)) {
			this.#options.log.warn("Eviction manager: cannot evict a critical pod", { pod: pod.metadata?.name });
			return false;
		}
		worker.evict({ reason: "Evicted", message: why.message }, graceMs);
		worker.node.counters.count("evictions", why.signal);
		return true;
	}

	/** Deletes what dead containers left, and unused images. @returns whether that was enough */
	#freeDisk(node: SimNode, watched: Watched): boolean {
		for (const worker of this.#options.workers(node.name)) worker.dropDeadFiles();
		this.#deleteImages(node, Number.POSITIVE_INFINITY);
		const { observations } = this.#measure(node, watched);
		return metThresholds(node.settings.thresholds, observations, true).length === 0;
	}

	/** From a high water mark down to a low one, every five minutes. */
	#collectImages(node: SimNode, watched: Watched, observations: Observations): void {
		const { imageGcHighPercent, imageGcLowPercent } = node.settings;
		const { available, capacity } = observations["imagefs.available"];
		const nowMs = this.#options.clock.now();
		if (capacity === 0 || nowMs - watched.collectedMs < imageGcMs || usedPercent({ available, capacity }) < imageGcHighPercent) return;
		watched.collectedMs = nowMs;
		const wanted = Math.trunc((capacity * (100 - imageGcLowPercent)) / 100) - available;
		const freed = this.#deleteImages(node, wanted);
		if (freed >= wanted) {
			watched.failedCollections = 0;
			return;
		}
		const message = `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`;
		this.#options.event(node, "Warning", "FreeDiskSpaceFailed", message);
		// The first failure may be one of figures that are not there yet.
		if (watched.failedCollections++ > 0) this.#options.event(node, "Warning", "ImageGCFailed", message);
	}

	/** @returns the bytes that it freed */
	#deleteImages(node: SimNode, bytesToFree: number): number {
		const used = new Set<string>();
		for (const worker of this.#options.workers(node.name)) for (const { record } of worker.containerWorkers()) used.add(record.image);
		const images = [...node.storedImages].map(([reference, { image, sinceMs }]) => ({ reference, sizeBytes: image.sizeBytes, sinceMs }));
		const { imageMinAgeMs: minAgeMs } = node.settings;
		const deleted = imagesToDelete(images, (reference) => used.has(reference), bytesToFree, { nowMs: this.#options.clock.now(), minAgeMs });
		for (const { reference } of deleted) node.removeImage(reference);
		if (deleted.length > 0) this.#options.reportStatus(node);
		return deleted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
	}

	/** Whether nothing that is foreseen brings the node near any threshold, so that there is no need to look again until something changes. */
	#isCalm(node: SimNode, watched: Watched | undefined): boolean {
		if (node.pressures.length > 0 || (watched !== undefined && watched.pressure.firstMetMs.size > 0)) return false;
		const { thresholds, imageGcHighPercent } = node.settings;
		return this.#peaks.areCalm(node.name, (pods) => {
			const worst = worstCase(node, pods, watched?.fileBytes ?? 0);
			if (usedPercent(worst.disk) >= imageGcHighPercent || thresholds.some((threshold) => isNear(threshold, worst))) return false;
			return pods.diskBytes === 0 || !this.#mayExceedLimits(node);
		});
	}

	/** Whether a pod may come to be above its own limits of local storage. */
	#mayExceedLimits(node: SimNode): boolean {
		for (const worker of this.#options.workers(node.name)) if (worker.peakDiskBytes > 0 && limitsStorage(worker.pod)) return true;
		return false;
	}
}

function usedPercent({ available, capacity }: Observation): number {
	return capacity === 0 ? 0 : 100 - Math.trunc((available * 100) / capacity);
}

/** Processes come and go unseen, and inodes with files: who has a threshold of processes is looked at always, one of inodes when files are written. */
function isNear({ signal, value, minReclaim }: Threshold, worst: { readonly memory: Observation; readonly disk: Observation }): boolean {
	const isBelow = ({ available, capacity }: Observation) =>
		available < amountOf(value, capacity) + (minReclaim === undefined ? 0 : amountOf(minReclaim, capacity));
	const near: Readonly<Record<Signal, () => boolean>> = {
		"memory.available": () => isBelow(worst.memory),
		"nodefs.available": () => isBelow(worst.disk),
		"imagefs.available": () => isBelow(worst.disk),
		"nodefs.inodesFree": () => false,
		"imagefs.inodesFree": () => false,
		"pid.available": () => true,
	};
	return near[signal]();
}
