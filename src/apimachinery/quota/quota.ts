/**
 * Which objects a ResourceQuota counts, and what they use of it.
 * Source: k8s.io/apiserver/pkg/quota/v1/generic/evaluator.go (Matches, CalculateUsageStats).
 */
import type { KubeObject } from "../meta.ts";
import type { ResourceQuota, ScopedResourceSelectorRequirement } from "../schema/generated/types.ts";
import { type Amounts, addAmounts, countOf, maskAmounts } from "./amounts.ts";
import type { QuotaEvaluator } from "./evaluators.ts";

/** All its scopes, those of `spec.scopes` as what they stand for. */
export function scopesOf({ spec }: ResourceQuota): readonly ScopedResourceSelectorRequirement[] {
	const plain = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" }));
	return [...plain, ...(spec?.scopeSelector?.matchExpressions ?? [])];
}

/** Whether the object is in every scope of the quota. */
export function isInScope(quota: ResourceQuota, evaluator: QuotaEvaluator, object: KubeObject): boolean {
	return scopesOf(quota).every((scope) => evaluator.matchesScope(scope, object));
}

/** What objects of one resource use of the quota, by its names for what they count for; each name is there, if with zero. */
export function usageOf(quota: ResourceQuota, evaluator: QuotaEvaluator, objects: readonly KubeObject[], nowMs: number): Amounts {
	const names = new Set(Object.keys(quota.spec?.hard ?? {}).filter((name) => evaluator.isCounted(name)));
	const none: Amounts = new Map([...names].map((name) => [name, countOf(0)]));
	return objects
		.filter((object) => isInScope(quota, evaluator, object))
		.reduce((sum, object) => addAmounts(sum, maskAmounts(evaluator.usage(object, nowMs), names)), none);
}
