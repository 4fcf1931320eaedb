/** All containers of a Pod with their paths, in the order in which Kubernetes visits them. Source: pkg/apis/core/pods/helpers.go */
import type { Container, PodSpec } from "../../../apimachinery/schema/generated/types.ts";

/** `path` is the spec's. */
export function containersOf(spec: PodSpec, path: string): readonly (readonly [container: Container, path: string])[] {
	const result: (readonly [container: Container, path: string])[] = [];
	for (const list of ["initContainers", "containers", "ephemeralContainers"] as const) {
		for (const [index, container] of (spec[list] ?? []).entries()) result.push([container, `${path}.${list}[${index}]`]);
	}
	return result;
}
