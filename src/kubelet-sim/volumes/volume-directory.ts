/**
 * Where on a node the kubelet mounts a volume, below the pod's directory:
 *
 *   /var/lib/kubelet/pods/UID/volumes/kubernetes.io~secret/NAME
 *   /var/lib/kubelet/pods/UID/volumes/kubernetes.io~csi/PERSISTENTVOLUME/mount
 *
 * Source: https://kubernetes.io/docs/reference/node/kubelet-files/, GetVolumeName of each plugin.
 */
import type { PersistentVolume, Pod, Volume } from "../../apimachinery/schema/generated/types.ts";

export interface VolumeDirectory {
	/** `kubernetes.io~secret` */
	readonly plugin: string;
	readonly name: string;
	/** Its files are in `mount` in there, beside what the driver keeps. */
	readonly isInner: boolean;
}

const plugins: readonly (readonly [keyof Volume, string])[] = [
	["emptyDir", "empty-dir"],
	["configMap", "configmap"],
	["secret", "secret"],
	["projected", "projected"],
	["downwardAPI", "downward-api"],
	["nfs", "nfs"],
];

/** Undefined: it has none, as a path of the node, or an image. @param claimed what its claim stands for */
export function volumeDirectory(volume: Volume, claimed: PersistentVolume | undefined): VolumeDirectory | undefined {
	if (claimed !== undefined) {
		const { csi, local, nfs } = claimed.spec ?? {};
		const plugin = csi !== undefined ? "csi" : local !== undefined ? "local-volume" : nfs !== undefined ? "nfs" : undefined;
		if (plugin === undefined) return undefined;
		return { plugin: `kubernetes.io~${plugin}`, name: claimed.metadata?.name ?? "", isInner: csi !== undefined };
	}
	const plugin = plugins.find(([kind]) => volume[kind] !== undefined)?.[1];
	return plugin === undefined ? undefined : { plugin: `kubernetes.io~${plugin}`, name: volume.name, isInner: false };
}

export function podDirectory({ metadata }: Pod): string {
	return `/var/lib/kubelet/pods/${metadata?.uid}`;
}
