/**
 * What a write would use of its namespace's quotas, and whether they have room for it. Pure.
 * Source: k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go (CheckRequest).
 */
import type { KubeObject } from "../../../apimachinery/meta.ts";
import {
	type Amounts,
	addToList,
	amountsOf,
	describeAmounts,
	exceeding,
	maskAmounts,
	type ResourceList,
	subtractAmounts,
	withoutZeros,
} from "../../../apimachinery/quota/amounts.ts";
import type { QuotaEvaluator } from "../../../apimachinery/quota/evaluators.ts";
import { isInScope } from "../../../apimachinery/quota/quota.ts";
import type { ResourceQuota } from "../../../apimachinery/schema/generated/types.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { forbidden } from "../forbidden.ts";

/** A quota, and what is used of it once the write is stored. */
export interface Charge {
	readonly quota: ResourceQuota;
	/**
	 * Undefined: nobody has counted yet what is used of it. It is written as it is, so that whoever is counting just now begins anew
	 * and finds this object, too.
	 */
	readonly used: ResourceList | undefined;
}

const noNames: readonly string[] = [];

/** The charges of a write; empty if it uses no more than before. Throws Forbidden where a quota has no room, or cannot tell. */
export function chargesOf(
	quotas: readonly ResourceQuota[],
	evaluator: QuotaEvaluator,
	object: KubeObject,
	attributes: AdmissionAttributes,
): readonly Charge[] {
	const concerned = quotas.filter((quota) => concerns(quota, evaluator, object));
	const uncounted = quotas.filter((quota) => isUncounted(quota, evaluator) && isInScope(quota, evaluator, object));
	if (concerned.length === 0) return uncounted.map((quota) => ({ quota, used: undefined }));
	for (const quota of concerned) checkAnswerable(quota, evaluator, object, attributes);
	const { nowMs, oldObject, operation } = attributes;
	const usage = evaluator.usage(object, nowMs);
	const negative: string[] = [];
	for (const [name, { nanos }] of usage) if (nanos < 0n) negative.push(name);
	if (negative.length > 0) {
		throw forbidden(attributes, `quota usage is negative for resource(s): ${negative.sort().join(",")}`, object);
	}
	const growth = operation === "UPDATE" && oldObject !== undefined ? subtractAmounts(usage, evaluator.usage(oldObject, nowMs)) : usage;
	const charges = concerned.flatMap((quota) => {
		// An object that comes into a quota's scope by an update counts as a whole.
		const isNew = oldObject === undefined || !concerns(quota, evaluator, oldObject);
		const charge = withoutZeros(isNew ? usage : growth);
		return charge.size === 0 ? [] : chargeOf(quota, charge, attributes, object);
	});
	const written = new Set(charges.map(({ quota }) => quota));
	return [...charges, ...uncounted.filter((quota) => !written.has(quota)).map((quota) => ({ quota, used: undefined }))];
}

/** Whether something that the quota is to limit is not limited yet. */
export function isUncounted({ spec, status }: ResourceQuota, evaluator: QuotaEvaluator): boolean {
	return countedIn(spec?.hard, evaluator).some((name) => status?.hard?.[name] === undefined);
}

function concerns(quota: ResourceQuota, evaluator: QuotaEvaluator, object: KubeObject): boolean {
	return countedIn(quota.status?.hard, evaluator).length > 0 && isInScope(quota, evaluator, object);
}

/** By what a quota limits: the names of it that each evaluator counts. A quota keeps its list while its use changes. */
const counted = new WeakMap<ResourceList, Map<QuotaEvaluator, readonly string[]>>();

/** The names in the list that the evaluator counts, in order. */
export function countedIn(list: ResourceList | undefined, evaluator: QuotaEvaluator): readonly string[] {
	if (list === undefined) return noNames;
	const byEvaluator = counted.get(list) ?? new Map<QuotaEvaluator, readonly string[]>();
	const known = byEvaluator.get(evaluator);
	if (known !== undefined) return known;
	const names = Object.keys(list)
		.filter((name) => evaluator.isCounted(name))
		.sort();
	counted.set(list, byEvaluator.set(evaluator, names));
	return names;
}

function checkAnswerable(quota: ResourceQuota, evaluator: QuotaEvaluator, object: KubeObject, attributes: AdmissionAttributes): void {
	const name = quota.metadata?.name ?? "";
	const { hard, used = {} } = quota.status ?? {};
	const names = countedIn(hard, evaluator);
	const missing = evaluator.missing?.(names, object);
	if (missing !== undefined) throw forbidden(attributes, `failed quota: ${name}: ${missing}`, object);
	if (names.some((resource) => used[resource] === undefined)) {
		throw forbidden(attributes, `status unknown for quota: ${name}, resources: ${names.join(",")}`, object);
	}
}

function chargeOf(quota: ResourceQuota, charge: Amounts, attributes: AdmissionAttributes, object: KubeObject): readonly Charge[] {
	const hard = amountsOf(quota.status?.hard);
	const used = amountsOf(quota.status?.used);
	const requested = maskAmounts(charge, hard);
	if (requested.size === 0) return [];
	const next = addToList(quota.status?.used, requested);
	const over = exceeding(maskAmounts(amountsOf(next), requested), hard);
	// What the system itself reports is taken as it is.
	if (over.size > 0 && attributes.subresource !== "status") {
		const parts = [
			`exceeded quota: ${quota.metadata?.name}`,
			`requested: ${describeAmounts(maskAmounts(requested, over))}`,
			`used: ${describeAmounts(maskAmounts(used, over))}`,
			`limited: ${describeAmounts(maskAmounts(hard, over))}`,
		];
		throw forbidden(attributes, parts.join(", "), object);
	}
	return [{ quota, used: next }];
}
