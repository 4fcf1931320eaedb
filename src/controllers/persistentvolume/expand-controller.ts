/**
 * persistentvolume-expander-controller: since all drivers that can grow a volume are CSI drivers with a resizer of their own, what is left
 * to it is to say that the claim waits for that.
 *
 * Watches  bound claims that ask for more than they have
 * Writes   events
 *
 * Source of behaviour: pkg/controller/volume/expand.
 */
import { objectKey } from "../../apimachinery/meta.ts";
import { compareQuantities } from "../../apimachinery/quantity.ts";
import type { PersistentVolumeClaim } from "../../apimachinery/schema/generated/types.ts";
import { requestedSize } from "../../apimachinery/storage/volume-matching.ts";
import { runController } from "../../client/controller.ts";
import { persistentVolumeClaims, persistentVolumes } from "../../client/resources.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";

const name = "persistentvolume-expander-controller";

export const expandController: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, log } = context;
	const claims = informers.informer(persistentVolumeClaims);
	const volumes = informers.informer(persistentVolumes);
	await Promise.all([claims.whenSynced(), volumes.whenSynced()]);
	const recorder = recorderOf(context, "volume_expand", signal);
	const queue = queueOf(context, "volume_expand");
	const added = (claim: PersistentVolumeClaim) => {
		if (wantsMore(claim)) queue.add(objectKey(claim));
	};
	const updated = (old: PersistentVolumeClaim, claim: PersistentVolumeClaim) => {
		if (wantsMore(claim) && compareQuantities(requestedSize(claim), requestedSize(old)) > 0) queue.add(objectKey(claim));
	};
	claims.onChange({ added, updated }, signal);
	const reconcile = async (key: string): Promise<void> => {
		const claim = claims.cache.get(key);
		if (claim === undefined || !wantsMore(claim)) return;
		const volume = volumes.cache.get(claim.spec?.volumeName ?? "");
		// The cache may not have heard of it yet: tried again, as upstream.
		if (volume === undefined) throw new Error(`persistentvolume ${JSON.stringify(claim.spec?.volumeName)} not found`);
		if (volume.spec?.claimRef?.uid !== claim.metadata?.uid) throw new Error("persistent Volume is not bound to PVC being updated");
		recorder.event(claim, "Normal", "ExternalExpanding", "waiting for an external controller to expand this PVC");
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}

function wantsMore(claim: PersistentVolumeClaim): boolean {
	return claim.status?.phase === "Bound" && compareQuantities(requestedSize(claim), claim.status.capacity?.storage ?? "0") > 0;
}
