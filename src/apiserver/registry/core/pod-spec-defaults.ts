/**
 * Defaults of a Pod's spec, wherever it stands: in a Pod, or in the template of a workload. What only a Pod gets
 * (requests from limits, host ports, service links) is apart, because a template keeps what its author wrote.
 * Source: SetDefaults_PodSpec and SetDefaults_Pod in pkg/apis/core/v1/defaults.go of Kubernetes 1.36.
 */
import type { Container, PodSpec, PodTemplateSpec } from "../../../apimachinery/schema/generated/types.ts";
import { defaultContainer } from "./container-defaults.ts";
import { eachItem, mapField, onceComplete, withDefaults, withField } from "./defaulting.ts";
import { withoutDisabledFields } from "./disabled-fields.ts";
import { defaultPodResources, defaultRequirements, defaultResourceList, requestsFromLimits } from "./resource-defaults.ts";
import { defaultVolume } from "./volume-defaults.ts";

/** Seconds between SIGTERM and SIGKILL where the Pod names none. */
export const defaultTerminationGracePeriodSeconds = 30;

/** What every Pod spec gets. */
export const defaultPodSpec = onceComplete(completePodSpec);

function completePodSpec(spec: PodSpec): PodSpec {
	let result = withDefaults(withoutDisabledFields(spec), {
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
	result = mapField(mapField(result, "resources", defaultRequirements), "overhead", defaultResourceList);
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
export const defaultPodOnly = onceComplete(completePodOnly);

function completePodOnly(spec: PodSpec): PodSpec {
	let result = withDefaults(spec, { enableServiceLinks: true });
	result = mapField(result, "containers", eachItem(requestsFromLimits));
	result = mapField(result, "initContainers", eachItem(requestsFromLimits));
	result = defaultPodResources(result);
	if (result.hostNetwork !== true) return result;
	return mapField(mapField(result, "containers", eachItem(defaultHostPorts)), "initContainers", eachItem(defaultHostPorts));
}

/** On the host's network every container port is a port of the host. */
const defaultHostPorts = (container: Container): Container =>
	mapField(
		container,
		"ports",
		eachItem((port) => ((port.hostPort ?? 0) === 0 ? withField(port, "hostPort", port.containerPort) : port)),
	);
