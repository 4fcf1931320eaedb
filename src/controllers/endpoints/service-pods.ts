/**
 * Services and their pods, as both the Endpoints and the EndpointSlice controller see them. Pure but for the watch.
 * Source of behaviour: k8s.io/endpointslice/util and pkg/controller/endpoint.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Container, Pod, Service, ServicePort } from "../../apimachinery/schema/generated/types.ts";
import { type LabelSelectorMatcher, selectorFromMap } from "../../apimachinery/selector.ts";
import type { ChangeHandler } from "../../client/informer.ts";
import type { ObjectCache } from "../../client/object-cache.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { isBeingDeleted, isPodReady, isPodTerminal } from "../pod-state.ts";

/** Marks what belongs to a Service without an address of its own. */
export const headlessLabel = "service.kubernetes.io/headless";

/**
 * Changes of pods are gathered this long, so that 300 pods that become ready at once cost a few writes and not 300.
 * Upstream's endpointUpdatesBatchPeriod is 0 by default, but its slower writes have the same effect.
 */
const podBatchMs = 20;

export type AddressFamily = "IPv4" | "IPv6";

export function isHeadless({ spec }: Service): boolean {
	return spec?.clusterIP === undefined || spec.clusterIP === "" || spec.clusterIP === "None";
}

/** Whether the Service's endpoints are made from pods at all. */
export function hasPods({ spec }: Service): boolean {
	return spec?.type !== "ExternalName" && spec?.selector !== undefined;
}

export function familyOf(address: string): AddressFamily {
	return address.includes(":") ? "IPv6" : "IPv4";
}

/** The families of addresses that the Service's endpoints have, the primary one first. */
export function familiesOf(service: Service): readonly AddressFamily[] {
	const { ipFamilies, clusterIP = "" } = service.spec ?? {};
	if (ipFamilies !== undefined && ipFamilies.length > 0) return ipFamilies as readonly AddressFamily[];
	return isHeadless(service) ? ["IPv4", "IPv6"] : [familyOf(clusterIP)];
}

export function podAddresses({ status }: Pod): readonly string[] {
	const addresses = (status?.podIPs ?? []).map(({ ip }) => ip);
	if (addresses.length > 0) return addresses;
	return status?.podIP === undefined || status.podIP === "" ? [] : [status.podIP];
}

/** Whether a pod stands behind its Services. */
export function isEndpoint(pod: Pod, includeTerminating: boolean): boolean {
	if (isPodTerminal(pod) || podAddresses(pod).length === 0) return false;
	return includeTerminating || !isBeingDeleted(pod);
}

/** The name under which DNS knows the pod within the Service, if it has one. */
export function endpointHostname({ spec, metadata }: Pod, service: Service): string | undefined {
	const fits = spec?.subdomain === service.metadata?.name && metadata?.namespace === service.metadata?.namespace;
	return fits && spec?.hostname !== "" ? spec?.hostname : undefined;
}

/** The port of the pod that the Service's port leads to; undefined if the pod has no port of that name. */
export function targetPortOf({ spec }: Pod, { port, targetPort, protocol = "TCP" }: ServicePort): number | undefined {
	if (targetPort === undefined || targetPort === 0 || targetPort === "") return port;
	if (typeof targetPort === "number") return targetPort;
	const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
	const containers: readonly Container[] = [...(spec?.containers ?? []), ...sidecars];
	return containers
		.flatMap(({ ports = [] }) => ports)
		.find((candidate) => candidate.name === targetPort && (candidate.protocol ?? "TCP") === protocol)?.containerPort;
}

/** Selectors by the version of the Service: one parse each. */
const selectors = new WeakMap<Service, LabelSelectorMatcher>();

function selectorOf(service: Service): LabelSelectorMatcher {
	let selector = selectors.get(service);
	if (selector === undefined) {
		selector = selectorFromMap(service.spec?.selector);
		selectors.set(service, selector);
	}
	return selector;
}

export function selectedPods(service: Service, pods: ObjectCache<Pod>): readonly Pod[] {
	const selector = selectorOf(service);
	return pods.listNamespace(service.metadata?.namespace ?? "").filter((pod) => selector.matches(pod.metadata?.labels));
}

function servicesOf(pod: Pod, services: ObjectCache<Service>): readonly Service[] {
	return services
		.listNamespace(pod.metadata?.namespace ?? "")
		.filter((service) => hasPods(service) && selectorOf(service).matches(pod.metadata?.labels));
}

/** Whether the change can be seen in an endpoint. */
function endpointChanged(old: Pod, pod: Pod): boolean {
	return (
		isBeingDeleted(old) !== isBeingDeleted(pod) ||
		isPodReady(old) !== isPodReady(pod) ||
		isPodTerminal(old) !== isPodTerminal(pod) ||
		old.spec?.nodeName !== pod.spec?.nodeName ||
		!jsonEqual(podAddresses(old), podAddresses(pod))
	);
}

/** Wakes the Services that a pod's change concerns. */
export function podHandler(services: ObjectCache<Service>, queue: WorkQueue): ChangeHandler<Pod> {
	const wake = (pod: Pod) => {
		for (const service of servicesOf(pod, services)) queue.addAfter(objectKey(service), podBatchMs);
	};
	return {
		added: wake,
		updated: (old, pod) => {
			const relabelled = !jsonEqual(old.metadata?.labels, pod.metadata?.labels);
			if (relabelled) wake(old);
			if (relabelled || endpointChanged(old, pod)) wake(pod);
		},
		deleted: wake,
	};
}
