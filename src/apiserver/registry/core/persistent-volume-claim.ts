/**
 * PersistentVolumeClaim. Source: pkg/apis/core/validation, pkg/registry/core/persistentvolumeclaim of Kubernetes 1.36.
 * https://kubernetes.io/docs/concepts/storage/persistent-volumes/
 */
import { parseQuantity, QuantityError } from "../../../apimachinery/quantity.ts";
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "../../../apimachinery/schema/generated/types.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, orUnset, stringColumn, wide } from "../printing/columns.ts";
import { mapField, withDefaults, withoutField } from "./defaulting.ts";
import { validateClaimSpec, validateClaimStatus, validateClaimUpdate } from "./persistent-volume-claim-validation.ts";
import { formatAccessModes, storageClassOf } from "./volume-columns.ts";
import { defaultClaimSpec } from "./volume-defaults.ts";

const classAnnotation = "volume.beta.kubernetes.io/storage-class";

/**
 * Sources of another namespace are not there yet (CrossNamespaceVolumeDataSource), and the old field takes claims and
 * snapshots only: what else it says is dropped without a word. Source: pkg/api/persistentvolumeclaim/util.go, KEP-1495.
 */
function dropSources(spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec | undefined): PersistentVolumeClaimSpec {
	let result = spec;
	if ((spec.dataSourceRef?.namespace ?? "") !== "" && old?.dataSourceRef === undefined) result = withoutField(result, "dataSourceRef");
	if (old?.dataSource !== undefined || old?.dataSourceRef !== undefined || result.dataSourceRef !== undefined) return result;
	const { apiGroup = "", kind = "" } = spec.dataSource ?? {};
	const isClaim = kind === "PersistentVolumeClaim" && apiGroup === "";
	const isSnapshot = kind === "VolumeSnapshot" && apiGroup === "snapshot.storage.k8s.io";
	return isClaim || isSnapshot ? result : withoutField(result, "dataSource");
}

/** The old field and the new one say the same, whichever the author wrote. */
function mirrorSources(spec: PersistentVolumeClaimSpec): PersistentVolumeClaimSpec {
	const { dataSource, dataSourceRef } = spec;
	if (dataSource !== undefined && dataSourceRef === undefined) return { ...spec, dataSourceRef: dataSource };
	if (dataSourceRef === undefined || dataSource !== undefined || (dataSourceRef.namespace ?? "") !== "") return spec;
	const { namespace: _, ...local } = dataSourceRef;
	return { ...spec, dataSource: local };
}

function warnings({ metadata, spec }: PersistentVolumeClaim): readonly string[] {
	const isAnnotated = metadata?.annotations?.[classAnnotation] !== undefined;
	return [
		...(isAnnotated ? [`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`] : []),
		...(["requests", "limits"] as const).flatMap((side) => {
			const size = spec?.resources?.[side]?.storage;
			if (size === undefined || !isFractional(size)) return [];
			return [`spec.resources.${side}[storage]: fractional byte value "${size}" is invalid, must be an integer`];
		}),
	];
}

function isFractional(quantity: string): boolean {
	try {
		return parseQuantity(quantity).nanos % 1_000_000_000n !== 0n;
	} catch (error) {
		if (error instanceof QuantityError) return false;
		throw error;
	}
}

export const persistentVolumeClaimKind = defineKind<PersistentVolumeClaim>({
	group: "",
	kind: "PersistentVolumeClaim",
	resource: "persistentvolumeclaims",
	singular: "persistentvolumeclaim",
	shortNames: ["pvc"],
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	setDefaults: (claim) => mapField(withDefaults(claim, { spec: {} }), "spec", defaultClaimSpec),
	prepareForCreate: (claim) => ({
		...mapField(claim, "spec", (spec) => mirrorSources(dropSources(spec, undefined))),
		status: { phase: "Pending" },
	}),
	prepareForUpdate: (claim, old) => mapField(claim, "spec", (spec) => mirrorSources(dropSources(spec, old.spec))),
	validate: ({ spec = {} }, old) => validateClaimSpec(spec, "spec", old?.spec),
	validateUpdate: validateClaimUpdate,
	validateStatusUpdate: validateClaimStatus,
	warnings,
	columns: [
		nameColumn(),
		stringColumn("Status", "phase represents the current phase of PersistentVolumeClaim.", ({ metadata, status }) =>
			metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
		),
		stringColumn(
			"Volume",
			"volumeName is the binding reference to the PersistentVolume backing this claim.",
			({ spec }) => spec?.volumeName ?? "",
		),
		stringColumn("Capacity", "capacity represents the actual resources of the underlying volume.", ({ spec, status }) =>
			(spec?.volumeName ?? "") === "" ? "" : (status?.capacity?.storage ?? "0"),
		),
		stringColumn("Access Modes", "accessModes contains the actual access modes the volume backing the PVC has.", ({ spec, status }) =>
			(spec?.volumeName ?? "") === "" ? "" : formatAccessModes(status?.accessModes),
		),
		stringColumn("StorageClass", "StorageClass of the pvc", ({ metadata, spec }) =>
			storageClassOf(metadata?.annotations, spec?.storageClassName),
		),
		stringColumn("VolumeAttributesClass", "VolumeAttributesClass of the pvc", ({ spec }) => orUnset(spec?.volumeAttributesClassName)),
		ageColumn(),
		wide(
			stringColumn("VolumeMode", "volumeMode defines what type of volume is required by the claim.", ({ spec }) =>
				orUnset(spec?.volumeMode),
			),
		),
	],
});
