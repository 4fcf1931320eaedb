/**
 * Whether tolerations tolerate a taint.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
 */
import type { Taint, Toleration } from "./schema/generated/types.ts";

/** An empty effect tolerates every effect; an empty key with Exists tolerates every taint. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
	if (toleration.effect && toleration.effect !== taint.effect) return false;
	if (toleration.key && toleration.key !== taint.key) return false;
	switch (toleration.operator ?? "Equal") {
		case "":
		case "Equal":
			return (toleration.value ?? "") === (taint.value ?? "");
		case "Exists":
			return true;
		case "Lt":
			return compareAsIntegers(taint.value, toleration.value, (actual, limit) => actual < limit);
		case "Gt":
			return compareAsIntegers(taint.value, toleration.value, (actual, limit) => actual > limit);
		default:
			return false;
	}
}

/** The first taint that none of the tolerations tolerates. */
export function findUntolerated(taints: readonly Taint[], tolerations: readonly Toleration[] | undefined): Taint | undefined {
	for (const taint of taints) {
		if (tolerations === undefined || !tolerations.some((toleration) => tolerates(toleration, taint))) return taint;
	}
	return undefined;
}

const integer = /^-?[0-9]+$/;

function compareAsIntegers(actual = "", limit = "", compare: (actual: number, limit: number) => boolean): boolean {
	return integer.test(actual) && integer.test(limit) && compare(Number(actual), Number(limit));
}
