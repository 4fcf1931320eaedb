/**
 * The counts that ReplicaSets and ReplicationControllers report. Source: ValidateReplicaSetStatus in
 * pkg/apis/apps/validation/validation.go of Kubernetes 1.36.
 */
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { type FieldErrors, validateNonnegative } from "./primitives.ts";

const MORE_THAN_REPLICAS = "cannot be greater than status.replicas";

interface ReplicaCounts {
	readonly replicas?: number;
	readonly fullyLabeledReplicas?: number;
	readonly readyReplicas?: number;
	readonly availableReplicas?: number;
	readonly terminatingReplicas?: number;
	readonly observedGeneration?: number;
}

/** No count is negative, none exceeds the replicas, and no more are available than ready. */
export function validateReplicaCounts(status: ReplicaCounts | undefined): FieldErrors {
	if (status === undefined) return [];
	const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
	const errors: FieldError[] = (
		["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "terminatingReplicas", "observedGeneration"] as const
	).flatMap((field) => [...validateNonnegative(status[field], `status.${field}`)]);
	for (const field of ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] as const) {
		if ((status[field] ?? 0) > replicas) errors.push(fieldInvalid(`status.${field}`, status[field], MORE_THAN_REPLICAS));
	}
	if (availableReplicas > readyReplicas) {
		errors.push(fieldInvalid("status.availableReplicas", availableReplicas, "cannot be greater than readyReplicas"));
	}
	return errors;
}
