/** Node labels with a successor, and what is said of their use. Source: pkg/api/node/util.go of Kubernetes 1.36. */
import type { NodeSelectorTerm } from "../../../apimachinery/schema/generated/types.ts";

const deprecated: ReadonlyMap<string, string> = new Map([
	["beta.kubernetes.io/arch", 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
	["beta.kubernetes.io/os", 'deprecated since v1.14; use "kubernetes.io/os" instead'],
	["failure-domain.beta.kubernetes.io/region", 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
	["failure-domain.beta.kubernetes.io/zone", 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
	["beta.kubernetes.io/instance-type", 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
	["app.kubernetes.io/created-by", "deprecated since v1.9"],
	["scheduler.alpha.kubernetes.io/preferAvoidPods", "deprecated since v1.22; use Taints and Tolerations instead"],
	["node-role.kubernetes.io/master", 'use "node-role.kubernetes.io/control-plane" instead'],
]);

/** What is said of a label; undefined for one that is as it should be. */
export const nodeLabelWarning = (label: string): string | undefined => deprecated.get(label);

export function nodeSelectorTermWarnings(term: NodeSelectorTerm, path: string): readonly string[] {
	return (term.matchExpressions ?? []).flatMap(({ key = "" }, index) => {
		const text = deprecated.get(key);
		return text === undefined ? [] : [`${path}.matchExpressions[${index}].key: ${key} is ${text}`];
	});
}
