/** storage.k8s.io/v1 CSINode: the storage drivers that run on a node, written by its kubelet. */
import type { CSINode, CSINodeDriver } from "../../../apimachinery/schema/generated/types.ts";
import { fieldDuplicate, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn } from "../printing/columns.ts";
import { validateDriverName } from "../validation/csi.ts";
import { type FieldErrors, invalidFor, validateEach, validateImmutable, validateNonnegative } from "../validation/primitives.ts";

const maxNodeIdBytes = 256;

export const csiNode = defineKind<CSINode>({
	group: "storage.k8s.io",
	kind: "CSINode",
	resource: "csinodes",
	singular: "csinode",
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	allowUnconditionalUpdate: false,
	validate: ({ spec }) => {
		const names = new Set<string>();
		return validateEach(spec?.drivers, "spec.drivers", (driver: Partial<CSINodeDriver>, path) => {
			const { name = "" } = driver;
			const isRepeated = names.has(name);
			names.add(name);
			return [
				...validateDriver(driver, path),
				...(isRepeated ? [fieldDuplicate(`${path}.name`, name)] : []),
				...validateTopologyKeys(driver.topologyKeys ?? [], path),
			];
		});
	},
	validateUpdate: (object, old) => (old.spec?.drivers ?? []).flatMap((driver) => validateDriverUpdate(object, driver)),
	columns: [
		nameColumn(),
		integerColumn(
			"Drivers",
			"Drivers indicates the number of CSI drivers registered on the node",
			({ spec }) => (spec?.drivers ?? []).length,
		),
		ageColumn(),
	],
});

function validateDriver({ name, nodeID = "", allocatable }: Partial<CSINodeDriver>, path: string): FieldErrors {
	return [
		...validateDriverName(name, `${path}.name`),
		...(nodeID === "" ? [fieldRequired(`${path}.nodeID`)] : []),
		...(Buffer.byteLength(nodeID) > maxNodeIdBytes
			? [fieldInvalid(`${path}.nodeID`, nodeID, `must be ${maxNodeIdBytes} characters or less`)]
			: []),
		...validateNonnegative(allocatable?.count, `${path}.allocatable.count`),
	];
}

function validateTopologyKeys(keys: readonly string[], path: string): FieldErrors {
	return keys.flatMap((key, index) => [
		...(key === "" ? [fieldRequired(path)] : []),
		...(keys.indexOf(key) < index ? [fieldDuplicate(path, key)] : []),
		...invalidFor(path, key, isQualifiedName(key)),
	]);
}

/** A driver that stays may change nothing but its limits. */
function validateDriverUpdate({ spec }: CSINode, old: CSINodeDriver): FieldErrors {
	const fixed = ({ allocatable: _allocatable, ...rest }: CSINodeDriver) => rest;
	const driver = spec?.drivers?.find(({ name }) => name === old.name);
	return driver === undefined ? [] : validateImmutable(fixed(driver), fixed(old), "spec.drivers");
}
