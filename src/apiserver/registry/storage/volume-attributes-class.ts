/** storage.k8s.io/v1 VolumeAttributesClass: properties of a volume that a CSI driver can change while it is in use. */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { VolumeAttributesClass } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateParameters, validateProvisioner } from "../validation/csi.ts";

const defaultMark = "storage.alpha.kubernetes.io/is-default-class";

export const volumeAttributesClass = defineKind<VolumeAttributesClass>({
	group: "storage.k8s.io",
	kind: "VolumeAttributesClass",
	resource: "volumeattributesclasses",
	singular: "volumeattributesclass",
	shortNames: ["vac"],
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	validate: ({ driverName, parameters = {} }) => [
		...validateProvisioner(driverName ?? "", "driverName"),
		...validateParameters(parameters, "parameters"),
		...(Object.keys(parameters).length === 0 ? [fieldRequired("parameters", "must contain at least one key/value pair")] : []),
	],
	validateUpdate: (object, old) => [
		...(object.driverName === old.driverName ? [] : [fieldForbidden("driverName", "updates to driverName are forbidden.")]),
		...(jsonEqual(object.parameters, old.parameters) ? [] : [fieldForbidden("parameters", "updates to parameters are forbidden.")]),
	],
	columns: [
		{
			...nameColumn<VolumeAttributesClass>(),
			cell: ({ metadata }) => `${metadata?.name ?? ""}${metadata?.annotations?.[defaultMark] === "true" ? " (default)" : ""}`,
		},
		stringColumn("DriverName", "Name of the CSI driver This field is immutable.", ({ driverName }) => driverName),
		ageColumn(),
	],
});
