/**
 * What a pod takes of its node: what its containers have been promised. Pure.
 * Source: PodRequests of k8s.io/component-helpers/resource; https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
 */
import { quantityToInteger, quantityToMilli } from "../../apimachinery/quantity.ts";
import type { Pod, ResourceRequirements } from "../../apimachinery/schema/generated/types.ts";
import { containersOf } from "./pod-record.ts";

export interface Footprint {
	readonly milliCpu: number;
	readonly memoryBytes: number;
}

/** Amounts by resource, of cpu in thousandths of a core. What is absent is 0. */
export type ResourceAmounts = ReadonlyMap<string, number>;

export const noFootprint: Footprint = { milliCpu: 0, memoryBytes: 0 };

const nothing: ResourceAmounts = new Map();

export function addFootprints(a: Footprint, b: Footprint): Footprint {
	return { milliCpu: a.milliCpu + b.milliCpu, memoryBytes: a.memoryBytes + b.memoryBytes };
}

/**
 * All containers together, or the one init container that needs more while it runs beside the sidecars before it.
 * @param resourcesOf what counts for a container: what it was promised, or what its spec wants
 */
export function podRequests(pod: Pod, resourcesOf: (container: string) => ResourceRequirements | undefined): ResourceAmounts {
	let sum = nothing;
	let sidecars = nothing;
	let highest = nothing;
	for (const [{ name }, kind] of containersOf(pod)) {
		const own = resourceAmounts(resourcesOf(name)?.requests);
		if (kind === "main") sum = added(sum, own);
		else if (kind === "sidecar") sidecars = added(sidecars, own);
		else if (kind === "init") highest = higher(highest, added(sidecars, own));
	}
	const containers = higher(added(sum, sidecars), highest);
	const ofPod = resourceAmounts(pod.spec?.resources?.requests);
	const asked = ofPod.size === 0 ? containers : new Map([...containers, ...ofPod]);
	return added(asked, resourceAmounts(pod.spec?.overhead));
}

/** The cpu and memory of that. */
export function podFootprint(pod: Pod, resourcesOf: (container: string) => ResourceRequirements | undefined): Footprint {
	const requests = podRequests(pod, resourcesOf);
	return { milliCpu: requests.get("cpu") ?? 0, memoryBytes: requests.get("memory") ?? 0 };
}

export function footprintOf(list: Readonly<Record<string, string>> | undefined): Footprint {
	return { milliCpu: quantityToMilli(list?.cpu ?? "0"), memoryBytes: quantityToInteger(list?.memory ?? "0") };
}

/** @param list quantities by resource */
export function resourceAmounts(list: Readonly<Record<string, string>> | undefined): ResourceAmounts {
	if (list === undefined) return nothing;
	return new Map(
		Object.entries(list).map(([name, quantity]) => [name, name === "cpu" ? quantityToMilli(quantity) : quantityToInteger(quantity)]),
	);
}

function added(a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts {
	return combined(a, b, (x, y) => x + y);
}

function higher(a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts {
	return combined(a, b, Math.max);
}

function combined(a: ResourceAmounts, b: ResourceAmounts, combine: (x: number, y: number) => number): ResourceAmounts {
	if (a.size === 0) return b;
	if (b.size === 0) return a;
	const result = new Map(a);
	for (const [name, amount] of b) result.set(name, combine(result.get(name) ?? 0, amount));
	return result;
}
