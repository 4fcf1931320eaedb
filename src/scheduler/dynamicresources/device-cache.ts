/**
 * Claims, classes and devices as the scheduler sees them: what the informers know, with what it has decided and not yet written on top,
 * so that the next pod does not get the same devices.
 *
 *   informer ─> claim, allocated or not ──── reserve ───> pending: devices are taken, nothing is written yet
 *                  ^                                          │ written                     │ failed
 *                  └── the informer has caught up <── assumed ┘            taken back <─────┘
 *
 * Source of behaviour: pkg/scheduler/framework/plugins/dynamicresources/dra_manager.go (assume cache, allocations in flight).
 */
import { extendedResourceClaimAnnotation, owningPod } from "../../apimachinery/devices/resource-claims.ts";
import { type KubeObject, objectKey } from "../../apimachinery/meta.ts";
import type { DeviceClass, ResourceResourceClaim, ResourceSlice } from "../../apimachinery/schema/generated/types.ts";
import type { Informer, InformerFactory } from "../../client/informer.ts";
import type { ObjectCache } from "../../client/object-cache.ts";
import { deviceClasses, type ResourceRef, resourceClaims, resourceSlices } from "../../client/resources.ts";
import { AllocatedDevices, type AllocatedState } from "./allocated-devices.ts";
import { DevicePools } from "./device-pools.ts";
import { ExtendedResources } from "./extended-resources.ts";
import { DeviceSelectors } from "./selectors.ts";

/** Everything that decisions about devices look at. */
/** Claims for extended resources by the uid of their pod. */
const byOwner = "extendedResourcesOf";

export const deviceResources: readonly ResourceRef<KubeObject>[] = [resourceClaims, deviceClasses, resourceSlices];

export class DeviceCache {
	readonly selectors = new DeviceSelectors();
	readonly claimInformer: Informer<ResourceResourceClaim>;
	readonly #classes: ObjectCache<DeviceClass>;
	readonly #slices: ObjectCache<ResourceSlice>;
	readonly #allocated = new AllocatedDevices();
	/** Written by us, by key, until the informer has them. */
	readonly #assumed = new Map<string, ResourceResourceClaim>();
	/** Decided and not written, by uid, with the allocation that they will have. */
	readonly #pending = new Map<string, ResourceResourceClaim>();
	#pools: DevicePools | undefined;
	#extendedResources: ExtendedResources | undefined;

	/** Call before the informers start. */
	constructor(informers: InformerFactory) {
		this.claimInformer = informers.informer(resourceClaims);
		const classes = informers.informer(deviceClasses);
		const slices = informers.informer(resourceSlices);
		this.#classes = classes.cache;
		this.#slices = slices.cache;
		const changed = (claim: ResourceResourceClaim) => {
			this.selectors.expect(claim);
			this.#recount(claim);
		};
		this.claimInformer.onChange({
			added: changed,
			updated: (old, claim) => {
				if (old.metadata?.uid !== claim.metadata?.uid) this.#allocated.set(uidOf(old), undefined);
				changed(claim);
			},
			deleted: (claim) => {
				this.#assumed.delete(objectKey(claim));
				this.#allocated.set(uidOf(claim), this.#pending.get(uidOf(claim))?.status?.allocation);
			},
		});
		const classChanged = (deviceClass: DeviceClass) => {
			this.selectors.expect(deviceClass);
			this.#extendedResources = undefined;
		};
		classes.onChange({ added: classChanged, updated: (_old, deviceClass) => classChanged(deviceClass), deleted: classChanged });
		this.claimInformer.cache.addIndex(byOwner, (claim) => {
			const owner = claim.metadata?.annotations?.[extendedResourceClaimAnnotation] === "true" ? owningPod(claim) : undefined;
			return owner === undefined ? [] : [owner.uid];
		});
		const forget = () => {
			this.#pools = undefined;
		};
		slices.onChange({ added: forget, updated: forget, deleted: forget });
	}

	get allocated(): AllocatedState {
		return this.#allocated;
	}

	get pools(): DevicePools {
		this.#pools ??= new DevicePools(this.#slices.list());
		return this.#pools;
	}

	deviceClass(name: string): DeviceClass | undefined {
		return this.#classes.get(name);
	}

	/** The class that stands for an extended resource. */
	classOfResource(resource: string): DeviceClass | undefined {
		if (this.#classes.size === 0) return undefined;
		this.#extendedResources ??= new ExtendedResources(this.#classes.list());
		return this.#extendedResources.classOf(resource);
	}

	/** The claim that was made for a pod's extended resources. */
	extendedClaim(podUid: string): ResourceResourceClaim | undefined {
		return this.claimInformer.cache.byIndex(byOwner, podUid)[0];
	}

	/** With what we have written of it. */
	claim(namespace: string, name: string): ResourceResourceClaim | undefined {
		const cached = this.claimInformer.cache.get(`${namespace}/${name}`);
		return cached === undefined ? undefined : this.#latest(cached);
	}

	/** Whether a pod that is on its way has devices for this claim. */
	isPending(uid: string): boolean {
		return this.#pending.has(uid);
	}

	/** @param claim with the allocation that it will have */
	setPending(claim: ResourceResourceClaim): void {
		this.#pending.set(uidOf(claim), claim);
		this.#recount(claim);
	}

	/** Takes it back; what it was, if it was pending. */
	takeBack(claim: ResourceResourceClaim): ResourceResourceClaim | undefined {
		const pending = this.#pending.get(uidOf(claim));
		if (pending !== undefined) this.#settle(claim);
		return pending;
	}

	/** The server has it: as it is now. */
	written(claim: ResourceResourceClaim): void {
		this.#assumed.set(objectKey(claim), claim);
		this.#settle(claim);
	}

	#settle(claim: ResourceResourceClaim): void {
		this.#pending.delete(uidOf(claim));
		this.#recount(claim);
	}

	#recount(claim: ResourceResourceClaim): void {
		const uid = uidOf(claim);
		const cached = this.claimInformer.cache.get(objectKey(claim));
		const current = cached?.metadata?.uid === uid ? this.#latest(cached) : this.#unseen(claim);
		this.#allocated.set(uid, (this.#pending.get(uid) ?? current)?.status?.allocation);
	}

	/** We made the claim, and the informer has not heard of it yet. */
	#unseen(claim: ResourceResourceClaim): ResourceResourceClaim | undefined {
		const assumed = this.#assumed.get(objectKey(claim));
		const isNew = assumed !== undefined && uidOf(assumed) === uidOf(claim) && revisionOf(assumed) > this.claimInformer.cache.revision;
		return isNew ? assumed : undefined;
	}

	#latest(cached: ResourceResourceClaim): ResourceResourceClaim {
		const key = objectKey(cached);
		const assumed = this.#assumed.get(key);
		if (assumed === undefined) return cached;
		if (uidOf(assumed) === uidOf(cached) && revisionOf(assumed) > revisionOf(cached)) return assumed;
		this.#assumed.delete(key);
		return cached;
	}
}

const uidOf = ({ metadata }: ResourceResourceClaim): string => metadata?.uid ?? "";

const revisionOf = ({ metadata }: ResourceResourceClaim): number => Number(metadata?.resourceVersion ?? 0);
