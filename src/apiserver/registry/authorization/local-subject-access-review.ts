/** authorization.k8s.io/v1 LocalSubjectAccessReview: asks whether somebody may do something in the review's namespace. */
import type { LocalSubjectAccessReview } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import type { FieldErrors } from "../validation/primitives.ts";
import { defineReview, urlValue, validateMetadata, validateQuestion, validateSelectors, validateSubject } from "./review.ts";

export const localSubjectAccessReview = defineReview<LocalSubjectAccessReview>("LocalSubjectAccessReview", (review) => [
	...validateQuestion(review.spec ?? {}),
	...validateSubject(review.spec ?? {}),
	...validateSelectors(review.spec?.resourceAttributes),
	...validateMetadata(review.metadata, ["namespace"], "must be empty except for namespace"),
	...validateNamespace(review),
]);

function validateNamespace({ metadata, spec }: LocalSubjectAccessReview): FieldErrors {
	const { resourceAttributes: asked, nonResourceAttributes: url } = spec ?? {};
	const isElsewhere = asked !== undefined && (asked.namespace ?? "") !== (metadata?.namespace ?? "");
	return [
		...(isElsewhere ? [fieldInvalid("spec.resourceAttributes.namespace", asked.namespace ?? "", "must match metadata.namespace")] : []),
		...(url === undefined ? [] : [fieldInvalid("spec.nonResourceAttributes", urlValue(url), "disallowed on this kind of request")]),
	];
}
