/** What a rule of a Role or ClusterRole has to say. Source: pkg/apis/rbac/validation/validation.go. */
import type { PolicyRule } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";

/** Rules of a Role (`namespaced`) or a ClusterRole. */
export function validateRules(rules: readonly PolicyRule[] | undefined, namespaced: boolean): readonly FieldError[] {
	return (rules ?? []).flatMap((rule, index) => validateRule(rule, namespaced, `rules[${index}]`));
}

function validateRule(rule: Partial<PolicyRule>, namespaced: boolean, path: string): readonly FieldError[] {
	const { verbs = [], nonResourceURLs = [], apiGroups = [], resources = [], resourceNames = [] } = rule;
	const errors: FieldError[] = [];
	if (verbs.length === 0) errors.push(fieldRequired(`${path}.verbs`, "verbs must contain at least one value"));
	if (nonResourceURLs.length > 0) {
		const invalid = (text: string) => fieldInvalid(`${path}.nonResourceURLs`, nonResourceURLs, text);
		if (namespaced) errors.push(invalid("namespaced rules cannot apply to non-resource URLs"));
		if (apiGroups.length + resources.length + resourceNames.length > 0) {
			errors.push(invalid("rules cannot apply to both regular resources and non-resource URLs"));
		}
		return errors;
	}
	if (apiGroups.length === 0) errors.push(fieldRequired(`${path}.apiGroups`, "resource rules must supply at least one api group"));
	if (resources.length === 0) errors.push(fieldRequired(`${path}.resources`, "resource rules must supply at least one resource"));
	return errors;
}
