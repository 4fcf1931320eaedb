/** storage.k8s.io/v1 CSIDriver: what Kubernetes has to know of a storage driver that is installed. */
import type { CSIDriver, StorageTokenRequest } from "../../../apimachinery/schema/generated/types.ts";
import { fieldDuplicate, fieldInvalid, fieldNotOneOf } from "../../../apimachinery/validation/field-error.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, booleanColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { type FieldErrors, validateEach, validateImmutable, validateOptionalEnum } from "../validation/primitives.ts";

const minTokenSeconds = 600;
const minUpdateSeconds = 10;
const lifecycleModes = ["Persistent", "Ephemeral"];

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
		...validateOptionalEnum(spec?.fsGroupPolicy, "spec.fsGroupPolicy", ["File", "None", "ReadWriteOnceWithFSType"]),
		...validateTokenRequests(spec?.tokenRequests ?? []),
		...(spec?.volumeLifecycleModes ?? [])
			.filter((mode) => !lifecycleModes.includes(mode))
			.map((mode) => fieldNotOneOf("spec.volumeLifecycleModes", mode, lifecycleModes)),
		...validateUpdatePeriod(spec?.nodeAllocatableUpdatePeriodSeconds),
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

/** How often a node asks how many volumes it can take. */
function validateUpdatePeriod(seconds: number | undefined): FieldErrors {
	if (seconds === undefined || seconds >= minUpdateSeconds) return [];
	return [fieldInvalid("spec.nodeAllocatableUpdatePeriodSeconds", seconds, `must be greater than or equal to ${minUpdateSeconds} seconds`)];
}

/** One token an audience, none included. */
function validateTokenRequests(requests: readonly StorageTokenRequest[]): FieldErrors {
	const audiences = new Set<string>();
	return validateEach(
		requests,
		"spec.tokenRequests",
		({ audience = "", expirationSeconds = minTokenSeconds }: Partial<StorageTokenRequest>, at) => {
			if (audiences.has(audience)) return [fieldDuplicate(`${at}.audience`, audience)];
			audiences.add(audience);
			const invalid = (text: string) => [fieldInvalid(`${at}.expirationSeconds`, expirationSeconds, text)];
			if (expirationSeconds < minTokenSeconds) return invalid("may not specify a duration less than 10 minutes");
			return expirationSeconds > 2 ** 32 ? invalid("may not specify a duration larger than 2^32 seconds") : [];
		},
	);
}
