/**
 * Claims and volumes as the scheduler sees them: what the informers know, with what it has decided and not yet written on top, so that
 * the next pod does not get the same volume.
 * Source of behaviour: pkg/scheduler/framework/plugins/volumebinding (assume cache).
 */
import { type KubeObject, objectKey } from "../../apimachinery/meta.ts";
import type {
	CSINode,
	PersistentVolume,
	PersistentVolumeClaim,
	StorageClass,
	VolumeAttachment,
} from "../../apimachinery/schema/generated/types.ts";
import { classNameOf } from "../../apimachinery/storage/volume-matching.ts";
import type { Informer, InformerFactory } from "../../client/informer.ts";
import type { ObjectCache } from "../../client/object-cache.ts";
import {
	csiNodes,
	persistentVolumeClaims,
	persistentVolumes,
	type ResourceRef,
	storageClasses,
	volumeAttachments,
} from "../../client/resources.ts";

const byClass = "storageClass";
const classKey = (volume: PersistentVolume): readonly string[] => [classNameOf(volume)];
const byNode = "attachedNode";
const nodeKey = ({ spec }: VolumeAttachment): readonly string[] => [spec.nodeName];

/** Everything that the volume plugins look at. */
export const volumeResources: readonly ResourceRef<KubeObject>[] = [
	persistentVolumes,
	persistentVolumeClaims,
	storageClasses,
	csiNodes,
	volumeAttachments,
];

/** Objects that are thought to be as they soon will be. An assumption ends when the server has anything newer, or when it is taken back. */
class Assumptions<T extends KubeObject> {
	readonly #assumed = new Map<string, T>();

	assume(object: T): void {
		this.#assumed.set(objectKey(object), object);
	}

	assumeAll(others: Assumptions<T>): void {
		for (const object of others.#assumed.values()) this.assume(object);
	}

	restore(key: string): void {
		this.#assumed.delete(key);
	}

	latest(cached: T): T {
		const assumed = this.#assumed.get(objectKey(cached));
		if (assumed === undefined) return cached;
		if (assumed.metadata?.uid === cached.metadata?.uid && revisionOf(assumed) >= revisionOf(cached)) return assumed;
		this.#assumed.delete(objectKey(cached));
		return cached;
	}
}

export class VolumeCache {
	readonly classes: ObjectCache<StorageClass>;
	readonly csiNodes: ObjectCache<CSINode>;
	readonly #attachments: ObjectCache<VolumeAttachment>;
	readonly claimInformer: Informer<PersistentVolumeClaim>;
	readonly volumeInformer: Informer<PersistentVolume>;
	readonly #informers: InformerFactory;
	readonly #claims = new Assumptions<PersistentVolumeClaim>();
	readonly #volumes = new Assumptions<PersistentVolume>();

	constructor(informers: InformerFactory) {
		this.#informers = informers;
		this.classes = informers.informer(storageClasses).cache;
		this.csiNodes = informers.informer(csiNodes).cache;
		this.#attachments = informers.informer(volumeAttachments).cache;
		this.#attachments.addIndex(byNode, nodeKey);
		this.claimInformer = informers.informer(persistentVolumeClaims);
		this.volumeInformer = informers.informer(persistentVolumes);
		this.volumeInformer.cache.addIndex(byClass, classKey);
	}

	/** The same, for somebody whose further assumptions are nobody else's. */
	copy(): VolumeCache {
		const copy = new VolumeCache(this.#informers);
		copy.#claims.assumeAll(this.#claims);
		copy.#volumes.assumeAll(this.#volumes);
		return copy;
	}

	claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
		const cached = this.claimInformer.cache.get(`${namespace}/${name}`);
		return cached === undefined ? undefined : this.#claims.latest(cached);
	}

	volume(name: string): PersistentVolume | undefined {
		const cached = this.volumeInformer.cache.get(name);
		return cached === undefined ? undefined : this.#volumes.latest(cached);
	}

	volumesOfClass(className: string): readonly PersistentVolume[] {
		return this.volumeInformer.cache.byIndex(byClass, className).map((volume) => this.#volumes.latest(volume));
	}

	/** What is attached to a node, or is being. */
	attachmentsOf(nodeName: string): readonly VolumeAttachment[] {
		return this.#attachments.byIndex(byNode, nodeName);
	}

	assumeClaim(claim: PersistentVolumeClaim): void {
		this.#claims.assume(claim);
	}

	assumeVolume(volume: PersistentVolume): void {
		this.#volumes.assume(volume);
	}

	restoreClaim(claim: PersistentVolumeClaim): void {
		this.#claims.restore(objectKey(claim));
	}

	restoreVolume(volume: PersistentVolume): void {
		this.#volumes.restore(objectKey(volume));
	}
}

export function revisionOf({ metadata }: KubeObject): number {
	return Number(metadata?.resourceVersion ?? 0);
}
