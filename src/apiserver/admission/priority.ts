/**
 * Priority: a pod's priority number comes from its priority class, or from the cluster's default class, or is 0.
 * Source: plugin/pkg/admission/priority; https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
 */

import type { Pod, PriorityClass } from "../../apimachinery/schema/generated/types.ts";
import { newForbidden } from "../../apimachinery/status-error.ts";
import type { AdmissionLookup, AdmissionPlugin } from "./admission.ts";

export const priorityAdmission: AdmissionPlugin = {
	name: "Priority",
	handles: ({ operation, group, resource, subresource }) =>
		operation === "CREATE" && group === "" && resource === "pods" && subresource === "",
	mutate(object, { group, resource, lookup }) {
		const pod = object as Pod;
		if (pod.spec === undefined) return object;
		const asked = pod.spec.priorityClassName ?? "";
		const found = asked === "" ? globalDefault(lookup) : classNamed(lookup, asked);
		if (asked !== "" && found === undefined) {
			throw newForbidden({ group, resource }, pod.metadata?.name ?? "", `no PriorityClass with name ${asked} was found`);
		}
		const priority = found?.value ?? 0;
		if (pod.spec.priority !== undefined && pod.spec.priority !== priority) {
			const why = `the integer value of priority (${pod.spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`;
			throw newForbidden({ group, resource }, pod.metadata?.name ?? "", why);
		}
		const className = found?.metadata?.name;
		return {
			...pod,
			spec: {
				...pod.spec,
				...(className === undefined ? {} : { priorityClassName: className }),
				priority,
				preemptionPolicy: pod.spec.preemptionPolicy ?? found?.preemptionPolicy ?? "PreemptLowerPriority",
			},
		} as Pod;
	},
};

function classNamed(lookup: AdmissionLookup, name: string): PriorityClass | undefined {
	return lookup.find("scheduling.k8s.io", "priorityclasses", "", name) as PriorityClass | undefined;
}

/** The class marked globalDefault; of several, the one with the lowest value. */
function globalDefault(lookup: AdmissionLookup): PriorityClass | undefined {
	const classes = lookup.list("scheduling.k8s.io", "priorityclasses") as readonly PriorityClass[];
	return classes.filter((candidate) => candidate.globalDefault === true).sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}
