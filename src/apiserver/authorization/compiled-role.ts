/**
 * The rules of one role in a form that answers a question in a few look-ups, made when somebody first asks.
 * Source of what matches what: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources and
 * pkg/apis/rbac/v1/evaluation_helpers.go
 */
import type { PolicyRule } from "../../apimachinery/schema/generated/types.ts";
import type { AuthorizationAttributes } from "./authorizer.ts";

interface Matcher {
	/** Undefined: any. */
	readonly verbs: ReadonlySet<string> | undefined;
	readonly groups: ReadonlySet<string> | undefined;
	/** Undefined: any, and requests that name none. */
	readonly names: ReadonlySet<string> | undefined;
}

interface UrlMatcher {
	readonly verbs: ReadonlySet<string> | undefined;
	readonly urls: readonly string[];
}

export class CompiledRole {
	readonly rules: readonly PolicyRule[];
	/** By what a rule calls a resource: `pods`, `pods/log`, `*\/scale`, `*`. Undefined until somebody asks. */
	#byResource: Map<string, Matcher[]> | undefined;
	/** Those about `*`, which every question looks at. */
	#all: readonly Matcher[] | undefined;
	#urls: readonly UrlMatcher[] = [];

	constructor(rules: readonly PolicyRule[]) {
		this.rules = rules;
	}

	/** Whether one of the rules allows it. */
	allows(attributes: AuthorizationAttributes): boolean {
		this.#byResource ??= this.#compile();
		const { verb } = attributes;
		if (attributes.path !== undefined) {
			const { path } = attributes;
			return this.#urls.some(({ verbs, urls }) => (verbs?.has(verb) ?? true) && urls.some((url) => urlMatches(url, path)));
		}
		const { group, resource, subresource, name } = attributes;
		const target = subresource === "" ? resource : `${resource}/${subresource}`;
		if (anyMatches(this.#byResource.get(target), verb, group, name)) return true;
		if (anyMatches(this.#all, verb, group, name)) return true;
		return subresource !== "" && anyMatches(this.#byResource.get(`*/${subresource}`), verb, group, name);
	}

	#compile(): Map<string, Matcher[]> {
		const byResource = new Map<string, Matcher[]>();
		for (const { verbs = [], apiGroups = [], resources = [], resourceNames = [] } of this.rules) {
			const names = resourceNames.length === 0 ? undefined : new Set(resourceNames);
			const matcher: Matcher = { verbs: unlessAll(verbs), groups: unlessAll(apiGroups), names };
			for (const resource of resources) {
				const known = byResource.get(resource);
				if (known === undefined) byResource.set(resource, [matcher]);
				else known.push(matcher);
			}
		}
		this.#all = byResource.get("*");
		this.#urls = this.rules.flatMap(({ verbs = [], nonResourceURLs = [] }) =>
			nonResourceURLs.length === 0 ? [] : [{ verbs: unlessAll(verbs), urls: nonResourceURLs }],
		);
		return byResource;
	}
}

function unlessAll(values: readonly string[]): ReadonlySet<string> | undefined {
	return values.includes("*") ? undefined : new Set(values);
}

function anyMatches(matchers: readonly Matcher[] | undefined, verb: string, group: string, name: string): boolean {
	if (matchers === undefined) return false;
	for (const { verbs, groups, names } of matchers) {
		if (verbs !== undefined && !verbs.has(verb)) continue;
		if (groups !== undefined && !groups.has(group)) continue;
		if (names === undefined || names.has(name)) return true;
	}
	return false;
}

/** `*` is everything, `/healthz/*` what begins with `/healthz/`, anything else itself. */
function urlMatches(url: string, path: string): boolean {
	return url === path || url === "*" || (url.endsWith("*") && path.startsWith(url.replace(/\*+$/, "")));
}
