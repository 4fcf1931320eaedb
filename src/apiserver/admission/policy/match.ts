/**
 * Which requests a policy or a binding is about. Light: it runs on every write, before anything is known to match.
 * Source: k8s.io/apiserver/pkg/admission/plugin/policy/matching/matching.go, plugin/webhook/predicates;
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#matching-requests-matchconstraints
 */
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { LabelSelector, MatchResources, NamedRuleWithOperations } from "../../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../../apimachinery/selector.ts";
import type { AdmissionAttributes, AdmissionScope } from "../admission.ts";

/** Reviews are never stored, and policies cannot guard themselves. */
const excluded: ReadonlySet<string> = new Set([
	"admissionregistration.k8s.io/validatingadmissionpolicies",
	"admissionregistration.k8s.io/validatingadmissionpolicybindings",
	"admissionregistration.k8s.io/mutatingadmissionpolicies",
	"admissionregistration.k8s.io/mutatingadmissionpolicybindings",
	"authentication.k8s.io/tokenreviews",
	"authentication.k8s.io/selfsubjectreviews",
	"authorization.k8s.io/localsubjectaccessreviews",
	"authorization.k8s.io/selfsubjectaccessreviews",
	"authorization.k8s.io/selfsubjectrulesreviews",
	"authorization.k8s.io/subjectaccessreviews",
]);

export const isGuarded = ({ group, resource }: AdmissionScope): boolean => !excluded.has(`${group}/${resource}`);

/** @param object what the request leaves; undefined for a DELETE */
export function matches(match: MatchResources | undefined, object: KubeObject | undefined, attributes: AdmissionAttributes): boolean {
	if (match === undefined) return true;
	const { resourceRules = [], excludeResourceRules = [], matchPolicy = "Equivalent" } = match;
	const fits = (rule: NamedRuleWithOperations) => fitsRule(rule, matchPolicy === "Equivalent", attributes);
	if (excludeResourceRules.some(fits)) return false;
	// A binding without rules is for all that its policy is for.
	if (resourceRules.length > 0 && !resourceRules.some(fits)) return false;
	return fitsNamespace(match.namespaceSelector, object, attributes) && fitsObject(match.objectSelector, object, attributes);
}

function fitsRule(rule: NamedRuleWithOperations, isEquivalent: boolean, attributes: AdmissionAttributes): boolean {
	const { operations = [], apiGroups = [], apiVersions = [], resources = [], resourceNames = [], scope = "*" } = rule;
	const has = (list: readonly string[], value: string) => list.includes("*") || list.includes(value);
	return (
		has(operations, attributes.operation) &&
		has(apiGroups, attributes.group) &&
		// Every version of a resource is the same object in another form.
		(isEquivalent || has(apiVersions, attributes.version)) &&
		resources.some((resource) => fitsResource(resource, attributes)) &&
		(resourceNames.length === 0 || resourceNames.includes(attributes.name)) &&
		fitsScope(scope, attributes)
	);
}

function fitsResource(pattern: string, { resource, subresource }: AdmissionAttributes): boolean {
	const [wanted = "", wantedSub = ""] = pattern.split("/");
	return (wanted === "*" || wanted === resource) && (wantedSub === "*" || wantedSub === subresource);
}

/** Namespaces are of the cluster, whatever the request's namespace says. */
function fitsScope(scope: string, { group, resource, namespace }: AdmissionAttributes): boolean {
	if (scope === "*") return true;
	const isNamespaced = namespace !== "" && !(group === "" && resource === "namespaces");
	return isNamespaced === (scope === "Namespaced");
}

const isEverything = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean =>
	Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;

function fitsNamespace(selector: LabelSelector | undefined, object: KubeObject | undefined, attributes: AdmissionAttributes): boolean {
	if (selector === undefined || isEverything(selector)) return true;
	const { group, resource, subresource, namespace, oldObject, lookup } = attributes;
	if (group === "" && resource === "namespaces" && subresource === "") {
		return labelSelectorFromObject(selector).matches((object ?? oldObject)?.metadata?.labels ?? {});
	}
	if (namespace === "") return true;
	const labels = lookup.find("", "namespaces", "", namespace)?.metadata?.labels ?? {};
	return labelSelectorFromObject(selector).matches(labels);
}

/** Either side of the change will do. */
function fitsObject(selector: LabelSelector | undefined, object: KubeObject | undefined, { oldObject }: AdmissionAttributes): boolean {
	if (selector === undefined || isEverything(selector)) return true;
	const matcher = labelSelectorFromObject(selector);
	return [object, oldObject].some((each) => each !== undefined && matcher.matches(each.metadata?.labels ?? {}));
}
