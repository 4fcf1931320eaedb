/**
 * Priority: a pod's priority number comes from its priority class, or from the cluster's default class, or is 0; and there is one
 * default class. Source: plugin/pkg/admission/priority; https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
 */

import type { Pod, PriorityClass } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionAttributes, AdmissionLookup, AdmissionPlugin } from "./admission.ts";
import { forbidden } from "./forbidden.ts";

export const priorityAdmission: AdmissionPlugin = {
	name: "Priority",
	handles({ operation, group, resource, subresource }) {
		if (subresource !== "" || (operation !== "CREATE" && operation !== "UPDATE")) return false;
		return (group === "" && resource === "pods") || (group === "scheduling.k8s.io" && resource === "priorityclasses");
	},
	mutate(object, attributes) {
		if (attributes.resource !== "pods") return object;
		return attributes.operation === "CREATE" ? prioritized(object, attributes) : withPriorityOf(object, attributes.oldObject as Pod);
	},
	validate(object, attributes) {
		const { resource, operation, lookup } = attributes;
		if (resource !== "priorityclasses" || (object as PriorityClass).globalDefault !== true) return;
		const name = globalDefault(lookup)?.metadata?.name;
		if (name === undefined || (operation === "UPDATE" && name === attributes.name)) return;
		throw forbidden(attributes, `PriorityClass ${name} is already marked as default. Only one default can exist`, object);
	},
};

function prioritized(pod: Pod, attributes: AdmissionAttributes): Pod {
	if (pod.spec === undefined) return pod;
	const { lookup } = attributes;
	const asked = pod.spec.priorityClassName ?? "";
	const found = asked === "" ? globalDefault(lookup) : classNamed(lookup, asked);
	if (asked !== "" && found === undefined) throw forbidden(attributes, `no PriorityClass with name ${asked} was found`, pod);
	const priority = found?.value ?? 0;
	const given = (what: string, value: unknown, computed: unknown) =>
		forbidden(
			attributes,
			`the ${what} (${value}) must not be provided in pod spec; priority admission controller computed ${computed} from the given PriorityClass name`,
			pod,
		);
	if (pod.spec.priority !== undefined && pod.spec.priority !== priority) {
		throw given("integer value of priority", pod.spec.priority, priority);
	}
	const policy = found === undefined ? "PreemptLowerPriority" : found.preemptionPolicy;
	if (policy !== undefined && pod.spec.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== policy) {
		throw given("string value of PreemptionPolicy", pod.spec.preemptionPolicy, policy);
	}
	const className = found?.metadata?.name;
	return {
		...pod,
		spec: {
			...pod.spec,
			...(className === undefined ? {} : { priorityClassName: className }),
			priority,
			preemptionPolicy: pod.spec.preemptionPolicy ?? policy ?? "PreemptLowerPriority",
		},
	} as Pod;
}

/** Clients that know nothing of priorities leave them out: they stay. */
function withPriorityOf(pod: Pod, old: Pod): Pod {
	if (pod.spec === undefined || (pod.spec.priority !== undefined && pod.spec.preemptionPolicy !== undefined)) return pod;
	const { priority, preemptionPolicy } = old.spec ?? {};
	const kept = { ...(priority === undefined ? {} : { priority }), ...(preemptionPolicy === undefined ? {} : { preemptionPolicy }) };
	return { ...pod, spec: { ...kept, ...pod.spec } } as Pod;
}

function classNamed(lookup: AdmissionLookup, name: string): PriorityClass | undefined {
	return lookup.find("scheduling.k8s.io", "priorityclasses", "", name) as PriorityClass | undefined;
}

/** The class marked globalDefault; of several, the one with the lowest value. */
function globalDefault(lookup: AdmissionLookup): PriorityClass | undefined {
	const classes = lookup.list("scheduling.k8s.io", "priorityclasses") as readonly PriorityClass[];
	return classes.filter((candidate) => candidate.globalDefault === true).sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}
