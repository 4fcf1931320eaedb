/**
 * Defaults of a Pod's spec, wherever it stands: in a Pod, or in the template of a workload. What only a Pod gets
 * (requests from limits, host ports, service links) is apart, because a template keeps what its author wrote.
 * Source: SetDefaults_PodSpec and SetDefaults_Pod in pkg/apis/core/v1/defaults.go of Kubernetes 1.36.
 */
import { addQuantities, formatQuantity } from "../../../apimachinery/quantity.ts";
import type { Container, PodSpec, PodTemplateSpec, ResourceRequirements } from "../../../apimachinery/schema/generated/types.ts";
import { defaultContainer } from "./container-defaults.ts";
import { eachItem, mapField, withDefaults, withField } from "./defaulting.ts";
import { defaultVolume } from "./volume-defaults.ts";

/** Seconds between SIGTERM and SIGKILL where the Pod names none. */
export const defaultTerminationGracePeriodSeconds = 30;

/** What every Pod spec gets. */
export function defaultPodSpec(spec: PodSpec): PodSpec {
	let result = withDefaults(spec, {
		// Not a default: validation refuses the empty list. What comes before it may count on a list.
		containers: [],
		dnsPolicy: "ClusterFirst",
		restartPolicy: "Always",
		securityContext: {},
		terminationGracePeriodSeconds: defaultTerminationGracePeriodSeconds,
		schedulerName: "default-scheduler",
	});
	result = mapField(result, "volumes", eachItem(defaultVolume));
	result = mapField(result, "containers", eachItem(defaultContainer));
	result = mapField(result, "initContainers", eachItem(defaultContainer));
	result = mapField(result, "ephemeralContainers", eachItem(defaultContainer));
	return mirrorServiceAccount(result);
}

/** `serviceAccount` is the old name of `serviceAccountName`: Kubernetes serves both, and the new one wins. */
function mirrorServiceAccount(spec: PodSpec): PodSpec {
	const name = spec.serviceAccountName || spec.serviceAccount;
	if (name === undefined || name === "") return spec;
	return withField(withField(spec, "serviceAccountName", name), "serviceAccount", name);
}

/** A template of a workload; the encoder always writes its `metadata`. */
export function defaultPodTemplate(template: PodTemplateSpec): PodTemplateSpec {
	return mapField(withDefaults(template, { metadata: {} }), "spec", defaultPodSpec);
}

/** What only a Pod gets, after defaultPodSpec. */
export function defaultPodOnly(spec: PodSpec): PodSpec {
	let result = withDefaults(spec, { enableServiceLinks: true });
	const requestsFromLimits = eachItem(defaultRequests);
	result = mapField(result, "containers", requestsFromLimits);
	result = mapField(result, "initContainers", requestsFromLimits);
	result = defaultPodRequests(result);
	if (result.hostNetwork !== true) return result;
	return mapField(mapField(result, "containers", eachItem(defaultHostPorts)), "initContainers", eachItem(defaultHostPorts));
}

const defaultRequests = (container: Container): Container => mapField(container, "resources", limitsAsRequests);

/** A resource with a limit and no request requests its limit. */
function limitsAsRequests(resources: ResourceRequirements): ResourceRequirements {
	if (resources.limits === undefined) return resources;
	return withField(resources, "requests", withDefaults(resources.requests ?? {}, resources.limits));
}

/** Pod-level requests: the sum of the containers' requests, else the Pod's limit (KEP-2837). */
function defaultPodRequests(spec: PodSpec): PodSpec {
	const limits = spec.resources?.limits;
	if (spec.resources === undefined || limits === undefined) return spec;
	const requests: Record<string, string> = {};
	for (const [resource, limit] of Object.entries(limits)) {
		const asked = (spec.containers ?? []).flatMap((container) => container.resources?.requests?.[resource] ?? []);
		requests[resource] = asked.length === 0 ? limit : asked.reduce((sum, next) => formatQuantity(addQuantities(sum, next)));
	}
	return withField(spec, "resources", withField(spec.resources, "requests", withDefaults(spec.resources.requests ?? {}, requests)));
}

/** On the host's network every container port is a port of the host. */
const defaultHostPorts = (container: Container): Container =>
	mapField(
		container,
		"ports",
		eachItem((port) => ((port.hostPort ?? 0) === 0 ? withField(port, "hostPort", port.containerPort) : port)),
	);
