/**
 * What the reviews of access share: their kind's frame, and that they ask about exactly one thing.
 * Source: pkg/apis/authorization/validation/validation.go.
 */
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { NonResourceAttributes, ResourceAttributes } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { defineKind, type KindDefinition } from "../kind.ts";
import { createdAtColumn, nameColumn } from "../printing/columns.ts";

export interface AccessQuestion {
	readonly resourceAttributes?: ResourceAttributes;
	readonly nonResourceAttributes?: NonResourceAttributes;
	readonly user?: string;
	readonly groups?: readonly string[];
}

/** A create-only kind of authorization.k8s.io; the plural is the kind in lower case with an s. */
export function defineReview<T extends KubeObject>(kind: string, validate?: (review: T) => readonly FieldError[]): KindDefinition {
	return defineKind<T>({
		group: "authorization.k8s.io",
		kind,
		resource: `${kind.toLowerCase()}s`,
		singular: kind.toLowerCase(),
		versions: ["v1"],
		storageVersion: "v1",
		ephemeral: true,
		...(validate === undefined ? {} : { validate }),
		columns: [nameColumn(), createdAtColumn()],
	});
}

/** Exactly one of a resource and a URL. */
export function validateQuestion({ resourceAttributes, nonResourceAttributes }: AccessQuestion): readonly FieldError[] {
	if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
		return [
			fieldInvalid("spec.nonResourceAttributes", nonResourceAttributes, "cannot be specified in combination with resourceAttributes"),
		];
	}
	if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
		return [fieldInvalid("spec.resourceAttributes", null, "exactly one of nonResourceAttributes or resourceAttributes must be specified")];
	}
	return [];
}

/** Somebody to ask about. */
export function validateSubject({ user = "", groups = [] }: AccessQuestion): readonly FieldError[] {
	if (user !== "" || groups.length > 0) return [];
	return [fieldInvalid("spec.user", "", "at least one of user or group must be specified")];
}
