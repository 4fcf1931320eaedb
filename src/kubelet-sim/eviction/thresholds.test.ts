import { describe, expect, it } from "vitest";
import { nextPressure, noPressure } from "./pressure-state.ts";
import { type EvictionConfiguration, metThresholds, type Observations, parseThresholds } from "./thresholds.ts";

const gi = 2 ** 30;

/** Of 10 Gi of memory and 100 Gi of disk. */
function observed(memoryMi: number, diskGi = 50, inodesFree = 900): Observations {
	const disk = { available: diskGi * gi, capacity: 100 * gi };
	const inodes = { available: inodesFree, capacity: 1000 };
	return {
		"memory.available": { available: memoryMi * 2 ** 20, capacity: 10 * gi },
		"nodefs.available": disk,
		"imagefs.available": disk,
		"nodefs.inodesFree": inodes,
		"imagefs.inodesFree": inodes,
		"pid.available": { available: 30_000, capacity: 32_768 },
	};
}

describe("thresholds", () => {
	it.each<[string, Observations, readonly string[]]>([
		["plenty", observed(5000), []],
		["exactly as much as is wanted", observed(100), []],
		["less memory", observed(99), ["memory.available"]],
		["less disk for images", observed(5000, 14), ["imagefs.available"]],
		["less disk for anything", observed(5000, 9), ["nodefs.available", "imagefs.available"]],
		["fewer inodes", observed(5000, 50, 49), ["nodefs.inodesFree", "imagefs.inodesFree"]],
	])("by default: %s", (_, observations, expected) => {
		expect(metThresholds(parseThresholds({}), observations, false).map(({ signal }) => signal)).toEqual(expected);
	});

	it.each<[string, EvictionConfiguration]>([
		["unsupported eviction signal disk", { evictionHard: { disk: "1" } }],
		["grace period must be specified for the soft eviction threshold memory.available", { evictionSoft: { "memory.available": "1Gi" } }],
		["eviction percentage threshold memory.available must be >= 0% and <= 100%: 120%", { evictionHard: { "memory.available": "120%" } }],
	])("that cannot be: %s", (message, configuration) => {
		expect(() => parseThresholds(configuration)).toThrow(message);
	});

	it("are turned off by 0%", () => {
		expect(parseThresholds({ evictionHard: { "memory.available": "0%", "nodefs.available": "1%" } }).map(({ signal }) => signal)).toEqual([
			"nodefs.available",
		]);
	});
});

describe("looks at a node", () => {
	/** `conditions | what to act on` after each look: [second, MiB available]. */
	const looks = (configuration: EvictionConfiguration, steps: readonly (readonly [number, number])[]) => {
		const thresholds = parseThresholds(configuration);
		let state = noPressure;
		return steps.map(([second, memoryMi]) => {
			const outcome = nextPressure(state, thresholds, observed(memoryMi), { nowMs: second * 1000, transitionMs: 300_000 });
			state = outcome.state;
			return `${outcome.conditions.join()} | ${outcome.due.map(({ signal, graceMs }) => `${signal} ${graceMs / 1000}s`).join()}`;
		});
	};

	it("show a condition at once, and for five minutes after it was last so", () => {
		expect(
			looks({}, [
				[0, 99],
				[10, 5000],
				[299, 5000],
				[300, 5000],
			]),
		).toEqual(["MemoryPressure | memory.available 0s", "MemoryPressure | ", "MemoryPressure | ", " | "]);
	});

	it("act on a soft threshold when it has been met for its grace period", () => {
		const soft = { evictionHard: {}, evictionSoft: { "memory.available": "1Gi" }, evictionSoftGracePeriod: { "memory.available": "30s" } };
		expect(
			looks(soft, [
				[0, 1000],
				[20, 1000],
				[30, 1000],
			]),
		).toEqual(["MemoryPressure | ", "MemoryPressure | ", "MemoryPressure | memory.available 30s"]);
		// A moment of plenty, and it counts from the start.
		expect(
			looks(soft, [
				[0, 1000],
				[20, 2000],
				[30, 1000],
			]),
		).toEqual(["MemoryPressure | ", "MemoryPressure | ", "MemoryPressure | "]);
	});

	it("act until as much more is free as minReclaim asks for", () => {
		const more = { evictionHard: { "memory.available": "100Mi" }, evictionMinimumReclaim: { "memory.available": "400Mi" } };
		expect(
			looks(more, [
				[0, 450],
				[10, 99],
				[20, 450],
				[30, 500],
				[40, 450],
			]).map((text) => text.split(" | ")[1]),
		).toEqual(["", "memory.available 0s", "memory.available 0s", "", ""]);
	});
});
