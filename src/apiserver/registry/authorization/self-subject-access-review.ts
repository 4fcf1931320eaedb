/** authorization.k8s.io/v1 SelfSubjectAccessReview: asks whether the asker may do something (`kubectl auth can-i`). */
import type { SelfSubjectAccessReview } from "../../../apimachinery/schema/generated/types.ts";
import { defineReview, validateMetadata, validateQuestion, validateSelectors } from "./review.ts";

export const selfSubjectAccessReview = defineReview<SelfSubjectAccessReview>("SelfSubjectAccessReview", ({ metadata, spec }) => [
	...validateQuestion(spec ?? {}),
	...validateSelectors(spec?.resourceAttributes),
	...validateMetadata(metadata, [], "must be empty"),
]);
