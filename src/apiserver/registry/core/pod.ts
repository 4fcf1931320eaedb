/**
 * Pod. Source: pkg/apis/core/v1/{defaults,conversion}.go, pkg/registry/core/pod/strategy.go of Kubernetes 1.36.
 * https://kubernetes.io/docs/concepts/workloads/pods/
 */
import type { ContainerStatus, Pod, PodStatus } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden } from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { validatePodSpec } from "../validation/pod-spec.ts";
import { type FieldErrors, validateEach, validateUnique } from "../validation/primitives.ts";
import { validateQualified } from "../validation/qualified.ts";
import { eachItem, mapField, withDefaults, withField } from "./defaulting.ts";
import { podColumns } from "./pod-columns.ts";
import { defaultPodOnly, defaultPodSpec, defaultTerminationGracePeriodSeconds } from "./pod-spec-defaults.ts";
import { validatePodStatusUpdate, validatePodUpdate } from "./pod-update.ts";
import { hostNameWarnings, podSpecWarnings } from "./pod-warnings.ts";
import { qosClass } from "./qos.ts";

/** A new Pod is Pending, knows its class, and says if gates hold it. */
function prepareForCreate(pod: Pod): Pod {
	const spec = pod.spec ?? { containers: [] };
	const status: PodStatus = { phase: "Pending", qosClass: qosClass(spec) };
	if ((spec.schedulingGates ?? []).length === 0) return { ...pod, status };
	const gated = {
		type: "PodScheduled",
		status: "False",
		reason: "SchedulingGated",
		message: "Scheduling is blocked due to non-empty scheduling gates",
	};
	return { ...pod, status: { ...status, conditions: [gated] } };
}

/** The class stays, the two ways to tell the Pod's address agree, and containers have both of their states. */
function prepareForStatusUpdate(pod: Pod, old: Pod): Pod {
	return mapField(withDefaults(pod, { status: {} }), "status", (status) => {
		let result = withDefaults(status, { ...(old.status?.qosClass === undefined ? {} : { qosClass: old.status.qosClass }) });
		const first = result.podIPs?.[0]?.ip;
		if (first !== undefined) result = withField(result, "podIP", first);
		else if (result.podIP !== undefined && result.podIP !== "") result = { ...result, podIPs: [{ ip: result.podIP }] };
		for (const field of ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const) {
			result = mapField(result, field, eachItem(defaultContainerStatus));
		}
		return result;
	});
}

/** Kubernetes' encoder always writes both states. */
const defaultContainerStatus = (status: ContainerStatus): ContainerStatus => withDefaults(status, { state: {}, lastState: {} });

function validate({ spec }: Pod): FieldErrors {
	if (spec === undefined) return validatePodSpec({ containers: [] }, "spec");
	const errors: FieldError[] = [
		...validatePodSpec(spec, "spec"),
		...validateEach(spec.schedulingGates, "spec.schedulingGates", (gate, at) => validateQualified(gate.name, at)),
		...validateUnique(
			spec.schedulingGates ?? [],
			(gate) => gate.name,
			(index) => `spec.schedulingGates[${index}]`,
		),
	];
	if ((spec.schedulingGates ?? []).length > 0 && spec.nodeName !== undefined && spec.nodeName !== "") {
		errors.push(fieldForbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"));
	}
	return errors;
}

export const podKind = defineKind<Pod>({
	group: "",
	kind: "Pod",
	resource: "pods",
	singular: "pod",
	shortNames: ["po"],
	categories: ["all"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	returnDeletedObject: true,
	setDefaults: (pod) => mapField(pod, "spec", (spec) => defaultPodOnly(defaultPodSpec(spec))),
	prepareForCreate,
	prepareForStatusUpdate,
	validate,
	validateUpdate: validatePodUpdate,
	validateStatusUpdate: validatePodStatusUpdate,
	defaultGracePeriodSeconds: podGracePeriodSeconds,
	columns: podColumns,
	selectableFields: ({ spec, status }) => ({
		"spec.nodeName": spec?.nodeName ?? "",
		"spec.restartPolicy": spec?.restartPolicy ?? "",
		"spec.schedulerName": spec?.schedulerName ?? "",
		"spec.serviceAccountName": spec?.serviceAccountName ?? "",
		"spec.hostNetwork": String(spec?.hostNetwork ?? false),
		"status.phase": status?.phase ?? "",
		"status.podIP": status?.podIPs?.[0]?.ip ?? status?.podIP ?? "",
		"status.podIPs": (status?.podIPs ?? []).map(({ ip }) => ip).join(","),
		"status.nominatedNodeName": status?.nominatedNodeName ?? "",
	}),
	warnings: ({ metadata, spec }) => [...hostNameWarnings(metadata?.name), ...podSpecWarnings(spec, "spec")],
});

/** A pod that no kubelet runs (not placed, or at its end) needs no grace. Source: pkg/registry/core/pod/strategy.go. */
function podGracePeriodSeconds({ spec, status }: Pod): number {
	const isRun = (spec?.nodeName ?? "") !== "" && status?.phase !== "Succeeded" && status?.phase !== "Failed";
	return isRun ? (spec?.terminationGracePeriodSeconds ?? defaultTerminationGracePeriodSeconds) : 0;
}
