/**
 * What a pod requests and what it is limited to, over all its containers: the sum of those that run together, or what the init
 * containers need at their worst moment, whichever is more.
 * Source: k8s.io/component-helpers/resource/helpers.go (PodRequests, PodLimits);
 * https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
 */
import type { Container, ContainerStatus, Pod, ResourceRequirements } from "../schema/generated/types.ts";
import { type Amounts, addAmounts, greaterAmounts, noAmounts, parseAmounts } from "./amounts.ts";

export interface PodAmountOptions {
	/** During an in-place resize a container counts with the most of what is wanted, granted and in effect. */
	readonly withStatus: boolean;
	/** That of the pod's runtime class. Limits have it only where there is a limit. */
	readonly withOverhead: boolean;
}

type Part = "requests" | "limits";

export function podAmounts(pod: Pod, part: Part, options: PodAmountOptions): Amounts {
	const { spec, status } = pod;
	if (spec === undefined) return noAmounts;
	const isInfeasible = status?.conditions?.some(({ type, reason }) => type === "PodResizePending" && reason === "Infeasible") === true;
	const of = (container: Container, statuses: readonly ContainerStatus[] | undefined): Amounts => {
		const wanted = parseAmounts(container.resources?.[part]);
		const known = options.withStatus ? statuses?.find(({ name }) => name === container.name) : undefined;
		if (known?.resources === undefined) return wanted;
		const inEffect = parseAmounts(known.resources[part]);
		const granted = part === "requests" ? greaterAmounts(inEffect, parseAmounts(known.allocatedResources)) : inEffect;
		return isInfeasible ? granted : greaterAmounts(wanted, granted);
	};
	let total = noAmounts;
	for (const container of spec.containers) total = addAmounts(total, of(container, status?.containerStatuses));
	let sidecars = noAmounts;
	let peak = noAmounts;
	for (const container of spec.initContainers ?? []) {
		const own = of(container, status?.initContainerStatuses);
		if (container.restartPolicy === "Always") {
			total = addAmounts(total, own);
			sidecars = addAmounts(sidecars, own);
			peak = greaterAmounts(peak, sidecars);
		} else peak = greaterAmounts(peak, addAmounts(own, sidecars));
	}
	const ofContainers = withPodLevel(greaterAmounts(total, peak), spec.resources, part);
	return options.withOverhead ? withOverhead(ofContainers, parseAmounts(spec.overhead), part) : ofContainers;
}

/** What the pod says as a whole replaces the sum, for the resources that it may say something about. */
function withPodLevel(amounts: Amounts, resources: ResourceRequirements | undefined, part: Part): Amounts {
	const podLevel = resources?.[part];
	if (podLevel === undefined) return amounts;
	const named = [...parseAmounts(podLevel)].filter(([name]) => name === "cpu" || name === "memory" || name.startsWith("hugepages-"));
	return new Map([...amounts, ...named]);
}

function withOverhead(amounts: Amounts, overhead: Amounts, part: Part): Amounts {
	if (part === "requests") return addAmounts(amounts, overhead);
	const limited = [...overhead].filter(([name]) => (amounts.get(name)?.nanos ?? 0n) !== 0n);
	return addAmounts(amounts, new Map(limited));
}
