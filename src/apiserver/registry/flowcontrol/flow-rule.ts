/** The rules of a FlowSchema: subjects, and the requests they make. Source: pkg/apis/flowcontrol/validation/validation.go. */
import type {
	FlowcontrolSubject,
	NonResourcePolicyRule,
	PolicyRulesWithSubjects,
	ResourcePolicyRule,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Label, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, validateEach } from "../validation/primitives.ts";

const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
const kinds = { ServiceAccount: "serviceAccount", User: "user", Group: "group" } as const;

export function validateFlowRule(rule: Partial<PolicyRulesWithSubjects>, path: string): FieldErrors {
	const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
	return [
		...(subjects.length === 0 ? [fieldRequired(`${path}.subjects`, "subjects must contain at least one value")] : []),
		...validateEach(subjects, `${path}.subjects`, validateSubject),
		...(resourceRules.length + nonResourceRules.length === 0
			? [fieldRequired(path, "at least one of resourceRules and nonResourceRules has to be non-empty")]
			: []),
		...validateEach(resourceRules, `${path}.resourceRules`, validateResourceRule),
		...validateEach(nonResourceRules, `${path}.nonResourceRules`, validateUrlRule),
	];
}

function validateSubject(subject: FlowcontrolSubject, path: string): FieldErrors {
	const { kind } = subject;
	if (kind !== "Group" && kind !== "ServiceAccount" && kind !== "User") {
		return [fieldNotSupported(`${path}.kind`, kind, Object.keys(kinds))];
	}
	const field = kinds[kind];
	const others = Object.entries(kinds).filter(([other, name]) => other !== kind && subject[name] !== undefined);
	return [
		...(subject[field] === undefined ? [fieldRequired(`${path}.${field}`, `${field} is required when subject kind is '${kind}'`)] : []),
		...(subject[field] !== undefined && (subject[field].name ?? "") === "" ? [fieldRequired(`${path}.${field}.name`)] : []),
		...(kind === "ServiceAccount" ? validateAccount(subject, path) : []),
		...others.map(([other, name]) => fieldForbidden(`${path}.${name}`, `${name} is forbidden when subject kind is not '${other}'`)),
	];
}

function validateAccount({ serviceAccount }: FlowcontrolSubject, path: string): FieldErrors {
	if (serviceAccount === undefined) return [];
	const { name = "", namespace = "" }: Partial<typeof serviceAccount> = serviceAccount;
	return [
		...(name === "*" || name === "" ? [] : invalidFor(`${path}.serviceAccount.name`, name, isDns1123Subdomain(name))),
		...(namespace === ""
			? [fieldRequired(`${path}.serviceAccount.namespace`, "must specify namespace for service account")]
			: invalidFor(`${path}.serviceAccount.namespace`, namespace, isDns1123Label(namespace))),
	];
}

function validateResourceRule(rule: Partial<ResourcePolicyRule>, path: string): FieldErrors {
	const { namespaces = [], clusterScope = false } = rule;
	return [
		...validateVerbs(rule.verbs, path),
		...validateList(rule.apiGroups, `${path}.apiGroups`, "resource rules must supply at least one api group", "api groups"),
		...validateList(rule.resources, `${path}.resources`, "resource rules must supply at least one resource", "resources"),
		...(namespaces.length === 0 && !clusterScope
			? [fieldRequired(`${path}.namespaces`, "resource rules that are not cluster scoped must supply at least one namespace")]
			: validateNamespaces(namespaces, `${path}.namespaces`)),
	];
}

function validateNamespaces(namespaces: readonly string[], path: string): FieldErrors {
	if (namespaces.includes("*")) {
		return namespaces.length === 1 ? [] : [fieldInvalid(path, namespaces, "if '*' is present, must not specify other namespaces")];
	}
	const intro = "each member of this list must be '*' or a DNS-1123 label; ";
	return validateEach(namespaces, path, (name, at) => isDns1123Label(name).map((text) => fieldInvalid(at, name, intro + text)));
}

function validateUrlRule({ verbs: ruleVerbs, nonResourceURLs = [] }: Partial<NonResourcePolicyRule>, path: string): FieldErrors {
	const at = `${path}.nonResourceURLs`;
	return [
		...validateVerbs(ruleVerbs, path),
		...validateList(nonResourceURLs, at, "nonResourceURLs must contain at least one value", "non-resource URLs"),
		...(nonResourceURLs.includes("*") ? [] : validateEach(nonResourceURLs, at, validateUrl)),
	];
}

/** `/healthz`, `/apis/*`: a star stands for all that follows, slashes included. */
function validateUrl(url: string, path: string): FieldErrors {
	const detail = urlProblem(url);
	return detail === undefined ? [] : [fieldInvalid(path, url, detail)];
}

function urlProblem(url: string): string | undefined {
	if (url === "") return "must not be empty";
	if (!url.startsWith("/")) return "must start with slash";
	if (url.includes(" ")) return "must not contain white-space";
	if (url.includes("//")) return "must not contain double slash";
	return /^[^*]*(\/\*)?$/.test(url) ? undefined : "wildcard can only do suffix matching";
}

function validateVerbs(list: readonly string[] = [], path: string): FieldErrors {
	const at = `${path}.verbs`;
	const isUnknown = !list.includes("*") && !list.every((verb) => verbs.includes(verb));
	if (isUnknown) return [fieldNotSupported(at, list, verbs)];
	return validateList(list, at, "verbs must contain at least one value", "verbs");
}

/** Something must be there; a star stands alone. */
function validateList(list: readonly string[] = [], path: string, missing: string, what: string): FieldErrors {
	if (list.length === 0) return [fieldRequired(path, missing)];
	return list.length > 1 && list.includes("*") ? [fieldInvalid(path, list, `if '*' is present, must not specify other ${what}`)] : [];
}
