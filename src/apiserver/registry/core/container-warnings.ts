/** Warnings of containers: sizes, variables, profiles, ports. Source: pkg/api/pod/warnings.go of Kubernetes 1.36. */
import { parseQuantity, QuantityError } from "../../../apimachinery/quantity.ts";
import type { Container, ContainerPort, PodSpec } from "../../../apimachinery/schema/generated/types.ts";
import { containersOf } from "../validation/containers-of.ts";
import { type Annotations, APP_ARMOR_PREFIX, SECCOMP_CONTAINER_PREFIX } from "../validation/pod-annotations.ts";
import type { ResourceList } from "../validation/resources.ts";

type Warnings = readonly string[];

/** `path` is the spec's. */
export function containerWarnings(
	spec: PodSpec,
	annotations: Annotations,
	path: string,
	annotationPath: (key: string) => string,
): Warnings {
	return containersOf(spec, path).flatMap(([container, at]) => [
		...profileWarnings(container, spec, annotations, annotationPath),
		...["memory", "ephemeral-storage"].flatMap((resource) =>
			(["limits", "requests"] as const).flatMap((side) =>
				fractionalBytes(container.resources?.[side], resource, `${at}.resources.${side}`),
			),
		),
		...hiddenVariables(container, at),
	]);
}

/** Annotations that stand for a field that the container lacks. */
function profileWarnings(
	{ name = "", securityContext }: Container,
	spec: PodSpec,
	annotations: Annotations,
	annotationPath: (key: string) => string,
): Warnings {
	const seccomp = `${SECCOMP_CONTAINER_PREFIX}${name}`;
	const appArmor = `${APP_ARMOR_PREFIX}${name}`;
	const hasAppArmor = (securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile) !== undefined;
	return [
		...(securityContext?.seccompProfile === undefined && annotations[seccomp] !== undefined
			? [`${annotationPath(seccomp)}: non-functional in v1.27+; use the "seccompProfile" field instead`]
			: []),
		...(!hasAppArmor && annotations[appArmor] !== undefined ? [appArmorWarning(annotationPath(appArmor))] : []),
	];
}

/** Bytes do not come in parts. */
export function fractionalBytes(list: ResourceList | undefined, resource: string, path: string): Warnings {
	const quantity = list?.[resource];
	if (quantity === undefined || !isFractional(quantity)) return [];
	return [`${path}[${resource}]: fractional byte value "${quantity}" is invalid, must be an integer`];
}

function isFractional(quantity: string): boolean {
	if (/^\d+([KMGTPE]i)?$/.test(quantity)) return false;
	try {
		return parseQuantity(quantity).nanos % 1_000_000_000n !== 0n;
	} catch (error) {
		// Validation reports what is no quantity at all.
		if (error instanceof QuantityError) return false;
		throw error;
	}
}

/** A later value of a variable that neither is the earlier one with more around it. */
function hiddenVariables({ env = [] }: Container, path: string): Warnings {
	const seen = new Set<string>();
	return env.flatMap(({ name = "", value = "", valueFrom }, index) => {
		if (!seen.has(name)) {
			seen.add(name);
			return [];
		}
		const reference = `$(${name})`;
		if (valueFrom === undefined && value !== reference && value.includes(reference)) return [];
		return [`${path}.env[${index}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`];
	});
}

/** Ports that several containers, or one several times, say they have. `path` is the spec's. */
export function portWarnings(spec: PodSpec, path: string): Warnings {
	const known = new Map<string, { readonly path: string; readonly port: ContainerPort }[]>();
	return containersOf(spec, path).flatMap(([{ ports = [] }, containerPath]) =>
		ports.flatMap((port, index) => {
			const at = `${containerPath}.ports[${index}]`;
			const key = `${port.containerPort ?? 0}/${port.protocol ?? ""}`;
			const others = known.get(key) ?? [];
			known.set(key, [...others, { path: at, port }]);
			return [
				...((port.hostIP ?? "") !== "" && (port.hostPort ?? 0) === 0 ? [`${at}: hostIP set without hostPort: ${formatPort(port)}`] : []),
				...others.flatMap((other) => {
					const relation = relationOf(port, other.port);
					return relation === undefined ? [] : [`${at}: ${relation} port definition with ${other.path}`];
				}),
			];
		}),
	);
}

/** How two definitions of one port go together; undefined if they do. */
function relationOf(a: ContainerPort, b: ContainerPort): string | undefined {
	const [portA, portB] = [a.hostPort ?? 0, b.hostPort ?? 0];
	const [ipA, ipB] = [a.hostIP ?? "", b.hostIP ?? ""];
	if (ipA === ipB && portA === portB) return "duplicate";
	if (portA === 0 || portB === 0) return "overlapping";
	return portA === portB && (ipA === "") !== (ipB === "") ? "dangerously ambiguous" : undefined;
}

/** As Go prints the struct. */
const formatPort = ({ name = "", hostPort = 0, containerPort = 0, protocol = "", hostIP = "" }: ContainerPort): string =>
	`{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;

/** An annotation that has become a field. */
export const appArmorWarning = (path: string): string => `${path}: deprecated since v1.30; use the "appArmorProfile" field instead`;
