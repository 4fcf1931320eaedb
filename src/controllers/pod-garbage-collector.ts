/**
 * pod-garbage-collector-controller: deletes pods that nobody else will.
 *
 *   on a node that no longer exists (for 40 s)      their kubelet cannot report their end
 *   being deleted before they had a node            no kubelet ever knew them
 *   being deleted, on a node taken out of service   their kubelet is known to be off for good
 *   finished, beyond the 12,500 newest              they only take room
 *
 * Watches  pods, nodes; looks every 20 s
 * Writes   pods: status (Failed, DisruptionTarget), then deletes them without grace
 *
 * Source of behaviour and texts: pkg/controller/podgc.
 */
import type { Node, Pod, PodCondition, PodStatus } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { formatTime } from "../apimachinery/time.ts";
import type { Informer } from "../client/informer.ts";
import { nodes, pods } from "../client/resources.ts";
import { withCondition } from "./conditions.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { readyStatusOf } from "./node-lifecycle/node-health.ts";
import { isBeingDeleted, isPodTerminal } from "./pod-state.ts";

const name = "pod-garbage-collector-controller";
const periodMs = 20_000;
/** How long a node must be missing before its pods are given up. */
const quarantineMs = 40_000;
/** --terminated-pod-gc-threshold */
const terminatedThreshold = 12_500;
/** https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-out-of-service */
const outOfServiceTaint = "node.kubernetes.io/out-of-service";

export const podGarbageCollector: Controller = {
	name,
	run: (context, signal) => new PodGarbageCollector(context).run(signal),
};

interface Victim {
	readonly pod: Pod;
	/** Why it is disrupted; absent for pods that have come to their own end. */
	readonly disruption?: string;
}

class PodGarbageCollector {
	readonly #context: ControllerContext;
	readonly #nodes: Informer<Node>;
	readonly #pods: Informer<Pod>;
	/** Since when each node has been missing, Unix ms. */
	readonly #missing = new Map<string, number>();
	#passUnderWay = false;

	constructor(context: ControllerContext) {
		this.#context = context;
		this.#nodes = context.informers.informer(nodes);
		this.#pods = context.informers.informer(pods);
	}

	/** Resolves when the signal aborts. */
	async run(signal: AbortSignal): Promise<void> {
		await Promise.all([this.#nodes.whenSynced(), this.#pods.whenSynced()]);
		if (signal.aborted) return;
		const timer = this.#context.clock.setInterval(() => void this.#pass(), periodMs);
		await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
		timer.cancel();
	}

	/** Never rejects; what fails is tried again by the next pass. */
	async #pass(): Promise<void> {
		if (this.#passUnderWay) return;
		this.#passUnderWay = true;
		try {
			for (const victim of [...this.#unscheduled(), ...this.#outOfService(), ...this.#terminated(), ...(await this.#orphaned())]) {
				await this.#delete(victim);
			}
		} catch (error) {
			this.#context.log.warn(`${name}: error deleting pods`, { error: String(error) });
		} finally {
			this.#passUnderWay = false;
		}
	}

	#unscheduled(): readonly Victim[] {
		return this.#pods.cache
			.list()
			.filter((pod) => isBeingDeleted(pod) && !pod.spec?.nodeName)
			.map((pod) => ({ pod }));
	}

	#outOfService(): readonly Victim[] {
		const isOff = (node: Node | undefined) =>
			node !== undefined && readyStatusOf(node) !== "True" && node.spec?.taints?.some(({ key }) => key === outOfServiceTaint) === true;
		return this.#pods.cache
			.list()
			.filter((pod) => isBeingDeleted(pod) && isOff(this.#nodes.cache.get(pod.spec?.nodeName ?? "")))
			.map((pod) => ({ pod }));
	}

	#terminated(): readonly Victim[] {
		const over = this.#pods.cache.list().filter((pod) => isPodTerminal(pod) && !isBeingDeleted(pod));
		if (over.length <= terminatedThreshold) return [];
		const createdOf = ({ metadata }: Pod) => metadata?.creationTimestamp ?? "";
		return [...over]
			.sort((a, b) => (createdOf(a) < createdOf(b) ? -1 : 1))
			.slice(0, over.length - terminatedThreshold)
			.map((pod) => ({ pod }));
	}

	async #orphaned(): Promise<readonly Victim[]> {
		const orphans = this.#pods.cache.list().filter(({ spec }) => spec?.nodeName && this.#nodes.cache.get(spec.nodeName) === undefined);
		const names = new Set(orphans.map(({ spec }) => spec?.nodeName ?? ""));
		for (const known of this.#missing.keys()) if (!names.has(known)) this.#missing.delete(known);
		const gone = new Set<string>();
		for (const nodeName of names) {
			const sinceMs = this.#missing.get(nodeName) ?? this.#context.clock.now();
			this.#missing.set(nodeName, sinceMs);
			if (this.#context.clock.now() - sinceMs >= quarantineMs && (await this.#isGone(nodeName))) gone.add(nodeName);
		}
		return orphans.filter(({ spec }) => gone.has(spec?.nodeName ?? "")).map((pod) => ({ pod, disruption: "PodGC: node no longer exists" }));
	}

	/** Asks the server: the cache may be behind. */
	async #isGone(nodeName: string): Promise<boolean> {
		try {
			await this.#context.client.resource(nodes).get({ name: nodeName });
			return false;
		} catch (error) {
			if (isStatusError(error, "NotFound")) return true;
			throw error;
		}
	}

	async #delete({ pod, disruption }: Victim): Promise<void> {
		const { namespace, name: podName = "", uid } = pod.metadata ?? {};
		const client = this.#context.client.resource(pods);
		try {
			if (!isPodTerminal(pod)) {
				// A patch, as upstream's: its role allows no update.
				const patch = { metadata: { uid }, status: this.#failed(pod, disruption) };
				const status = { subresource: "status" };
				await client.patch({ namespace, name: podName }, "application/strategic-merge-patch+json", patch, status);
			}
			await client.delete(
				{ namespace, name: podName },
				{ gracePeriodSeconds: 0, ...(uid === undefined ? {} : { preconditions: { uid } }) },
			);
		} catch (error) {
			if (!isStatusError(error, "NotFound", "Conflict")) throw error;
		}
	}

	#failed(pod: Pod, disruption: string | undefined): PodStatus {
		if (disruption === undefined) return { phase: "Failed" };
		const condition: PodCondition = {
			type: "DisruptionTarget",
			status: "True",
			reason: "DeletionByPodGC",
			message: disruption,
			lastTransitionTime: formatTime(this.#context.clock.now()),
		};
		return { phase: "Failed", conditions: withCondition(pod.status?.conditions ?? [], condition) };
	}
}
