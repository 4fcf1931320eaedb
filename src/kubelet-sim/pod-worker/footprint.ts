/**
 * What a pod takes of its node: the cpu and memory that its containers have been promised. Pure.
 * Source: PodRequests of k8s.io/component-helpers/resource; https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
 */
import { quantityToInteger, quantityToMilli } from "../../apimachinery/quantity.ts";
import type { Pod, ResourceRequirements } from "../../apimachinery/schema/generated/types.ts";
import { containersOf } from "./pod-record.ts";

export interface Footprint {
	readonly milliCpu: number;
	readonly memoryBytes: number;
}

export const noFootprint: Footprint = { milliCpu: 0, memoryBytes: 0 };

export function addFootprints(a: Footprint, b: Footprint): Footprint {
	return { milliCpu: a.milliCpu + b.milliCpu, memoryBytes: a.memoryBytes + b.memoryBytes };
}

/**
 * All containers together, or the one init container that needs more while it runs beside the sidecars before it.
 * @param resourcesOf what counts for a container: what it was promised, or what its spec wants
 */
export function podFootprint(pod: Pod, resourcesOf: (container: string) => ResourceRequirements | undefined): Footprint {
	let sum = noFootprint;
	let sidecars = noFootprint;
	let highest = noFootprint;
	for (const [{ name }, kind] of containersOf(pod)) {
		const own = footprintOf(resourcesOf(name)?.requests);
		if (kind === "main") sum = addFootprints(sum, own);
		else if (kind === "sidecar") sidecars = addFootprints(sidecars, own);
		else if (kind === "init") highest = higher(highest, addFootprints(sidecars, own));
	}
	const containers = higher(addFootprints(sum, sidecars), highest);
	const { requests = {} } = pod.spec?.resources ?? {};
	const asked: Footprint = {
		milliCpu: requests.cpu === undefined ? containers.milliCpu : quantityToMilli(requests.cpu),
		memoryBytes: requests.memory === undefined ? containers.memoryBytes : quantityToInteger(requests.memory),
	};
	return addFootprints(asked, footprintOf(pod.spec?.overhead));
}

export function footprintOf(list: Readonly<Record<string, string>> | undefined): Footprint {
	return { milliCpu: quantityToMilli(list?.cpu ?? "0"), memoryBytes: quantityToInteger(list?.memory ?? "0") };
}

function higher(a: Footprint, b: Footprint): Footprint {
	return { milliCpu: Math.max(a.milliCpu, b.milliCpu), memoryBytes: Math.max(a.memoryBytes, b.memoryBytes) };
}
