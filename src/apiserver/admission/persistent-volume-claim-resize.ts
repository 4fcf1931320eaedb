/**
 * PersistentVolumeClaimResize: a claim grows only if it is bound and its class can do that.
 * Source: plugin/pkg/admission/storage/persistentvolume/resize.
 */
import { compareQuantities } from "../../apimachinery/quantity.ts";
import type { PersistentVolumeClaim, StorageClass } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { forbidden } from "./forbidden.ts";

export const persistentVolumeClaimResize: AdmissionPlugin = {
	name: "PersistentVolumeClaimResize",
	handles: ({ operation, group, resource, subresource }) =>
		operation === "UPDATE" && group === "" && resource === "persistentvolumeclaims" && subresource === "",
	validate(object, attributes) {
		const [claim, old] = [object as PersistentVolumeClaim, attributes.oldObject as PersistentVolumeClaim];
		const size = ({ spec }: PersistentVolumeClaim) => spec?.resources?.requests?.storage ?? "0";
		if (compareQuantities(size(claim), size(old)) <= 0) return;
		if (old.status?.phase !== "Bound") throw forbidden(attributes, "Only bound persistent volume claims can be expanded", claim);
		if (canGrow(claim, old, attributes)) return;
		const why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
		throw forbidden(attributes, why, claim);
	},
};

function canGrow(claim: PersistentVolumeClaim, old: PersistentVolumeClaim, { lookup }: AdmissionAttributes): boolean {
	const name = classOf(claim);
	if (name === "" || name !== classOf(old)) return false;
	const storageClass = lookup.find("storage.k8s.io", "storageclasses", "", name) as StorageClass | undefined;
	return storageClass?.allowVolumeExpansion === true;
}

function classOf({ metadata, spec }: PersistentVolumeClaim): string {
	return metadata?.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec?.storageClassName ?? "";
}
