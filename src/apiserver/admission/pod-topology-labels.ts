/**
 * PodTopologyLabels: a pod is told the zone and the region of the node that it is bound to (KEP-4742).
 * Source: plugin/pkg/admission/podtopologylabels.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Binding, Pod } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionLookup, AdmissionPlugin } from "./admission.ts";

const topologyLabels: readonly string[] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

export const podTopologyLabels: AdmissionPlugin = {
	name: "PodTopologyLabels",
	handles: ({ operation, group, resource, subresource }) =>
		operation === "CREATE" && group === "" && resource === "pods" && (subresource === "" || subresource === "binding"),
	mutate(object, { subresource, lookup }) {
		const node = subresource === "binding" ? (object as Binding).target?.name : (object as Pod).spec?.nodeName;
		return node === undefined || node === "" ? object : withLabelsOf(node, object, lookup);
	},
};

function withLabelsOf(node: string, object: KubeObject, lookup: AdmissionLookup): KubeObject {
	const labels = lookup.find("", "nodes", "", node)?.metadata?.labels ?? {};
	const known = Object.entries(labels).filter(([label]) => topologyLabels.includes(label));
	if (known.length === 0) return object;
	return { ...object, metadata: { ...object.metadata, labels: { ...object.metadata?.labels, ...Object.fromEntries(known) } } };
}
