/**
 * Kubernetes' feature gates, as far as kubesim has both sides of one: everything else is as 1.36 has it by default.
 * Source: pkg/features/kube_features.go and k8s.io/component-base/featuregate of Kubernetes 1.36.
 */

export interface FeatureGates {
	/** Workload and PodGroup of scheduling.k8s.io/v1alpha2, and pods that name their group. KEP-4671. */
	readonly genericWorkload: boolean;
	/** Pods of a gang are scheduled all or not at all. KEP-4671. */
	readonly gangScheduling: boolean;
}

/** Kubernetes' names. */
const known: Readonly<Record<string, keyof FeatureGates>> = { GenericWorkload: "genericWorkload", GangScheduling: "gangScheduling" };

export const defaultFeatureGates: FeatureGates = { genericWorkload: false, gangScheduling: false };

/** A gate that nobody knows, or that needs another one. */
export class FeatureGateError extends Error {
	override readonly name = "FeatureGateError";
}

/** @param choice by Kubernetes' names. Throws FeatureGateError. */
export function readFeatureGates(choice: Readonly<Record<string, boolean>>): FeatureGates {
	let gates = defaultFeatureGates;
	for (const [name, isOn] of Object.entries(choice)) {
		const key = Object.hasOwn(known, name) ? known[name] : undefined;
		if (key === undefined) {
			throw new FeatureGateError(
				`unrecognized feature gate: ${name}; those that kubesim can switch are ${Object.keys(known).sort().join(", ")}`,
			);
		}
		gates = { ...gates, [key]: isOn };
	}
	if (gates.gangScheduling && !gates.genericWorkload) {
		throw new FeatureGateError("GangScheduling is enabled, but depends on features that are disabled: [GenericWorkload]");
	}
	return gates;
}

/** `A=true,B=false`, as flags have it. Throws FeatureGateError. */
export function parseFeatureGates(text: string): Readonly<Record<string, boolean>> {
	const pairs = text.split(",").filter((pair) => pair.trim() !== "");
	return Object.fromEntries(
		pairs.map((pair) => {
			const [name = "", value] = pair.split("=").map((part) => part.trim());
			if (value === undefined) throw new FeatureGateError(`missing bool value for feature gate ${name}`);
			if (value !== "true" && value !== "false") {
				throw new FeatureGateError(
					`invalid value of ${name}=${value}, err: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
				);
			}
			return [name, value === "true"];
		}),
	);
}
