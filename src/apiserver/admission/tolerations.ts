/** Tolerations that are merged into a pod's own. Source: pkg/util/tolerations and pkg/apis/core/v1/helper (tolerations). */
import type { Toleration } from "../../apimachinery/schema/generated/types.ts";

/** Those of both lists, without any that another one includes. */
export function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): readonly Toleration[] {
	const all = [...first, ...second];
	return all.filter(
		(toleration, index) =>
			!all.some((other, at) => at !== index && includes(other, toleration) && (at < index || !includes(toleration, other))),
	);
}

/** Whether one toleration tolerates all that the other one does. */
export function includes(wide: Toleration, narrow: Toleration): boolean {
	if (isSame(wide, narrow)) return true;
	const { key = "", operator = "Equal", value = "", effect = "", tolerationSeconds } = wide;
	if (key !== "" && key !== (narrow.key ?? "")) return false;
	if (effect !== "" && effect !== (narrow.effect ?? "")) return false;
	const narrowOperator = narrow.operator ?? "Equal";
	if (key === "" && operator !== "Exists") return false;
	if (operator === "Equal" || operator === "") {
		if ((narrowOperator !== "Equal" && narrowOperator !== "") || value !== (narrow.value ?? "")) return false;
	} else if (operator !== "Exists") return false;
	if (effect !== "NoExecute" || tolerationSeconds === undefined) return true;
	return narrow.tolerationSeconds !== undefined && narrow.tolerationSeconds <= tolerationSeconds;
}

function isSame(a: Toleration, b: Toleration): boolean {
	const form = ({ key = "", operator = "", value = "", effect = "", tolerationSeconds = -1 }: Toleration) =>
		JSON.stringify([key, operator, value, effect, tolerationSeconds]);
	return form(a) === form(b);
}
