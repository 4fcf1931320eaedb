/** rbac.authorization.k8s.io/v1 Role: what may be done in one namespace. */
import type { Role } from "../../../apimachinery/schema/generated/types.ts";
import { isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { createdAtColumn, nameColumn } from "../printing/columns.ts";
import { validateRules } from "./policy-rule.ts";

export const role = defineKind<Role>({
	group: "rbac.authorization.k8s.io",
	kind: "Role",
	resource: "roles",
	singular: "role",
	versions: ["v1"],
	storageVersion: "v1",
	allowCreateOnUpdate: true,
	validateName: isPathSegmentName,
	validate: ({ rules }) => validateRules(rules, true),
	columns: [nameColumn(), createdAtColumn()],
});
