/** resource.k8s.io/v1 ResourceSlice: some of the devices of a pool, as the driver that manages them reports. */
import type { Device, DeviceTaint, ResourceSlice, ResourceSliceSpec } from "../../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../../apimachinery/time.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { eachItem, mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateDriverName } from "../validation/csi.ts";
import { type FieldErrors, validateImmutable } from "../validation/primitives.ts";
import { validateDevice, validateNodeChoice } from "./device.ts";
import { validatePoolName, validateSet } from "./device-names.ts";
import { validateCounterSets } from "./device-parts.ts";

const maxDevices = 128;
/** Where any device has taints or uses counters. */
const maxHeavyDevices = 64;
/** As it comes from a client: required fields may be missing. */
interface PartialSlice {
	readonly spec?: Partial<ResourceSliceSpec>;
}

const whereFields = ["nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection"] as const;

export const resourceSlice = defineKind<ResourceSlice>({
	group: "resource.k8s.io",
	kind: "ResourceSlice",
	resource: "resourceslices",
	singular: "resourceslice",
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	prepareForCreate: (object, { nowMs }) => stampTaints(object, formatTime(nowMs)),
	prepareForUpdate: (object, _old, { nowMs }) => stampTaints(object, formatTime(nowMs)),
	validate: ({ spec }) => validateSpec(spec ?? {}),
	validateUpdate: ({ spec = {} }: PartialSlice, { spec: old = {} }: PartialSlice) => [
		...validateImmutable(spec.driver, old.driver, "spec.driver"),
		...validateImmutable(spec.pool?.name, old.pool?.name, "spec.pool.name"),
		...validateImmutable(spec.nodeName, old.nodeName, "spec.nodeName"),
	],
	selectableFields: ({ spec }) => ({ "spec.driver": spec?.driver ?? "", "spec.nodeName": spec?.nodeName ?? "" }),
	columns: [
		nameColumn(),
		stringColumn("Node", "NodeName identifies the node which provides the resources in this pool.", ({ spec }) => spec?.nodeName ?? ""),
		stringColumn("Driver", "Driver identifies the DRA driver providing the capacity information.", ({ spec }) => spec?.driver ?? ""),
		stringColumn(
			"Pool",
			"Name is used to identify the pool. For node-local devices, this is often the node name, but this is not required.",
			({ spec }) => spec?.pool?.name ?? "",
		),
		ageColumn(),
	],
});

/** A taint dates from when it was first seen. */
function stampTaints(object: ResourceSlice, now: string): ResourceSlice {
	const taints = eachItem((taint: DeviceTaint) => withDefaults(taint, { timeAdded: now }));
	return mapField(object, "spec", (spec) =>
		mapField(
			spec,
			"devices",
			eachItem((device: Device) => mapField(device, "taints", taints)),
		),
	);
}

function validateSpec(spec: Partial<ResourceSliceSpec>): FieldErrors {
	const validate = (device: Device, path: string) => validateDevice(device, path, spec.perDeviceNodeSelection === true);
	const isHeavy = (spec.devices ?? []).some(({ taints = [], consumesCounters = [] }) => taints.length + consumesCounters.length > 0);
	const max = isHeavy ? maxHeavyDevices : maxDevices;
	const isBoth = spec.sharedCounters !== undefined && spec.devices !== undefined;
	return [
		...validateDriverName(spec.driver, "spec.driver"),
		...validatePool(spec.pool),
		...validateNodeChoice(spec, "spec"),
		...validateWhere(spec),
		...(isBoth ? [fieldInvalid("spec", "", "only one of `sharedCounters` or `devices` is allowed")] : []),
		...validateSet(spec.devices, max, "spec.devices", validate, ({ name }: Partial<Device>) => name ?? ""),
		...validateCounterSets(spec.sharedCounters, "spec.sharedCounters"),
	];
}

function validatePool(pool: ResourceSliceSpec["pool"] | undefined): FieldErrors {
	const { name, resourceSliceCount = 0, generation = 0 }: Partial<ResourceSliceSpec["pool"]> = pool ?? {};
	return [
		...validatePoolName(name, "spec.pool.name"),
		...(resourceSliceCount <= 0 ? [fieldInvalid("spec.pool.resourceSliceCount", resourceSliceCount, "must be greater than zero")] : []),
		...(generation < 0 ? [fieldInvalid("spec.pool.generation", generation, "must be greater than or equal to zero")] : []),
	];
}

/** Exactly one way to say which nodes reach the devices. */
function validateWhere(spec: Partial<ResourceSliceSpec>): FieldErrors {
	const given = whereFields
		.filter((field) => spec[field] !== undefined && spec[field] !== false && spec[field] !== "")
		.map((field) => `\`${field}\``);
	const one = `exactly one of ${whereFields.map((field) => `\`${field}\``).join(", ")} is required`;
	if (given.length === 0) return [fieldRequired("spec", one)];
	return given.length === 1 ? [] : [fieldInvalid("spec", `{${given.join(", ")}}`, `${one}, but multiple fields are set`)];
}
