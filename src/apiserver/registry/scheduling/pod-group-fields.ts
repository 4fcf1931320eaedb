/**
 * What PodGroups and the templates of Workloads have in common.
 * Source: the declarative validation of staging/src/k8s.io/api/scheduling/v1alpha2/types.go, pkg/registry/scheduling of Kubernetes 1.36.
 */
import type { PodGroupSchedulingPolicyV1alpha2 } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { withoutField } from "../core/defaulting.ts";
import { type FieldErrors, NO_ERRORS } from "../validation/primitives.ts";

/** Exactly one, and a gang of one at least. */
export function validateSchedulingPolicy({ basic, gang }: PodGroupSchedulingPolicyV1alpha2, path: string): FieldErrors {
	const members = "`basic`, `gang`";
	if (basic === undefined && gang === undefined) return [fieldInvalid(path, "", `must specify one of: ${members}`)];
	if (basic !== undefined && gang !== undefined) return [fieldInvalid(path, `{${members}}`, `must specify exactly one of: ${members}`)];
	if (gang === undefined) return NO_ERRORS;
	const { minCount } = gang;
	if (minCount === undefined || minCount === 0) return [fieldRequired(`${path}.gang.minCount`)];
	return minCount < 0 ? [fieldInvalid(`${path}.gang.minCount`, minCount, "must be greater than or equal to 1")] : NO_ERRORS;
}

interface GatedFields {
	readonly schedulingConstraints?: unknown;
	readonly resourceClaims?: unknown;
	readonly disruptionMode?: unknown;
	readonly priority?: unknown;
	readonly priorityClassName?: unknown;
}

/** Fields of TopologyAwareWorkloadScheduling, DRAWorkloadResourceClaims and WorkloadAwarePreemption, which are off. */
const gated: readonly (keyof GatedFields)[] = [
	"schedulingConstraints",
	"resourceClaims",
	"disruptionMode",
	"priority",
	"priorityClassName",
];

/** Without what a client writes there. */
export function withoutGatedFields<T extends GatedFields>(object: T): T {
	return gated.reduce<T>((rest, key) => (rest[key] === undefined ? rest : (withoutField(rest, key) as T)), object);
}
