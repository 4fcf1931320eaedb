/**
 * Which taints a pod tolerates, and for how long. Pure.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
 */
import type { Taint, Toleration } from "../../apimachinery/schema/generated/types.ts";

function tolerates({ key = "", operator = "Equal", value = "", effect = "" }: Toleration, taint: Taint): boolean {
	if (effect !== "" && effect !== taint.effect) return false;
	if (key !== "" && key !== taint.key) return false;
	return operator === "Exists" || (operator === "Equal" && value === (taint.value ?? ""));
}

/** How long a pod with these tolerations may stay on a node with these NoExecute taints, ms; Infinity: for ever. */
export function staysForMs(tolerations: readonly Toleration[], taints: readonly Taint[]): number {
	let limitMs = Number.POSITIVE_INFINITY;
	for (const taint of taints) {
		const toleration = tolerations.find((candidate) => tolerates(candidate, taint));
		if (toleration === undefined) return 0;
		const { tolerationSeconds } = toleration;
		if (tolerationSeconds !== undefined) limitMs = Math.min(limitMs, Math.max(0, tolerationSeconds * 1000));
	}
	return limitMs;
}
