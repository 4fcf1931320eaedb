/** authorization.k8s.io/v1 LocalSubjectAccessReview: asks whether somebody may do something in the review's namespace. */
import type { LocalSubjectAccessReview } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { defineReview, validateQuestion, validateSubject } from "./review.ts";

export const localSubjectAccessReview = defineReview<LocalSubjectAccessReview>("LocalSubjectAccessReview", (review) => [
	...validateQuestion(review.spec ?? {}),
	...validateSubject(review.spec ?? {}),
	...validateNamespace(review),
]);

function validateNamespace({ metadata, spec }: LocalSubjectAccessReview): readonly FieldError[] {
	if (spec?.nonResourceAttributes !== undefined) {
		return [fieldInvalid("spec.nonResourceAttributes", spec.nonResourceAttributes, "disallowed on this kind of request")];
	}
	const asked = spec?.resourceAttributes?.namespace;
	if (asked === undefined || asked === metadata?.namespace) return [];
	return [fieldInvalid("spec.resourceAttributes.namespace", asked, `must match metadata.namespace: ${metadata?.namespace ?? ""}`)];
}
