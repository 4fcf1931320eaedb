/**
 * persistentvolume-protection-controller: a volume that is being deleted stays while it is bound to a claim.
 *
 * Watches  PersistentVolumes
 * Writes   the volume's finalizers
 *
 * Source of behaviour: pkg/controller/volume/pvprotection.
 */
import { objectKey } from "../../apimachinery/meta.ts";
import type { PersistentVolume } from "../../apimachinery/schema/generated/types.ts";
import { runController } from "../../client/controller.ts";
import { persistentVolumes } from "../../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "../controller.ts";
import { isToBeFreed, isUnprotected, withFinalizer, withoutFinalizer } from "./protection.ts";

const name = "persistentvolume-protection-controller";
const finalizer = "kubernetes.io/pv-protection";

export const pvProtectionController: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, log } = context;
	const informer = informers.informer(persistentVolumes);
	await informer.whenSynced();
	const queue = queueOf(context, "pvprotection");
	const changed = (volume: PersistentVolume) => {
		if (isUnprotected(volume, finalizer) || isToBeFreed(volume, finalizer)) queue.add(objectKey(volume));
	};
	informer.onChange({ added: changed, updated: (_old, volume) => changed(volume) }, signal);
	const reconcile = async (key: string) => {
		const volume = informer.cache.get(key);
		if (volume === undefined) return;
		const volumes = client.resource(persistentVolumes);
		if (isUnprotected(volume, finalizer)) await volumes.update(withFinalizer(volume, finalizer));
		else if (isToBeFreed(volume, finalizer) && volume.status?.phase !== "Bound") await volumes.update(withoutFinalizer(volume, finalizer));
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}
