/** authorization.k8s.io/v1 SelfSubjectRulesReview: asks for all that the asker may do in a namespace (`kubectl auth can-i --list`). */
import type { SelfSubjectRulesReview } from "../../../apimachinery/schema/generated/types.ts";
import { defineReview } from "./review.ts";

export const selfSubjectRulesReview = defineReview<SelfSubjectRulesReview>("SelfSubjectRulesReview");
