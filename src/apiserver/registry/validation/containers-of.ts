/** All containers of a Pod with their paths, in the order in which Kubernetes visits them. Source: pkg/apis/core/pods/helpers.go */
import type { Container, PodSpec } from "../../../apimachinery/schema/generated/types.ts";

/** `path` is the spec's. */
export function containersOf(spec: PodSpec, path: string): readonly (readonly [container: Container, path: string])[] {
	return (["initContainers", "containers", "ephemeralContainers"] as const).flatMap((list) =>
		(spec[list] ?? []).map((container: Container, index) => [container, `${path}.${list}[${index}]`] as const),
	);
}
