/** resource.k8s.io/v1 ResourceClaim: a pod's claim for devices, and what it was given. */
import type { ResourceResourceClaim } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden } from "../../../apimachinery/validation/field-error.ts";
import { mapField } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { type FieldErrors, validateEach, validateImmutable, validateRequired } from "../validation/primitives.ts";
import { defaultClaimSpec, validateClaimSpec } from "./device-claim.ts";

export const resourceClaim = defineKind<ResourceResourceClaim>({
	group: "resource.k8s.io",
	kind: "ResourceClaim",
	resource: "resourceclaims",
	singular: "resourceclaim",
	versions: ["v1"],
	storageVersion: "v1",
	setDefaults: (object) => mapField(object, "spec", defaultClaimSpec),
	validate: ({ spec }) => validateClaimSpec(spec ?? {}, "spec"),
	validateUpdate: (object, old) => validateImmutable(object.spec, old.spec, "spec"),
	validateStatusUpdate: validateStatus,
	columns: [
		nameColumn(),
		stringColumn("State", "A summary of the current state (allocated, pending, reserved, etc.).", formatState),
		ageColumn(),
	],
});

/** `pending`, `allocated`, `allocated,reserved`, `deleted,allocated`. */
function formatState({ metadata, status }: ResourceResourceClaim): string {
	const deleted = metadata?.deletionTimestamp !== undefined;
	if (status?.allocation === undefined) return deleted ? "deleted" : "pending";
	const reserved = (status.reservedFor ?? []).length > 0;
	return [...(deleted ? ["deleted"] : []), "allocated", ...(reserved ? ["reserved"] : [])].join(",");
}

function validateStatus({ status }: ResourceResourceClaim, old: ResourceResourceClaim): FieldErrors {
	const { reservedFor = [], allocation } = status ?? {};
	const path = "status.reservedFor";
	return [
		...validateEach(reservedFor, path, ({ resource, name, uid }, at) => [
			...validateRequired(resource, `${at}.resource`),
			...validateRequired(name, `${at}.name`),
			...validateRequired(uid, `${at}.uid`),
		]),
		...(reservedFor.length > 0 && allocation === undefined
			? [fieldForbidden(path, "may not be specified when `allocated` is not set")]
			: []),
		...(allocation !== undefined && old.status?.allocation !== undefined
			? validateImmutable(allocation, old.status.allocation, "status.allocation")
			: []),
	];
}
