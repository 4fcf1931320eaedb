/**
 * Node selectors made into predicates: spec.nodeSelector and node affinity.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/
 */
import type {
	Node,
	NodeSelector,
	NodeSelectorRequirement,
	NodeSelectorTerm,
	Pod,
	PreferredSchedulingTerm,
} from "./schema/generated/types.ts";

type Labels = Readonly<Record<string, string>>;

/** A node, as far as selectors look at it. */
export interface SelectableNode {
	readonly name: string;
	readonly labels: Labels;
}

export type NodePredicate = (node: SelectableNode) => boolean;

export function selectableNode(node: Node): SelectableNode {
	return { name: node.metadata?.name ?? "", labels: node.metadata?.labels ?? {} };
}

/** What a pod requires of its node: nodeSelector and required node affinity; undefined if nothing. */
export function requiredNodePredicate({ spec }: Pod): NodePredicate | undefined {
	const selector = Object.entries(spec?.nodeSelector ?? {});
	const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
	if (selector.length === 0 && terms === undefined) return undefined;
	const anyTerm = terms?.map(termPredicate);
	return (node) =>
		selector.every(([key, value]) => node.labels[key] === value) && (anyTerm === undefined || anyTerm.some((matches) => matches(node)));
}

/** Any of the terms must match. */
export function nodeSelectorPredicate({ nodeSelectorTerms }: NodeSelector): NodePredicate {
	const terms = nodeSelectorTerms.map(termPredicate);
	return (node) => terms.some((matches) => matches(node));
}

/** The sum of the weights of the preferred terms that a node matches; undefined if the pod prefers nothing. */
export function preferenceOf(terms: readonly PreferredSchedulingTerm[] | undefined): ((node: SelectableNode) => number) | undefined {
	const preferences = (terms ?? [])
		.filter(({ weight, preference }) => weight !== 0 && !isEmpty(preference))
		.map(({ weight, preference }) => ({ weight, matches: termPredicate(preference) }));
	if (preferences.length === 0) return undefined;
	return (node) => preferences.reduce((sum, { weight, matches }) => (matches(node) ? sum + weight : sum), 0);
}

function isEmpty({ matchExpressions, matchFields }: NodeSelectorTerm): boolean {
	return (matchExpressions?.length ?? 0) === 0 && (matchFields?.length ?? 0) === 0;
}

/** All requirements of a term must hold; an empty term matches nothing. */
function termPredicate(term: NodeSelectorTerm): NodePredicate {
	if (isEmpty(term)) return () => false;
	const expressions = (term.matchExpressions ?? []).map(requirementPredicate);
	const fields = (term.matchFields ?? []).map(({ key, ...requirement }) => ({ key, holds: requirementPredicate({ key, ...requirement }) }));
	return ({ name, labels }) =>
		expressions.every((holds) => holds(labels)) &&
		fields.every(({ key, holds }) => key === "metadata.name" && holds({ "metadata.name": name }));
}

function requirementPredicate({ key, operator, values = [] }: NodeSelectorRequirement): (labels: Labels) => boolean {
	const wanted = new Set(values);
	switch (operator) {
		case "In":
			return (labels) => labels[key] !== undefined && wanted.has(labels[key]);
		case "NotIn":
			return (labels) => labels[key] === undefined || !wanted.has(labels[key]);
		case "Exists":
			return (labels) => labels[key] !== undefined;
		case "DoesNotExist":
			return (labels) => labels[key] === undefined;
		case "Gt":
			return (labels) => compareAsIntegers(labels[key], values, (actual, limit) => actual > limit);
		case "Lt":
			return (labels) => compareAsIntegers(labels[key], values, (actual, limit) => actual < limit);
		default:
			return () => false;
	}
}

const integer = /^[-+]?[0-9]+$/;

function compareAsIntegers(
	label: string | undefined,
	[limit]: readonly string[],
	compare: (actual: number, limit: number) => boolean,
): boolean {
	if (label === undefined || limit === undefined || !integer.test(label) || !integer.test(limit)) return false;
	return compare(Number(label), Number(limit));
}
