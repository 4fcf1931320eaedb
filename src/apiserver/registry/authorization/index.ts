/** The kinds of authorization.k8s.io: all answered at once, none stored. */
import type { KindDefinition } from "../kind.ts";
import { localSubjectAccessReview } from "./local-subject-access-review.ts";
import { selfSubjectAccessReview } from "./self-subject-access-review.ts";
import { selfSubjectRulesReview } from "./self-subject-rules-review.ts";
import { subjectAccessReview } from "./subject-access-review.ts";

export const authorizationKinds: readonly KindDefinition[] = [
	localSubjectAccessReview,
	selfSubjectAccessReview,
	selfSubjectRulesReview,
	subjectAccessReview,
];
