/**
 * Attaches the driver's disks to nodes and detaches them, as the sidecar external-attacher does: it answers the VolumeAttachments that
 * the attach/detach controller writes. A simulated disk is attached at once.
 *
 * Watches and writes  VolumeAttachments of this driver: their finalizer and status
 * Source of behaviour: kubernetes-csi/external-attacher.
 */
import type { VolumeAttachment } from "../../apimachinery/schema/generated/types.ts";
import { diskDriver } from "../../apimachinery/storage/disk-driver.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { runController } from "../../client/controller.ts";
import { persistentVolumes, volumeAttachments } from "../../client/resources.ts";
import { type ControllerContext, queueOf } from "../controller.ts";
import { isToBeFreed, withFinalizer, withoutFinalizer } from "../storage-protection/protection.ts";

const finalizer = `external-attacher/${diskDriver.replaceAll(".", "-")}`;
const nodeIdAnnotation = "csi.alpha.kubernetes.io/node-id";

export async function runAttacher(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, clock, log } = context;
	const attachments = informers.informer(volumeAttachments);
	const volumes = informers.informer(persistentVolumes);
	await Promise.all([attachments.whenSynced(), volumes.whenSynced()]);
	const queue = queueOf(context, "csi-attacher", { baseDelayMs: 1_000, maxDelayMs: 300_000 });
	const changed = (attachment: VolumeAttachment) => {
		if (attachment.spec.attacher === diskDriver) queue.add(attachment.metadata?.name ?? "");
	};
	attachments.onChange({ added: changed, updated: (_old, attachment) => changed(attachment) }, signal);

	const attach = async (attachment: VolumeAttachment): Promise<void> => {
		const { spec, metadata } = attachment;
		const volume = spec.source.persistentVolumeName ?? "";
		if (volumes.cache.get(volume) === undefined) {
			const attachError = { message: `PersistentVolume ${JSON.stringify(volume)} not found`, time: formatTime(clock.now()) };
			await client.resource(volumeAttachments).updateStatus({ ...attachment, status: { attached: false, attachError } });
			throw new Error(attachError.message);
		}
		const annotations = { ...metadata?.annotations, [nodeIdAnnotation]: spec.nodeName };
		const isMarked = metadata?.finalizers?.includes(finalizer) === true;
		const marked = isMarked
			? attachment
			: await client
					.resource(volumeAttachments)
					.update(withFinalizer({ ...attachment, metadata: { ...metadata, annotations } }, finalizer));
		await client.resource(volumeAttachments).updateStatus({ ...marked, status: { attached: true } });
	};

	const reconcile = async (name: string): Promise<void> => {
		const attachment = attachments.cache.get(name);
		if (attachment === undefined) return;
		if (attachment.metadata?.deletionTimestamp === undefined) {
			if (attachment.status?.attached !== true) await attach(attachment);
		} else if (isToBeFreed(attachment, finalizer)) await client.resource(volumeAttachments).update(withoutFinalizer(attachment, finalizer));
	};
	await runController({ name: "kubesim-csi-driver/attacher", queue, concurrency: 4, reconcile, log, signal });
}
