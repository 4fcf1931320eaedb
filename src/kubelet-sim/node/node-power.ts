/**
 * A node's machine goes off and on: by a power cut, or by a shutdown that its kubelet has been told of and ends pods before, first
 * the ordinary ones, then the critical ones.
 *
 *   on ── cut ──────────────────────────────> off ── boot ──> on: another boot id, containers of before have ended
 *    └── shut down ── pods end in turn ───────^
 *
 * Source: pkg/kubelet/nodeshutdown, https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/#graceful-node-shutdown
 */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { PowerAction } from "../../host/index.ts";
import { priorityOf, systemCriticalPriority } from "../admission/critical-pods.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import type { ShutdownPeriods } from "./kubelet-configuration.ts";
import type { SimNode } from "./sim-node.ts";

const pollMs = 1_000;
/** Until a machine that reboots is up again. */
const bootMs = 5_000;

/** What the documentation of Kubernetes shows. */
const usualPeriods: ShutdownPeriods = { graceMs: 30_000, criticalMs: 10_000 };

const terminated = { reason: "Terminated", message: "Pod was terminated in response to imminent node shutdown." } as const;

export interface NodePowerOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly workers: (node: string) => Iterable<PodWorker>;
	/** Whether the kubelet works may have changed. */
	readonly changed: (node: SimNode) => void;
	readonly reportStatus: (node: SimNode) => Promise<void>;
	readonly event: (node: SimNode, type: "Normal" | "Warning", reason: string, message: string) => void;
	/** The machine is off: static pods are no more. */
	readonly forgetStaticPods: (node: SimNode) => void;
}

export class NodePower {
	readonly #options: NodePowerOptions;

	constructor(options: NodePowerOptions) {
		this.#options = options;
	}

	/**
	 * Ends pods as far as the periods let them, then the machine. Resolves when it is off.
	 * @param periods default those of its KubeletConfiguration, or usual ones
	 */
	async shutDown(node: SimNode, { graceMs, criticalMs } = periodsOf(node)): Promise<void> {
		if (!node.running || node.isShuttingDown) return;
		const { event, reportStatus, workers } = this.#options;
		node.isShuttingDown = true;
		event(node, "Normal", "NodeShutdown", "Shutdown manager detected shutdown event");
		void reportStatus(node);
		const pods = [...workers(node.name)];
		const isCritical = ({ pod }: PodWorker) => priorityOf(pod) >= systemCriticalPriority;
		await this.#endPods(
			node,
			pods.filter((worker) => !isCritical(worker)),
			graceMs - criticalMs,
		);
		await this.#endPods(node, pods.filter(isCritical), criticalMs);
		// What they said last arrives.
		if (node.running) await sleep(this.#options.clock, pollMs);
		this.cut(node);
	}

	/** No longer than the period, and less if all have ended before. */
	async #endPods(node: SimNode, workers: readonly PodWorker[], periodMs: number): Promise<void> {
		const { clock } = this.#options;
		const untilMs = clock.now() + periodMs;
		for (const worker of workers) worker.fail(terminated, periodMs);
		while (node.running && clock.now() < untilMs && workers.some(({ holdsRoom, closed }) => holdsRoom && !closed))
			await sleep(clock, pollMs);
	}

	/** Somebody in a shell on it wants it off, or on again. A kubelet that holds shutdowns up (shutdownGracePeriod) ends its pods before. */
	async asked(node: SimNode, action: PowerAction): Promise<void> {
		const { shutdown } = node.settings;
		if (shutdown.graceMs > 0 && node.running) await this.shutDown(node, shutdown);
		else this.cut(node);
		if (action !== "reboot") return;
		await sleep(this.#options.clock, bootMs);
		this.boot(node);
	}

	/** All that ran on the machine ends at once, and nobody is told. */
	cut(node: SimNode): void {
		if (node.isOff) return;
		node.isOff = true;
		this.#options.changed(node);
		for (const worker of this.#options.workers(node.name)) worker.powerCut();
		node.halt();
		this.#options.forgetStaticPods(node);
	}

	boot(node: SimNode): void {
		if (!node.isOff) {
			node.isCutOff = false;
			this.#options.changed(node);
			return;
		}
		const { clock, random, event } = this.#options;
		node.boot(random.uuid(), clock.now());
		node.isCutOff = false;
		this.#options.changed(node);
		if (node.hasFiles) {
			// Who has changed its files finds what came of it: a kubelet that does not start, for one.
			void node.machine;
			return;
		}
		event(node, "Normal", "Starting", "Starting kubelet.");
		event(node, "Warning", ...node.rebootedEvent());
	}
}

function periodsOf({ settings }: SimNode): ShutdownPeriods {
	return settings.shutdown.graceMs > 0 ? settings.shutdown : usualPeriods;
}
