/**
 * What an update may do to a Pod that gates hold: fewer gates, and stricter conditions on its node. Source:
 * validateOnlyDeletedSchedulingGates, validateNodeSelectorMutation, validateNodeAffinityMutation in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36; KEP-3838.
 */
import type { NodeAffinity, NodeSelectorTerm, PodSpec } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { internalForm, internalShapes } from "../validation/internal-form.ts";
import { type FieldErrors, NO_ERRORS } from "../validation/primitives.ts";
import { sameInMeaning } from "./pod-spec-equality.ts";

export function validateGatesUpdate(spec: PodSpec, old: PodSpec): FieldErrors {
	const known = new Set((old.schedulingGates ?? []).map(({ name = "" }) => name));
	return (spec.schedulingGates ?? []).flatMap(({ name = "" }, index) =>
		known.has(name)
			? []
			: [fieldForbidden(`spec.schedulingGates[${index}].name`, `only deletion is allowed, but found new scheduling gate '${name}'`)],
	);
}

export function validateNodeSelectorUpdate(next: PodSpec["nodeSelector"], old: PodSpec["nodeSelector"]): FieldErrors {
	if (Object.entries(old ?? {}).every(([key, value]) => next?.[key] === value)) return NO_ERRORS;
	const shown = next === undefined ? null : Object.fromEntries(Object.entries(next).sort(([a], [b]) => (a < b ? -1 : 1)));
	return [fieldInvalid("spec.nodeSelector", shown, "only additions to spec.nodeSelector are allowed (no mutations or deletions)")];
}

/** Required terms keep what they demand and may demand more; where there were none, any may come. */
export function validateNodeAffinityUpdate(next: NodeAffinity | undefined, old: NodeAffinity | undefined): FieldErrors {
	const path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
	const termsOf = (affinity: NodeAffinity | undefined) => affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
	const oldTerms = termsOf(old) ?? [];
	const terms = termsOf(next);
	if (oldTerms.length === 0) return NO_ERRORS;
	if (oldTerms.length !== (terms ?? []).length) {
		const shown = internalForm(terms, internalShapes.nodeSelectorTerm);
		return [fieldInvalid(path, shown, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")];
	}
	return oldTerms.flatMap((oldTerm, index) => {
		const term = terms?.[index] ?? {};
		if (hasOnlyAdditions(term, oldTerm)) return NO_ERRORS;
		const shown = internalForm(term, internalShapes.nodeSelectorTerm);
		return [fieldInvalid(`${path}[${index}]`, shown, "only additions are allowed (no mutations or deletions)")];
	});
}

/** An empty term matches no node: anything more would let it match some. */
function hasOnlyAdditions(term: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
	const count = ({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm) => matchExpressions.length + matchFields.length;
	if (count(old) === 0) return count(term) === 0;
	return (["matchExpressions", "matchFields"] as const).every((field) => {
		const before = old[field] ?? [];
		return sameInMeaning((term[field] ?? []).slice(0, before.length), before);
	});
}
