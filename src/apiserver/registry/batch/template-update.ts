/**
 * What of a Job's template may change. Source: validatePodTemplateUpdate in pkg/apis/batch/validation/validation.go;
 * KEP-2926 (where Pods may run) and KEP-5440 (what they may use), both on by default in Kubernetes 1.36.
 */
import type { Affinity, Container, Job, PodSpec, PodTemplateSpec } from "../../../apimachinery/schema/generated/types.ts";

/** The old template with all that the new one may decide: a new template that differs from it is refused. */
export function mutableTemplate(job: Job, old: Job): PodTemplateSpec | undefined {
	const next = job.spec?.template;
	const before = old.spec?.template;
	if (next === undefined || before === undefined || !isAtRest(old)) return before;
	const metadata = taking(before.metadata ?? {}, next.metadata ?? {}, ["labels", "annotations"]);
	if (before.spec === undefined || next.spec === undefined) return { ...before, metadata };
	const spec = taking(before.spec, next.spec, ["nodeSelector", "tolerations", "schedulingGates"]);
	return { ...before, metadata, spec: withResources(withNodeAffinity(spec, next.spec), next.spec) };
}

/** Suspended, with no Pod that still runs the old template: it never started, or its controller says that it stopped. */
function isAtRest({ spec, status = {} }: Job): boolean {
	const isSuspended = (status.conditions ?? []).some(({ type, status: value }) => type === "Suspended" && value === "True");
	return spec?.suspend === true && (status.active ?? 0) === 0 && (status.startTime === undefined || isSuspended);
}

/** The object with some fields of another one: those that it lacks go. */
function taking<T extends object>(object: T, from: T, fields: readonly (keyof T)[]): T {
	const result = { ...object };
	for (const field of fields) {
		if (from[field] === undefined) delete result[field];
		else result[field] = from[field];
	}
	return result;
}

/** Only the affinity to nodes may change; affinities to Pods stay. */
function withNodeAffinity(spec: PodSpec, next: PodSpec): PodSpec {
	const { affinity: old, ...rest } = spec;
	const affinity: Affinity = taking(old ?? {}, next.affinity ?? {}, ["nodeAffinity"]);
	const isNone = Object.keys(affinity).length === 0 && next.affinity === undefined;
	if (isNone || (old === undefined && next.affinity === undefined)) return rest;
	return { ...rest, affinity };
}

function withResources(spec: PodSpec, next: PodSpec): PodSpec {
	const merge = (containers: readonly Container[] | undefined, nextOnes: readonly Container[] | undefined) =>
		containers?.map((container, index) => taking(container, nextOnes?.[index] ?? container, ["resources"]));
	const initContainers = merge(spec.initContainers, next.initContainers);
	return {
		...spec,
		...(spec.containers === undefined ? {} : { containers: merge(spec.containers, next.containers) ?? [] }),
		...(initContainers === undefined ? {} : { initContainers }),
	};
}
