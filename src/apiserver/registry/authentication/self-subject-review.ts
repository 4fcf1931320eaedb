/** authentication.k8s.io/v1 SelfSubjectReview: asks who the asker is (`kubectl auth whoami`). */
import type { SelfSubjectReview } from "../../../apimachinery/schema/generated/types.ts";
import { defineKind } from "../kind.ts";
import { createdAtColumn, nameColumn } from "../printing/columns.ts";

export const selfSubjectReview = defineKind<SelfSubjectReview>({
	group: "authentication.k8s.io",
	kind: "SelfSubjectReview",
	resource: "selfsubjectreviews",
	singular: "selfsubjectreview",
	versions: ["v1"],
	storageVersion: "v1",
	ephemeral: true,
	columns: [nameColumn(), createdAtColumn()],
});
