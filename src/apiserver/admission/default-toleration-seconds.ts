/**
 * DefaultTolerationSeconds: a pod stays five minutes on a node that is not ready or not reachable, unless it says
 * otherwise. Source: plugin/pkg/admission/defaulttolerationseconds.
 */
import type { Pod, Toleration } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionPlugin } from "./admission.ts";

const defaultSeconds = 300;
const taintKeys = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

export const defaultTolerationSeconds: AdmissionPlugin = {
	name: "DefaultTolerationSeconds",
	handles: ({ operation, group, resource, subresource }) =>
		(operation === "CREATE" || operation === "UPDATE") && group === "" && resource === "pods" && subresource === "",
	mutate(object) {
		const pod = object as Pod;
		if (pod.spec === undefined) return object;
		const tolerations = pod.spec.tolerations ?? [];
		const missing = taintKeys.filter((key) => !tolerations.some((toleration) => toleratesNoExecute(toleration, key)));
		if (missing.length === 0) return object;
		const added = missing.map((key): Toleration => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: defaultSeconds }));
		return { ...pod, spec: { ...pod.spec, tolerations: tolerations.concat(added) } } as Pod;
	},
};

function toleratesNoExecute({ key, effect }: Toleration, taintKey: string): boolean {
	return (key === taintKey || key === undefined || key === "") && (effect === "NoExecute" || effect === undefined || effect === "");
}
