/**
 * Defaults of a Pod's volumes: a volume that names no source is an emptyDir, files get mode 0644, tokens live an hour.
 * Source: pkg/apis/core/v1/defaults.go of Kubernetes 1.36.
 */
import type {
	DownwardAPIVolumeFile,
	PersistentVolumeClaimSpec,
	Volume,
	VolumeProjection,
} from "../../../apimachinery/schema/generated/types.ts";
import { defaultFieldRef, defaultPullPolicy, defaultResourceFieldRef } from "./container-defaults.ts";
import { eachItem, mapField, withDefaults } from "./defaulting.ts";

/** 0644. */
const fileMode = 0o644;

const tokenLifetimeSeconds = 3600;

export function defaultVolume(volume: Volume): Volume {
	if (!Object.keys(volume).some((field) => field !== "name")) return { ...volume, emptyDir: {} };
	let result = mapField(volume, "configMap", (source) => withDefaults(source, { defaultMode: fileMode }));
	result = mapField(result, "secret", (source) => withDefaults(source, { defaultMode: fileMode }));
	result = mapField(result, "downwardAPI", (source) =>
		mapField(withDefaults(source, { defaultMode: fileMode }), "items", eachItem(defaultDownwardFile)),
	);
	result = mapField(result, "projected", (source) =>
		mapField(withDefaults(source, { defaultMode: fileMode }), "sources", eachItem(defaultProjection)),
	);
	result = mapField(result, "hostPath", (source) => (source.type === undefined ? { ...source, type: "" } : source));
	result = mapField(result, "image", (source) => withDefaults(source, { pullPolicy: defaultPullPolicy(source.reference ?? "") }));
	result = mapField(result, "iscsi", (source) => withDefaults(source, { iscsiInterface: "default" }));
	result = mapField(result, "azureDisk", (source) =>
		withDefaults(source, { cachingMode: "ReadWrite", kind: "Shared", fsType: "ext4", readOnly: false }),
	);
	result = mapField(result, "scaleIO", (source) => withDefaults(source, { storageMode: "ThinProvisioned", fsType: "xfs" }));
	result = mapField(result, "rbd", (source) => withDefaults(source, { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" }));
	return mapField(result, "ephemeral", (source) =>
		mapField(source, "volumeClaimTemplate", (template) => mapField(template, "spec", defaultClaimSpec)),
	);
}

/** Defaults of a claim's spec, in a PersistentVolumeClaim and in templates of one. */
export const defaultClaimSpec = (spec: PersistentVolumeClaimSpec): PersistentVolumeClaimSpec =>
	withDefaults(spec, { volumeMode: "Filesystem", resources: {} });

const defaultDownwardFile = (file: DownwardAPIVolumeFile): DownwardAPIVolumeFile =>
	mapField(mapField(file, "fieldRef", defaultFieldRef), "resourceFieldRef", defaultResourceFieldRef);

function defaultProjection(projection: VolumeProjection): VolumeProjection {
	const result = mapField(projection, "serviceAccountToken", (token) => withDefaults(token, { expirationSeconds: tokenLifetimeSeconds }));
	return mapField(result, "downwardAPI", (downward) => mapField(downward, "items", eachItem(defaultDownwardFile)));
}
