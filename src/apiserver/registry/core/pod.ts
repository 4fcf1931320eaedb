/**
 * Pod. Source: pkg/apis/core/v1/{defaults,conversion}.go, pkg/registry/core/pod/strategy.go of Kubernetes 1.36.
 * https://kubernetes.io/docs/concepts/workloads/pods/
 */
import type { Pod, PodSpec } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden } from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { validateImagePadding } from "../validation/containers.ts";
import { type Annotations, validatePodAnnotations } from "../validation/pod-annotations.ts";
import { validateProfilesMatch } from "../validation/pod-profiles.ts";
import { validatePodSpec } from "../validation/pod-spec.ts";
import { type FieldErrors, NO_ERRORS, validateEach } from "../validation/primitives.ts";
import { mapField } from "./defaulting.ts";
import { podColumns, podRowConditions } from "./pod-columns.ts";
import { appArmorWarnings, prepareForCreate } from "./pod-creation.ts";
import { defaultPodOnly, defaultPodSpec, defaultTerminationGracePeriodSeconds } from "./pod-spec-defaults.ts";
import { prepareForStatusUpdate } from "./pod-status.ts";
import { validatePodStatusUpdate } from "./pod-status-update.ts";
import { validatePodUpdate } from "./pod-update.ts";
import { hostNameWarnings, podSpecWarnings } from "./pod-warnings.ts";

function validate({ metadata, spec = noSpec }: Pod): FieldErrors {
	const annotations = metadata?.annotations ?? {};
	return [
		...validatePodAnnotations(annotations, spec, "metadata.annotations"),
		...validatePodSpec(spec, "spec", { podName: metadata?.name ?? "" }),
		...((spec.serviceAccountName ?? "") === "" ? validateNoTokens(spec) : NO_ERRORS),
		...validateEach(spec.containers, "spec.containers", validateImagePadding),
		...validateEach(spec.initContainers, "spec.initContainers", validateImagePadding),
		// An object that the store has not seen yet has no resourceVersion.
		...(metadata?.resourceVersion === undefined ? validateNew(spec, annotations) : NO_ERRORS),
	];
}

const noSpec: PodSpec = { containers: [] };

/** Nobody to take tokens of. */
const validateNoTokens = ({ volumes }: PodSpec): FieldErrors =>
	validateEach(volumes, "spec.volumes", ({ projected }, volumePath) =>
		validateEach(projected?.sources, `${volumePath}.projected.sources`, ({ serviceAccountToken }, at) =>
			serviceAccountToken === undefined
				? NO_ERRORS
				: [fieldForbidden(`${at}.serviceAccountToken`, "must not be specified when serviceAccountName is not set")],
		),
	);

/** What only a new Pod may not have. */
function validateNew(spec: PodSpec, annotations: Annotations): FieldErrors {
	const errors: FieldError[] = [];
	if ((spec.ephemeralContainers ?? []).length > 0) errors.push(fieldForbidden("spec.ephemeralContainers", "cannot be set on create"));
	if ((spec.schedulingGates ?? []).length > 0 && (spec.nodeName ?? "") !== "") {
		errors.push(fieldForbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"));
	}
	return [...errors, ...validateProfilesMatch(annotations, spec, "spec")];
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
	rowConditions: podRowConditions,
	setDefaults: (pod) => mapField(pod, "spec", (spec) => defaultPodOnly(defaultPodSpec(spec))),
	prepareForCreate,
	prepareForStatusUpdate,
	validate,
	validateUpdate: validatePodUpdate,
	validateStatusUpdate: validatePodStatusUpdate,
	deletionGraceSeconds,
	columns: podColumns,
	selectableFields: ({ spec, status }) => ({
		"spec.nodeName": spec?.nodeName ?? "",
		"spec.restartPolicy": spec?.restartPolicy ?? "",
		"spec.schedulerName": spec?.schedulerName ?? "",
		"spec.serviceAccountName": spec?.serviceAccountName ?? "",
		"spec.hostNetwork": String(spec?.hostNetwork ?? false),
		"status.phase": status?.phase ?? "",
		"status.podIP": status?.podIPs?.[0]?.ip ?? "",
		"status.nominatedNodeName": status?.nominatedNodeName ?? "",
	}),
	warnings,
});

/** Of new Pods only: they change often and rarely by a human's hand. */
function warnings({ metadata, spec }: Pod): readonly string[] {
	if (metadata?.resourceVersion !== undefined) return [];
	const { name, annotations = {} } = metadata ?? {};
	if (spec === undefined) return hostNameWarnings(name);
	return [...appArmorWarnings({ metadata: { annotations }, spec }), ...hostNameWarnings(name), ...podSpecWarnings(spec, annotations, "")];
}

/** A pod that no kubelet runs (not placed, or at its end) needs no grace. Source: CheckGracefulDelete in strategy.go. */
function deletionGraceSeconds({ spec, status }: Pod, asked: number | undefined): number {
	const isRun = (spec?.nodeName ?? "") !== "" && status?.phase !== "Succeeded" && status?.phase !== "Failed";
	if (!isRun) return 0;
	const seconds = asked ?? spec?.terminationGracePeriodSeconds ?? defaultTerminationGracePeriodSeconds;
	return seconds < 0 ? 1 : seconds;
}
