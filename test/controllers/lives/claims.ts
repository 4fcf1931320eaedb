/** Claims and volumes in use, and claims that are made for pods. */
import fc from "fast-check";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../../src/apimachinery/schema/generated/types.ts";
import { persistentVolumeClaims, persistentVolumes, pods } from "../../../src/client/resources.ts";
import type { TimelineEntry } from "../../../src/cluster/timeline/timeline.ts";
import { ephemeralVolumeController } from "../../../src/controllers/persistentvolume/ephemeral-volume-controller.ts";
import { pvProtectionController } from "../../../src/controllers/storage-protection/pv-protection-controller.ts";
import { pvcProtectionController } from "../../../src/controllers/storage-protection/pvc-protection-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, type Life, patching } from "../life.ts";
import { pod, podDeleted, podName } from "./pods.ts";

const claimNames = fc.constantFrom("c0", "c1");
const protection = "kubernetes.io/pvc-protection";

function claim(name: string): PersistentVolumeClaim {
	return { metadata: { name }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } };
}

function usesClaim({ spec }: Pod, name: string | undefined): boolean {
	const isNamed = spec?.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === name) === true;
	return isNamed && (spec?.nodeName ?? "") !== "";
}

/** Who used the claim when its deletion began has to be gone before it goes. */
function isKept(cluster: TestCluster): (entry: TimelineEntry) => void {
	const users = new Map<string, readonly string[]>();
	return ({ kind, type, object }) => {
		if (kind !== "PersistentVolumeClaim") return;
		const { uid = "", name, deletionTimestamp, finalizers = [] } = object.metadata ?? {};
		const present = all(cluster, pods).filter((each) => usesClaim(each, name));
		if (deletionTimestamp !== undefined && !users.has(uid) && finalizers.includes(protection))
			users.set(
				uid,
				present.map((each) => each.metadata?.uid ?? ""),
			);
		const isUsed = present.some((each) => users.get(uid)?.includes(each.metadata?.uid ?? ""));
		if (type === "DELETED" && isUsed) throw new Error(`${name} goes while a pod uses it`);
	};
}

const pvcLife: Life = {
	controller: () => pvcProtectionController,
	machines: true,
	actions: fc.oneof(
		{ weight: 4, arbitrary: claimNames.map((name) => creating(persistentVolumeClaims, claim(name))) },
		{
			weight: 4,
			arbitrary: fc
				.tuple(podName, claimNames)
				.map(([name, claimName]) => creating(pods, pod(name, "web", { volumes: [{ name: "v", persistentVolumeClaim: { claimName } }] }))),
		},
		{ weight: 3, arbitrary: claimNames.map((name) => deleting(persistentVolumeClaims, name)) },
		{ weight: 2, arbitrary: podDeleted },
		{ weight: 1, arbitrary: fc.constant(creating(persistentVolumeClaims, claim("loose"))) },
		{ weight: 1, arbitrary: fc.constant(patching(persistentVolumeClaims, "loose", { metadata: { finalizers: null } })) },
	),
	converged: (cluster) =>
		all(cluster, persistentVolumeClaims).every(({ metadata }) => {
			if (!metadata?.finalizers?.includes(protection)) return false;
			return metadata.deletionTimestamp === undefined || all(cluster, pods).some((each) => usesClaim(each, metadata.name));
		}),
	invariant: isKept,
	owns: ({ kind }) => kind === "PersistentVolumeClaim",
};

const volumeNames = fc.constantFrom("v0", "v1");

function volume(name: string): PersistentVolume {
	return {
		metadata: { name },
		spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: "", hostPath: { path: "/data" } },
	};
}

const pvLife: Life = {
	controller: () => pvProtectionController,
	actions: fc.oneof(
		volumeNames.map((name) => creating(persistentVolumes, volume(name))),
		volumeNames.map((name) => deleting(persistentVolumes, name)),
		fc
			.tuple(volumeNames, fc.constantFrom("Available", "Bound", "Released"))
			.map(([name, phase]) => patching(persistentVolumes, name, { status: { phase } }, "status")),
		volumeNames.map((name) => patching(persistentVolumes, name, { metadata: { finalizers: null } })),
	),
	converged: (cluster) =>
		all(cluster, persistentVolumes).every(
			({ metadata, status }) =>
				metadata?.finalizers?.includes("kubernetes.io/pv-protection") &&
				(metadata.deletionTimestamp === undefined || status?.phase === "Bound"),
		),
	owns: ({ kind }) => kind === "PersistentVolume",
};

// ── What pods are given ──

const scratch: Partial<NonNullable<Pod["spec"]>> = {
	volumes: [{ name: "scratch", ephemeral: { volumeClaimTemplate: { spec: claim("").spec ?? {} } } }],
};

const ephemeralLife: Life = {
	controller: () => ephemeralVolumeController,
	machines: true,
	actions: fc.oneof(
		{ weight: 4, arbitrary: podName.map((name) => creating(pods, pod(name, "web", scratch))) },
		{ weight: 2, arbitrary: podDeleted },
		{ weight: 2, arbitrary: podName.map((name) => deleting(persistentVolumeClaims, `${name}-scratch`)) },
		// Its finalizer is another controller's to take away.
		{
			weight: 2,
			arbitrary: podName.map((name) => patching(persistentVolumeClaims, `${name}-scratch`, { metadata: { finalizers: null } })),
		},
	),
	// One that is of a pod of this name that is gone is in the way until somebody collects it.
	converged: (cluster) => {
		const claims = all(cluster, persistentVolumeClaims);
		return all(cluster, pods).every(
			(each) =>
				each.metadata?.deletionTimestamp !== undefined ||
				claims.some(({ metadata }) => metadata?.name === `${each.metadata?.name}-scratch`),
		);
	},
	// Made and deleted between two lists: it is missed until all is looked at again.
	within: "25h",
	owns: ({ kind, type }) => kind === "PersistentVolumeClaim" && type === "ADDED",
};

export const claimLives: Readonly<Record<string, Life>> = {
	"persistentvolumeclaim-protection-controller": pvcLife,
	"persistentvolume-protection-controller": pvLife,
	"ephemeral-volume-controller": ephemeralLife,
};
