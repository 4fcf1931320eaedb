/**
 * Makes the driver's disks larger when their claims ask for more, as the sidecar external-resizer does. The file system on the disk is
 * the kubelet's to grow.
 *
 *     claim asks for more ──> Resizing, ControllerResizeInProgress ──> volume has more ──> FileSystemResizePending, NodeResizePending
 *
 * Watches  bound claims and their volumes
 * Writes   the volume's capacity; the claim's conditions and allocated resources
 * Source of behaviour: kubernetes-csi/external-resizer, KEP-1790 (recovery from failed expansion).
 */
import { objectKey } from "../../apimachinery/meta.ts";
import { compareQuantities } from "../../apimachinery/quantity.ts";
import type { PersistentVolumeClaim, PersistentVolumeClaimCondition } from "../../apimachinery/schema/generated/types.ts";
import { diskDriver } from "../../apimachinery/storage/disk-driver.ts";
import { capacityOf, requestedSize } from "../../apimachinery/storage/volume-matching.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { runController } from "../../client/controller.ts";
import { persistentVolumeClaims, persistentVolumes } from "../../client/resources.ts";
import { type ControllerContext, queueOf, recorderOf } from "../controller.ts";

const pendingText = "Waiting for user to (re-)start a pod to finish file system resize of volume on node.";

export async function runResizer(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, clock, log } = context;
	const claims = informers.informer(persistentVolumeClaims);
	const volumes = informers.informer(persistentVolumes);
	await Promise.all([claims.whenSynced(), volumes.whenSynced()]);
	const recorder = recorderOf(context, `external-resizer ${diskDriver}`, signal);
	const queue = queueOf(context, "csi-resizer", { baseDelayMs: 1_000, maxDelayMs: 300_000 });
	const changed = (claim: PersistentVolumeClaim) => {
		if (wantsMore(claim)) queue.add(objectKey(claim));
	};
	claims.onChange({ added: changed, updated: (_old, claim) => changed(claim) }, signal);

	const condition = (type: string, message?: string): PersistentVolumeClaimCondition => ({
		type,
		status: "True",
		lastTransitionTime: formatTime(clock.now()),
		...(message === undefined ? {} : { message }),
	});
	const writeStatus = (claim: PersistentVolumeClaim, resizeStatus: string, ...conditions: readonly PersistentVolumeClaimCondition[]) =>
		client.resource(persistentVolumeClaims).updateStatus({
			...claim,
			status: {
				...claim.status,
				conditions,
				allocatedResources: { ...claim.status?.allocatedResources, storage: requestedSize(claim) },
				allocatedResourceStatuses: { ...claim.status?.allocatedResourceStatuses, storage: resizeStatus },
			},
		});

	const reconcile = async (key: string): Promise<void> => {
		const claim = claims.cache.get(key);
		const volume = volumes.cache.get(claim?.spec?.volumeName ?? "");
		if (claim === undefined || volume === undefined || !wantsMore(claim) || volume.spec?.csi?.driver !== diskDriver) return;
		const size = requestedSize(claim);
		const isLarge = compareQuantities(capacityOf(volume), size) >= 0;
		if (isLarge && isPending(claim, size)) return;
		const started = isLarge ? claim : await writeStatus(claim, "ControllerResizeInProgress", condition("Resizing"));
		if (!isLarge) {
			recorder.event(started, "Normal", "Resizing", `External resizer is resizing volume ${volume.metadata?.name}`);
			await client
				.resource(persistentVolumes)
				.update({ ...volume, spec: { ...volume.spec, capacity: { ...volume.spec.capacity, storage: size } } });
		}
		const pending = await writeStatus(started, "NodeResizePending", condition("FileSystemResizePending", pendingText));
		recorder.event(pending, "Normal", "FileSystemResizeRequired", "Require file system resize of volume on node");
	};
	await runController({ name: "kubesim-csi-driver/resizer", queue, concurrency: 1, reconcile, log, signal });
}

function wantsMore(claim: PersistentVolumeClaim): boolean {
	const has = claim.status?.capacity?.storage;
	return claim.status?.phase === "Bound" && has !== undefined && compareQuantities(requestedSize(claim), has) > 0;
}

/** The disk is done; the kubelet is not. */
function isPending({ status }: PersistentVolumeClaim, size: string): boolean {
	const state = status?.allocatedResourceStatuses?.storage;
	return (state === "NodeResizePending" || state === "NodeResizeInProgress") && status?.allocatedResources?.storage === size;
}
