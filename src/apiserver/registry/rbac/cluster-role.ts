/** rbac.authorization.k8s.io/v1 ClusterRole: what may be done in all namespaces, outside of them, and on URLs. */
import type { ClusterRole } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { createdAtColumn, nameColumn } from "../printing/columns.ts";

import { isReadableSelector } from "../validation/pod-template.ts";
import { validateRules } from "./policy-rule.ts";

export const clusterRole = defineKind<ClusterRole>({
	group: "rbac.authorization.k8s.io",
	kind: "ClusterRole",
	resource: "clusterroles",
	singular: "clusterrole",
	versions: ["v1"],
	storageVersion: "v1",
	allowCreateOnUpdate: true,
	validateName: isPathSegmentName,
	validate: (role) => [...validateRules(role.rules, false), ...validateAggregation(role)],
	columns: [nameColumn(), createdAtColumn()],
});

function validateAggregation({ aggregationRule }: ClusterRole): readonly FieldError[] {
	if (aggregationRule === undefined) return [];
	const path = "aggregationRule.clusterRoleSelectors";
	const { clusterRoleSelectors: selectors = [] } = aggregationRule;
	if (selectors.length === 0) return [fieldRequired(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")];
	return selectors.flatMap((selector, index) => {
		const at = `${path}[${index}]`;
		const errors = validateLabelSelector(selector, at);
		return isReadableSelector(selector) ? errors : [...errors, fieldInvalid(at, null, "invalid label selector.")];
	});
}
