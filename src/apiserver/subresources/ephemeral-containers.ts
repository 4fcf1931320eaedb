/**
 * pods/ephemeralcontainers: containers that join a running pod to look into it, and never leave its spec again.
 * Source: podEphemeralContainersStrategy in pkg/registry/core/pod/strategy.go and ValidatePodEphemeralContainersUpdate in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36;
 * https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Pod, PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden } from "../../apimachinery/validation/field-error.ts";
import type { UpdateStrategy } from "../pipeline/strategy.ts";
import { differences } from "../registry/core/pod-update.ts";
import type { KindDefinition } from "../registry/kind.ts";
import { isMirrorPod, withOldMetadata } from "./pod-parts.ts";

export function ephemeralContainersStrategy(definition: KindDefinition): UpdateStrategy {
	return {
		prepare: (object, old) => withEphemeralContainersOf(object as Pod, old as Pod),
		validate(object, old) {
			// A static pod's kubelet reads its spec from a file.
			if (isMirrorPod(old)) return [fieldForbidden("", "static pods do not support ephemeral containers")];
			return [...(definition.validate?.(object) ?? []), ...validateKept((object as Pod).spec, (old as Pod).spec)];
		},
	};
}

/** The old pod with the new one's ephemeral containers, and nothing else of it. */
function withEphemeralContainersOf(pod: Pod, old: Pod): KubeObject {
	const { ephemeralContainers: _, ...spec } = old.spec ?? { containers: [] };
	const added = pod.spec?.ephemeralContainers;
	return withOldMetadata({ ...old, spec: added === undefined ? spec : { ...spec, ephemeralContainers: added } }, pod, old);
}

/** Each ephemeral container of before is there, as it was; the order does not count, as patches do not keep it. */
function validateKept(spec: PodSpec | undefined, old: PodSpec | undefined): readonly FieldError[] {
	const path = "spec.ephemeralContainers";
	return (old?.ephemeralContainers ?? []).flatMap((container) => {
		const name = JSON.stringify(container.name);
		const kept = spec?.ephemeralContainers?.find((candidate) => candidate.name === container.name);
		if (kept === undefined) return [fieldForbidden(path, `existing ephemeral containers ${name} may not be removed\n`)];
		if (jsonEqual(kept, container)) return [];
		return [
			fieldForbidden(path, `existing ephemeral containers ${name} may not be changed\n${differences(container, kept, "").join("\n")}`),
		];
	});
}
