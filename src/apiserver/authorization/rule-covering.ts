/**
 * Whether somebody who has some rules may hand out others: everything that those allow has to be allowed by what is held.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping,
 * component-helpers/auth/rbac/validation/policy_comparator.go and pkg/registry/rbac/validation/policy_compact.go
 */
import type { PolicyRule } from "../../apimachinery/schema/generated/types.ts";

/** A rule about one verb of one resource (of one name) or of one URL. */
type Atom =
	| {
			readonly verb: string;
			readonly group: string;
			readonly resource: string;
			readonly name: string | undefined;
			readonly url?: undefined;
	  }
	| { readonly verb: string; readonly url: string };

/** What `wanted` allows and `held` does not, split into rules of one verb each; empty if all is held. */
export function uncoveredRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
	return wanted
		.flatMap(atomsOf)
		.filter((atom) => !held.some((rule) => covers(rule, atom)))
		.map(toRule);
}

function atomsOf({ verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): Atom[] {
	const names = resourceNames.length === 0 ? [undefined] : resourceNames;
	const ofResources = apiGroups.flatMap((group) =>
		resources.flatMap((resource) => verbs.flatMap((verb) => names.map((name): Atom => ({ verb, group, resource, name })))),
	);
	return [...ofResources, ...nonResourceURLs.flatMap((url) => verbs.map((verb): Atom => ({ verb, url })))];
}

function toRule(atom: Atom): PolicyRule {
	if (atom.url !== undefined) return { nonResourceURLs: [atom.url], verbs: [atom.verb] };
	const { verb, group, resource, name } = atom;
	return { apiGroups: [group], resources: [resource], verbs: [verb], ...(name === undefined ? {} : { resourceNames: [name] }) };
}

function covers(rule: PolicyRule, atom: Atom): boolean {
	const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
	if (!hasOrAll(verbs, atom.verb)) return false;
	if (atom.url !== undefined) return resourceNames.length === 0 && nonResourceURLs.some((url) => urlCovers(url, atom.url));
	const { group, resource, name } = atom;
	if (!hasOrAll(apiGroups, group) || !resourceCovers(resources, resource)) return false;
	return resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name));
}

function hasOrAll(values: readonly string[], wanted: string): boolean {
	return values.includes("*") || values.includes(wanted);
}

function resourceCovers(resources: readonly string[], wanted: string): boolean {
	if (hasOrAll(resources, wanted)) return true;
	const slash = wanted.indexOf("/");
	return slash !== -1 && resources.includes(`*${wanted.slice(slash)}`);
}

function urlCovers(url: string, wanted: string): boolean {
	return url === wanted || (url.endsWith("*") && wanted.startsWith(url.replace(/\*+$/, "")));
}

/** Joins the verbs of rules about the same resource that say nothing else, for people to read. */
export function compactRules(rules: readonly PolicyRule[]): readonly PolicyRule[] {
	const compacted: PolicyRule[] = [];
	const simple = new Map<string, PolicyRule>();
	for (const rule of rules) {
		const [group = "", resource = ""] = [...(rule.apiGroups ?? []), ...(rule.resources ?? [])];
		const isSimple =
			rule.resourceNames === undefined &&
			rule.nonResourceURLs === undefined &&
			rule.apiGroups?.length === 1 &&
			rule.resources?.length === 1;
		if (!isSimple) {
			compacted.push(rule);
			continue;
		}
		const key = `${group}/${resource}`;
		const known = simple.get(key);
		simple.set(key, known === undefined ? rule : { ...known, verbs: [...known.verbs, ...rule.verbs] });
	}
	return [...compacted, ...simple.values()];
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`. */
export function describeRule({ apiGroups = [], resources = [], nonResourceURLs = [], resourceNames = [], verbs }: PolicyRule): string {
	const parts: readonly (readonly [string, readonly string[]])[] = [
		["APIGroups", apiGroups],
		["Resources", resources],
		["NonResourceURLs", nonResourceURLs],
		["ResourceNames", resourceNames],
		["Verbs", verbs],
	];
	const texts = parts.filter(([, values]) => values.length > 0).map(([name, values]) => `${name}:${quoteAll(values)}`);
	return `{${texts.join(", ")}}`;
}

/** As Go's %q prints a slice: `["a" "b"]`. */
export function quoteAll(values: readonly string[]): string {
	return `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;
}
