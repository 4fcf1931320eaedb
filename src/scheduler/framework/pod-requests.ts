/**
 * What a pod takes from its node: the sum over its containers, or what its init containers need at their worst
 * moment, whichever is more, plus the overhead of its runtime class. Pod-level requests replace the containers' for
 * the resources they name.
 *
 *   init 1 ──> init 2 (sidecar, stays) ──> init 3 ──> containers
 *   need:      need:                       need:      need:
 *   i1         s2                          s2 + i3    s2 + sum of containers      the pod's request is the greatest
 *
 * Sources: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers,
 * https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers,
 * https://kubernetes.io/docs/tasks/configure-pod-container/assign-pod-level-resources/ and KEP-1287 (in-place resize).
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { Container, ContainerStatus, Pod } from "../../apimachinery/schema/generated/types.ts";
import { ResourceVector } from "./resource-vector.ts";

/** What a container without a request counts as when nodes are scored, so that such pods spread too. */
const defaultMilliCpuRequest = 100;
const defaultMemoryRequestBytes = 200 * 1024 * 1024;

export interface PodRequests {
	/** What NodeResourcesFit checks and NodeInfo sums up. */
	readonly requests: ResourceVector;
	/** The same with the defaults for containers that request no CPU or memory: what LeastAllocated counts with. */
	readonly nonZeroMilliCpu: number;
	readonly nonZeroMemoryBytes: number;
}

export function computePodRequests(pod: Pod): PodRequests {
	const requests = sumRequests(pod, 0, 0);
	const podLevel = pod.spec?.resources?.requests;
	const cpuDefault = podLevel?.cpu === undefined ? defaultMilliCpuRequest : 0;
	const memoryDefault = podLevel?.memory === undefined ? defaultMemoryRequestBytes : 0;
	const nonZero = hasContainerWithoutRequest(pod) ? sumRequests(pod, cpuDefault, memoryDefault) : requests;
	return { requests, nonZeroMilliCpu: nonZero.milliCpu, nonZeroMemoryBytes: nonZero.memoryBytes };
}

function hasContainerWithoutRequest({ spec }: Pod): boolean {
	const lacks = ({ resources }: Container) => resources?.requests?.cpu === undefined || resources.requests.memory === undefined;
	return (spec?.containers.some(lacks) ?? false) || (spec?.initContainers?.some(lacks) ?? false);
}

function sumRequests(pod: Pod, cpuDefault: number, memoryDefault: number): ResourceVector {
	const { spec, status } = pod;
	const total = new ResourceVector();
	if (spec === undefined) return total;
	const infeasible = isResizeInfeasible(pod);
	const requestsOf = (container: Container, statuses: readonly ContainerStatus[] | undefined) => {
		const vector = actualRequests(container, statuses, infeasible);
		if (container.resources?.requests?.cpu === undefined) vector.milliCpu = Math.max(vector.milliCpu, cpuDefault);
		if (container.resources?.requests?.memory === undefined) vector.memoryBytes = Math.max(vector.memoryBytes, memoryDefault);
		return vector;
	};
	for (const container of spec.containers) total.add(requestsOf(container, status?.containerStatuses));
	const sidecars = new ResourceVector();
	const initPeak = new ResourceVector();
	for (const container of spec.initContainers ?? []) {
		const own = requestsOf(container, status?.initContainerStatuses);
		if (container.restartPolicy === "Always") {
			total.add(own);
			sidecars.add(own);
			initPeak.raiseTo(sidecars);
		} else {
			own.add(sidecars);
			initPeak.raiseTo(own);
		}
	}
	total.raiseTo(initPeak);
	replaceByPodLevel(total, spec.resources?.requests);
	if (spec.overhead !== undefined) total.add(ResourceVector.from(spec.overhead));
	return total;
}

/** During an in-place resize a container counts with the most of what is wanted, allocated and actuated. */
function actualRequests(container: Container, statuses: readonly ContainerStatus[] | undefined, infeasible: boolean): ResourceVector {
	const wanted = ResourceVector.from(container.resources?.requests);
	const status = statuses?.find(({ name }) => name === container.name);
	if (status?.allocatedResources === undefined && status?.resources?.requests === undefined) return wanted;
	const vector = infeasible ? new ResourceVector() : wanted;
	vector.raiseTo(ResourceVector.from(status.allocatedResources));
	vector.raiseTo(ResourceVector.from(status.resources?.requests));
	return vector;
}

/** Whether a container has, or had to be refused, other requests than its spec wants: then the status counts, too. */
export function isResizing(pod: Pod): boolean {
	const { spec, status } = pod;
	const differs = (containers: readonly Container[] | undefined, statuses: readonly ContainerStatus[] | undefined) =>
		statuses?.some(({ name, allocatedResources, resources }) => {
			const wanted = containers?.find((container) => container.name === name)?.resources?.requests;
			return [allocatedResources, resources?.requests].some((actual) => actual !== undefined && !jsonEqual(actual, wanted));
		}) === true;
	return (
		differs(spec?.containers, status?.containerStatuses) ||
		differs(spec?.initContainers, status?.initContainerStatuses) ||
		isResizeInfeasible(pod)
	);
}

/** The kubelet has said that it will never grant the wanted size. */
function isResizeInfeasible({ status }: Pod): boolean {
	return status?.conditions?.some(({ type, reason }) => type === "PodResizePending" && reason === "Infeasible") ?? false;
}

/** Pod-level requests exist for cpu, memory and huge pages. */
function replaceByPodLevel(total: ResourceVector, requests: Readonly<Record<string, string>> | undefined): void {
	if (requests === undefined) return;
	const podLevel = ResourceVector.from(requests);
	for (const name in requests) {
		if (name === "cpu" || name === "memory" || name.startsWith("hugepages-")) total.set(name, podLevel.get(name));
	}
}
