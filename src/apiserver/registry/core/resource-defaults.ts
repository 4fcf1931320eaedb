/**
 * Lists of resources as Kubernetes keeps them, and what a Pod asks for where it does not say. Source:
 * SetDefaults_ResourceList, SetDefaults_Pod, defaultHugePagePodLimits, defaultPodRequests, defaultPodLimits in
 * pkg/apis/core/v1/defaults.go of Kubernetes 1.36.
 */
import { formatQuantity, parseQuantity, QuantityError, quantityToMilli } from "../../../apimachinery/quantity.ts";
import type { Container, PodSpec, ResourceRequirements } from "../../../apimachinery/schema/generated/types.ts";
import { aggregateContainers } from "../validation/pod-resources.ts";
import { allowsOvercommit, isHugePages, isPodLevelResource } from "../validation/resource-names.ts";
import type { ResourceList } from "../validation/resources.ts";
import { mapField, withDefaults, withField } from "./defaulting.ts";

/** What is finer than a thousandth is rounded up to one. */
export function defaultResourceList(list: ResourceList): ResourceList {
	let rounded: Record<string, string> | undefined;
	for (const [resource, quantity] of Object.entries(list)) {
		// Only these suffixes are finer than a thousandth in the canonical form, in which objects are decoded.
		if (!/[nu]$|e-/.test(quantity)) continue;
		rounded ??= { ...list };
		rounded[resource] = roundedUp(quantity);
	}
	return rounded ?? list;
}

function roundedUp(text: string): string {
	try {
		const quantity = parseQuantity(text);
		return formatQuantity({ ...quantity, nanos: BigInt(quantityToMilli(quantity)) * 1_000_000n });
	} catch (error) {
		// Validation says so.
		if (error instanceof QuantityError) return text;
		throw error;
	}
}

export function defaultRequirements(resources: ResourceRequirements): ResourceRequirements {
	return mapField(mapField(resources, "limits", defaultResourceList), "requests", defaultResourceList);
}

/** A resource with a limit and no request requests its limit. */
export const requestsFromLimits = (container: Container): Container =>
	mapField(container, "resources", (resources) =>
		resources.limits === undefined ? resources : withField(resources, "requests", withDefaults(resources.requests ?? {}, resources.limits)),
	);

/** What the Pod as a whole asks for, after its containers' requests (KEP-2837). */
export const defaultPodResources = (spec: PodSpec): PodSpec => defaultPodLimits(defaultPodRequests(defaultHugePageLimits(spec)));

/** Huge pages that the containers may use, where the Pod says nothing of these pages. */
function defaultHugePageLimits(spec: PodSpec): PodSpec {
	const { limits = {}, requests = {} } = spec.resources ?? {};
	if (Object.keys(limits).length + Object.keys(requests).length === 0) return spec;
	return withPodResources(
		spec,
		"limits",
		pick(aggregateContainers(spec, "limits"), (name) => isHugePages(name) && requests[name] === undefined),
	);
}

/** What the containers request together, else the Pod's limit. */
function defaultPodRequests(spec: PodSpec): PodSpec {
	const limits = spec.resources?.limits ?? {};
	if (Object.keys(limits).length === 0) return spec;
	const together = pick(aggregateContainers(spec, "requests"), (name) => isPodLevelResource(name) && allowsOvercommit(name));
	return withPodResources(spec, "requests", { ...pick(limits, isPodLevelResource), ...together });
}

/** What the containers may use together, where each has a limit and the Pod only requests. */
function defaultPodLimits(spec: PodSpec): PodSpec {
	const { limits = {}, requests = {} } = spec.resources ?? {};
	if (Object.keys(limits).some(isPodLevelResource) || !Object.keys(requests).some(isPodLevelResource)) return spec;
	const all = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
	const isLimited = (name: string) => all.every((container) => container.resources?.limits?.[name] !== undefined);
	const isDefaulted = (name: string) => isPodLevelResource(name) && allowsOvercommit(name) && isLimited(name);
	return withPodResources(spec, "limits", pick(aggregateContainers(spec, "limits"), isDefaulted));
}

function withPodResources(spec: PodSpec, side: "limits" | "requests", defaults: ResourceList): PodSpec {
	const own = spec.resources?.[side];
	if (Object.keys(defaults).length === 0) return spec;
	return withField(spec, "resources", withField(spec.resources ?? {}, side, withDefaults(own ?? {}, defaults)));
}

const pick = (list: ResourceList, isWanted: (name: string) => boolean): ResourceList =>
	Object.fromEntries(Object.entries(list).filter(([name]) => isWanted(name)));
