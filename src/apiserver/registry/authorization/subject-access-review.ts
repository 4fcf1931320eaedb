/** authorization.k8s.io/v1 SubjectAccessReview: asks whether somebody may do something. */
import type { SubjectAccessReview } from "../../../apimachinery/schema/generated/types.ts";
import { defineReview, validateQuestion, validateSubject } from "./review.ts";

export const subjectAccessReview = defineReview<SubjectAccessReview>("SubjectAccessReview", ({ spec }) => [
	...validateQuestion(spec ?? {}),
	...validateSubject(spec ?? {}),
]);
