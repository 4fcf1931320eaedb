/** storage.k8s.io/v1 CSIDriver: what Kubernetes has to know of a storage driver that is installed. */
import type { CSIDriver, StorageTokenRequest } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, booleanColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import {
	type FieldErrors,
	validateEach,
	validateEnum,
	validateImmutable,
	validateOptionalEnum,
	validateUnique,
} from "../validation/primitives.ts";

const minTokenSeconds = 600;

export const csiDriver = defineKind<CSIDriver>({
	group: "storage.k8s.io",
	kind: "CSIDriver",
	resource: "csidrivers",
	singular: "csidriver",
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	allowUnconditionalUpdate: false,
	setDefaults: (object) =>
		mapField(withDefaults(object, { spec: {} }), "spec", (spec) =>
			withDefaults(spec, {
				attachRequired: true,
				podInfoOnMount: false,
				storageCapacity: false,
				fsGroupPolicy: "ReadWriteOnceWithFSType",
				volumeLifecycleModes: ["Persistent"],
				requiresRepublish: false,
				seLinuxMount: false,
			}),
		),
	validate: ({ spec }) => [
		...validateOptionalEnum(spec?.fsGroupPolicy, "spec.fsGroupPolicy", ["ReadWriteOnceWithFSType", "File", "None"]),
		...validateEach(spec?.volumeLifecycleModes, "spec.volumeLifecycleModes", (mode) =>
			validateEnum(mode, "spec.volumeLifecycleModes", ["Persistent", "Ephemeral"]),
		),
		...validateTokenRequests(spec?.tokenRequests ?? []),
	],
	validateUpdate: (object, old) => [
		...validateImmutable(object.spec?.attachRequired, old.spec?.attachRequired, "spec.attachedRequired"),
		...validateImmutable(object.spec?.volumeLifecycleModes, old.spec?.volumeLifecycleModes, "spec.volumeLifecycleModes"),
	],
	columns: [
		nameColumn(),
		booleanColumn(
			"AttachRequired",
			"attachRequired indicates this CSI volume driver requires an attach operation (because it implements the CSI ControllerPublishVolume() method), and that the Kubernetes attach detach controller should call the attach volume interface which checks the volumeattachment status and waits until the volume is attached before proceeding to mounting.",
			({ spec }) => spec?.attachRequired ?? true,
		),
		booleanColumn(
			"PodInfoOnMount",
			"podInfoOnMount indicates this CSI volume driver requires additional pod information (like podName, podUID, etc.) during mount operations, if set to true.",
			({ spec }) => spec?.podInfoOnMount ?? false,
		),
		booleanColumn(
			"StorageCapacity",
			"storageCapacity indicates that the CSI volume driver wants pod scheduling to consider the storage capacity that the driver deployment will report by creating CSIStorageCapacity objects with capacity information, if set to true.",
			({ spec }) => spec?.storageCapacity ?? false,
		),
		stringColumn(
			"TokenRequests",
			"tokenRequests indicates the CSI driver needs pods' service account tokens it is mounting volume for to do necessary authentication.",
			({ spec }) => (spec?.tokenRequests === undefined ? "<unset>" : spec.tokenRequests.map(({ audience }) => audience).join(",")),
		),
		booleanColumn(
			"RequiresRepublish",
			"requiresRepublish indicates the CSI driver wants `NodePublishVolume` being periodically called to reflect any possible change in the mounted volume. This field defaults to false.",
			({ spec }) => spec?.requiresRepublish ?? false,
		),
		stringColumn(
			"Modes",
			"volumeLifecycleModes defines what kind of volumes this CSI volume driver supports.",
			({ spec }) => (spec?.volumeLifecycleModes ?? []).join(",") || "<none>",
		),
		ageColumn(),
	],
});

function validateTokenRequests(requests: readonly StorageTokenRequest[]): FieldErrors {
	const path = "spec.tokenRequests";
	return [
		...validateUnique(
			requests,
			({ audience }) => audience,
			(index) => `${path}[${index}].audience`,
		),
		...validateEach(requests, path, ({ expirationSeconds }, at) => {
			if (expirationSeconds === undefined) return [];
			const invalid = (text: string) => [fieldInvalid(`${at}.expirationSeconds`, expirationSeconds, text)];
			if (expirationSeconds < minTokenSeconds) return invalid("may not specify a duration less than 10 minutes");
			return expirationSeconds > 2 ** 32 ? invalid("may not specify a duration larger than 2^32 seconds") : [];
		}),
	];
}
