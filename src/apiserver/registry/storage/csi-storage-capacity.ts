/** storage.k8s.io/v1 CSIStorageCapacity: how much a driver has left for a class, in a part of the cluster. */
import { parseQuantity } from "../../../apimachinery/quantity.ts";
import type { CSIStorageCapacity } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { nameColumn, orUnset, stringColumn } from "../printing/columns.ts";
import { type FieldErrors, invalidFor, NOT_NEGATIVE, validateImmutable } from "../validation/primitives.ts";

export const csiStorageCapacity = defineKind<CSIStorageCapacity>({
	group: "storage.k8s.io",
	kind: "CSIStorageCapacity",
	resource: "csistoragecapacities",
	singular: "csistoragecapacity",
	versions: ["v1"],
	storageVersion: "v1",
	allowUnconditionalUpdate: false,
	validate: ({ storageClassName = "", nodeTopology, capacity, maximumVolumeSize }) => [
		...validateLabelSelector(nodeTopology, "nodeTopology"),
		...invalidFor("storageClassName", storageClassName, isDns1123Subdomain(storageClassName)),
		...validateSize(capacity, "capacity"),
		...validateSize(maximumVolumeSize, "maximumVolumeSize"),
	],
	validateUpdate: (object, old) => [
		...validateImmutable(object.nodeTopology, old.nodeTopology, "nodeTopology"),
		...validateImmutable(object.storageClassName, old.storageClassName, "storageClassName"),
	],
	columns: [
		nameColumn(),
		stringColumn(
			"StorageClassName",
			"storageClassName represents the name of the StorageClass that the reported capacity applies to. It must meet the same requirements as the name of a StorageClass object (non-empty, DNS subdomain). If that object no longer exists, the CSIStorageCapacity object is obsolete and should be removed by its creator. This field is immutable.",
			({ storageClassName }) => storageClassName,
		),
		stringColumn(
			"Capacity",
			"capacity is the value reported by the CSI driver in its GetCapacityResponse for a GetCapacityRequest with topology and parameters that match the previous fields.",
			({ capacity }) => orUnset(capacity),
		),
	],
});

function validateSize(quantity: string | undefined, path: string): FieldErrors {
	return quantity !== undefined && parseQuantity(quantity).nanos < 0n ? [fieldInvalid(path, quantity, NOT_NEGATIVE)] : [];
}
