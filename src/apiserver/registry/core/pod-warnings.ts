/**
 * What the API server warns of in a Pod's spec without refusing it. Source: pkg/api/pod/warnings.go of Kubernetes 1.36.
 */

import { parseQuantity, QuantityError } from "../../../apimachinery/quantity.ts";
import type { Container, PodSpec, PodTemplateSpec } from "../../../apimachinery/schema/generated/types.ts";
import { isDns1123Label } from "../../../apimachinery/validation/names.ts";

/** Labels of nodes that have a new name, and since when. */
const deprecatedNodeLabels: ReadonlyMap<string, string> = new Map([
	["beta.kubernetes.io/arch", 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
	["beta.kubernetes.io/os", 'deprecated since v1.14; use "kubernetes.io/os" instead'],
	["failure-domain.beta.kubernetes.io/region", 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
	["failure-domain.beta.kubernetes.io/zone", 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
	["beta.kubernetes.io/instance-type", 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
]);

/** Warnings of a spec at `path` (`spec`, `spec.template.spec`). */
export function podSpecWarnings(spec: PodSpec | undefined, path: string): readonly string[] {
	if (spec === undefined) return [];
	const labels = Object.keys(spec.nodeSelector ?? {}).flatMap((label) => {
		const text = deprecatedNodeLabels.get(label);
		return text === undefined ? [] : [`${path}.nodeSelector[${label}]: ${text}`];
	});
	const grace = spec.terminationGracePeriodSeconds;
	return [
		...labels,
		...(spec.containers ?? []).flatMap((container, index) => containerWarnings(container, `${path}.containers[${index}]`)),
		...(spec.initContainers ?? []).flatMap((container, index) => containerWarnings(container, `${path}.initContainers[${index}]`)),
		...(grace !== undefined && grace < 0
			? [`${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`]
			: []),
	];
}

/** Warnings of a workload's template. */
export const podTemplateWarnings = (template: PodTemplateSpec | undefined, path = "spec.template"): readonly string[] =>
	podSpecWarnings(template?.spec, `${path}.spec`);

/** A name that is no DNS label makes a strange host name. */
export function hostNameWarnings(name: string | undefined): readonly string[] {
	const texts = name === undefined ? [] : isDns1123Label(name);
	if (texts.length === 0) return [];
	return [
		`metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${texts.join(" ")}]`,
	];
}

function containerWarnings(container: Container, path: string): readonly string[] {
	return [...fractionalBytes(container, path), ...hiddenVariables(container, path), ...duplicatePorts(container, path)];
}

function fractionalBytes({ resources }: Container, path: string): readonly string[] {
	return (["limits", "requests"] as const).flatMap((side) =>
		["memory", "ephemeral-storage"].flatMap((resource) => {
			const quantity = resources?.[side]?.[resource];
			if (quantity === undefined || !isFractional(quantity)) return [];
			return [`${path}.resources.${side}[${resource}]: fractional byte value "${quantity}" is invalid, must be an integer`];
		}),
	);
}

function isFractional(quantity: string): boolean {
	try {
		return parseQuantity(quantity).nanos % 1_000_000_000n !== 0n;
	} catch (error) {
		// Validation reports what is no quantity at all.
		if (error instanceof QuantityError) return false;
		throw error;
	}
}

function hiddenVariables({ env = [] }: Container, path: string): readonly string[] {
	const seen = new Map<string, string | undefined>();
	return env.flatMap(({ name = "", value }, index) => {
		const isHiding = seen.has(name) && !(value ?? "").includes(`$(${name})`);
		seen.set(name, value);
		return isHiding ? [`${path}.env[${index}]: hides previous definition of "${name}", which may be dropped when using apply`] : [];
	});
}

function duplicatePorts({ ports = [] }: Container, path: string): readonly string[] {
	const seen = new Map<string, number>();
	return ports.flatMap((port, index) => {
		const key = `${port.containerPort}/${port.protocol ?? "TCP"}/${port.hostPort ?? 0}/${port.hostIP ?? ""}`;
		const first = seen.get(key);
		if (first === undefined) {
			seen.set(key, index);
			return [];
		}
		return [`${path}.ports[${index}]: duplicate port definition with ${path}.ports[${first}]`];
	});
}
