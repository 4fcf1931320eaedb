/**
 * What an update of a Pod may change: hardly anything. Source: ValidatePodUpdate and ValidatePodStatusUpdate in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { Container, ContainerStatus, Pod, PodSpec, Toleration } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { type FieldErrors, NO_ERRORS } from "../validation/primitives.ts";

const UPDATABLE = [
	"`spec.containers[*].image`",
	"`spec.initContainers[*].image`",
	"`spec.activeDeadlineSeconds`",
	"`spec.tolerations` (only additions to existing tolerations)",
	"`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

/** Most lines of difference that an error shows. */
const maxDifferences = 20;

export function validatePodUpdate({ spec }: Pod, { spec: old }: Pod): FieldErrors {
	if (spec === undefined || old === undefined) return NO_ERRORS;
	for (const field of ["containers", "initContainers"] as const) {
		if ((spec[field] ?? []).length !== (old[field] ?? []).length) {
			return [fieldForbidden(`spec.${field}`, "pod updates may not add or remove containers")];
		}
	}
	const errors = [
		...validateDeadline(spec.activeDeadlineSeconds, old.activeDeadlineSeconds),
		...validateGates(spec, old),
		...validateTolerationsUpdate(spec.tolerations ?? [], old.tolerations ?? []),
	];
	if (errors.length > 0) return errors;
	const allowed = withUpdatableFields(spec, old);
	if (jsonEqual(allowed, old)) return NO_ERRORS;
	const detail = differences(old, allowed, "").slice(0, maxDifferences).join("\n");
	return [fieldForbidden("spec", `pod updates may not change fields other than ${UPDATABLE}\n${detail}`)];
}

/** The new spec with the old one's values wherever an update may change them: equal to the old one when nothing else changed. */
function withUpdatableFields(spec: PodSpec, old: PodSpec): PodSpec {
	const withImage = (container: Container, previous: Container | undefined): Container => {
		const { image: _, ...rest } = container;
		return previous?.image === undefined ? rest : { ...rest, image: previous.image };
	};
	const isGated = (old.schedulingGates ?? []).length > 0;
	const result: { -readonly [K in keyof PodSpec]: PodSpec[K] } = {
		...spec,
		containers: (spec.containers ?? []).map((container, index) => withImage(container, old.containers?.[index])),
	};
	if (spec.initContainers !== undefined) {
		result.initContainers = spec.initContainers.map((container, index) => withImage(container, old.initContainers?.[index]));
	}
	const updatable: (keyof PodSpec)[] = ["activeDeadlineSeconds", "tolerations", "schedulingGates"];
	if (isGated) updatable.push("nodeSelector", "affinity");
	if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1)
		updatable.push("terminationGracePeriodSeconds");
	for (const field of updatable) {
		if (old[field] === undefined) delete result[field];
		else Object.assign(result, { [field]: old[field] });
	}
	return result;
}

function validateDeadline(deadline: number | undefined, old: number | undefined): FieldErrors {
	const path = "spec.activeDeadlineSeconds";
	if (old === undefined) return NO_ERRORS;
	if (deadline === undefined) return [fieldInvalid(path, null, "must not update from a positive integer to nil value")];
	return deadline > old ? [fieldInvalid(path, deadline, "must be less than or equal to previous value")] : NO_ERRORS;
}

function validateGates(spec: PodSpec, old: PodSpec): FieldErrors {
	const known = new Set((old.schedulingGates ?? []).map(({ name }) => name));
	return (spec.schedulingGates ?? []).flatMap(({ name }) =>
		known.has(name)
			? []
			: [fieldForbidden(`spec.schedulingGates.${name}`, `only deletion is allowed, but found new scheduling gate '${name}'`)],
	);
}

/** Each old toleration is still there, with at most other seconds. */
function validateTolerationsUpdate(tolerations: readonly Toleration[], old: readonly Toleration[]): FieldErrors {
	const withoutSeconds = ({ tolerationSeconds: _, ...rest }: Toleration) => rest;
	const isKept = (toleration: Toleration) =>
		tolerations.some((candidate) => jsonEqual(withoutSeconds(candidate), withoutSeconds(toleration)));
	return old.every(isKept)
		? NO_ERRORS
		: [fieldForbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")];
}

/** `- containers[0].name: "a"` and `+ …` for each value that differs; Kubernetes shows the same as a diff of Go values. */
function differences(old: unknown, next: unknown, path: string): readonly string[] {
	if (jsonEqual(old, next)) return [];
	if (isBranch(old) && isBranch(next) && Array.isArray(old) === Array.isArray(next)) {
		const keys = new Set([...Object.keys(old), ...Object.keys(next)]);
		return [...keys].flatMap((key) => {
			const at = Array.isArray(old) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
			return differences((old as Record<string, unknown>)[key], (next as Record<string, unknown>)[key], at);
		});
	}
	const line = (sign: string, value: unknown) => (value === undefined ? [] : [`${sign} ${path}: ${JSON.stringify(value)}`]);
	return [...line("-", old), ...line("+", next)];
}

const isBranch = (value: unknown): value is object => typeof value === "object" && value !== null;

/** A status may not move a Pod to another node, nor restart what may not restart. */
export function validatePodStatusUpdate(pod: Pod, old: Pod): FieldErrors {
	const errors: FieldError[] = [];
	if (pod.spec?.nodeName !== old.spec?.nodeName)
		errors.push(fieldInvalid("spec.nodeName", pod.spec?.nodeName ?? "", "may not be changed directly"));
	const restartPolicy = old.spec?.restartPolicy ?? "Always";
	if (restartPolicy === "Always") return errors;
	return [...errors, ...validateTransitions(pod.status?.containerStatuses ?? [], old.status?.containerStatuses ?? [], restartPolicy)];
}

function validateTransitions(now: readonly ContainerStatus[], before: readonly ContainerStatus[], restartPolicy: string): FieldErrors {
	return before.flatMap((old, index) => {
		const terminated = old.state?.terminated;
		if (terminated === undefined || (restartPolicy === "OnFailure" && terminated.exitCode !== 0)) return [];
		const next = now.find(({ name }) => name === old.name);
		if (next === undefined || next.state?.terminated !== undefined) return [];
		return [fieldForbidden(`status.containerStatuses[${index}].state`, "may not be transitioned to non-terminated state")];
	});
}
