/**
 * Takes the tracking finalizer off pods, and knows which pods have lost it though the cache still shows it: those must
 * not be counted again.
 * Source: uidTrackingExpectations in pkg/controller/job/tracking_utils.go.
 */
import { objectKey } from "../../apimachinery/meta.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { ResourceClient } from "../../client/client.ts";
import type { ObjectCache } from "../../client/object-cache.ts";
import { isTracked, trackingFinalizer } from "./job-pods.ts";

const patch = { metadata: { "$deleteFromPrimitiveList/finalizers": [trackingFinalizer] } };

export class FinalizerRemover {
	readonly #client: ResourceClient<Pod>;
	readonly #cache: ObjectCache<Pod>;
	/** Uids of pods in the cache with a finalizer that they have lost, or are about to lose. */
	readonly #released = new Set<string>();

	constructor(client: ResourceClient<Pod>, cache: ObjectCache<Pod>) {
		this.#client = client;
		this.#cache = cache;
	}

	/** As of now; what happens later does not change the set. */
	releasedNow(pods: Iterable<Pod>): ReadonlySet<string> {
		const released = new Set<string>();
		for (const { metadata } of pods) if (this.#released.has(metadata?.uid ?? "")) released.add(metadata?.uid ?? "");
		return released;
	}

	/** Resolves when the pod has no tracking finalizer, or is gone; rejects with the server's error. */
	async remove(pod: Pod): Promise<void> {
		if (!isTracked(pod)) return;
		const { namespace, name = "", uid = "" } = pod.metadata ?? {};
		this.#released.add(uid);
		try {
			await this.#client.patch({ namespace, name }, "application/strategic-merge-patch+json", patch);
		} catch (error) {
			const isGone = isStatusError(error, "NotFound");
			// Where the cache has yet to hear of the deletion, it does so before the uid is forgotten.
			if (!isGone || this.#cache.get(objectKey(pod))?.metadata?.uid !== uid) this.#released.delete(uid);
			if (!isGone) throw error;
		}
	}

	/** The cache shows the pod in this version. */
	observed(pod: Pod): void {
		if (!isTracked(pod)) this.#released.delete(pod.metadata?.uid ?? "");
	}

	/** The cache does not have the pod any more. */
	deleted({ metadata }: Pod): void {
		this.#released.delete(metadata?.uid ?? "");
	}
}
