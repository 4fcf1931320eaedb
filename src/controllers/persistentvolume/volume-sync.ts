/**
 * One volume: shows whether it is free or whose it is, and does with it what its policy says when its claim is gone.
 *
 *     Available ──bind──> Bound ──claim gone──> Released ──Retain──> (stays)
 *         ^                                        ├──Delete───> gone, by whoever made it
 *         └──────────── emptied ───────────────────┴──Recycle    both: Failed if nobody can
 *
 * Source of behaviour: pkg/controller/volume/persistentvolume (syncVolume, reclaimVolume),
 * https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming
 */
import type { PersistentVolume, PersistentVolumeClaim } from "../../apimachinery/schema/generated/types.ts";
import { provisionedBy } from "../../apimachinery/storage/annotations.ts";
import { hasAnnotation, hasSameMode } from "../../apimachinery/storage/volume-matching.ts";
import type { RequeueAfter } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { BindingWrites } from "./binding-writes.ts";
import type { Recycler } from "./recycler.ts";

export interface VolumeSyncOptions {
	readonly writes: BindingWrites;
	readonly recorder: EventRecorder;
	readonly recycler: Recycler;
	/** Has the claim of this key looked at. */
	readonly enqueueClaim: (key: string) => void;
}

export class VolumeSync {
	readonly #options: VolumeSyncOptions;

	constructor(options: VolumeSyncOptions) {
		this.#options = options;
	}

	async sync(volume: PersistentVolume): Promise<RequeueAfter | undefined> {
		const { writes, enqueueClaim } = this.#options;
		const { claimRef } = volume.spec ?? {};
		if (claimRef === undefined || (claimRef.uid ?? "") === "") {
			await writes.setVolumePhase(volume, "Available");
			return undefined;
		}
		const key = `${claimRef.namespace}/${claimRef.name}`;
		const claim = await this.#claimOf(volume, key);
		if (claim === undefined) return this.#release(volume);
		const volumeName = claim.spec?.volumeName ?? "";
		if (volumeName === "") {
			if (hasSameMode(volume, claim)) enqueueClaim(key);
			else this.#tellOfModes(volume, claim);
		} else if (volumeName === volume.metadata?.name) await writes.setVolumePhase(volume, "Bound");
		else if (hasAnnotation(volume, provisionedBy) && policyOf(volume) === "Delete") return this.#release(volume);
		else await writes.unbind(volume);
		return undefined;
	}

	/** The very claim that the volume is bound to, not a later one of its name. */
	async #claimOf({ spec, status }: PersistentVolume, key: string): Promise<PersistentVolumeClaim | undefined> {
		const { writes } = this.#options;
		const isIt = (claim: PersistentVolumeClaim | undefined) => claim?.metadata?.uid === spec?.claimRef?.uid;
		const cached = writes.claim(key);
		if (isIt(cached) || status?.phase === "Released" || status?.phase === "Failed") return isIt(cached) ? cached : undefined;
		// The cache may not have heard of it yet: data hang on this.
		const current = await writes.claimAtServer(key);
		return isIt(current) ? current : undefined;
	}

	#tellOfModes(volume: PersistentVolume, claim: PersistentVolumeClaim): void {
		const { recorder } = this.#options;
		const name = JSON.stringify(`${claim.metadata?.name}`);
		const of = `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${name} due to incompatible volumeMode.`;
		recorder.event(volume, "Warning", "VolumeMismatch", of);
		const to = `Cannot bind PersistentVolume ${JSON.stringify(volume.metadata?.name)} to requested PersistentVolumeClaim due to incompatible volumeMode.`;
		recorder.event(claim, "Warning", "VolumeMismatch", to);
	}

	/** Nobody overwrites Failed: it says that something went wrong, and what. */
	async #release(volume: PersistentVolume): Promise<RequeueAfter | undefined> {
		const isOver = volume.status?.phase === "Released" || volume.status?.phase === "Failed";
		const released = isOver ? volume : await this.#options.writes.setVolumePhase(volume, "Released");
		switch (policyOf(released)) {
			case "Delete":
				await this.#delete(released);
				return undefined;
			case "Recycle":
				return this.#recycle(released);
			default:
				return undefined;
		}
	}

	async #delete(volume: PersistentVolume): Promise<void> {
		// Its provisioner deletes what it made.
		if (!(volume.metadata?.annotations?.[provisionedBy] ?? "kubernetes.io/").startsWith("kubernetes.io/")) return;
		if (volume.metadata?.deletionTimestamp !== undefined) return;
		const why = whyNotDeletable(volume);
		if (why === undefined) await this.#options.writes.deleteVolume(volume);
		else await this.#fail(volume, "VolumeFailedDelete", why);
	}

	async #recycle(volume: PersistentVolume): Promise<RequeueAfter | undefined> {
		const { recycler, recorder, writes } = this.#options;
		if (volume.spec?.hostPath === undefined && volume.spec?.nfs === undefined) {
			await this.#fail(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!");
			return undefined;
		}
		const outcome = await recycler.recycle(volume);
		if (outcome.kind === "waiting") return { requeueAfterMs: outcome.forMs };
		if (outcome.kind === "inUse")
			recorder.event(volume, "Normal", "VolumeFailedRecycle", `Volume is used by pods: ${outcome.pods.join(",")}`);
		if (outcome.kind === "inUse") return { requeueAfterMs: outcome.forMs };
		if (outcome.kind === "failed") {
			await this.#fail(volume, "VolumeFailedRecycle", `Recycle failed: ${outcome.message}`);
			return undefined;
		}
		recorder.event(volume, "Normal", "VolumeRecycled", "Volume recycled");
		await writes.unbind(volume);
		return undefined;
	}

	async #fail(volume: PersistentVolume, reason: string, message: string): Promise<void> {
		if (volume.status?.phase === "Failed") return;
		const failed = await this.#options.writes.setVolumePhase(volume, "Failed", message);
		this.#options.recorder.event(failed, "Warning", reason, message);
	}
}

function policyOf({ spec }: PersistentVolume): string {
	return spec?.persistentVolumeReclaimPolicy ?? "Retain";
}

/** The binding controller's own plugins delete directories below /tmp, and nothing else. */
function whyNotDeletable({ metadata, spec }: PersistentVolume): string | undefined {
	const noPlugin = (why: string) => `error getting deleter volume plugin for volume ${JSON.stringify(metadata?.name)}: ${why}`;
	if (spec?.nfs !== undefined) return noPlugin("no deletable volume plugin matched");
	if (spec?.hostPath === undefined) return noPlugin("no volume plugin matched");
	const { path } = spec.hostPath;
	return /^\/tmp\/.+/.test(path) ? undefined : `host_path deleter only supports /tmp/.+ but received provided ${path}`;
}
