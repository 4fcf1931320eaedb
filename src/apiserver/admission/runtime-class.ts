/**
 * RuntimeClass: a pod takes over its runtime class's overhead, and goes only to nodes that have the runtime.
 * Source: plugin/pkg/admission/runtimeclass; https://kubernetes.io/docs/concepts/containers/runtime-class/
 */
import { compareQuantities } from "../../apimachinery/quantity.ts";
import type { ResourceList } from "../../apimachinery/quota/amounts.ts";
import type { Pod, PodSpec, RuntimeClass } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { forbidden } from "./forbidden.ts";
import { mergeTolerations } from "./tolerations.ts";

export const runtimeClassAdmission: AdmissionPlugin = {
	name: "RuntimeClass",
	handles: ({ operation, group, resource, subresource }) =>
		operation === "CREATE" && group === "" && resource === "pods" && subresource === "",
	mutate(object, attributes) {
		const pod: Pod = object;
		const runtimeClass = classOf(pod, attributes);
		if (pod.spec === undefined || runtimeClass === undefined) return object;
		const overhead = runtimeClass.overhead?.podFixed;
		if (overhead !== undefined && pod.spec.overhead !== undefined && !sameList(overhead, pod.spec.overhead)) {
			throw forbidden(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead", pod);
		}
		const spec: PodSpec = { ...pod.spec, ...(overhead === undefined ? {} : { overhead }) };
		return { ...pod, spec: withScheduling(spec, runtimeClass, pod, attributes) } as Pod;
	},
	validate(object, attributes) {
		const pod = object as Pod;
		const overhead = pod.spec?.overhead ?? {};
		const defined = classOf(pod, attributes)?.overhead?.podFixed;
		if (defined !== undefined) {
			if (sameList(defined, overhead)) return;
			throw forbidden(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead", pod);
		}
		if (Object.keys(overhead).length === 0) return;
		throw forbidden(attributes, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead", pod);
	},
};

/** Throws Forbidden for a class that there is not. */
function classOf(pod: Pod, attributes: AdmissionAttributes): RuntimeClass | undefined {
	const name = pod.spec?.runtimeClassName;
	if (name === undefined) return undefined;
	const found = attributes.lookup.find("node.k8s.io", "runtimeclasses", "", name);
	if (found === undefined) throw forbidden(attributes, `pod rejected: RuntimeClass "${name}" not found`, pod);
	return found as RuntimeClass;
}

function withScheduling(spec: PodSpec, { scheduling }: RuntimeClass, pod: Pod, attributes: AdmissionAttributes): PodSpec {
	if (scheduling === undefined) return spec;
	const { nodeSelector = {}, tolerations = [] } = scheduling;
	for (const [key, value] of Object.entries(nodeSelector)) {
		const own = spec.nodeSelector?.[key];
		if (own === undefined || own === value) continue;
		const why = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`;
		throw forbidden(attributes, why, pod);
	}
	const selector = { ...spec.nodeSelector, ...nodeSelector };
	const merged = mergeTolerations(spec.tolerations ?? [], tolerations);
	return {
		...spec,
		...(Object.keys(selector).length === 0 ? {} : { nodeSelector: selector }),
		...(merged.length === 0 ? {} : { tolerations: merged }),
	};
}

function sameList(a: ResourceList, b: ResourceList): boolean {
	const names = Object.keys(a);
	return (
		names.length === Object.keys(b).length &&
		names.every((name) => b[name] !== undefined && compareQuantities(a[name] ?? "0", b[name] ?? "0") === 0)
	);
}
