/**
 * StorageObjectInUseProtection: claims and volumes carry a finalizer from the start, which their protection controllers
 * take away once nobody uses what is to be deleted.
 * Source: plugin/pkg/admission/storage/storageobjectinuseprotection;
 * https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { AdmissionPlugin } from "./admission.ts";

const protections: Readonly<Record<string, string>> = {
	persistentvolumeclaims: "kubernetes.io/pvc-protection",
	persistentvolumes: "kubernetes.io/pv-protection",
};

export const storageObjectInUseProtection: AdmissionPlugin = {
	name: "StorageObjectInUseProtection",
	handles: ({ operation, group, resource, subresource }) =>
		operation === "CREATE" && group === "" && subresource === "" && protections[resource] !== undefined,
	mutate(object, { resource }): KubeObject {
		const finalizer = protections[resource];
		const { finalizers = [] } = object.metadata ?? {};
		if (finalizer === undefined || finalizers.includes(finalizer)) return object;
		return { ...object, metadata: { ...object.metadata, finalizers: [...finalizers, finalizer] } };
	},
};
