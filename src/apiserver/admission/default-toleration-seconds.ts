/**
 * DefaultTolerationSeconds: a pod stays five minutes on a node that is not ready or not reachable, unless it says
 * otherwise. Source: plugin/pkg/admission/defaulttolerationseconds.
 */
import type { Pod, Toleration } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionPlugin } from "./admission.ts";

const defaultSeconds = 300;
/** All pods share them, and what tolerates nothing else the list, too. */
const usual = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map((key) => ({
	key,
	operator: "Exists",
	effect: "NoExecute",
	tolerationSeconds: defaultSeconds,
}));

export const defaultTolerationSeconds: AdmissionPlugin = {
	name: "DefaultTolerationSeconds",
	handles: ({ operation, group, resource, subresource }) =>
		(operation === "CREATE" || operation === "UPDATE") && group === "" && resource === "pods" && subresource === "",
	mutate(object) {
		const pod = object as Pod;
		if (pod.spec === undefined) return object;
		const tolerations = pod.spec.tolerations ?? [];
		const missing = usual.filter(({ key }) => !tolerations.some((toleration) => toleratesNoExecute(toleration, key)));
		if (missing.length === 0) return object;
		return { ...pod, spec: { ...pod.spec, tolerations: tolerations.length === 0 ? usual : tolerations.concat(missing) } } as Pod;
	},
};

function toleratesNoExecute({ key, effect }: Toleration, taintKey: string): boolean {
	return (key === taintKey || key === undefined || key === "") && (effect === "NoExecute" || effect === undefined || effect === "");
}
