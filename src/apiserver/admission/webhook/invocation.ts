/**
 * Whether a webhook is to be called for a request, and with which version of its object. Pure.
 * Source: k8s.io/apiserver/pkg/admission/plugin/webhook/generic/webhook.go and predicates/{rules,namespace,object};
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules
 */
import type { GroupVersionKind, GroupVersionResource, KubeObject } from "../../../apimachinery/meta.ts";
import type { LabelSelector, RuleWithOperations } from "../../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../../apimachinery/selector.ts";
import { newNotFound, type StatusError } from "../../../apimachinery/status-error.ts";

export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

/** A resource and the kind of its objects, in one version. */
export interface Endpoint {
	readonly resource: GroupVersionResource;
	readonly kind: GroupVersionKind;
}

/** What matching looks at. */
export interface MatchedRequest {
	readonly operation: Operation;
	/** As it was asked for. */
	readonly endpoint: Endpoint;
	/** The same objects under other groups and versions, in order of preference. */
	readonly equivalents: readonly Endpoint[];
	/** "" for the object itself. */
	readonly subresource: string;
	/** "" for cluster-scoped objects; a Namespace is in itself. */
	readonly namespace: string;
	readonly object: KubeObject | undefined;
	readonly oldObject: KubeObject | undefined;
	/** The labels of a namespace; undefined if it is not there. */
	namespaceLabels(name: string): Readonly<Record<string, string>> | undefined;
}

export interface MatchRules {
	readonly rules?: readonly RuleWithOperations[];
	readonly matchPolicy?: string;
	readonly namespaceSelector?: LabelSelector;
	readonly objectSelector?: LabelSelector;
}

/** Kinds that no webhook is asked about: a broken one could not be mended otherwise. */
const exemptKinds: ReadonlySet<string> = new Set([
	"ValidatingWebhookConfiguration",
	"MutatingWebhookConfiguration",
	"ValidatingAdmissionPolicy",
	"ValidatingAdmissionPolicyBinding",
	"MutatingAdmissionPolicy",
	"MutatingAdmissionPolicyBinding",
]);

export function isExempt({ kind: { group, kind } }: Endpoint): boolean {
	return group === "admissionregistration.k8s.io" && exemptKinds.has(kind);
}

/** The endpoint that the webhook is asked about; undefined: it is not asked. @throws StatusError */
export function endpointFor(webhook: MatchRules, request: MatchedRequest): Endpoint | undefined {
	const namespaceMatch = matchNamespace(webhook.namespaceSelector, request);
	if (namespaceMatch === false || !matchesObject(webhook.objectSelector, request)) return undefined;
	const endpoint = ruledEndpoint(webhook, request);
	if (endpoint !== undefined && namespaceMatch !== true) throw namespaceMatch;
	return endpoint;
}

function ruledEndpoint({ rules = [], matchPolicy }: MatchRules, request: MatchedRequest): Endpoint | undefined {
	if (rules.some((rule) => matchesRule(rule, request, request.endpoint))) return request.endpoint;
	if (matchPolicy !== "Equivalent") return undefined;
	for (const rule of rules) {
		const equivalent = request.equivalents.find((each) => matchesRule(rule, request, each));
		if (equivalent !== undefined) return equivalent;
	}
	return undefined;
}

function matchesRule(rule: RuleWithOperations, request: MatchedRequest, { resource }: Endpoint): boolean {
	const includes = (list: readonly string[] | undefined, value: string) => list?.some((each) => each === "*" || each === value) === true;
	return (
		matchesScope(rule.scope, request, resource) &&
		includes(rule.operations, request.operation) &&
		includes(rule.apiGroups, resource.group) &&
		includes(rule.apiVersions, resource.version) &&
		(rule.resources ?? []).some((pattern) => matchesResource(pattern, resource.resource, request.subresource))
	);
}

/** `pods`, `pods/status`, `*`, `pods/*`, `*​/scale`: without a slash, only the objects themselves. */
function matchesResource(pattern: string, resource: string, subresource: string): boolean {
	const slash = pattern.indexOf("/");
	const [main, sub] = slash === -1 ? [pattern, ""] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
	return (main === "*" || main === resource) && (sub === "*" || sub === subresource);
}

function matchesScope(scope: string | undefined, { namespace }: MatchedRequest, { group, resource }: GroupVersionResource): boolean {
	if (scope === undefined || scope === "*") return true;
	// A Namespace is a cluster-scoped object.
	const isNamespaced = namespace !== "" && !(group === "" && resource === "namespaces");
	return isNamespaced === (scope === "Namespaced");
}

/** A StatusError: the namespace is not there, which matters only for webhooks whose rules match. */
function matchNamespace(selector: LabelSelector | undefined, request: MatchedRequest): boolean | StatusError {
	const { namespace, subresource, operation, object, endpoint } = request;
	const isNamespace = endpoint.resource.group === "" && endpoint.resource.resource === "namespaces";
	if (namespace === "" && !isNamespace) return true;
	if (isEmpty(selector)) return true;
	const isWritten = isNamespace && subresource === "" && (operation === "CREATE" || operation === "UPDATE");
	const labels = isWritten ? (object?.metadata?.labels ?? {}) : request.namespaceLabels(namespace);
	if (labels === undefined) return newNotFound({ group: "", resource: "namespaces" }, namespace);
	return labelSelectorFromObject(selector).matches(labels);
}

function matchesObject(selector: LabelSelector | undefined, { object, oldObject }: MatchedRequest): boolean {
	if (isEmpty(selector)) return true;
	const matcher = labelSelectorFromObject(selector);
	return [object, oldObject].some((each) => each?.metadata !== undefined && matcher.matches(each.metadata.labels ?? {}));
}

function isEmpty(selector: LabelSelector | undefined): boolean {
	return (selector?.matchExpressions ?? []).length === 0 && Object.keys(selector?.matchLabels ?? {}).length === 0;
}
