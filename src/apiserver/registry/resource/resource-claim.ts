/** resource.k8s.io/v1 ResourceClaim: a pod's claim for devices, and what it was given. */
import type { ResourceResourceClaim } from "../../../apimachinery/schema/generated/types.ts";
import { mapField } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateImmutable } from "../validation/primitives.ts";
import { validateClaimStatus } from "./claim-status.ts";
import { defaultClaimSpec, validateClaimExpressions, validateClaimSpec } from "./device-claim.ts";

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
	// The spec never changes: what was compiled once is not compiled again with every change of metadata.
	validateExpressions: ({ spec }, old) => (old === undefined ? validateClaimExpressions(spec ?? {}, "spec") : undefined),
	validateStatusUpdate: validateClaimStatus,
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
