/**
 * The environment of a container: the image's, then services', then the spec's `envFrom` and `env` with `$(NAME)`
 * expanded. Source: pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables) and
 * https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
import type { Container, EnvVar, EphemeralContainer, Pod, Service } from "../../apimachinery/schema/generated/types.ts";
import { type DownwardContext, podField, resourceField } from "./downward.ts";
import { configMapData, MissingObjectError, type ObjectLookups, secretData } from "./objects.ts";

export type Environment = readonly (readonly [name: string, value: string])[];

const noEnvironment: Environment = [];

/**
 * What the spec sets, in order; later entries win. Throws `MissingObjectError` with the text of
 * CreateContainerConfigError when something it refers to is not there.
 * @param services the service variables, which `$(NAME)` may refer to.
 */
export function specEnvironment(
	pod: Pod,
	container: Container | EphemeralContainer,
	services: ReadonlyMap<string, string>,
	lookups: ObjectLookups,
	context: DownwardContext,
): Environment {
	if ((container.env?.length ?? 0) === 0 && (container.envFrom?.length ?? 0) === 0) return noEnvironment;
	const result = new Map<string, string>();
	for (const [name, value] of environmentFrom(pod, container, lookups)) result.set(name, value);
	for (const variable of container.env ?? []) {
		const value = variableValue(pod, container.name, variable, lookups, context);
		if (value !== undefined)
			result.set(variable.name, variable.value === undefined ? value : expand(value, (name) => result.get(name) ?? services.get(name)));
	}
	return [...result];
}

function* environmentFrom(
	pod: Pod,
	container: Container | EphemeralContainer,
	lookups: ObjectLookups,
): Generator<readonly [string, string]> {
	const namespace = pod.metadata?.namespace ?? "";
	for (const { configMapRef, secretRef, prefix = "" } of container.envFrom ?? []) {
		const ref = configMapRef ?? secretRef;
		const name = ref?.name ?? "";
		const object = configMapRef !== undefined ? lookups.configMap(namespace, name) : lookups.secret(namespace, name);
		if (object === undefined) {
			if (ref?.optional === true) continue;
			const kind = configMapRef !== undefined ? "configmap" : "secret";
			throw new MissingObjectError(`${kind} ${JSON.stringify(name)} not found`, { kind, namespace, name });
		}
		const data = configMapRef !== undefined ? configMapData(object) : secretData(object);
		for (const [key, bytes] of data)
			if (/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(prefix + key)) yield [prefix + key, Buffer.from(bytes).toString()];
	}
}

/** Undefined: an optional reference to something that is not there. */
function variableValue(
	pod: Pod,
	container: string,
	{ value, valueFrom }: EnvVar,
	lookups: ObjectLookups,
	context: DownwardContext,
): string | undefined {
	const namespace = pod.metadata?.namespace ?? "";
	if (valueFrom === undefined) return value ?? "";
	const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
	if (fieldRef !== undefined) return podField(pod, fieldRef.fieldPath, context) ?? "";
	if (resourceFieldRef !== undefined) return resourceField(pod, resourceFieldRef, container, context) ?? "";
	const ref = configMapKeyRef ?? secretKeyRef;
	if (ref === undefined) return undefined;
	const isConfigMap = configMapKeyRef !== undefined;
	const name = ref.name ?? "";
	const object = isConfigMap ? lookups.configMap(namespace, name) : lookups.secret(namespace, name);
	if (object === undefined) {
		if (ref.optional === true) return undefined;
		const kind = isConfigMap ? "configmap" : "secret";
		throw new MissingObjectError(`${kind} ${JSON.stringify(name)} not found`, { kind, namespace, name });
	}
	const bytes = (isConfigMap ? configMapData(object) : secretData(object)).get(ref.key);
	if (bytes !== undefined) return Buffer.from(bytes).toString();
	if (ref.optional === true) return undefined;
	throw new MissingObjectError(`couldn't find key ${ref.key} in ${isConfigMap ? "ConfigMap" : "Secret"} ${namespace}/${name}`);
}

/** Expands `$(NAME)`; `$$` is a dollar sign, and a name that is not set stays as it stands. */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
	return text.replace(/\$(?:\$|\(([^()]*)\))/g, (whole, name: string | undefined) => (name === undefined ? "$" : (lookup(name) ?? whole)));
}

/** `REDIS_SERVICE_HOST` and its like, for the services of a namespace and the API server's. */
export function serviceEnvironment(services: readonly Service[]): ReadonlyMap<string, string> {
	const env = new Map<string, string>();
	for (const { metadata, spec } of services) {
		const ip = spec?.clusterIP;
		const first = spec?.ports?.[0];
		if (ip === undefined || ip === "" || ip === "None" || first === undefined) continue;
		const prefix = (metadata?.name ?? "").toUpperCase().replaceAll("-", "_");
		env.set(`${prefix}_SERVICE_HOST`, ip);
		env.set(`${prefix}_SERVICE_PORT`, String(first.port));
		for (const { name, port } of spec?.ports ?? [])
			if (name !== undefined && name !== "") env.set(`${prefix}_SERVICE_PORT_${name.toUpperCase().replaceAll("-", "_")}`, String(port));
		for (const [index, { port, protocol = "TCP" }] of (spec?.ports ?? []).entries()) {
			const lower = protocol.toLowerCase();
			const each = `${prefix}_PORT_${port}_${protocol}`;
			if (index === 0) env.set(`${prefix}_PORT`, `${lower}://${ip}:${port}`);
			env.set(each, `${lower}://${ip}:${port}`);
			env.set(`${each}_PROTO`, lower);
			env.set(`${each}_PORT`, String(port));
			env.set(`${each}_ADDR`, ip);
		}
	}
	return env;
}
