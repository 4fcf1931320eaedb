/**
 * When a taint of one of its devices makes a claim's pods go. Pure.
 * Source: KEP-5055; pkg/controller/devicetainteviction.
 */
import { toleratesDeviceTaint } from "../../apimachinery/devices/taints.ts";
import type {
	Device,
	DeviceTaint,
	DeviceToleration,
	ResourceResourceClaim,
	ResourceSlice,
} from "../../apimachinery/schema/generated/types.ts";
import { parseTime } from "../../apimachinery/time.ts";

export const poolKey = (driver: string, pool: string): string => `${driver}/${pool}`;

/** Unix ms; undefined: no taint makes them go. @param slicesOf of a pool, of whatever generation */
export function claimEvictionMs(
	{ status }: ResourceResourceClaim,
	slicesOf: (pool: string) => readonly ResourceSlice[],
	nowMs: number,
): number | undefined {
	const times = (status?.allocation?.devices?.results ?? []).flatMap(({ driver, pool, device, tolerations = [] }) => {
		const taints = findDevice(slicesOf(poolKey(driver, pool)), device)?.taints ?? [];
		return taints.filter(({ effect }) => effect === "NoExecute").map((taint) => taintEvictionMs(taint, tolerations, nowMs));
	});
	const earliest = Math.min(...times);
	return Number.isFinite(earliest) ? earliest : undefined;
}

/** Slices of an older generation are out of date. */
function findDevice(slices: readonly ResourceSlice[], name: string): Device | undefined {
	const generation = Math.max(...slices.map(({ spec }) => spec.pool.generation));
	for (const { spec } of slices) {
		const device = spec.pool.generation === generation ? spec.devices?.find((each) => each.name === name) : undefined;
		if (device !== undefined) return device;
	}
	return undefined;
}

/** Infinity: tolerated for ever. Of several tolerations the shortest counts. */
function taintEvictionMs(taint: DeviceTaint, tolerations: readonly DeviceToleration[], nowMs: number): number {
	const sinceMs = taint.timeAdded === undefined ? nowMs : parseTime(taint.timeAdded);
	const fitting = tolerations.filter((toleration) => toleratesDeviceTaint(toleration, taint));
	if (fitting.length === 0) return sinceMs;
	const seconds = Math.min(...fitting.map(({ tolerationSeconds = Number.POSITIVE_INFINITY }) => tolerationSeconds));
	return sinceMs + Math.max(0, seconds) * 1000;
}
