/**
 * One claim: finds it a volume, asks for one to be made, or finds out that its volume is lost.
 *
 *     Pending ──bind──> Bound ──volume gone, or another claim's──> Lost
 *        └─ nothing suits: an event says what the claim waits for, and it is looked at again
 *
 * Source of behaviour: pkg/controller/volume/persistentvolume (syncClaim).
 */
import { objectKey } from "../../apimachinery/meta.ts";
import type { PersistentVolumeClaim, Pod, StorageClass } from "../../apimachinery/schema/generated/types.ts";
import {
	betaStorageProvisioner,
	bindCompleted,
	boundByController,
	selectedNode,
	storageProvisioner,
} from "../../apimachinery/storage/annotations.ts";
import { podClaims } from "../../apimachinery/storage/pod-claims.ts";
import {
	classNameOf,
	defaultClassOf,
	findMatchingVolume,
	hasAnnotation,
	hasClass,
	isBoundToClaim,
	mismatch,
	withAnnotations,
} from "../../apimachinery/storage/volume-matching.ts";
import type { RequeueAfter } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { ObjectCache } from "../../client/object-cache.ts";
import type { BindingWrites } from "./binding-writes.ts";

/** How long a claim that waits is left alone. Source: --pvclaimbinder-sync-period. */
const waiting: RequeueAfter = { requeueAfterMs: 15_000 };

export interface ClaimSyncOptions {
	readonly writes: BindingWrites;
	readonly classes: ObjectCache<StorageClass>;
	readonly pods: ObjectCache<Pod>;
	readonly recorder: EventRecorder;
}

export class ClaimSync {
	readonly #options: ClaimSyncOptions;

	constructor(options: ClaimSyncOptions) {
		this.#options = options;
	}

	sync(claim: PersistentVolumeClaim): Promise<RequeueAfter | undefined> {
		if (hasAnnotation(claim, bindCompleted)) return this.#syncBound(claim);
		return (claim.spec?.volumeName ?? "") === "" ? this.#choose(claim) : this.#takeNamed(claim);
	}

	/** The claim leaves it to us which volume it gets. */
	async #choose(claim: PersistentVolumeClaim): Promise<RequeueAfter | undefined> {
		const { writes, classes, recorder } = this.#options;
		const storageClass = classes.get(classNameOf(claim));
		const isDelayed = storageClass?.volumeBindingMode === "WaitForFirstConsumer";
		const volume = findMatchingVolume(claim, writes.candidates(claim), { isDelayed });
		if (volume !== undefined) {
			await writes.bind(volume, claim);
			return undefined;
		}
		if (await this.#assignDefaultClass(claim)) return undefined;
		if (isDelayed && !hasAnnotation(claim, selectedNode)) this.#tellOfDelay(claim);
		else if (classNameOf(claim) !== "") {
			await this.#provision(claim, storageClass);
			return waiting;
		} else {
			recorder.event(claim, "Normal", "FailedBinding", "no persistent volumes available for this claim and no storage class is set");
		}
		await writes.setClaimStatus(claim, "Pending");
		return waiting;
	}

	/** A claim from before there was a default class gets it as soon as there is one. */
	async #assignDefaultClass(claim: PersistentVolumeClaim): Promise<boolean> {
		if (hasClass(claim)) return false;
		const storageClassName = defaultClassOf(this.#options.classes.list())?.metadata?.name;
		if (storageClassName === undefined) return false;
		await this.#options.writes.updateClaim({ ...claim, spec: { ...claim.spec, storageClassName } });
		return true;
	}

	#tellOfDelay(claim: PersistentVolumeClaim): void {
		const { pods, recorder } = this.#options;
		const { namespace = "", name = "" } = claim.metadata ?? {};
		const users = pods
			.listNamespace(namespace)
			.filter((pod) => (pod.spec?.nodeName ?? "") === "" && podClaims(pod).some(({ claim: used }) => used === name))
			.map(({ metadata }) => metadata?.name);
		if (users.length === 0)
			recorder.event(claim, "Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding");
		else
			recorder.event(
				claim,
				"Normal",
				"WaitForPodScheduled",
				`waiting for pod${users.length > 1 ? "s" : ""} ${users.join(",")} to be scheduled`,
			);
	}

	/** Volumes are made by provisioners of their own, which are told by an annotation. */
	async #provision(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined): Promise<void> {
		const { writes, recorder } = this.#options;
		if (storageClass === undefined) {
			recorder.event(claim, "Warning", "ProvisioningFailed", `storageclass.storage.k8s.io ${JSON.stringify(classNameOf(claim))} not found`);
			return;
		}
		const { provisioner } = storageClass;
		if (provisioner.startsWith("kubernetes.io/")) {
			recorder.event(claim, "Warning", "ProvisioningFailed", `no volume plugin matched name: ${provisioner}`);
			return;
		}
		const isTold = claim.metadata?.annotations?.[storageProvisioner] === provisioner;
		const told = isTold
			? claim
			: await writes.updateClaim(withAnnotations(claim, { [betaStorageProvisioner]: provisioner, [storageProvisioner]: provisioner }));
		const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
		recorder.event(told, "Normal", "ExternalProvisioning", message);
	}

	/** The claim asks for one volume by name. */
	async #takeNamed(claim: PersistentVolumeClaim): Promise<RequeueAfter | undefined> {
		const { writes, recorder } = this.#options;
		const volume = writes.volume(claim.spec?.volumeName ?? "");
		if (volume !== undefined && (volume.spec?.claimRef === undefined || isBoundToClaim(volume, claim))) {
			const why = volume.spec?.claimRef === undefined ? mismatch(volume, claim) : undefined;
			if (why === undefined) {
				await writes.bind(volume, claim);
				return undefined;
			}
			recorder.event(
				claim,
				"Warning",
				"VolumeMismatch",
				`Cannot bind to requested volume ${JSON.stringify(volume.metadata?.name)}: ${why}`,
			);
		} else if (volume !== undefined) {
			recorder.event(
				claim,
				"Warning",
				"FailedBinding",
				`volume ${JSON.stringify(volume.metadata?.name)} already bound to a different claim.`,
			);
			if (hasAnnotation(claim, boundByController))
				throw new Error(`invalid binding of claim "${objectKey(claim)}" to volume "${objectKey(volume)}": volume already claimed`);
		}
		await writes.setClaimStatus(claim, "Pending");
		return waiting;
	}

	async #syncBound(claim: PersistentVolumeClaim): Promise<RequeueAfter | undefined> {
		const { writes } = this.#options;
		const name = claim.spec?.volumeName ?? "";
		if (name === "")
			return this.#lose(claim, "ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
		const volume = writes.volume(name);
		if (volume === undefined)
			return this.#lose(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
		const { claimRef } = volume.spec ?? {};
		if (claimRef === undefined || claimRef.uid === claim.metadata?.uid) await writes.bind(volume, claim);
		else return this.#lose(claim, "ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly");
		return undefined;
	}

	async #lose(claim: PersistentVolumeClaim, reason: string, message: string): Promise<undefined> {
		if (claim.status?.phase === "Lost") return;
		const lost = await this.#options.writes.setClaimStatus(claim, "Lost");
		this.#options.recorder.event(lost, "Warning", reason, message);
	}
}
