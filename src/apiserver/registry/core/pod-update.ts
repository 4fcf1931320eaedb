/**
 * What an update of a Pod may change: hardly anything. Source: ValidatePodUpdate in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { Affinity, Container, Pod, PodSpec, Toleration } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { inclusiveRangeText } from "../../../apimachinery/validation/names.ts";
import { validateImagePadding } from "../validation/containers.ts";
import { validatePodAnnotationUpdates } from "../validation/pod-annotations.ts";
import { type FieldErrors, NO_ERRORS, validateEach } from "../validation/primitives.ts";
import { validateTolerations } from "../validation/scheduling.ts";
import { validateGatesUpdate, validateNodeAffinityUpdate, validateNodeSelectorUpdate } from "./pod-gated-update.ts";
import { sameInMeaning } from "./pod-spec-equality.ts";

const UPDATABLE = [
	"`spec.containers[*].image`",
	"`spec.initContainers[*].image`",
	"`spec.activeDeadlineSeconds`",
	"`spec.tolerations` (only additions to existing tolerations)",
	"`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

const MAX_INT32 = 2 ** 31 - 1;

/** Most lines of difference that an error shows. */
const maxDifferences = 20;

/** After the rules for any Pod; some errors end the search, as upstream's do. */
export function validatePodUpdate(pod: Pod, oldPod: Pod): FieldErrors {
	const [spec, old] = [pod.spec ?? noSpec, oldPod.spec ?? noSpec];
	const errors = [
		...validatePodAnnotationUpdates(pod.metadata?.annotations ?? {}, oldPod.metadata?.annotations ?? {}, spec, "metadata.annotations"),
	];
	for (const field of ["containers", "initContainers"] as const) {
		const [containers = [], before = []] = [spec[field], old[field]];
		if (containers.length !== before.length) {
			return [...errors, fieldForbidden(`spec.${field}`, "pod updates may not add or remove containers")];
		}
		errors.push(...validateEach(containers, `spec.${field}`, validateImage));
	}
	const deadline = validateDeadline(spec.activeDeadlineSeconds, old.activeDeadlineSeconds);
	errors.push(...deadline.errors);
	if (deadline.isLast) return errors;
	errors.push(...validateTolerationsUpdate(spec.tolerations, old.tolerations ?? []), ...validateGatesUpdate(spec, old));
	return sameInMeaning(spec, old) ? errors : [...errors, ...validateRest(spec, old)];
}

const noSpec: PodSpec = { containers: [] };

const validateImage = (container: Container, path: string): FieldErrors => [
	...((container.image ?? "") === "" ? [fieldRequired(`${path}.image`)] : NO_ERRORS),
	...validateImagePadding(container, path),
];

/** A deadline may come, and may come nearer. */
function validateDeadline(deadline: number | undefined, old: number | undefined): { errors: FieldErrors; isLast: boolean } {
	const path = "spec.activeDeadlineSeconds";
	if (deadline === undefined) {
		const errors = old === undefined ? NO_ERRORS : [fieldInvalid(path, null, "must not update from a positive integer to nil value")];
		return { errors, isLast: false };
	}
	if (deadline < 0 || deadline > MAX_INT32)
		return { errors: [fieldInvalid(path, deadline, inclusiveRangeText(0, MAX_INT32))], isLast: true };
	if (old === undefined || deadline <= old) return { errors: NO_ERRORS, isLast: false };
	return { errors: [fieldInvalid(path, deadline, "must be less than or equal to previous value")], isLast: true };
}

/** Each old toleration is still there, with at most other seconds. */
function validateTolerationsUpdate(tolerations: readonly Toleration[] | undefined, old: readonly Toleration[]): FieldErrors {
	const withoutSeconds = ({ tolerationSeconds: _, ...rest }: Toleration) => rest;
	const isKept = (toleration: Toleration) =>
		(tolerations ?? []).some((candidate) => sameInMeaning(withoutSeconds(candidate), withoutSeconds(toleration)));
	const path = "spec.tolerations";
	if (!old.every(isKept)) return [fieldForbidden(path, "existing toleration can not be modified except its tolerationSeconds")];
	return validateTolerations(tolerations, path);
}

/** Nothing else changed; while gates hold the Pod, conditions on its node may. */
function validateRest(spec: PodSpec, old: PodSpec): FieldErrors {
	const isGated = (old.schedulingGates ?? []).length > 0;
	const allowed = isGated ? withOldNodeConditions(withUpdatableFields(spec, old), old) : withUpdatableFields(spec, old);
	const [oldAffinity, nextAffinity] = [old.affinity?.nodeAffinity, spec.affinity?.nodeAffinity];
	const errors = isGated
		? [
				...validateNodeSelectorUpdate(spec.nodeSelector, old.nodeSelector),
				...(sameInMeaning(oldAffinity, nextAffinity) ? NO_ERRORS : validateNodeAffinityUpdate(nextAffinity, oldAffinity)),
			]
		: NO_ERRORS;
	if (sameInMeaning(allowed, old)) return errors;
	const detail = differences(old, allowed, "").slice(0, maxDifferences).join("\n");
	return [...errors, fieldForbidden("spec", `pod updates may not change fields other than ${UPDATABLE}\n${detail}`)];
}

/** The new spec with the old one's values wherever an update may change them: equal to the old one when nothing else changed. */
function withUpdatableFields(spec: PodSpec, old: PodSpec): PodSpec {
	const withOldImages = (containers: readonly Container[], before: readonly Container[] | undefined) =>
		containers.map((container, index) => withOld(container, before?.[index] ?? container, ["image"]));
	const result = withOld(spec, old, ["activeDeadlineSeconds", "schedulingGates", "tolerations"]);
	const isGraceMended = (old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1;
	return {
		...(isGraceMended ? withOld(result, old, ["terminationGracePeriodSeconds"]) : result),
		containers: withOldImages(spec.containers ?? [], old.containers),
		...(spec.initContainers === undefined ? {} : { initContainers: withOldImages(spec.initContainers, old.initContainers) }),
	};
}

function withOldNodeConditions(spec: PodSpec, old: PodSpec): PodSpec {
	const result = withOld(spec, old, ["nodeSelector"]);
	const affinity = withOld<Affinity>(spec.affinity ?? {}, old.affinity ?? {}, ["nodeAffinity"]);
	if (jsonEqual(affinity, spec.affinity ?? {})) return result;
	const isNeeded = old.affinity !== undefined || Object.keys(affinity).length > 0;
	return isNeeded ? { ...result, affinity } : withOld(result, old, ["affinity"]);
}

/** The object with another's values in these fields, absent ones too. */
function withOld<T extends object>(object: T, old: T, fields: readonly (keyof T)[]): T {
	const result = { ...object };
	for (const field of fields) {
		if (old[field] === undefined) delete result[field];
		else result[field] = old[field];
	}
	return result;
}

/** `- containers[0].name: "a"` and `+ …` for each value that differs; Kubernetes shows the same as a diff of Go values. */
export function differences(old: unknown, next: unknown, path: string): readonly string[] {
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
