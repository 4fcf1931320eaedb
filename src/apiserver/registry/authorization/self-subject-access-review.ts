/** authorization.k8s.io/v1 SelfSubjectAccessReview: asks whether the asker may do something (`kubectl auth can-i`). */
import type { SelfSubjectAccessReview } from "../../../apimachinery/schema/generated/types.ts";
import { defineReview, validateQuestion } from "./review.ts";

export const selfSubjectAccessReview = defineReview<SelfSubjectAccessReview>("SelfSubjectAccessReview", ({ spec }) =>
	validateQuestion(spec ?? {}),
);
