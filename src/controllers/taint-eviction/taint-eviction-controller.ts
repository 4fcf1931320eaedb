/**
 * taint-eviction-controller: deletes pods from nodes with a NoExecute taint that they do not tolerate, or no longer.
 *
 * Watches  nodes (taints), pods (node, tolerations)
 * Writes   the pod's DisruptionTarget condition, then deletes it; events on pods
 *
 * The time that a pod may stay counts from when this controller saw the taint, once; a taint that is taken away in
 * time cancels the deletion.
 * Source of behaviour and texts: pkg/controller/tainteviction.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Node, Pod, PodCondition, Taint } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { type ReconcileResult, runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { nodes, pods } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { withCondition } from "../conditions.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { addNodeIndex, isBeingDeleted, podsOnNode } from "../pod-state.ts";
import { staysForMs } from "./tolerations.ts";

const name = "taint-eviction-controller";
const concurrency = 8;

export const taintEvictionController: Controller = {
	name,
	run: (context, signal) => new TaintEvictionController(context, signal).run(signal),
};

interface Eviction {
	readonly uid: string;
	/** When the pod first had to go some day, Unix ms. */
	readonly sinceMs: number;
	/** When it is deleted, Unix ms. */
	readonly atMs: number;
}

class TaintEvictionController {
	readonly #context: ControllerContext;
	readonly #nodes: Informer<Node>;
	readonly #pods: Informer<Pod>;
	readonly #queue: WorkQueue;
	readonly #recorder: EventRecorder;
	readonly #evictions = new Map<string, Eviction>();

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#nodes = context.informers.informer(nodes);
		this.#pods = context.informers.informer(pods);
		this.#queue = queueOf(context, "noexec_taint_pod");
		this.#recorder = recorderOf(context, name, signal);
	}

	async run(signal: AbortSignal): Promise<void> {
		addNodeIndex(this.#pods.cache);
		await Promise.all([this.#nodes.whenSynced(), this.#pods.whenSynced()]);
		this.#nodes.onChange(
			{
				added: (node) => this.#nodeTainted(node),
				updated: (old, node) => {
					if (!jsonEqual(noExecuteTaints(old), noExecuteTaints(node))) this.#nodeTainted(node);
				},
				deleted: (node) => this.#nodeTainted({ metadata: node.metadata ?? {} }),
			},
			signal,
		);
		this.#pods.onChange(
			{
				added: (pod) => this.#podPlaced(pod),
				updated: (old, pod) => {
					const moved = old.spec?.nodeName !== pod.spec?.nodeName;
					if (moved || !jsonEqual(old.spec?.tolerations, pod.spec?.tolerations)) this.#podPlaced(pod);
				},
				deleted: (pod) => void this.#evictions.delete(objectKey(pod)),
			},
			signal,
		);
		const reconcile = (key: string) => this.#evict(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	#nodeTainted(node: Node): void {
		const taints = noExecuteTaints(node);
		for (const pod of podsOnNode(this.#pods.cache, node.metadata?.name ?? "")) this.#decide(pod, taints);
	}

	#podPlaced(pod: Pod): void {
		const node = this.#nodes.cache.get(pod.spec?.nodeName ?? "");
		if (node !== undefined) this.#decide(pod, noExecuteTaints(node));
	}

	#decide(pod: Pod, taints: readonly Taint[]): void {
		if (isBeingDeleted(pod)) return;
		const key = objectKey(pod);
		const staysMs = staysForMs(pod.spec?.tolerations ?? [], taints);
		const planned = this.#evictions.get(key);
		if (staysMs === Number.POSITIVE_INFINITY) {
			if (planned === undefined) return;
			this.#evictions.delete(key);
			this.#recorder.event(pod, "Normal", "TaintManagerEviction", `Cancelling deletion of Pod ${key}`);
			return;
		}
		const nowMs = this.#context.clock.now();
		const sinceMs = planned?.sinceMs ?? nowMs;
		const atMs = staysMs === 0 ? nowMs : sinceMs + staysMs;
		this.#evictions.set(key, { uid: pod.metadata?.uid ?? "", sinceMs, atMs });
		this.#queue.addAfter(key, atMs - nowMs);
	}

	async #evict(key: string): Promise<ReconcileResult> {
		const eviction = this.#evictions.get(key);
		const pod = this.#pods.cache.get(key);
		if (eviction === undefined || pod === undefined || pod.metadata?.uid !== eviction.uid) return undefined;
		const waitMs = eviction.atMs - this.#context.clock.now();
		if (waitMs > 0) return { requeueAfterMs: waitMs };
		const client = this.#context.client.resource(pods);
		try {
			await client.updateStatus(this.#disrupted(pod));
			this.#recorder.event(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${key}`);
			await client.delete({ namespace: pod.metadata.namespace, name: pod.metadata.name ?? "" }, { preconditions: { uid: eviction.uid } });
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
		this.#evictions.delete(key);
		return undefined;
	}

	/** https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions */
	#disrupted(pod: Pod): Pod {
		const condition: PodCondition = {
			type: "DisruptionTarget",
			status: "True",
			reason: "DeletionByTaintManager",
			message: "Taint manager: deleting due to NoExecute taint",
			lastTransitionTime: formatTime(this.#context.clock.now()),
		};
		return { ...pod, status: { ...pod.status, conditions: withCondition(pod.status?.conditions ?? [], condition) } };
	}
}

function noExecuteTaints({ spec }: Node): readonly Taint[] {
	return (spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
}
