/**
 * persistentvolume-binder-controller: brings claims and volumes together, and apart.
 *
 * Watches  PersistentVolumes, PersistentVolumeClaims, StorageClasses (to look at, not to be woken by), pods (who waits for a claim)
 * Writes   both sides of a binding and their phases, the default class into claims without one, recycler pods, events
 *
 * Invariant: one reconcile at a time, over caches with the controller's own writes on top, so that a volume is never given twice.
 * Source of behaviour: pkg/controller/volume/persistentvolume, https://kubernetes.io/docs/concepts/storage/persistent-volumes/
 */
import { objectKey } from "../../apimachinery/meta.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../apimachinery/schema/generated/types.ts";
import { type ReconcileResult, runController } from "../../client/controller.ts";
import { pods, storageClasses } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { BindingWrites } from "./binding-writes.ts";
import { ClaimSync } from "./claim-sync.ts";
import { Recycler } from "./recycler.ts";
import { VolumeSync } from "./volume-sync.ts";

const name = "persistentvolume-binder-controller";

/** Keys of the one queue: `claim:namespace/name` and `volume:name`. */
const claimKey = (key: string) => `claim:${key}`;
const volumeKey = (volume: string) => `volume:${volume}`;

export const persistentVolumeBinder: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, log } = context;
	const writes = new BindingWrites(context);
	const classInformer = informers.informer(storageClasses);
	const podInformer = informers.informer(pods);
	await Promise.all([writes.volumes, writes.claims, classInformer, podInformer].map((informer) => informer.whenSynced()));
	const recorder = recorderOf(context, "persistentvolume-controller", signal);
	const queue = queueOf(context, "claims");
	const claims = new ClaimSync({ writes, classes: classInformer.cache, pods: podInformer.cache, recorder });
	const enqueueClaim = (key: string) => queue.add(claimKey(key));
	const volumes = new VolumeSync({ writes, recorder, recycler: new Recycler(context), enqueueClaim });
	watch(writes, queue, signal);
	const reconcile = async (key: string): Promise<ReconcileResult> => {
		const object = key.slice(key.indexOf(":") + 1);
		if (key.startsWith("claim:")) {
			const claim = writes.claim(object);
			return claim === undefined ? undefined : claims.sync(claim);
		}
		const volume = writes.volume(object);
		return volume === undefined ? undefined : volumes.sync(volume);
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}

function watch(writes: BindingWrites, queue: WorkQueue, signal: AbortSignal): void {
	const claimChanged = (claim: PersistentVolumeClaim) => {
		writes.observedClaim(claim);
		queue.add(claimKey(objectKey(claim)));
	};
	const volumeChanged = (volume: PersistentVolume) => {
		writes.observedVolume(volume);
		queue.add(volumeKey(objectKey(volume)));
	};
	writes.volumes.onChange(
		{
			added: volumeChanged,
			updated: (_old, volume) => volumeChanged(volume),
			deleted: (volume) => {
				writes.forgetVolume(volume);
				const { claimRef } = volume.spec ?? {};
				if (claimRef !== undefined) queue.add(claimKey(`${claimRef.namespace}/${claimRef.name}`));
			},
		},
		signal,
	);
	writes.claims.onChange(
		{
			added: claimChanged,
			updated: (_old, claim) => claimChanged(claim),
			deleted: (claim) => {
				writes.forgetClaim(claim);
				for (const volume of writes.volumesOf(objectKey(claim))) queue.add(volumeKey(objectKey(volume)));
			},
		},
		signal,
	);
}
