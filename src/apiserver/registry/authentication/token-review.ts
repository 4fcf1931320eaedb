/** authentication.k8s.io/v1 TokenReview: asks whose a bearer token is. */
import type { TokenReview } from "../../../apimachinery/schema/generated/types.ts";
import { defineKind } from "../kind.ts";
import { createdAtColumn, nameColumn } from "../printing/columns.ts";

export const tokenReview = defineKind<TokenReview>({
	group: "authentication.k8s.io",
	kind: "TokenReview",
	resource: "tokenreviews",
	singular: "tokenreview",
	versions: ["v1"],
	storageVersion: "v1",
	ephemeral: true,
	columns: [nameColumn(), createdAtColumn()],
});
