/**
 * device-taint-eviction-controller: deletes pods that use a device with a NoExecute taint which their claim does not tolerate, or no
 * longer.
 *
 * Watches  ResourceSlices (taints), ResourceClaims (devices, tolerations, who uses them), pods
 * Writes   the pod's DisruptionTarget condition, then deletes it; events on pods
 *
 * The time that a pod may stay counts from when the taint was added. DeviceTaintRules are off by default in 1.36, and not there.
 * Source of behaviour and texts: pkg/controller/devicetainteviction; KEP-5055.
 */
import { claimNames, claimReference, foreignClaim, isReservedFor } from "../../apimachinery/devices/resource-claims.ts";
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Pod, PodCondition, ResourceResourceClaim, ResourceSlice } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { type ReconcileResult, runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { pods, resourceClaims, resourceSlices } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { withCondition } from "../conditions.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { isBeingDeleted } from "../pod-state.ts";
import { claimEvictionMs, poolKey } from "./eviction-time.ts";

const name = "device-taint-eviction-controller";
const concurrency = 10;
const eventReason = "DeviceTaintManagerEviction";

/** Slices by their pool, and claims by the pools of their devices. */
const byPool = "devicePool";

const poolOf = ({ spec }: ResourceSlice): readonly string[] => [poolKey(spec.driver, spec.pool.name)];
const poolsOf = ({ status }: ResourceResourceClaim): readonly string[] => [
	...new Set((status?.allocation?.devices?.results ?? []).map(({ driver, pool }) => poolKey(driver, pool))),
];

export const deviceTaintEvictionController: Controller = {
	name,
	run: (context, signal) => new DeviceTaintEvictionController(context, signal).run(signal),
};

interface Eviction {
	readonly uid: string;
	/** When the pod is deleted, Unix ms. */
	readonly atMs: number;
}

class DeviceTaintEvictionController {
	readonly #context: ControllerContext;
	readonly #pods: Informer<Pod>;
	readonly #claims: Informer<ResourceResourceClaim>;
	readonly #slices: Informer<ResourceSlice>;
	readonly #queue: WorkQueue;
	readonly #recorder: EventRecorder;
	/** By "namespace/name" of the pod. */
	readonly #evictions = new Map<string, Eviction>();

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#pods = context.informers.informer(pods);
		this.#claims = context.informers.informer(resourceClaims);
		this.#slices = context.informers.informer(resourceSlices);
		this.#queue = queueOf(context, name);
		this.#recorder = recorderOf(context, name, signal);
	}

	async run(signal: AbortSignal): Promise<void> {
		this.#claims.cache.addIndex(byPool, poolsOf);
		this.#slices.cache.addIndex(byPool, poolOf);
		await Promise.all([this.#pods.whenSynced(), this.#claims.whenSynced(), this.#slices.whenSynced()]);
		const sliceChanged = (slice: ResourceSlice) => {
			for (const pool of poolOf(slice)) for (const claim of this.#claims.cache.byIndex(byPool, pool)) this.#claimChanged(claim);
		};
		this.#slices.onChange({ added: sliceChanged, updated: (_old, slice) => sliceChanged(slice), deleted: sliceChanged }, signal);
		const claimChanged = (claim: ResourceResourceClaim) => this.#claimChanged(claim);
		this.#claims.onChange({ added: claimChanged, updated: (_old, claim) => claimChanged(claim), deleted: claimChanged }, signal);
		this.#pods.onChange(
			{
				added: (pod) => this.#decide(pod),
				updated: (old, pod) => {
					const isSame =
						old.spec?.nodeName === pod.spec?.nodeName && jsonEqual(old.status?.resourceClaimStatuses, pod.status?.resourceClaimStatuses);
					if (!isSame) this.#decide(pod);
				},
				deleted: (pod) => void this.#evictions.delete(objectKey(pod)),
			},
			signal,
		);
		const reconcile = (key: string) => this.#evict(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	#claimChanged({ metadata, status }: ResourceResourceClaim): void {
		for (const consumer of status?.reservedFor ?? []) {
			const pod = this.#pods.cache.get(`${metadata?.namespace}/${consumer.name}`);
			if (pod !== undefined && pod.metadata?.uid === consumer.uid) this.#decide(pod);
		}
	}

	#decide(pod: Pod): void {
		if (claimNames(pod).length === 0 || isBeingDeleted(pod)) return;
		const key = objectKey(pod);
		const atMs = this.#evictionMs(pod);
		if (atMs === undefined) {
			if (this.#evictions.delete(key)) this.#recorder.event(pod, "Normal", eventReason, "Cancelling deletion");
			return;
		}
		this.#evictions.set(key, { uid: pod.metadata?.uid ?? "", atMs });
		this.#queue.addAfter(key, Math.max(0, atMs - this.#context.clock.now()));
	}

	/** Undefined: nothing makes the pod go. */
	#evictionMs(pod: Pod): number | undefined {
		if ((pod.spec?.nodeName ?? "") === "") return undefined;
		const slicesOf = (pool: string) => this.#slices.cache.byIndex(byPool, pool);
		const times = (pod.spec?.resourceClaims ?? []).flatMap((podClaim) => {
			const reference = claimReference(pod, podClaim);
			if (!("name" in reference)) return [];
			const claim = this.#claims.cache.get(`${pod.metadata?.namespace}/${reference.name}`);
			if (claim === undefined || !isReservedFor(claim, pod.metadata?.uid ?? "")) return [];
			if (reference.isGenerated && foreignClaim(pod, claim) !== undefined) return [];
			return claimEvictionMs(claim, slicesOf, this.#context.clock.now()) ?? [];
		});
		return times.length === 0 ? undefined : Math.min(...times);
	}

	async #evict(key: string): Promise<ReconcileResult> {
		const eviction = this.#evictions.get(key);
		const cached = this.#pods.cache.get(key);
		if (eviction === undefined || cached === undefined || cached.metadata?.uid !== eviction.uid) return undefined;
		const waitMs = eviction.atMs - this.#context.clock.now();
		if (waitMs > 0) return { requeueAfterMs: waitMs };
		const client = this.#context.client.resource(pods);
		const { namespace, name: podName = "" } = cached.metadata;
		try {
			const pod = await client.get({ namespace, name: podName });
			if (pod.metadata?.uid === eviction.uid && !isBeingDeleted(pod)) {
				this.#recorder.event(pod, "Normal", eventReason, "Marking for deletion");
				await client.updateStatus(this.#disrupted(pod));
				await client.delete({ namespace, name: podName }, { preconditions: { uid: eviction.uid } });
			}
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
			reason: "DeletionByDeviceTaintManager",
			message: "Device Taint manager: deleting due to NoExecute taint",
			lastTransitionTime: formatTime(this.#context.clock.now()),
		};
		return { ...pod, status: { ...pod.status, conditions: withCondition(pod.status?.conditions ?? [], condition) } };
	}
}
