/**
 * Who may do what: the question that every request puts, and what answers it.
 *
 *   request ─▶ AuthorizationAttributes ─▶ Authorizer ─▶ allow     the request goes on
 *                                                    ├▶ deny      403, whatever others would say
 *                                                    └▶ undecided the next authorizer is asked; 403 after the last
 *
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/ and k8s.io/apiserver/pkg/authorization/authorizer
 */
import { type FieldRequirement, FieldSelectorError, parseFieldSelector } from "../../apimachinery/field-selector.ts";
import type { LabelRequirement } from "../../apimachinery/selector.ts";
import type { UserInfo } from "../../apimachinery/user.ts";

/** A request for a resource. */
export interface ResourceAttributes {
	readonly user: UserInfo;
	/** A verb of the API, or one that only authorization knows: `bind`, `escalate`, `impersonate`, `approve`. */
	readonly verb: string;
	readonly group: string;
	/** "*" where the question is not about one version. Absent: "*". */
	readonly version?: string;
	readonly resource: string;
	/** "" for the object itself. */
	readonly subresource: string;
	/** "" for cluster-scoped resources and all namespaces; of a request for a namespace its own name. */
	readonly namespace: string;
	/** "" where the request names no object: lists, and every create. */
	readonly name: string;
	/** What narrows a list, watch or deletecollection: as text, or already read. */
	readonly fieldSelector?: string | readonly FieldRequirement[];
	readonly labelSelector?: string | readonly LabelRequirement[];
	readonly path?: undefined;
}

/** A request for a path that is no resource: /healthz, /metrics, /apis. */
export interface PathAttributes {
	readonly user: UserInfo;
	/** The HTTP method in lower case. */
	readonly verb: string;
	readonly path: string;
}

export type AuthorizationAttributes = ResourceAttributes | PathAttributes;

export interface Decision {
	readonly verdict: "allow" | "deny" | "undecided";
	/** Why, for reviews and for whoever is refused; "" if there is nothing to say. */
	readonly reason: string;
	/** What went wrong while deciding; a decision can be right all the same. */
	readonly error?: string;
}

/** Answers at once where it can: a promise costs every request. */
export interface Authorizer {
	authorize(attributes: AuthorizationAttributes): Decision | Promise<Decision>;
}

/** An authorizer that never has to wait. */
export interface ImmediateAuthorizer extends Authorizer {
	authorize(attributes: AuthorizationAttributes): Decision;
}

/** `SelfSubjectRulesReview`'s words for a rule about resources and one about paths. */
export interface ResourceRule {
	readonly verbs: readonly string[];
	readonly apiGroups?: readonly string[];
	readonly resources?: readonly string[];
	readonly resourceNames?: readonly string[];
}

export interface PathRule {
	readonly verbs: readonly string[];
	readonly nonResourceURLs?: readonly string[];
}

export interface RuleList {
	readonly resourceRules: readonly ResourceRule[];
	readonly nonResourceRules: readonly PathRule[];
	/** There may be more that could not be listed. */
	readonly incomplete: boolean;
	/** Why; "" if nothing went wrong. */
	readonly error: string;
}

/** Lists what somebody may do in a namespace. */
export interface RuleResolver {
	rulesFor(user: UserInfo, namespace: string): RuleList;
}

export const allowed: Decision = { verdict: "allow", reason: "" };
export const undecided: Decision = { verdict: "undecided", reason: "" };

/** No opinion, and why not. */
export function undecidedBecause(reason: string): Decision {
	return { verdict: "undecided", reason };
}

/** What a field selector asks for; one that cannot be read asks for nothing. */
export function fieldRequirements({ fieldSelector = "" }: ResourceAttributes): readonly FieldRequirement[] {
	if (typeof fieldSelector !== "string") return fieldSelector;
	try {
		return parseFieldSelector(fieldSelector).requirements;
	} catch (error) {
		if (error instanceof FieldSelectorError) return [];
		throw error;
	}
}

/** `User "jane" cannot list resource "pods" in API group "" in the namespace "default"`, and why if the authorizers said so. */
export function forbiddenText(attributes: AuthorizationAttributes, reason: string): string {
	const text = refusal(attributes);
	return reason === "" ? text : `${text}: ${reason}`;
}

function refusal(attributes: AuthorizationAttributes): string {
	const who = `User ${JSON.stringify(attributes.user.name)} cannot ${attributes.verb}`;
	if (attributes.path !== undefined) return `${who} path ${JSON.stringify(attributes.path)}`;
	const { group, resource, subresource, namespace } = attributes;
	const target = subresource === "" ? resource : `${resource}/${subresource}`;
	const scope = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
	return `${who} resource ${JSON.stringify(target)} in API group ${JSON.stringify(group)} ${scope}`;
}

/** As Go's aggregated errors read: one as it is, several in brackets. */
export function aggregate(errors: readonly string[]): string {
	return errors.length < 2 ? (errors[0] ?? "") : `[${errors.join(", ")}]`;
}
