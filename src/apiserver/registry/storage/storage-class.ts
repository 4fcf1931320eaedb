/** storage.k8s.io/v1 StorageClass: how volumes are made on demand. Nearly all of it is fixed once it is there. */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { StorageClass, TopologySelectorTerm } from "../../../apimachinery/schema/generated/types.ts";
import { fieldDuplicate, fieldForbidden, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, booleanColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateParameters, validateProvisioner } from "../validation/csi.ts";
import {
	type FieldErrors,
	invalidFor,
	validateEach,
	validateEnum,
	validateImmutable,
	validateOptionalEnum,
	validateUnique,
} from "../validation/primitives.ts";

/** The current mark of a default class, and the one it had before 1.6. */
const defaultMarks = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

export const storageClass = defineKind<StorageClass>({
	group: "storage.k8s.io",
	kind: "StorageClass",
	resource: "storageclasses",
	singular: "storageclass",
	shortNames: ["sc"],
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	setDefaults: (object) => withDefaults(object, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" }),
	validate: (object) => [
		...validateProvisioner(object.provisioner ?? "", "provisioner"),
		...validateParameters(object.parameters, "parameters"),
		...validateOptionalEnum(object.reclaimPolicy, "reclaimPolicy", ["Delete", "Retain"]),
		...validateEnum(object.volumeBindingMode, "volumeBindingMode", ["Immediate", "WaitForFirstConsumer"]),
		...validateTopologies(object.allowedTopologies ?? []),
	],
	validateUpdate: (object, old) => [
		...forbidChange("parameters", object.parameters ?? {}, old.parameters ?? {}),
		...forbidChange("provisioner", object.provisioner, old.provisioner),
		...forbidChange("reclaimPolicy", object.reclaimPolicy, old.reclaimPolicy),
		...validateImmutable(object.volumeBindingMode, old.volumeBindingMode, "volumeBindingMode"),
	],
	columns: [
		{
			...nameColumn<StorageClass>(),
			cell: ({ metadata }) => `${metadata?.name ?? ""}${isDefault(metadata?.annotations) ? " (default)" : ""}`,
		},
		stringColumn("Provisioner", "provisioner indicates the type of the provisioner.", ({ provisioner }) => provisioner ?? ""),
		stringColumn(
			"ReclaimPolicy",
			"reclaimPolicy controls the reclaimPolicy for dynamically provisioned PersistentVolumes of this storage class. Defaults to Delete.",
			({ reclaimPolicy }) => reclaimPolicy ?? "Delete",
		),
		stringColumn(
			"VolumeBindingMode",
			"volumeBindingMode indicates how PersistentVolumeClaims should be provisioned and bound.  When unset, VolumeBindingImmediate is used. This field is only honored by servers that enable the VolumeScheduling feature.",
			({ volumeBindingMode }) => volumeBindingMode ?? "Immediate",
		),
		{
			...booleanColumn<StorageClass>(
				"AllowVolumeExpansion",
				"allowVolumeExpansion shows whether the storage class allow volume expand.",
				({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
			),
			type: "string",
		},
		ageColumn(),
	],
});

function isDefault(annotations: Readonly<Record<string, string>> | undefined): boolean {
	return defaultMarks.some((mark) => annotations?.[mark] === "true");
}

/** Terms that say the same as one before them are refused; an empty term says the same as any that is not there. */
function validateTopologies(terms: readonly TopologySelectorTerm[]): FieldErrors {
	const meanings = terms.map(({ matchLabelExpressions = [] }) =>
		Object.fromEntries(matchLabelExpressions.map(({ key, values }) => [key ?? "", [...new Set(values ?? [])].sort()])),
	);
	return validateEach(terms, "allowedTopologies", (term, path) => {
		const index = terms.indexOf(term);
		const isEmpty = (term.matchLabelExpressions ?? []).length === 0;
		const isRepeated = isEmpty || meanings.slice(0, index).some((meaning) => jsonEqual(meaning, meanings[index]));
		return [...validateTopology(term, path), ...(isRepeated ? [fieldDuplicate(`${path}.matchLabelExpressions`, "")] : [])];
	});
}

function validateTopology({ matchLabelExpressions = [] }: TopologySelectorTerm, path: string): FieldErrors {
	const keys = matchLabelExpressions.map(({ key }) => key);
	return validateEach(matchLabelExpressions, `${path}.matchLabelExpressions`, ({ key, values }, at) => [
		...((values ?? []).length === 0 ? [fieldRequired(`${at}.values`)] : []),
		...validateUnique(
			values ?? [],
			(value) => value,
			(index) => `${at}.values[${index}]`,
		),
		...invalidFor(`${at}.key`, key ?? "", isQualifiedName(key ?? "")),
		...(at.endsWith(`[${keys.indexOf(key)}]`) ? [] : [fieldDuplicate(`${at}.key`, key)]),
	]);
}

function forbidChange(field: string, value: unknown, old: unknown): FieldErrors {
	return jsonEqual(value, old) ? [] : [fieldForbidden(field, `updates to ${field} are forbidden.`)];
}
