/**
 * Makes and deletes the disks of claims, as the sidecar external-provisioner does for a CSI driver.
 *
 * Watches  claims that the binding controller has given to this driver, its volumes, StorageClasses, nodes
 * Writes   PersistentVolumes, events; takes a selected node that is gone back from a claim
 *
 * A disk is made at once and has no bytes of its own here: what is written to it lives with the nodes (kubelet-sim/volumes).
 * Source of behaviour: kubernetes-csi/external-provisioner and sig-storage-lib-external-provisioner.
 */
import { fnv132 } from "../../apimachinery/hash.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { provisionedBy, selectedNode, storageProvisioner } from "../../apimachinery/storage/annotations.ts";
import { diskDriver, zoneLabel } from "../../apimachinery/storage/disk-driver.ts";
import { classNameOf, requestedSize } from "../../apimachinery/storage/volume-matching.ts";
import { runController } from "../../client/controller.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, storageClasses, volumeAttachments } from "../../client/resources.ts";
import { type ControllerContext, queueOf, recorderOf } from "../controller.ts";

const finalizer = "external-provisioner.volume.kubernetes.io/finalizer";
/** --retry-interval-start and --retry-interval-max */
const retry = { baseDelayMs: 1_000, maxDelayMs: 300_000 };

/** Why a disk cannot be made, in the driver's words. */
class ProvisioningError extends Error {
	/** The scheduler is to choose another node. */
	readonly needsNode: boolean;

	constructor(message: string, needsNode = false) {
		super(message);
		this.name = "ProvisioningError";
		this.needsNode = needsNode;
	}
}

export async function runProvisioner(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, clock, random, log } = context;
	const claims = informers.informer(persistentVolumeClaims);
	const volumes = informers.informer(persistentVolumes);
	const classes = informers.informer(storageClasses);
	const nodeInformer = informers.informer(nodes);
	const attachments = informers.informer(volumeAttachments);
	await Promise.all([claims, volumes, classes, nodeInformer, attachments].map((informer) => informer.whenSynced()));
	const identity = `${clock.now()}-${random.int(10_000)}-${diskDriver}`;
	const recorder = recorderOf(context, `${diskDriver}_${identity}`, signal);
	const queue = queueOf(context, "csi-provisioner", retry);

	const provision = async (claim: PersistentVolumeClaim): Promise<void> => {
		const storageClass = classes.cache.get(classNameOf(claim));
		if (storageClass === undefined) return;
		const nodeName = claim.metadata?.annotations?.[selectedNode];
		if (storageClass.volumeBindingMode === "WaitForFirstConsumer" && nodeName === undefined) return;
		recorder.event(
			claim,
			"Normal",
			"Provisioning",
			`External provisioner is provisioning volume for claim ${JSON.stringify(objectKey(claim))}`,
		);
		try {
			const zone = zoneFor(claim, storageClass, nodeName, nodeInformer.cache.list());
			await client.resource(persistentVolumes).create(diskFor(claim, storageClass, zone, identity));
		} catch (error) {
			if (!isStatusError(error, "AlreadyExists")) {
				const message = error instanceof Error ? error.message : String(error);
				recorder.event(
					claim,
					"Warning",
					"ProvisioningFailed",
					`failed to provision volume with StorageClass ${JSON.stringify(storageClass.metadata?.name)}: ${message}`,
				);
				if (error instanceof ProvisioningError && error.needsNode) await takeNodeBack(claim);
				throw error;
			}
		}
		recorder.event(claim, "Normal", "ProvisioningSucceeded", `Successfully provisioned volume ${volumeNameFor(claim)}`);
	};

	const takeNodeBack = async (claim: PersistentVolumeClaim): Promise<void> => {
		const { [selectedNode]: _, ...annotations } = claim.metadata?.annotations ?? {};
		await client.resource(persistentVolumeClaims).update({ ...claim, metadata: { ...claim.metadata, annotations } });
	};

	const remove = async (volume: PersistentVolume): Promise<void> => {
		const name = volume.metadata?.name ?? "";
		const attached = attachments.cache.list().find(({ spec }) => spec.source.persistentVolumeName === name);
		if (attached !== undefined) {
			const message = `persistentvolume ${name} is still attached to node ${attached.spec.nodeName}`;
			recorder.event(volume, "Warning", "VolumeFailedDelete", message);
			throw new Error(message);
		}
		if (volume.metadata?.deletionTimestamp === undefined) await client.resource(persistentVolumes).delete({ name });
		const current = await client
			.resource(persistentVolumes)
			.get({ name })
			.catch((error: unknown) => {
				if (isStatusError(error, "NotFound")) return undefined;
				throw error;
			});
		if (current?.metadata?.finalizers?.includes(finalizer) === true)
			await client.resource(persistentVolumes).update(withoutOurFinalizer(current));
	};

	const reconcile = async (key: string): Promise<void> => {
		const object = key.slice(key.indexOf(":") + 1);
		if (key.startsWith("claim:")) {
			const claim = claims.cache.get(object);
			if (claim !== undefined && isOurs(claim)) await provision(claim);
			return;
		}
		const volume = volumes.cache.get(object);
		if (volume === undefined || volume.metadata?.annotations?.[provisionedBy] !== diskDriver) return;
		const policy = volume.spec?.persistentVolumeReclaimPolicy;
		if (volume.status?.phase === "Released" && policy === "Delete") await remove(volume);
		// Nobody deletes the disk of a volume that is kept, so nobody has to be waited for.
		else if (policy === "Retain" && volume.metadata.finalizers?.includes(finalizer) === true)
			await client.resource(persistentVolumes).update(withoutOurFinalizer(volume));
	};

	const claimChanged = (claim: PersistentVolumeClaim) => {
		if (isOurs(claim)) queue.add(`claim:${objectKey(claim)}`);
	};
	const volumeChanged = (volume: PersistentVolume) => {
		if (volume.metadata?.annotations?.[provisionedBy] === diskDriver) queue.add(`volume:${objectKey(volume)}`);
	};
	claims.onChange({ added: claimChanged, updated: (_old, claim) => claimChanged(claim) }, signal);
	volumes.onChange({ added: volumeChanged, updated: (_old, volume) => volumeChanged(volume) }, signal);
	await runController({ name: "kubesim-csi-driver/provisioner", queue, concurrency: 4, reconcile, log, signal });
}

function isOurs({ metadata, spec }: PersistentVolumeClaim): boolean {
	return (
		metadata?.annotations?.[storageProvisioner] === diskDriver &&
		(spec?.volumeName ?? "") === "" &&
		metadata.deletionTimestamp === undefined
	);
}

function volumeNameFor({ metadata }: PersistentVolumeClaim): string {
	return `pvc-${metadata?.uid}`;
}

function withoutOurFinalizer(volume: PersistentVolume): PersistentVolume {
	const finalizers = (volume.metadata?.finalizers ?? []).filter((each) => each !== finalizer);
	return { ...volume, metadata: { ...volume.metadata, finalizers } };
}

/** The zone of the disk: the selected node's, or else one after the other for the claims of a StatefulSet. Undefined: there are no zones. */
function zoneFor(
	claim: PersistentVolumeClaim,
	{ allowedTopologies }: StorageClass,
	nodeName: string | undefined,
	all: readonly Node[],
): string | undefined {
	const allowed = allowedTopologies?.flatMap(({ matchLabelExpressions = [] }) =>
		matchLabelExpressions.flatMap(({ key, values }) => (key === zoneLabel ? values : [])),
	);
	if (nodeName !== undefined) {
		const node = all.find(({ metadata }) => metadata?.name === nodeName);
		if (node === undefined) throw new ProvisioningError(`failed to get target node: node ${JSON.stringify(nodeName)} not found`, true);
		const zone = node.metadata?.labels?.[zoneLabel];
		if (allowed === undefined || (zone !== undefined && allowed.includes(zone))) return zone;
		const why = `selected node '"${nodeName}"' topology '${zone === undefined ? "map[]" : `map[${zoneLabel}:${zone}]`}' is not in requisite`;
		throw new ProvisioningError(`error generating accessibility requirements: ${why}`, true);
	}
	const zones = allowed ?? [...new Set(all.flatMap(({ metadata }) => metadata?.labels?.[zoneLabel] ?? []))];
	const sorted = [...zones].sort();
	const [, prefix = "", ordinal = "0"] = /^(.*?)(?:-([0-9]+))?$/.exec(claim.metadata?.name ?? "") ?? [];
	return sorted[(fnv132(prefix) + Number(ordinal)) % sorted.length];
}

function diskFor(claim: PersistentVolumeClaim, storageClass: StorageClass, zone: string | undefined, identity: string): PersistentVolume {
	const { metadata, spec } = claim;
	if (spec?.selector !== undefined) throw new ProvisioningError("claim Selector is not supported");
	if (spec?.dataSource?.kind === "PersistentVolumeClaim") throw new ProvisioningError("CSI driver does not support clone operation");
	if (spec?.dataSource !== undefined || spec?.dataSourceRef !== undefined)
		throw new ProvisioningError("CSI driver does not support snapshot restore");
	const { namespace = "", name = "", uid = "", resourceVersion = "" } = metadata ?? {};
	const requirement = { key: zoneLabel, operator: "In", values: zone === undefined ? [] : [zone] };
	return {
		apiVersion: "v1",
		kind: "PersistentVolume",
		metadata: {
			name: volumeNameFor(claim),
			annotations: {
				[provisionedBy]: diskDriver,
				"volume.kubernetes.io/provisioner-deletion-secret-name": "",
				"volume.kubernetes.io/provisioner-deletion-secret-namespace": "",
			},
			finalizers: storageClass.reclaimPolicy === "Retain" ? [] : [finalizer],
		},
		spec: {
			capacity: { storage: requestedSize(claim) },
			accessModes: spec?.accessModes ?? [],
			claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid, resourceVersion },
			persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? "Delete",
			storageClassName: storageClass.metadata?.name ?? "",
			volumeMode: spec?.volumeMode ?? "Filesystem",
			...(storageClass.mountOptions === undefined ? {} : { mountOptions: storageClass.mountOptions }),
			...(zone === undefined ? {} : { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } } }),
			csi: {
				driver: diskDriver,
				volumeHandle: `disk-${uid}`,
				fsType: storageClass.parameters?.["csi.storage.k8s.io/fstype"] ?? "ext4",
				volumeAttributes: { "storage.kubernetes.io/csiProvisionerIdentity": identity },
			},
		},
	};
}
