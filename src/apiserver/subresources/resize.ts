/**
 * pods/resize: cpu and memory of a pod's containers, changed while they run. What is written here is what is wanted; the
 * kubelet says in the status what it could do.
 * Source: podResizeStrategy in pkg/registry/core/pod/strategy.go and ValidatePodResize in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36, with InPlacePodLevelResourcesVerticalScaling off;
 * https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/ and KEP-1287.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { Container, Pod, PodSpec, ResourceRequirements } from "../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import type { UpdateStrategy } from "../pipeline/strategy.ts";
import { qosClass } from "../registry/core/qos.ts";
import type { KindDefinition } from "../registry/kind.ts";
import { isMirrorPod, withOldMetadata } from "./pod-parts.ts";

type ResourceList = Readonly<Record<string, string>>;

const noSpec: PodSpec = { containers: [] };
const resizable = ["cpu", "memory"] as const;

export function resizeStrategy(definition: KindDefinition): UpdateStrategy {
	return {
		prepare: (object, old) => withResourcesOf(object as Pod, old as Pod),
		validate: (object, old) => validateResize(object as Pod, old as Pod, definition),
	};
}

/**
 * The old pod with the resources and resize policies of the new one's containers. Where containers come, go, move or
 * change their names the new list stays, for validation to refuse.
 */
function withResourcesOf(pod: Pod, old: Pod): Pod {
	const [spec, oldSpec] = [pod.spec ?? noSpec, old.spec ?? noSpec];
	if (lengthsDiffer(spec, oldSpec)) return pod;
	const containers = resizedContainers(spec.containers, oldSpec.containers);
	const { initContainers, ...rest } = oldSpec;
	const resized: PodSpec = {
		...rest,
		containers,
		...(initContainers === undefined ? {} : { initContainers: resizedContainers(spec.initContainers ?? [], initContainers) }),
	};
	return withOldMetadata({ ...old, spec: resized }, pod, old);
}

function lengthsDiffer(spec: PodSpec, old: PodSpec): boolean {
	return spec.containers.length !== old.containers.length || (spec.initContainers ?? []).length !== (old.initContainers ?? []).length;
}

function resizedContainers(containers: readonly Container[], old: readonly Container[]): readonly Container[] {
	if (containers.some(({ name }, index) => old[index]?.name !== name)) return containers;
	return old.map((container, index) => {
		const { resources: _, resizePolicy: __, ...rest } = container;
		const { resources, resizePolicy } = containers[index] ?? container;
		return {
			...rest,
			...(resizePolicy === undefined ? {} : { resizePolicy }),
			...(resources === undefined ? {} : { resources }),
		};
	});
}

function validateResize(pod: Pod, old: Pod, definition: KindDefinition): readonly FieldError[] {
	const [spec, oldSpec] = [pod.spec ?? noSpec, old.spec ?? noSpec];
	const refusal = refusalOf(pod, old);
	if (refusal !== undefined) return [fieldForbidden("", refusal)];
	const moved = validateSameContainers(spec, oldSpec);
	if (moved.length > 0) return moved;
	const errors: FieldError[] = [...(definition.validate?.(pod) ?? [])];
	if (qosClass(spec) !== (old.status?.qosClass ?? qosClass(oldSpec))) {
		errors.push(fieldInvalid("spec", pod.status?.qosClass ?? "", "Pod QOS Class may not change as a result of resizing"));
	}
	if (!runsWhereItCanBeResized(old)) errors.push(fieldForbidden("spec", "Pod running on node without support for resize"));
	errors.push(
		...(spec.initContainers ?? []).flatMap((container, index) =>
			isSidecar(container) ? validateKept(container, oldSpec.initContainers?.[index], `spec.initContainers[${index}].resources`) : [],
		),
		...spec.containers.flatMap((container, index) =>
			validateKept(container, oldSpec.containers[index], `spec.containers[${index}].resources`),
		),
		...spec.containers.flatMap((container, index) =>
			changesOnlyCpuAndMemory(container, oldSpec.containers[index])
				? []
				: [fieldForbidden("spec", "only cpu and memory resources are mutable")],
		),
		...(spec.initContainers ?? []).flatMap((container, index) => validateInitContainer(container, oldSpec.initContainers?.[index])),
	);
	return errors;
}

/** Why pods like this cannot be resized at all. */
function refusalOf(pod: Pod, old: Pod): string | undefined {
	if (hasPodLevelResources(pod) || hasPodLevelResources(old)) return "pods with pod-level resources cannot be resized";
	if (isMirrorPod(old)) return "static pods cannot be resized";
	return old.spec?.os?.name === "windows" ? "windows pods cannot be resized" : undefined;
}

function hasPodLevelResources({ spec }: Pod): boolean {
	const { requests = {}, limits = {} } = spec?.resources ?? {};
	return Object.keys(requests).length + Object.keys(limits).length > 0;
}

function validateSameContainers(spec: PodSpec, old: PodSpec): readonly FieldError[] {
	const lists = [
		["containers", spec.containers, old.containers],
		["initContainers", spec.initContainers ?? [], old.initContainers ?? []],
	] as const;
	return lists.flatMap(([field, containers, before]) => {
		if (containers.length !== before.length) {
			return [fieldForbidden(`spec.${field}`, `${field} may not be added or removed on resize`)];
		}
		return containers.flatMap(({ name }, index) =>
			name === before[index]?.name
				? []
				: [fieldForbidden(`spec.${field}[${index}].name`, `${field} may not be renamed or reordered on resize`)],
		);
	});
}

/** A kubelet that can resize reports the resources of what it runs; one that runs nothing yet is believed to. */
function runsWhereItCanBeResized({ status }: Pod): boolean {
	const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
	return running === undefined || running.resources !== undefined;
}

function validateKept(container: Container, old: Container | undefined, path: string): readonly FieldError[] {
	return (["requests", "limits"] as const).flatMap((side) =>
		Object.keys(old?.resources?.[side] ?? {}).every((resource) => container.resources?.[side]?.[resource] !== undefined)
			? []
			: [fieldForbidden(`${path}.${side}`, `resource ${side} cannot be removed`)],
	);
}

function validateInitContainer(container: Container, old: Container | undefined): readonly FieldError[] {
	if (isSidecar(container)) {
		return changesOnlyCpuAndMemory(container, old)
			? []
			: [fieldForbidden("spec", "only cpu and memory resources for sidecar containers are mutable")];
	}
	return jsonEqual(container, old) ? [] : [fieldForbidden("spec", "resources for non-sidecar init containers are immutable")];
}

const isSidecar = ({ restartPolicy }: Container): boolean => restartPolicy === "Always";

/** Resize policies may not change either. */
function changesOnlyCpuAndMemory(container: Container, old: Container | undefined): boolean {
	return jsonEqual(withoutCpuAndMemory(container), old === undefined ? undefined : withoutCpuAndMemory(old));
}

function withoutCpuAndMemory(container: Container): Container {
	const { requests, limits, ...rest } = container.resources ?? {};
	const resources: ResourceRequirements = { ...rest, requests: others(requests), limits: others(limits) };
	return { ...container, resources };
}

function others(list: ResourceList | undefined): ResourceList {
	return Object.fromEntries(Object.entries(list ?? {}).filter(([resource]) => !resizable.some((name) => name === resource)));
}
