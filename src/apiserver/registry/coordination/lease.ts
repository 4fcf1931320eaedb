/** coordination.k8s.io/v1 Lease: who holds a lock and when he last said so; heartbeats of nodes, elected leaders. */
import type { Lease, LeaseSpec } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { type FieldErrors, invalidFor, validateNonnegative, validateOptionalEnum } from "../validation/primitives.ts";

export const lease = defineKind<Lease>({
	group: "coordination.k8s.io",
	kind: "Lease",
	resource: "leases",
	singular: "lease",
	versions: ["v1"],
	storageVersion: "v1",
	allowCreateOnUpdate: true,
	allowUnconditionalUpdate: false,
	prepareForCreate: (object) => withoutElection(object),
	prepareForUpdate: withoutElection,
	validate: ({ spec = {} }) => validateSpec(spec),
	columns: [
		nameColumn(),
		stringColumn(
			"Holder",
			"holderIdentity contains the identity of the holder of a current lease. If Coordinated Leader Election is used, the holder identity must be equal to the elected LeaseCandidate.metadata.name field.",
			({ spec }) => spec?.holderIdentity ?? "",
		),
		ageColumn(),
	],
});

/**
 * Coordinated leader election is off by default in 1.36: its two fields are dropped, unless the stored lease has them.
 */
function withoutElection(object: Lease, old?: Lease): Lease {
	if (object.spec === undefined) return object;
	const { strategy, preferredHolder, ...spec } = object.spec;
	const kept = {
		...(strategy === undefined || old?.spec?.strategy === undefined ? {} : { strategy }),
		...(preferredHolder === undefined || old?.spec?.preferredHolder === undefined ? {} : { preferredHolder }),
	};
	return { ...object, spec: { ...spec, ...kept } };
}

function validateSpec({ leaseDurationSeconds, leaseTransitions, strategy = "", preferredHolder = "" }: LeaseSpec): FieldErrors {
	return [
		...(leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0
			? [fieldInvalid("spec.leaseDurationSeconds", leaseDurationSeconds, "must be greater than 0")]
			: []),
		...validateNonnegative(leaseTransitions, "spec.leaseTransitions"),
		...validateStrategy(strategy),
		...(preferredHolder !== "" && strategy === ""
			? [fieldForbidden("spec.preferredHolder", "may only be specified if `strategy` is defined")]
			: []),
	];
}

/** One of Kubernetes' own, or a qualified name of somebody else's. */
function validateStrategy(strategy: string): FieldErrors {
	const path = "spec.strategy.strategy";
	if (strategy.includes("/")) return invalidFor(path, strategy, isQualifiedName(strategy));
	return validateOptionalEnum(strategy === "" ? undefined : strategy, path, ["OldestEmulationVersion"]);
}
