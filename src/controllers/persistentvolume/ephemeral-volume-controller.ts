/**
 * ephemeral-volume-controller: makes the claims of pods' generic ephemeral volumes, which go with their pods.
 *
 * Watches  pods that have such volumes; claims (one that is deleted while its pod lives is made again)
 * Writes   PersistentVolumeClaims, owned by their pods
 *
 * Source of behaviour: pkg/controller/volume/ephemeral, https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes
 */
import { objectKey } from "../../apimachinery/meta.ts";
import type { PersistentVolumeClaim, Pod, Volume } from "../../apimachinery/schema/generated/types.ts";
import { ephemeralClaimName, foreignClaim } from "../../apimachinery/storage/pod-claims.ts";
import { runController } from "../../client/controller.ts";
import { controllerReference } from "../../client/owner.ts";
import { persistentVolumeClaims, pods } from "../../client/resources.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";

const name = "ephemeral-volume-controller";

export const ephemeralVolumeController: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, log } = context;
	const podInformer = informers.informer(pods);
	const claimInformer = informers.informer(persistentVolumeClaims);
	await Promise.all([podInformer.whenSynced(), claimInformer.whenSynced()]);
	const recorder = recorderOf(context, "ephemeral_volume", signal);
	const queue = queueOf(context, "ephemeral_volume");
	const podChanged = (pod: Pod) => {
		if (pod.metadata?.deletionTimestamp === undefined && ephemeralVolumes(pod).length > 0) queue.add(objectKey(pod));
	};
	podInformer.onChange({ added: podChanged, updated: (_old, pod) => podChanged(pod) }, signal);
	claimInformer.onChange(
		{
			deleted: ({ metadata }) => {
				const owner = metadata?.ownerReferences?.find(({ kind, controller }) => kind === "Pod" && controller === true);
				if (owner !== undefined) queue.add(`${metadata?.namespace}/${owner.name}`);
			},
		},
		signal,
	);

	const ensure = async (pod: Pod, volume: Volume): Promise<void> => {
		const claim = claimOf(pod, volume);
		const existing = claimInformer.cache.get(objectKey(claim));
		const foreign = existing === undefined ? undefined : foreignClaim(pod, existing);
		if (foreign !== undefined) throw new Error(foreign);
		if (existing !== undefined) return;
		try {
			await client.resource(persistentVolumeClaims).create(claim);
		} catch (error) {
			throw new Error(`create PVC ${claim.metadata?.name}: ${error instanceof Error ? error.message : String(error)}`);
		}
	};

	const reconcile = async (key: string): Promise<void> => {
		const pod = podInformer.cache.get(key);
		if (pod === undefined || pod.metadata?.deletionTimestamp !== undefined) return;
		for (const volume of ephemeralVolumes(pod)) {
			try {
				await ensure(pod, volume);
			} catch (error) {
				const message = error instanceof Error ? error.message : String(error);
				recorder.event(pod, "Warning", "FailedBinding", `ephemeral volume ${volume.name}: ${message}`);
				throw new Error(`pod ${key}, ephemeral volume ${volume.name}: ${message}`);
			}
		}
	};
	await runController({ name, queue, concurrency: 10, reconcile, log, signal });
}

const none: readonly Volume[] = [];

function ephemeralVolumes({ spec }: Pod): readonly Volume[] {
	return spec?.volumes?.some(({ ephemeral }) => ephemeral !== undefined) === true
		? spec.volumes.filter(({ ephemeral }) => ephemeral !== undefined)
		: none;
}

function claimOf(pod: Pod, { name: volume, ephemeral }: Volume): PersistentVolumeClaim {
	const { metadata, spec } = ephemeral?.volumeClaimTemplate ?? {};
	const { labels, annotations } = metadata ?? {};
	return {
		apiVersion: "v1",
		kind: "PersistentVolumeClaim",
		metadata: {
			namespace: pod.metadata?.namespace ?? "",
			name: ephemeralClaimName(pod, volume),
			ownerReferences: [controllerReference(pod)],
			...(labels === undefined ? {} : { labels }),
			...(annotations === undefined ? {} : { annotations }),
		},
		spec: spec ?? {},
	};
}
