/**
 * What the binding controller knows and writes: its caches with its own writes on top, so that one binding never sees a volume as
 * free that the one before has taken.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { boundByController } from "../../apimachinery/storage/annotations.ts";
import { bindClaim, bindVolume, classNameOf } from "../../apimachinery/storage/volume-matching.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { persistentVolumeClaims, persistentVolumes } from "../../client/resources.ts";
import type { ControllerContext } from "../controller.ts";

const byClass = "unboundByClass";
const byClaim = "claim";

/** Volumes that a claim of the class may get, whoever it is; those kept for a certain claim stand under that one. */
function freeClass(volume: PersistentVolume): readonly string[] {
	return volume.spec?.claimRef === undefined ? [classNameOf(volume)] : [];
}

function claimKeys({ spec }: PersistentVolume): readonly string[] {
	return spec?.claimRef === undefined ? [] : [`${spec.claimRef.namespace}/${spec.claimRef.name}`];
}

export class BindingWrites {
	readonly volumes: Informer<PersistentVolume>;
	readonly claims: Informer<PersistentVolumeClaim>;
	readonly #context: ControllerContext;
	readonly #ownVolumes = new OwnWrites<PersistentVolume>();
	readonly #ownClaims = new OwnWrites<PersistentVolumeClaim>();

	constructor(context: ControllerContext) {
		this.#context = context;
		this.volumes = context.informers.informer(persistentVolumes);
		this.claims = context.informers.informer(persistentVolumeClaims);
		this.volumes.cache.addIndex(byClass, freeClass);
		this.volumes.cache.addIndex(byClaim, claimKeys);
	}

	volume(name: string): PersistentVolume | undefined {
		const cached = this.volumes.cache.get(name);
		return cached === undefined ? undefined : this.#ownVolumes.freshest(cached);
	}

	claim(key: string): PersistentVolumeClaim | undefined {
		const cached = this.claims.cache.get(key);
		return cached === undefined ? undefined : this.#ownClaims.freshest(cached);
	}

	/** As the server has it: whether a claim that the cache lacks is gone, or only new. */
	async claimAtServer(key: string): Promise<PersistentVolumeClaim | undefined> {
		const [namespace = "", name = ""] = key.split("/");
		try {
			return await this.#context.client.resource(persistentVolumeClaims).get({ namespace, name });
		} catch (error) {
			if (isStatusError(error, "NotFound")) return undefined;
			throw error;
		}
	}

	/** What the claim may get: free volumes of its class, and those kept for it. */
	candidates(claim: PersistentVolumeClaim): readonly PersistentVolume[] {
		const { cache } = this.volumes;
		const kept = cache.byIndex(byClaim, objectKey(claim));
		return [...kept, ...cache.byIndex(byClass, classNameOf(claim))].map((volume) => this.#ownVolumes.freshest(volume));
	}

	/** Volumes that name the claim. */
	volumesOf(claimKey: string): readonly PersistentVolume[] {
		return this.volumes.cache.byIndex(byClaim, claimKey);
	}

	observedVolume(volume: PersistentVolume): void {
		this.#ownVolumes.observed(volume);
	}

	observedClaim(claim: PersistentVolumeClaim): void {
		this.#ownClaims.observed(claim);
	}

	forgetVolume(volume: PersistentVolume): void {
		this.#ownVolumes.delete(objectKey(volume));
	}

	forgetClaim(claim: PersistentVolumeClaim): void {
		this.#ownClaims.delete(objectKey(claim));
	}

	async updateVolume(volume: PersistentVolume): Promise<PersistentVolume> {
		return this.#ownVolumes.note(await this.#context.client.resource(persistentVolumes).update(volume));
	}

	async updateClaim(claim: PersistentVolumeClaim): Promise<PersistentVolumeClaim> {
		return this.#ownClaims.note(await this.#context.client.resource(persistentVolumeClaims).update(claim));
	}

	async deleteVolume({ metadata }: PersistentVolume): Promise<void> {
		await this.#context.client.resource(persistentVolumes).delete({ name: metadata?.name ?? "" });
	}

	/** Returns whether the phase changed along with the volume. */
	async setVolumePhase(volume: PersistentVolume, phase: string, message?: string): Promise<PersistentVolume> {
		if (volume.status?.phase === phase) return volume;
		const { message: _, ...status } = volume.status ?? {};
		const next = { ...volume, status: { ...status, phase, ...(message === undefined ? {} : { message }) } };
		return this.#ownVolumes.note(await this.#context.client.resource(persistentVolumes).updateStatus(next));
	}

	/**
	 * The phase, and what the claim has of its volume. A claim that is Bound keeps the capacity it has: its file system may be
	 * smaller than a volume that has just grown.
	 */
	async setClaimStatus(claim: PersistentVolumeClaim, phase: string, volume?: PersistentVolume): Promise<PersistentVolumeClaim> {
		const { accessModes: _, capacity, ...rest } = claim.status ?? {};
		const size = claim.status?.phase === "Bound" ? capacity : volume?.spec?.capacity;
		const ofVolume =
			volume === undefined ? {} : { accessModes: volume.spec?.accessModes ?? [], ...(size === undefined ? {} : { capacity: size }) };
		const status = { ...rest, phase, ...ofVolume };
		if (jsonEqual(status, claim.status ?? {})) return claim;
		return this.#ownClaims.note(await this.#context.client.resource(persistentVolumeClaims).updateStatus({ ...claim, status }));
	}

	/** Writes both sides, the volume first: whoever sees only that knows whose the volume is. */
	async bind(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
		const taken = bindVolume(volume, claim);
		const bound = await this.setVolumePhase(taken === volume ? volume : await this.updateVolume(taken), "Bound");
		const given = bindClaim(claim, bound);
		await this.setClaimStatus(given === claim ? claim : await this.updateClaim(given), "Bound", bound);
	}

	/** Takes a choice of the controller's back; what the user chose stays, without the uid of who had it. */
	async unbind(volume: PersistentVolume): Promise<void> {
		const { claimRef, ...spec } = volume.spec ?? {};
		const { [boundByController]: byController, ...annotations } = volume.metadata?.annotations ?? {};
		const { uid: _, resourceVersion: __, ...kept } = claimRef ?? {};
		const next =
			byController === undefined
				? { ...volume, spec: { ...spec, claimRef: kept } }
				: { ...volume, metadata: { ...volume.metadata, annotations }, spec };
		await this.setVolumePhase(await this.updateVolume(next), "Available");
	}
}
