/** Taints of devices, and who tolerates them. Pure. Source: KEP-5055, k8s.io/dynamic-resource-allocation/resourceclaim. */
import type { DeviceTaint, DeviceToleration } from "../schema/generated/types.ts";

/** For ever: how long is another question. */
export function toleratesDeviceTaint(toleration: DeviceToleration, taint: DeviceTaint): boolean {
	const { key = "", operator = "Equal", value = "", effect = "" } = toleration;
	if (effect !== "" && effect !== taint.effect) return false;
	if (key !== "" && key !== taint.key) return false;
	return operator === "Exists" || (operator === "Equal" && value === (taint.value ?? ""));
}
