/** The kinds of authentication.k8s.io: all answered at once, none stored. */
import type { KindDefinition } from "../kind.ts";
import { selfSubjectReview } from "./self-subject-review.ts";
import { tokenReview } from "./token-review.ts";

export const authenticationKinds: readonly KindDefinition[] = [selfSubjectReview, tokenReview];
