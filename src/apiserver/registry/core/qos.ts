/**
 * The quality of service class of a Pod. Source: pkg/apis/core/helper/qos; it counts cpu and memory only.
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
 */
import { compareQuantities } from "../../../apimachinery/quantity.ts";
import type { PodSpec, ResourceRequirements } from "../../../apimachinery/schema/generated/types.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const counted = ["cpu", "memory"] as const;

/** Guaranteed: every container limits cpu and memory and requests just that. BestEffort: none asks for anything. */
export function qosClass(spec: PodSpec): QosClass {
	const all = spec.resources === undefined ? containerResources(spec) : [spec.resources];
	if (!all.some(asksForAnything)) return "BestEffort";
	return all.every(isGuaranteed) ? "Guaranteed" : "Burstable";
}

function containerResources(spec: PodSpec): readonly ResourceRequirements[] {
	return [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((container) => container.resources ?? {});
}

/** A quantity that is there and not zero. */
const isPositive = (quantity: string | undefined): quantity is string => quantity !== undefined && compareQuantities(quantity, "0") > 0;

const asksForAnything = ({ requests, limits }: ResourceRequirements): boolean =>
	counted.some((resource) => isPositive(requests?.[resource]) || isPositive(limits?.[resource]));

const isGuaranteed = ({ requests, limits }: ResourceRequirements): boolean =>
	counted.every((resource) => {
		const limit = limits?.[resource];
		const request = requests?.[resource];
		return isPositive(limit) && (request === undefined || compareQuantities(request, limit) === 0);
	});
