/**
 * Creates, deletes and puts right the pods and claims of StatefulSets, with the events that tell of it.
 * Source of behaviour and texts: pkg/controller/statefulset/stateful_pod_control.go.
 */
import { objectKey } from "../../apimachinery/meta.ts";
import type { PersistentVolumeClaim, Pod, StatefulSet } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { ResourceClient } from "../../client/client.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { persistentVolumeClaims, pods } from "../../client/resources.ts";
import type { ControllerContext } from "../controller.ts";
import { isBeingDeleted } from "../pod-state.ts";
import { isNamespaceTerminating, messageOf } from "../replicaset/pod-control.ts";
import { hasForeignController, planClaimOwners } from "./claim-owners.ts";
import { claimsOf, hasIdentity, hasStorage, ordinalOf, withIdentity } from "./identity.ts";

export class StatefulPodControl {
	readonly #pods: ResourceClient<Pod>;
	readonly #claims: ResourceClient<PersistentVolumeClaim>;
	readonly #claimInformer: Informer<PersistentVolumeClaim>;
	readonly #ownClaims = new OwnWrites<PersistentVolumeClaim>();
	readonly #recorder: EventRecorder;

	constructor({ client, informers }: ControllerContext, recorder: EventRecorder) {
		this.#pods = client.resource(pods);
		this.#claims = client.resource(persistentVolumeClaims);
		this.#claimInformer = informers.informer(persistentVolumeClaims);
		this.#recorder = recorder;
	}

	whenSynced(): Promise<void> {
		return this.#claimInformer.whenSynced();
	}

	/** Forgets own writes as the cache learns of them. @param gone told of every claim that went. */
	watchClaims(gone: (claim: PersistentVolumeClaim) => void, signal: AbortSignal): void {
		this.#claimInformer.onChange(
			{
				added: (claim) => this.#ownClaims.observed(claim),
				updated: (_old, claim) => this.#ownClaims.observed(claim),
				deleted: (claim) => {
					this.#ownClaims.delete(objectKey(claim));
					gone(claim);
				},
			},
			signal,
		);
	}

	/** The claim as it is after our own writes. */
	claim(namespace: string | undefined, name: string): PersistentVolumeClaim | undefined {
		const key = objectKey({ metadata: { ...(namespace === undefined ? {} : { namespace }), name } });
		const { cache } = this.#claimInformer;
		const cached = cache.get(key);
		if (cached !== undefined) return this.#ownClaims.freshest(cached);
		return this.#ownClaims.unseen(cache).find((claim) => objectKey(claim) === key);
	}

	/** Creates the pod, after the claims it lacks. Resolves to false if its namespace is going; rejects with the server's error. */
	async create(set: StatefulSet, pod: Pod): Promise<boolean> {
		try {
			await this.#createClaims(set, pod);
			const made = await this.#pods.create(pod);
			await this.#updateClaimOwners(set, made);
		} catch (error) {
			if (isNamespaceTerminating(error)) return false;
			// Somebody else's pod has the name, or our own that the cache does not show: nothing to tell.
			if (!isStatusError(error, "AlreadyExists")) this.#podEvent("create", set, pod, error);
			throw error;
		}
		this.#podEvent("create", set, pod);
		return true;
	}

	/** Resolves to false if the pod was gone already; rejects with the server's error. */
	async delete(set: StatefulSet, pod: Pod): Promise<boolean> {
		const { namespace, name = "", uid } = pod.metadata ?? {};
		try {
			await this.#pods.delete({ namespace, name }, uid === undefined ? {} : { preconditions: { uid } });
		} catch (error) {
			if (isStatusError(error, "NotFound")) return false;
			this.#podEvent("delete", set, pod, error);
			throw error;
		}
		this.#podEvent("delete", set, pod);
		return true;
	}

	/** Creates what is missing of a pod's claims and puts their owners right. */
	async claimFor(set: StatefulSet, pod: Pod): Promise<void> {
		await this.#createClaims(set, pod);
		await this.updateClaimOwners(set, pod);
	}

	/** Puts labels, volumes and the owners of claims right. */
	async repair(set: StatefulSet, pod: Pod): Promise<void> {
		const ordinal = ordinalOf(pod) ?? -1;
		try {
			if (!hasStorage(set, pod, ordinal)) await this.#createClaims(set, pod);
			await this.#updateClaimOwners(set, pod);
			if (!hasIdentity(set, pod) || !hasStorage(set, pod, ordinal)) await this.#pods.update(withIdentity(set, pod, ordinal));
		} catch (error) {
			this.#podEvent("update", set, pod, error);
			throw error;
		}
		this.#podEvent("update", set, pod);
	}

	async updateClaimOwners(set: StatefulSet, pod: Pod): Promise<void> {
		try {
			await this.#updateClaimOwners(set, pod);
		} catch (error) {
			this.#podEvent("update", set, pod, error);
			throw error;
		}
	}

	async #createClaims(set: StatefulSet, pod: Pod): Promise<void> {
		const failures: string[] = [];
		for (const wanted of claimsOf(set, ordinalOf(pod) ?? -1)) {
			const { namespace, name = "" } = wanted.metadata ?? {};
			const known = this.claim(namespace, name);
			if (known !== undefined) {
				if (isBeingDeleted(known)) failures.push(`pvc ${name} is being deleted`);
				continue;
			}
			try {
				this.#ownClaims.note(await this.#claims.create(wanted));
				const message = `create Claim ${name} Pod ${pod.metadata?.name} in StatefulSet ${set.metadata?.name} success`;
				this.#recorder.event(set, "Normal", "SuccessfulCreate", message);
			} catch (error) {
				if (isNamespaceTerminating(error)) throw error;
				failures.push(`failed to create PVC ${name}: ${messageOf(error)}`);
				if (!isStatusError(error, "AlreadyExists")) this.#claimFailed(set, pod, name, error);
			}
		}
		if (failures.length > 0) throw new Error(failures.length === 1 ? failures[0] : `[${failures.join(", ")}]`);
	}

	#claimFailed(set: StatefulSet, pod: Pod, name: string, error: unknown): void {
		const where = `Pod ${pod.metadata?.name} in StatefulSet ${set.metadata?.name}`;
		this.#recorder.event(set, "Warning", "FailedCreate", `create Claim ${name} for ${where} failed error: ${messageOf(error)}`);
	}

	async #updateClaimOwners(set: StatefulSet, pod: Pod): Promise<void> {
		for (const { metadata } of claimsOf(set, ordinalOf(pod) ?? -1)) {
			const name = metadata?.name ?? "";
			const claim = this.claim(metadata?.namespace, name);
			if (claim === undefined) continue;
			if (hasForeignController(set, pod, claim)) {
				const message = `PersistentVolumeClaim ${name} has a conflicting OwnerReference that acts as a managing controller, the retention policy is ignored for this claim`;
				this.#recorder.event(set, "Warning", "ConflictingController", message);
			}
			const ownerReferences = planClaimOwners(set, pod, claim);
			if (ownerReferences === undefined) continue;
			try {
				this.#ownClaims.note(await this.#claims.update({ ...claim, metadata: { ...claim.metadata, ownerReferences } }));
			} catch (error) {
				throw new Error(`could not update claim ${name} for delete policy ownerRefs: ${messageOf(error)}`, { cause: error });
			}
		}
	}

	#podEvent(verb: "create" | "delete" | "update", set: StatefulSet, pod: Pod, error?: unknown): void {
		const title = verb.charAt(0).toUpperCase() + verb.slice(1);
		const what = `${verb} Pod ${pod.metadata?.name} in StatefulSet ${set.metadata?.name}`;
		if (error === undefined) this.#recorder.event(set, "Normal", `Successful${title}`, `${what} successful`);
		else this.#recorder.event(set, "Warning", `Failed${title}`, `${what} failed error: ${messageOf(error)}`);
	}
}
