/**
 * What the statuses of workloads have in common. Source: Validate…Status and Validate…StatusUpdate in
 * pkg/apis/apps/validation/validation.go of Kubernetes 1.36.
 */
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { type FieldErrors, NO_ERRORS, validateNonnegative } from "../validation/primitives.ts";

type Counts<F extends string> = { readonly [K in F]?: number };

/** Every count is 0 or more. */
export function validateStatusCounts<F extends string>(status: Counts<F> | undefined, fields: readonly F[]): FieldErrors {
	return fields.flatMap((field) => validateNonnegative(status?.[field], `status.${field}`));
}

/** No count is above that of the replicas. */
export function validateWithinReplicas<F extends string>(status: Counts<F | "replicas"> | undefined, fields: readonly F[]): FieldErrors {
	const replicas = status?.replicas ?? 0;
	return fields.flatMap((field): FieldErrors => {
		const count: number = status?.[field] ?? 0;
		return count > replicas ? [fieldInvalid(`status.${field}`, count, "cannot be greater than status.replicas")] : NO_ERRORS;
	});
}

interface Availability {
	readonly readyReplicas?: number;
	readonly availableReplicas?: number;
}

/** What is available is ready. `what` is how the text calls the ready ones. */
export function validateAvailableIsReady(status: Availability | undefined, what: string): FieldErrors {
	const { readyReplicas = 0, availableReplicas = 0 } = status ?? {};
	return availableReplicas > readyReplicas
		? [fieldInvalid("status.availableReplicas", availableReplicas, `cannot be greater than ${what}`)]
		: NO_ERRORS;
}

interface Collisions {
	readonly collisionCount?: number;
}

/** Collisions are only ever counted up. */
export function validateCollisionCount(status: Collisions | undefined, old: Collisions | undefined): readonly FieldError[] {
	const count = status?.collisionCount ?? 0;
	if (old?.collisionCount === undefined || (status?.collisionCount !== undefined && count >= old.collisionCount)) return [];
	return [fieldInvalid("status.collisionCount", count, "cannot be decremented")];
}
