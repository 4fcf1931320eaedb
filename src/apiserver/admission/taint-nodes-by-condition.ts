/**
 * TaintNodesByCondition: a new node takes no pods until the node lifecycle controller has seen it Ready.
 * Source: plugin/pkg/admission/nodetaint.
 */
import type { Node } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionPlugin } from "./admission.ts";

const notReady = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };

export const taintNodesByCondition: AdmissionPlugin = {
	name: "TaintNodesByCondition",
	handles: ({ operation, group, resource, subresource }) =>
		operation === "CREATE" && group === "" && resource === "nodes" && subresource === "",
	mutate(object) {
		const node = object as Node;
		const taints = node.spec?.taints ?? [];
		if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return object;
		return { ...node, spec: { ...node.spec, taints: [...taints, notReady] } } as Node;
	},
};
