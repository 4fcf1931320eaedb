/** Claims and volumes that find each other, and what becomes of a volume when its claim is gone. */
import fc from "fast-check";
import { compareQuantities } from "../../../src/apimachinery/quantity.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../../src/apimachinery/schema/generated/types.ts";
import { persistentVolumeClaims, persistentVolumes, storageClasses } from "../../../src/client/resources.ts";
import type { TimelineEntry } from "../../../src/cluster/timeline/timeline.ts";
import { persistentVolumeBinder } from "../../../src/controllers/persistentvolume/binder-controller.ts";
import { pvProtectionController } from "../../../src/controllers/storage-protection/pv-protection-controller.ts";
import { pvcProtectionController } from "../../../src/controllers/storage-protection/pvc-protection-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, type Life, toOneOf } from "../life.ts";

const delayedClass = "late";
const classNames = ["", "static", delayedClass];
/** By which the user says that he does something himself, so that nobody takes it for the controller's deed. */
const given = "example.com/given";
const recyclerPrefix = "recycler-for-";

const claimName = fc.constantFrom("c0", "c1", "c2");
const volumeName = fc.constantFrom("v0", "v1", "v2");
const className = fc.constantFrom(...classNames);
const size = fc.integer({ min: 1, max: 3 }).map((count) => `${count}Gi`);
const policy = fc.oneof(
	{ weight: 4, arbitrary: fc.constant("Retain") },
	{ weight: 1, arbitrary: fc.constant("Delete") },
	{ weight: 1, arbitrary: fc.constant("Recycle") },
);
const seldom = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });

const claim = fc.record({ name: claimName, size, className, wants: seldom(volumeName) }).map(
	({ name, size: storage, className: storageClassName, wants }): PersistentVolumeClaim => ({
		metadata: { name },
		spec: {
			accessModes: ["ReadWriteOnce"],
			resources: { requests: { storage } },
			storageClassName,
			...(wants === undefined ? {} : { volumeName: wants }),
		},
	}),
);

const volume = fc.record({ name: volumeName, size, className, policy, keptFor: seldom(claimName) }).map(
	({ name, size: storage, className: storageClassName, policy: persistentVolumeReclaimPolicy, keptFor }): PersistentVolume => ({
		metadata: { name },
		spec: {
			capacity: { storage },
			accessModes: ["ReadWriteOnce"],
			storageClassName,
			persistentVolumeReclaimPolicy,
			hostPath: { path: `/tmp/${name}` },
			...(keptFor === undefined ? {} : { claimRef: { namespace: "default", name: keptFor } }),
		},
	}),
);

/** What is on it is not needed any more: it may be had by somebody else. */
const freed = fc.nat(2).map((which) =>
	toOneOf(persistentVolumes, which, "free", async ({ metadata, spec, status }, { client, clock }) => {
		if (status?.phase !== "Released") return;
		const mark = `freed from ${spec?.claimRef?.uid} at ${clock.now()}`;
		const body = { metadata: { resourceVersion: metadata?.resourceVersion, annotations: { [given]: mark } }, spec: { claimRef: null } };
		await client.resource(persistentVolumes).patch({ name: metadata?.name ?? "" }, "application/merge-patch+json", body);
	}),
);

const givenUp = fc.nat(2).map((which) =>
	toOneOf(persistentVolumes, which, "give up", async ({ metadata }, { client }) => {
		const { name = "" } = metadata ?? {};
		const body = { metadata: { annotations: { [given]: "up" } } };
		await client.resource(persistentVolumes).patch({ name }, "application/merge-patch+json", body);
		await client.resource(persistentVolumes).delete({ name });
	}),
);

function isKeptFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
	return spec?.claimRef?.name === metadata?.name && spec?.claimRef?.uid === undefined;
}

/** The rules of binding in their simplest form. */
function suits(each: PersistentVolume, wanting: PersistentVolumeClaim): boolean {
	const { capacity, storageClassName = "", claimRef } = each.spec ?? {};
	if (compareQuantities(capacity?.storage ?? "0", wanting.spec?.resources?.requests?.storage ?? "0") < 0) return false;
	if (each.metadata?.deletionTimestamp !== undefined || each.status?.phase !== "Available") return false;
	if (claimRef !== undefined) return isKeptFor(each, wanting);
	return storageClassName === wanting.spec?.storageClassName && storageClassName !== delayedClass;
}

function isSettledClaim(each: PersistentVolumeClaim, volumes: readonly PersistentVolume[]): boolean {
	const named = volumes.find(({ metadata }) => metadata?.name === each.spec?.volumeName);
	const isTheirs = named?.spec?.claimRef?.uid === each.metadata?.uid;
	switch (each.status?.phase) {
		case "Bound":
			return isTheirs && named?.status?.phase === "Bound";
		case "Lost":
			return !isTheirs;
		case "Pending":
			if (each.spec?.volumeName === undefined) return !volumes.some((candidate) => suits(candidate, each));
			return (
				named === undefined ||
				(!isTheirs && !(suits(named, each) || (isKeptFor(named, each) && named.metadata?.deletionTimestamp === undefined)))
			);
		default:
			return false;
	}
}

function isSettledVolume({ metadata, spec, status }: PersistentVolume, claims: readonly PersistentVolumeClaim[]): boolean {
	// What is being deleted is somebody else's business.
	if (metadata?.deletionTimestamp !== undefined) return true;
	const uid = spec?.claimRef?.uid;
	if (uid === undefined) return status?.phase === "Available";
	const owner = claims.find((each) => each.metadata?.uid === uid);
	if (owner !== undefined) return status?.phase === "Bound" && owner.spec?.volumeName === metadata?.name;
	return spec?.persistentVolumeReclaimPolicy === "Retain" && status?.phase === "Released";
}

function areSettled(cluster: TestCluster): boolean {
	const [claims, volumes] = [all(cluster, persistentVolumeClaims), all(cluster, persistentVolumes)];
	return (
		claims.every((each) => each.metadata?.deletionTimestamp === undefined && isSettledClaim(each, volumes)) &&
		volumes.every((each) => isSettledVolume(each, claims))
	);
}

/** A claim has one volume and a volume one claim; what is kept stays; nobody gets what another has left there. */
function keepsData(cluster: TestCluster): (entry: TimelineEntry) => void {
	/** Volumes, by the uid of the pod that empties them; and those that are empty. */
	const emptying = new Map<string, string>();
	const empty = new Set<string>();

	const judgeVolume = (before: PersistentVolume | undefined, after: PersistentVolume | undefined) => {
		const { name = "", annotations: formerly = {} } = before?.metadata ?? {};
		const [from, to] = [before?.spec?.claimRef?.uid, after?.spec?.claimRef?.uid];
		if (after?.status?.phase === "Released" && before?.status?.phase !== "Released") empty.delete(name);
		if (before === undefined || from === to) return;
		if (from !== undefined && to !== undefined) throw new Error(`${name} went from claim to claim`);
		const isReleased = before.status?.phase === "Released" && after !== undefined && to === undefined;
		if (!isReleased || after.metadata?.annotations?.[given] !== formerly[given]) return;
		const { persistentVolumeReclaimPolicy } = before.spec ?? {};
		if (persistentVolumeReclaimPolicy !== "Recycle" || !empty.has(name)) throw new Error(`${name} is free again with what is on it`);
	};

	const judgeDeletion = ({ metadata, spec }: PersistentVolume) => {
		const isUsers = metadata?.annotations?.[given] !== undefined;
		if (spec?.persistentVolumeReclaimPolicy === "Retain" && !isUsers) throw new Error(`${metadata?.name} is deleted, which was to be kept`);
	};

	const judgeClaim = ({ metadata, spec, status }: PersistentVolumeClaim) => {
		if (status?.phase !== "Bound") return;
		const others = all(cluster, persistentVolumeClaims).filter((each) => each.metadata?.uid !== metadata?.uid);
		const other = others.find((each) => each.status?.phase === "Bound" && each.spec?.volumeName === spec?.volumeName);
		if (other !== undefined) throw new Error(`${metadata?.name} and ${other.metadata?.name} have one volume`);
		const own = all(cluster, persistentVolumes).find((each) => each.metadata?.name === spec?.volumeName);
		if (own?.spec?.claimRef?.uid !== metadata?.uid) throw new Error(`${metadata?.name} is bound to what is not its own`);
	};

	return ({ kind, type, name, object, previous }) => {
		if (kind === "Pod" && name.startsWith(recyclerPrefix)) {
			const volumeOf = name.slice(recyclerPrefix.length);
			const { uid = "" } = object.metadata ?? {};
			const isReleased = all(cluster, persistentVolumes).some(
				(each) => each.metadata?.name === volumeOf && each.status?.phase === "Released",
			);
			if (type === "ADDED" && isReleased) emptying.set(uid, volumeOf);
			const { phase } = (object as { readonly status?: { readonly phase?: string } }).status ?? {};
			if (phase === "Succeeded" && emptying.has(uid)) empty.add(volumeOf);
		}
		if (kind === "PersistentVolume") {
			const isGoing =
				type === "DELETED" || (object.metadata?.deletionTimestamp !== undefined && previous?.metadata?.deletionTimestamp === undefined);
			if (isGoing) judgeDeletion(object);
			if (type !== "DELETED") judgeVolume(previous, object);
		}
		if (kind === "PersistentVolumeClaim" && type !== "DELETED") judgeClaim(object);
	};
}

const binderLife: Life = {
	controller: () => persistentVolumeBinder,
	companions: () => [pvcProtectionController, pvProtectionController],
	machines: true,
	prepare: ({ client }) =>
		client.resource(storageClasses).create({
			metadata: { name: delayedClass },
			provisioner: "example.com/nobody",
			volumeBindingMode: "WaitForFirstConsumer",
		}),
	actions: fc.oneof(
		{ weight: 5, arbitrary: claim.map((each) => creating(persistentVolumeClaims, each)) },
		{ weight: 5, arbitrary: volume.map((each) => creating(persistentVolumes, each)) },
		{ weight: 4, arbitrary: claimName.map((name) => deleting(persistentVolumeClaims, name)) },
		{ weight: 1, arbitrary: givenUp },
		{ weight: 2, arbitrary: freed },
	),
	steps: { min: 1, max: 12 },
	converged: areSettled,
	invariant: keepsData,
	// A claim that its protector lost between two lists goes when all is looked at again.
	within: "25h",
	owns: ({ kind, name }) =>
		kind === "PersistentVolume" || kind === "PersistentVolumeClaim" || (kind === "Pod" && name.startsWith(recyclerPrefix)),
};

export const bindingLives: Readonly<Record<string, Life>> = { "persistentvolume-binder-controller": binderLife };
