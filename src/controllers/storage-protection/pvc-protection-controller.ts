/**
 * persistentvolumeclaim-protection-controller: a claim that is being deleted stays while a pod on a node uses it.
 *
 * Watches  PersistentVolumeClaims; pods (one that ends, goes or is not placed frees its claims)
 * Reads    the namespace's pods, from the server, before it lets a claim go
 * Writes   the claim's finalizers
 *
 * Source of behaviour: pkg/controller/volume/pvcprotection.
 */
import { objectKey } from "../../apimachinery/meta.ts";
import type { PersistentVolumeClaim, Pod } from "../../apimachinery/schema/generated/types.ts";
import { runController } from "../../client/controller.ts";
import { persistentVolumeClaims, pods } from "../../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "../controller.ts";
import { isPodTerminal } from "../pod-state.ts";
import { isToBeFreed, isUnprotected, withFinalizer, withoutFinalizer } from "./protection.ts";

const name = "persistentvolumeclaim-protection-controller";
const finalizer = "kubernetes.io/pvc-protection";

export const pvcProtectionController: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, log } = context;
	const claimInformer = informers.informer(persistentVolumeClaims);
	const podInformer = informers.informer(pods);
	await Promise.all([claimInformer.whenSynced(), podInformer.whenSynced()]);
	const queue = queueOf(context, "pvcprotection");
	const claimChanged = (claim: PersistentVolumeClaim) => {
		if (isUnprotected(claim, finalizer) || isToBeFreed(claim, finalizer)) queue.add(objectKey(claim));
	};
	const podChanged = (pod: Pod) => {
		for (const claim of claimsOf(pod)) queue.add(`${pod.metadata?.namespace}/${claim}`);
	};
	// A pod that runs on a node frees nothing.
	const maybeFreed = (pod: Pod) => {
		if (isPodTerminal(pod) || !isPlaced(pod)) podChanged(pod);
	};
	claimInformer.onChange({ added: claimChanged, updated: (_old, claim) => claimChanged(claim) }, signal);
	podInformer.onChange({ added: maybeFreed, updated: (_old, pod) => maybeFreed(pod), deleted: podChanged }, signal);
	const reconcile = async (key: string) => {
		const claim = claimInformer.cache.get(key);
		if (claim === undefined) return;
		const claims = client.resource(persistentVolumeClaims);
		if (isUnprotected(claim, finalizer)) await claims.update(withFinalizer(claim, finalizer));
		if (!isToBeFreed(claim, finalizer)) return;
		const namespace = claim.metadata?.namespace ?? "";
		const uses = (pod: Pod) => usesClaim(pod, claim);
		if (podInformer.cache.listNamespace(namespace).some(uses)) return;
		// The cache may lag behind a pod that was placed just now.
		if ((await client.resource(pods).list(namespace)).items.some(uses)) return;
		await claims.update(withoutFinalizer(claim, finalizer));
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}

/** Names of the claims that a pod's volumes stand on, those that were made for it among them. */
function claimsOf({ metadata, spec }: Pod): readonly string[] {
	return (spec?.volumes ?? []).flatMap((volume) => {
		if (volume.persistentVolumeClaim !== undefined) return [volume.persistentVolumeClaim.claimName];
		return volume.ephemeral === undefined ? [] : [`${metadata?.name}-${volume.name}`];
	});
}

const isPlaced = ({ spec }: Pod): boolean => (spec?.nodeName ?? "") !== "";

/** A kubelet starts no pod on a claim that is going, so one without a node does not count. */
function usesClaim(pod: Pod, { metadata }: PersistentVolumeClaim): boolean {
	if (!isPlaced(pod)) return false;
	return (pod.spec?.volumes ?? []).some((volume) => {
		if (volume.persistentVolumeClaim !== undefined) return volume.persistentVolumeClaim.claimName === metadata?.name;
		const isOwn = metadata?.ownerReferences?.some(({ uid, controller }) => controller === true && uid === pod.metadata?.uid) === true;
		return volume.ephemeral !== undefined && isOwn && !isShutDown(pod) && `${pod.metadata?.name}-${volume.name}` === metadata?.name;
	});
}

/** The kubelet is done with it, or it was forced away: else a pod's own claim and the pod could wait for each other. */
function isShutDown({ metadata }: Pod): boolean {
	return metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
}
