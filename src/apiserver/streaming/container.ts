/**
 * Which container of a pod a stream is for, and on which node it runs.
 * Source of the texts: pkg/registry/core/pod/strategy.go (LogLocation, ExecLocation, PortForwardLocation).
 */
import type { ContainerTarget } from "../../apimachinery/node-connector.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest } from "../../apimachinery/status-error.ts";

/**
 * Finds the container by name; without one, the pod's only container.
 * @returns undefined for a pod that no node has yet
 * @throws StatusError BadRequest when there is a choice, or no such container
 */
export function resolveContainer(pod: Pod, requested: string | undefined): ContainerTarget | undefined {
	const container = requested === undefined ? onlyContainer(pod) : existingContainer(pod, requested);
	const node = pod.spec?.nodeName;
	if (node === undefined || node === "") return undefined;
	const { name = "", namespace = "" } = pod.metadata ?? {};
	return { namespace, pod: name, container, node };
}

/** @throws StatusError BadRequest for a pod that no node has yet */
export function requireNode<T>(pod: Pod, target: T | undefined): T {
	if (target === undefined) throw newBadRequest(`pod ${pod.metadata?.name ?? ""} does not have a host assigned`);
	return target;
}

/** Whether the pod's status says that the container runs. */
export function isRunning(pod: Pod, container: string): boolean {
	const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
	return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].some(
		(status) => status.name === container && status.state?.running !== undefined,
	);
}

function onlyContainer(pod: Pod): string {
	const name = pod.metadata?.name ?? "";
	const containers = pod.spec?.containers ?? [];
	const [first, second] = containers;
	if (first === undefined) throw newBadRequest(`a container name must be specified for pod ${name}`);
	if (second === undefined) return first.name;
	const initContainers = pod.spec?.initContainers ?? [];
	const others = initContainers.length === 0 ? "" : ` or one of the init containers: [${namesOf(initContainers)}]`;
	throw newBadRequest(`a container name must be specified for pod ${name}, choose one of: [${namesOf(containers)}]${others}`);
}

function existingContainer(pod: Pod, requested: string): string {
	const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
	const exists = [...containers, ...initContainers, ...ephemeralContainers].some((container) => container.name === requested);
	if (!exists) throw newBadRequest(`container ${requested} is not valid for pod ${pod.metadata?.name ?? ""}`);
	return requested;
}

function namesOf(containers: readonly { readonly name: string }[]): string {
	return containers.map(({ name }) => name).join(" ");
}
