/**
 * Defaults of containers, probes and their parts. Source: pkg/apis/core/v1/defaults.go of Kubernetes 1.36. Containers
 * also get the empty `resources` that Kubernetes' encoder always writes.
 */
import type {
	Container,
	ContainerPort,
	EnvVar,
	HTTPGetAction,
	Lifecycle,
	LifecycleHandler,
	ObjectFieldSelector,
	Probe,
	ResourceFieldSelector,
} from "../../../apimachinery/schema/generated/types.ts";
import { eachItem, mapField, withDefaults, withField } from "./defaulting.ts";
import { defaultRequirements } from "./resource-defaults.ts";

/** `latest` when the image names no tag and no digest, "" when it names only a digest. */
export function imageTag(image: string): string {
	const [name = "", digest] = image.split("@", 2);
	const tag = /:([^/:]*)$/.exec(name)?.[1];
	if (tag !== undefined) return tag;
	return digest === undefined ? "latest" : "";
}

/** `Always` for images tagged latest, explicitly or by silence; else `IfNotPresent`. */
export function defaultPullPolicy(image: string): string {
	return imageTag(image) === "latest" ? "Always" : "IfNotPresent";
}

/** Defaults of any container: plain, init or ephemeral. */
export function defaultContainer<T extends Container>(container: T): T {
	let result: Container = withDefaults<Container>(container, {
		imagePullPolicy: defaultPullPolicy(container.image ?? ""),
		terminationMessagePath: "/dev/termination-log",
		terminationMessagePolicy: "File",
		resources: {},
	});
	result = mapField(result, "resources", defaultRequirements);
	result = mapField(result, "ports", eachItem(defaultContainerPort));
	result = mapField(result, "env", eachItem(defaultEnvVar));
	result = mapField(result, "livenessProbe", defaultProbe);
	result = mapField(result, "readinessProbe", defaultProbe);
	result = mapField(result, "startupProbe", defaultProbe);
	result = mapField(result, "lifecycle", defaultLifecycle);
	return result as T;
}

const defaultContainerPort = (port: ContainerPort): ContainerPort => withDefaults(port, { protocol: "TCP" });

const defaultEnvVar = (variable: EnvVar): EnvVar =>
	mapField(variable, "valueFrom", (source) =>
		mapField(mapField(source, "fieldRef", defaultFieldRef), "resourceFieldRef", defaultResourceFieldRef),
	);

/** The version of the downward API's field. */
export const defaultFieldRef = (selector: ObjectFieldSelector): ObjectFieldSelector => withDefaults(selector, { apiVersion: "v1" });

/** Kubernetes writes the zero divisor, which stands for 1. */
export const defaultResourceFieldRef = (selector: ResourceFieldSelector): ResourceFieldSelector => withDefaults(selector, { divisor: "0" });

const probeTimings = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 } as const;

/** Timings that are absent or 0 (which Kubernetes cannot tell from absent) get their defaults. */
function defaultProbe(probe: Probe): Probe {
	let result = mapField(probe, "httpGet", defaultHttpGet);
	result = mapField(result, "grpc", (grpc) => withDefaults(grpc, { service: "" }));
	for (const field of ["timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] as const) {
		if ((result[field] ?? 0) === 0) result = withField(result, field, probeTimings[field]);
	}
	return result;
}

const defaultHttpGet = (action: HTTPGetAction): HTTPGetAction => withDefaults(action, { path: "/", scheme: "HTTP" });

const defaultHandler = (handler: LifecycleHandler): LifecycleHandler => mapField(handler, "httpGet", defaultHttpGet);

const defaultLifecycle = (lifecycle: Lifecycle): Lifecycle =>
	mapField(mapField(lifecycle, "postStart", defaultHandler), "preStop", defaultHandler);
