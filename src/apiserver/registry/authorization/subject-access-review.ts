/** authorization.k8s.io/v1 SubjectAccessReview: asks whether somebody may do something. */
import type { SubjectAccessReview } from "../../../apimachinery/schema/generated/types.ts";
import { defineReview, validateMetadata, validateQuestion, validateSelectors, validateSubject } from "./review.ts";

export const subjectAccessReview = defineReview<SubjectAccessReview>("SubjectAccessReview", ({ metadata, spec }) => [
	...validateQuestion(spec ?? {}),
	...validateSubject(spec ?? {}),
	...validateSelectors(spec?.resourceAttributes),
	...validateMetadata(metadata, [], "must be empty"),
]);
