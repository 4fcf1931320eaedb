/** Claims, volumes and classes for the scheduler's tests, and what the volume plugins need of a scheduler. */
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type {
	PersistentVolume,
	PersistentVolumeClaim,
	PersistentVolumeClaimSpec,
	PersistentVolumeSpec,
	StorageClass,
} from "../../apimachinery/schema/generated/types.ts";
import { Client } from "../../client/client.ts";
import { InformerFactory } from "../../client/informer.ts";
import type { ResourceRef } from "../../client/resources.ts";
import { FakeApi } from "../../client/testing/fake-api.ts";
import type { VolumeBindingOptions } from "../plugins/volume-binding.ts";
import { VolumeCache, volumeResources } from "../plugins/volume-cache.ts";

export interface VolumeWorld extends VolumeBindingOptions {
	readonly clock: VirtualClock;
	readonly api: FakeApi;
	/** Creates them, and waits until the caches know. */
	create(...objects: readonly KubeObject[]): Promise<void>;
}

/** Every pod is there, and every node, without labels. @param objects that the caches know from the start */
export async function volumeWorld(...objects: readonly KubeObject[]): Promise<VolumeWorld> {
	const clock = new VirtualClock();
	const api = new FakeApi({ clock, random: new SeededRandom("volumes") });
	const client = new Client(api);
	const create = async (...more: readonly KubeObject[]) => {
		for (const object of more) {
			const ref: ResourceRef<KubeObject> | undefined = volumeResources.find(({ kind }) => kind === object.kind);
			if (ref === undefined) throw new Error(`no resource of volumes: ${object.kind}`);
			await client.resource(ref).create(object);
		}
		await clock.advance(0);
	};
	const world = { ...volumeOptions(client, clock), api, clock, create };
	await clock.advance(0);
	await create(...objects);
	return world;
}

/** Without anything of volumes in it, for tests of other things. */
export function noVolumes(): VolumeBindingOptions {
	const clock = new VirtualClock();
	return volumeOptions(new Client(new FakeApi({ clock, random: new SeededRandom("volumes") })), clock);
}

function volumeOptions(client: Client, clock: VirtualClock): VolumeBindingOptions & { readonly clock: VirtualClock } {
	const informers = new InformerFactory({ client, clock });
	const cache = new VolumeCache(informers);
	void informers.start(new AbortController().signal);
	return { cache, client, clock, isPodThere: () => true, nodeLabels: () => ({}) };
}

export function claim(
	name: string,
	spec: PersistentVolumeClaimSpec = {},
	annotations: Readonly<Record<string, string>> = {},
): PersistentVolumeClaim {
	return {
		apiVersion: "v1",
		kind: "PersistentVolumeClaim",
		metadata: { namespace: "default", name, annotations },
		spec: { accessModes: ["ReadWriteOnce"], storageClassName: "late", resources: { requests: { storage: "5Gi" } }, ...spec },
		status: { phase: "Pending" },
	};
}

/** A claim that has its volume. */
export function boundClaim(name: string, volumeName: string, spec: PersistentVolumeClaimSpec = {}): PersistentVolumeClaim {
	return { ...claim(name, { ...spec, volumeName }, { "pv.kubernetes.io/bind-completed": "yes" }), status: { phase: "Bound" } };
}

export function volume(name: string, spec: PersistentVolumeSpec = {}, labels: Readonly<Record<string, string>> = {}): PersistentVolume {
	return {
		apiVersion: "v1",
		kind: "PersistentVolume",
		metadata: { name, labels },
		spec: {
			capacity: { storage: "10Gi" },
			accessModes: ["ReadWriteOnce"],
			storageClassName: "late",
			local: { path: `/mnt/${name}` },
			...spec,
		},
		status: { phase: "Available" },
	};
}

/** A volume's node affinity: nodes by name. */
export function on(...nodes: readonly string[]): Pick<PersistentVolumeSpec, "nodeAffinity"> {
	const requirement = { key: "kubernetes.io/hostname", operator: "In", values: nodes };
	return { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } } };
}

export function storageClass(name: string, provisioner: string, more: Partial<StorageClass> = {}): StorageClass {
	return {
		apiVersion: "storage.k8s.io/v1",
		kind: "StorageClass",
		metadata: { name },
		provisioner,
		volumeBindingMode: "WaitForFirstConsumer",
		...more,
	};
}

/** A pod's spec with one volume for each claim. */
export function using(...claims: readonly string[]) {
	return { volumes: claims.map((claimName, index) => ({ name: `v${index}`, persistentVolumeClaim: { claimName } })) };
}
