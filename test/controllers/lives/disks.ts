/** The simulated CSI driver, which makes, attaches, grows and deletes disks, and who says that a claim waits for it to grow. */
import fc from "fast-check";
import { compareQuantities } from "../../../src/apimachinery/quantity.ts";
import type {
	CoreEvent,
	PersistentVolume,
	PersistentVolumeClaim,
	StorageClass,
	VolumeAttachment,
} from "../../../src/apimachinery/schema/generated/types.ts";
import { selectedNode } from "../../../src/apimachinery/storage/annotations.ts";
import { diskDriver, zoneLabel } from "../../../src/apimachinery/storage/disk-driver.ts";
import {
	events,
	nodes,
	persistentVolumeClaims,
	persistentVolumes,
	storageClasses,
	volumeAttachments,
} from "../../../src/client/resources.ts";
import type { TimelineEntry } from "../../../src/cluster/timeline/timeline.ts";
import { csiDriver } from "../../../src/controllers/csi-driver/csi-driver.ts";
import { persistentVolumeBinder } from "../../../src/controllers/persistentvolume/binder-controller.ts";
import { expandController } from "../../../src/controllers/persistentvolume/expand-controller.ts";
import { pvProtectionController } from "../../../src/controllers/storage-protection/pv-protection-controller.ts";
import { pvcProtectionController } from "../../../src/controllers/storage-protection/pvc-protection-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, type Life, patching, toOneOf } from "../life.ts";

const claimName = fc.constantFrom("c0", "c1", "c2");

function claim(name: string, storageClassName: string, storage = "1Gi"): PersistentVolumeClaim {
	return { metadata: { name }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } }, storageClassName } };
}

const grown = fc
	.tuple(
		claimName,
		fc.integer({ min: 2, max: 4 }).map((size) => `${size}Gi`),
	)
	.map(([name, storage]) => patching(persistentVolumeClaims, name, { spec: { resources: { requests: { storage } } } }));

function wants({ spec }: PersistentVolumeClaim): string {
	return spec?.resources?.requests?.storage ?? "0";
}

// ── The driver ──

/** At once, and kept; at once; where its pod is to run. */
const classes: Readonly<Record<string, Pick<StorageClass, "reclaimPolicy" | "volumeBindingMode">>> = {
	kept: { reclaimPolicy: "Retain", volumeBindingMode: "Immediate" },
	fast: { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" },
	late: { reclaimPolicy: "Delete", volumeBindingMode: "WaitForFirstConsumer" },
};
const zones: Readonly<Record<string, string>> = { n1: "east", n2: "west" };
const lostNode = "n3";

async function prepareDriver({ client }: TestCluster): Promise<void> {
	for (const [name, rest] of Object.entries(classes))
		await client.resource(storageClasses).create({ metadata: { name }, provisioner: diskDriver, allowVolumeExpansion: true, ...rest });
	for (const [name, zone] of Object.entries(zones))
		await client.resource(nodes).create({ metadata: { name, labels: { [zoneLabel]: zone } } });
}

const attached = fc.tuple(fc.nat(3), fc.constantFrom("n1", "n2")).map(([which, nodeName]) =>
	toOneOf(persistentVolumes, which, `attach to ${nodeName}`, ({ metadata }, { client }) => {
		const persistentVolumeName = metadata?.name ?? "";
		const spec = { attacher: diskDriver, nodeName, source: { persistentVolumeName } };
		return client.resource(volumeAttachments).create({ metadata: { name: `${persistentVolumeName}-${nodeName}` }, spec });
	}),
);

const detached = fc
	.nat(3)
	.map((which) =>
		toOneOf(volumeAttachments, which, "detach", ({ metadata }, { client }) =>
			client.resource(volumeAttachments).delete({ name: metadata?.name ?? "" }),
		),
	);

function zoneOf({ spec }: PersistentVolume): string | undefined {
	return spec?.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.[0]?.values?.[0];
}

function hasItsDisk(each: PersistentVolumeClaim, volumes: readonly PersistentVolume[]): boolean {
	const { metadata, spec, status } = each;
	const node = metadata?.annotations?.[selectedNode];
	const isWaiting = spec?.storageClassName === "late" && node === undefined && spec.volumeName === undefined;
	if (isWaiting) return status?.phase === "Pending";
	const own = volumes.find((volume) => volume.metadata?.name === `pvc-${metadata?.uid}`);
	if (own === undefined || status?.phase !== "Bound" || spec?.volumeName !== own.metadata?.name) return false;
	const has = own.spec?.capacity?.storage ?? "0";
	const isLarge = compareQuantities(has, wants(each)) >= 0;
	const isGrowing = compareQuantities(wants(each), status.capacity?.storage ?? "0") > 0;
	// The file system is a kubelet's to grow, and there are none.
	return isLarge && (!isGrowing || status.allocatedResourceStatuses?.storage === "NodeResizePending");
}

function isAnswered({ metadata, status }: VolumeAttachment): boolean {
	return metadata?.deletionTimestamp === undefined && status?.attached === true;
}

function haveDisks(cluster: TestCluster): boolean {
	const [claims, volumes] = [all(cluster, persistentVolumeClaims), all(cluster, persistentVolumes)];
	const attachments = all(cluster, volumeAttachments);
	const isWanted = ({ metadata, spec }: PersistentVolume) =>
		spec?.persistentVolumeReclaimPolicy === "Retain" ||
		claims.some(({ metadata: owner }) => owner?.uid === spec?.claimRef?.uid) ||
		attachments.some((each) => each.spec.source.persistentVolumeName === metadata?.name);
	return (
		claims.every((each) => each.metadata?.deletionTimestamp === undefined && hasItsDisk(each, volumes)) &&
		volumes.every(isWanted) &&
		attachments.every(isAnswered)
	);
}

/** A disk is its claim's alone, is where its first pod is to run, does not shrink, and goes only when nobody has it or needs it. */
function disksAreSafe(cluster: TestCluster): (entry: TimelineEntry) => void {
	return ({ kind, type, name, object, previous }) => {
		if (kind !== "PersistentVolume") return;
		const volume: PersistentVolume = object;
		const claims = all(cluster, persistentVolumeClaims);
		if (type === "DELETED") {
			if (volume.spec?.persistentVolumeReclaimPolicy === "Retain") throw new Error(`${name} is deleted, which was to be kept`);
			if (claims.some(({ metadata }) => metadata?.uid === volume.spec?.claimRef?.uid))
				throw new Error(`${name} is deleted under its claim`);
		}
		if (type === "ADDED") {
			const owner = claims.find(({ metadata }) => metadata?.uid === volume.spec?.claimRef?.uid);
			const node = owner?.spec?.storageClassName === "late" ? owner.metadata?.annotations?.[selectedNode] : undefined;
			if (node !== undefined && zoneOf(volume) !== zones[node]) throw new Error(`${name} is made in ${zoneOf(volume)}, away from ${node}`);
		}
		const [before, after] = [(previous as PersistentVolume | undefined)?.spec?.capacity?.storage, volume.spec?.capacity?.storage];
		if (before !== undefined && compareQuantities(after ?? "0", before) < 0) throw new Error(`${name} shrinks`);
	};
}

const driverLife: Life = {
	controller: () => csiDriver,
	companions: () => [persistentVolumeBinder, pvcProtectionController, pvProtectionController],
	prepare: prepareDriver,
	actions: fc.oneof(
		{
			weight: 6,
			arbitrary: fc
				.tuple(claimName, fc.constantFrom(...Object.keys(classes)))
				.map(([name, className]) => creating(persistentVolumeClaims, claim(name, className))),
		},
		{
			weight: 4,
			arbitrary: fc
				.tuple(claimName, fc.constantFrom(...Object.keys(zones), lostNode))
				.map(([name, node]) => patching(persistentVolumeClaims, name, { metadata: { annotations: { [selectedNode]: node } } })),
		},
		{ weight: 3, arbitrary: grown },
		{ weight: 3, arbitrary: claimName.map((name) => deleting(persistentVolumeClaims, name)) },
		{ weight: 3, arbitrary: attached },
		{ weight: 2, arbitrary: detached },
	),
	converged: haveDisks,
	invariant: disksAreSafe,
	// A claim that its protector lost between two lists goes when all is looked at again.
	within: "25h",
	owns: ({ kind }) => kind === "PersistentVolume" || kind === "PersistentVolumeClaim" || kind === "VolumeAttachment",
};

// ── The expander ──

const growingClass = "growing";

/** A claim that has its volume, by hand. */
const bound = claimName.map((name) => ({
	name: `create bound claim ${name}`,
	run: async ({ client }: TestCluster) => {
		const { metadata, spec } = await client
			.resource(persistentVolumeClaims)
			.create({ metadata: { namespace: "default", name }, spec: { ...claim(name, growingClass).spec, volumeName: `${name}-disk` } });
		await client.resource(persistentVolumes).create({
			metadata: { name: `${name}-disk` },
			spec: {
				capacity: { storage: "1Gi" },
				accessModes: spec?.accessModes ?? [],
				storageClassName: growingClass,
				claimRef: { namespace: "default", name, uid: metadata?.uid ?? "" },
				csi: { driver: diskDriver, volumeHandle: name },
			},
		});
		const body = { status: { phase: "Bound", capacity: { storage: "1Gi" } } };
		await client
			.resource(persistentVolumeClaims)
			.patch({ namespace: "default", name }, "application/merge-patch+json", body, { subresource: "status" });
	},
}));

/** The disk has grown to what is asked of it. */
const hasGrown = fc.nat(2).map((which) =>
	toOneOf(persistentVolumeClaims, which, "finish growing", (each, { client }) => {
		const body = { status: { capacity: { storage: wants(each) } } };
		return client
			.resource(persistentVolumeClaims)
			.patch({ namespace: "default", name: each.metadata?.name ?? "" }, "application/merge-patch+json", body, { subresource: "status" });
	}),
);

function isWaitingToGrow(each: PersistentVolumeClaim): boolean {
	return each.status?.phase === "Bound" && compareQuantities(wants(each), each.status.capacity?.storage ?? "0") > 0;
}

function isTold(cluster: TestCluster): boolean {
	const told = new Set(all(cluster, events).map(({ involvedObject }) => involvedObject.uid));
	return all(cluster, persistentVolumeClaims).every((each) => !isWaitingToGrow(each) || told.has(each.metadata?.uid));
}

const expanderLife: Life = {
	controller: () => expandController,
	prepare: ({ client }) =>
		client.resource(storageClasses).create({ metadata: { name: growingClass }, provisioner: diskDriver, allowVolumeExpansion: true }),
	actions: fc.oneof(
		{ weight: 4, arbitrary: bound },
		{ weight: 5, arbitrary: grown },
		{ weight: 2, arbitrary: hasGrown },
		{ weight: 1, arbitrary: claimName.map((name) => deleting(persistentVolumeClaims, name)) },
	),
	converged: isTold,
	invariant: (cluster) => {
		return ({ kind, object }) => {
			if (kind !== "Event") return;
			const { involvedObject, reason } = object as CoreEvent;
			const past = cluster.timeline.entries.filter(({ object: each }) => each.metadata?.uid === involvedObject.uid);
			if (reason !== "ExternalExpanding") throw new Error(`it says ${reason}`);
			if (!past.some((entry) => isWaitingToGrow(entry.object))) throw new Error(`${involvedObject.name} is said to wait, and does not`);
		};
	},
	owns: () => false,
	// An event that is refused is given up, as upstream: then nobody would ever be told.
	affects: ({ resource }) => resource !== "events",
};

export const diskLives: Readonly<Record<string, Life>> = {
	"kubesim-csi-driver": driverLife,
	"persistentvolume-expander-controller": expanderLife,
};
